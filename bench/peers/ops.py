"""Compares single ops with PyTorch's. Called by bench/peers/ops."""

import argparse
import json
import statistics
import subprocess
import sys

from side_by_side import processor, result_of

UNITS = {"ns": 1e-6, "us": 1e-3, "ms": 1.0, "s": 1e3}


def ours(pattern):
    command = ["build/release/bench/bench_ops", "--benchmark_format=json", "--benchmark_min_time=0.15"]
    command += [f"--benchmark_filter={pattern}"]
    # Only the last line of standard output would do for others; this is one object over many lines.
    rows = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)["benchmarks"]
    return {row["name"].removesuffix("/real_time"): row["real_time"] * UNITS[row["time_unit"]] for row in rows}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--filter", default=".", help="a regular expression for the rows")
    a = parser.parse_args()
    rounds = [(ours(a.filter), result_of([sys.executable, "bench/peers/pytorch_ops.py", a.filter])) for _ in range(a.rounds)]
    version = rounds[0][1]["version"]
    print(f"{processor()}; PyTorch {version}; medians of {a.rounds} rounds; above 1×: gradus is faster\n")
    print(f"{'':32} {'gradus ms':>10} {'PyTorch':>10} {'ratio':>7}")
    for name in rounds[0][0]:
        if name not in rounds[0][1]["ms"]:
            continue
        mine = statistics.median(own[name] for own, _ in rounds)
        theirs = statistics.median(peer["ms"][name] for _, peer in rounds)
        print(f"{name:32} {mine:10.3f} {theirs:10.3f} {theirs / mine:6.2f}×{'' if theirs >= mine else '  slower'}")


if __name__ == "__main__":
    main()
