"""Compares the line and start-up with PyTorch. Called by bench/peers/compare."""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time

from side_by_side import in_turn, median, processor

COMMAND = "build/release/gradus"


def process_ms(command: list[str], times: int = 15) -> float:
    runs = []
    for _ in range(times):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        runs.append(1e3 * (time.perf_counter() - start))
    return statistics.median(runs)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    results = in_turn(
        rounds,
        {"gradus": ["build/release/bench/bench_line"], "PyTorch": [sys.executable, "bench/peers/pytorch_line.py"]},
    )
    ours, peer = (median(results[name], "run_ms_median") for name in ("gradus", "PyTorch"))
    isa, version = results["gradus"][0]["isa"], results["PyTorch"][0]["version"]
    print(f"{processor()}; gradus: {isa}; PyTorch {version} eager; medians of {rounds} rounds\n")
    print(f"{'work':44} {'gradus':>14} {'PyTorch':>14} {'ratio':>8}")
    print(f"{'line, 1,000 steps in process':44} {ours:11.2f} ms {peer:11.1f} ms {peer / ours:7.0f}×")
    with tempfile.TemporaryDirectory() as folder:
        train = [COMMAND, "train", "recipes/linear_regression.toml", "--out", f"{folder}/run", "--overwrite", "--quiet"]
        print(f"{'gradus train recipes/linear_regression.toml':44} {process_ms(train):11.1f} ms")
    print(f"{'gradus --help':44} {process_ms([COMMAND, '--help']):11.1f} ms")
    imports = process_ms([sys.executable, "-c", "import torch"], 3)
    print(f"{'python -c `import torch`':44} {'':14} {imports:11.0f} ms")


if __name__ == "__main__":
    main()
