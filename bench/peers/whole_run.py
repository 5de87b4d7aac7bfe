"""Compares whole processes, from a table to a model and its accuracy, with scikit-learn's. Called by bench/peers/whole_run."""

import argparse
import json
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

from side_by_side import processor, result_of

RECIPE = "recipes/penguins.toml"
SCRIPT = "bench/peers/sklearn_penguins.py"


def process_ms(command):
    start = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return 1e3 * (time.perf_counter() - start)


def gradus(data, folder):
    return ["build/release/gradus", "train", RECIPE, "--data", data, "--out", folder, "--overwrite"]


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
        compare_results(a.data, folder)
        commands = {
            "gradus train": gradus(a.data, folder),
            "scikit-learn, pandas": [sys.executable, SCRIPT, a.data],
            "scikit-learn, csv": [sys.executable, SCRIPT, a.data, "--reader", "csv"],
            "import sklearn alone": [sys.executable, "-c", "from sklearn.linear_model import LogisticRegression"],
        }
        times = {name: [] for name in commands}
        for _ in range(a.turns):
            for name, command in commands.items():
                times[name].append(process_ms(command))
    own = statistics.median(times["gradus train"])
    for name, runs in times.items():
        ms = statistics.median(runs)
        print(f"{name:20} {ms:9.1f} ms ({min(runs):.1f} to {max(runs):.1f}) {ms / own:8.1f}×")


if __name__ == "__main__":
    main()
