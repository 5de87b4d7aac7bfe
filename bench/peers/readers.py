"""Compares the readers of tabular data with those of pandas, pyarrow and scikit-learn. Called by bench/peers/readers."""

import argparse
import os
import sys
import tempfile

import numpy as np
from side_by_side import in_turn, median, processor


def write_csv(path: str, megabytes: int) -> None:
    """20 columns of numbers with six digits, of sizes from 0.01 to 1000. Rows repeat after 50,000."""
    random = np.random.default_rng(1)
    numbers = random.standard_normal((50_000, 20)) * 10.0 ** random.integers(-2, 4, (1, 20))
    block = "".join(",".join(f"{x:.6g}" for x in row) + "\n" for row in numbers)
    with open(path, "w") as file:
        file.write(",".join(f"c{i}" for i in range(20)) + "\n")
        for _ in range(max(1, megabytes * 1_000_000 // len(block))):
            file.write(block)


def write_svm(path: str, megabytes: int) -> None:
    """Rows of some 30 of 1,000 features, numbers with six digits. Rows repeat after 20,000."""
    random = np.random.default_rng(1)
    rows = []
    for _ in range(20_000):
        columns = np.flatnonzero(random.random(1000) < 0.03) + 1
        pairs = (f"{c}:{x:.6g}" for c, x in zip(columns, random.standard_normal(len(columns))))
        rows.append(f"{random.integers(0, 2)} " + " ".join(pairs) + "\n")
    block = "".join(rows)
    with open(path, "w") as file:
        for _ in range(max(1, megabytes * 1_000_000 // len(block))):
            file.write(block)


def compare(title: str, path: str, peers: list[str], a: argparse.Namespace) -> None:
    commands = {"gradus": ["build/release/gradus", "bench", "csv", "--json", "--data", path, "--repeats", "1", "--threads", str(a.threads)]}
    for peer in peers:
        commands[peer] = [sys.executable, "bench/peers/peer_readers.py", peer, path, str(a.threads)]
    results = in_turn(a.rounds, commands)
    own = median(results["gradus"], "ms_median") / 1e3
    megabytes = os.path.getsize(path) / 1e6
    print(f"\n{title}: {megabytes:.0f} MB, {results['gradus'][0]['rows']} rows")
    for name, rows in results.items():
        if rows[0]["rows"] != results["gradus"][0]["rows"]:
            sys.exit(f"{name} read {rows[0]['rows']} rows")
        seconds = median(rows, "ms_median") / 1e3
        print(f"{name:14} {seconds:8.3f} s {megabytes / seconds:8.0f} MB/s {seconds / own:8.2f}×")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--megabytes", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    a = parser.parse_args()
    print(f"{processor()}; medians of {a.rounds} rounds, from memory; ratios are times of gradus's own")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "numbers.csv")
        write_csv(path, a.megabytes)
        compare("CSV of numbers", path, ["pandas", "pyarrow"], a)
        os.remove(path)
        path = os.path.join(folder, "sparse.svm")
        write_svm(path, a.megabytes // 5)
        compare("LIBSVM", path, ["scikit-learn"], a)


if __name__ == "__main__":
    main()
