"""Compares whole processes, from a table to a model and its accuracy, with scikit-learn's. Called by bench/peers/whole_run."""

import argparse
import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import tempfile
import time

from side_by_side import processor, result_of

RECIPE = "recipes/penguins.toml"
SCRIPT = "bench/peers/sklearn_penguins.py"


def times_of(command):
    """Of a process: from its start to its end, and of the processor, in milliseconds."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1e3 * wall, 1e3 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def gradus(data, folder):
    return ["build/release/gradus", "train", RECIPE, "--data", data, "--out", folder]


def compare_results(data, folder):
    """What both come to on the same rows: the objective on those to train on, and the accuracy on the others."""
    subprocess.run([*gradus(data, folder), "--quiet"], check=True)
    last = json.loads(pathlib.Path(folder, "log.jsonl").read_text().splitlines()[-1])
    accuracy = json.loads(pathlib.Path(folder, "summary.json").read_text())["metrics"]["val_accuracy"]
    peer = result_of([sys.executable, SCRIPT, data, "--split", f"{folder}/split.csv"])
    print(f"on the same rows     {'objective':>12} {'accuracy':>10}")
    print(f"gradus               {last['loss'] + last['penalty']:12.8f} {accuracy:10.4f}")
    print(f"scikit-learn         {peer['objective']:12.8f} {peer['accuracy']:10.4f}\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", default="../shared/data/tabular/penguins.csv")
    parser.add_argument("--turns", type=int, default=7)
    a = parser.parse_args()
    print(f"{processor()}; medians of {a.turns} turns; the load now is {os.getloadavg()[0]:.1f}\n")
    with tempfile.TemporaryDirectory() as folder:
        compare_results(a.data, f"{folder}/compared")
        commands = {
            "gradus train": gradus(a.data, f"{folder}/{{turn}}"),
            "scikit-learn, pandas": [sys.executable, SCRIPT, a.data],
            "scikit-learn, csv": [sys.executable, SCRIPT, a.data, "--reader", "csv"],
            "import sklearn alone": [sys.executable, "-c", "from sklearn.linear_model import LogisticRegression"],
        }
        times = {name: [] for name in commands}
        for turn in range(a.turns):
            for name, command in commands.items():
                times[name].append(times_of([word.format(turn=turn) for word in command]))
    medians = {name: [statistics.median(values) for values in zip(*runs)] for name, runs in times.items()}
    own = medians["gradus train"]
    print(f"{'whole process':20} {'ms':>9} {'ratio':>8} {'CPU ms':>10} {'ratio':>8}")
    for name, (wall, cpu) in medians.items():
        print(f"{name:20} {wall:9.1f} {wall / own[0]:7.1f}× {cpu:10.1f} {cpu / own[1]:7.1f}×")


if __name__ == "__main__":
    main()
