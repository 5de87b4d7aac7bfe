"""Compares k-means with scikit-learn's. Called by bench/peers/kmeans."""

import argparse
import os
import sys
import tempfile

import numpy as np

from side_by_side import in_turn, median, processor, write_safetensors


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=10, help="of Lloyd's algorithm")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--rows", type=int, default=200_000)
    parser.add_argument("--columns", type=int, default=64)
    parser.add_argument("--clusters", type=int, default=256)
    parser.add_argument("--data", choices=["blobs", "normal"], default="blobs", help="as many blobs as clusters, or one")
    a = parser.parse_args()
    random = np.random.default_rng(1)
    x = random.standard_normal((a.rows, a.columns), dtype=np.float32)
    if a.data == "blobs":
        x += random.standard_normal((a.clusters, a.columns), dtype=np.float32)[np.arange(a.rows) % a.clusters]
    arrays = {"x": x, "centers": x[random.choice(a.rows, a.clusters, replace=False)]}
    # Settings for another processor would slow the peer's products down.
    for name in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE"):
        os.environ.pop(name, None)
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/data.safetensors"
        write_safetensors(path, arrays)
        results = in_turn(a.turns, {
            "gradus": ["build/release/gradus", "bench", "kmeans", "--json", "--data", path, "--rounds", str(a.rounds)],
            "scikit-learn": [sys.executable, "bench/peers/sklearn_kmeans.py", path, str(a.rounds)],
        })
    mine, theirs = results["gradus"], results["scikit-learn"]
    print(f"{processor()}; {mine[0]['isa']}, {mine[0]['threads']} threads; scikit-learn {theirs[0]['version']}; "
          f"{a.rows} × {a.columns} ({a.data}), k = {a.clusters}; medians of {a.turns} turns\n")
    for name, rows in results.items():
        ms, rounds = median(rows, "ms_median"), rows[0]["rounds"]
        flops = 2.0 * a.rows * a.columns * a.clusters * (rounds + 1)
        print(f"{name:14} {ms:9.1f} ms, {median(rows, 'cpu_ms_median'):9.1f} ms of processor time, {rounds} rounds, "
              f"as {flops / ms / 1e6:.1f} GFLOP/s, "
              f"inertia {rows[0]['inertia']:.9g}")
    off = mine[0]["inertia"] / theirs[0]["inertia"] - 1
    ratio, cpu_ratio = (median(theirs, what) / median(mine, what) for what in ("ms_median", "cpu_ms_median"))
    print(f"\n{ratio:.2f}× (above 1: gradus is faster); {cpu_ratio:.2f}× of processor time, which others on the machine "
          f"disturb less; inertia differs by {off:.1e}")


if __name__ == "__main__":
    main()
