"""Compares k-means with scikit-learn's. Called by bench/peers/kmeans."""

import argparse
import json
import os
import struct
import sys
import tempfile

import numpy as np

from side_by_side import in_turn, median, processor


def write_safetensors(path, arrays):
    header, offset = {}, 0
    for name, array in arrays.items():
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for array in arrays.values():
            file.write(array.tobytes())


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
        write_safetensors(f"{folder}/data.safetensors", arrays)
        np.savez(f"{folder}/data.npz", **arrays)
        results = in_turn(a.turns, {
            "gradus": ["build/release/bench/bench_kmeans", f"{folder}/data.safetensors", str(a.rounds)],
            "scikit-learn": [sys.executable, "bench/peers/sklearn_kmeans.py", f"{folder}/data.npz", str(a.rounds)],
        })
    mine, theirs = results["gradus"], results["scikit-learn"]
    print(f"{processor()}; {mine[0]['isa']}, {mine[0]['threads']} threads; scikit-learn {theirs[0]['version']}; "
          f"{a.rows} × {a.columns} ({a.data}), k = {a.clusters}; medians of {a.turns} turns\n")
    for name, rows in results.items():
        ms, rounds = median(rows, "ms"), rows[0]["rounds"]
        flops = 2.0 * a.rows * a.columns * a.clusters * (rounds + 1)
        print(f"{name:14} {ms:9.1f} ms, {median(rows, 'cpu_ms'):9.1f} ms of processor time, {rounds} rounds, "
              f"as {flops / ms / 1e6:.1f} GFLOP/s, "
              f"inertia {rows[0]['inertia']:.9g}")
    off = mine[0]["inertia"] / theirs[0]["inertia"] - 1
    ratio, cpu_ratio = (median(theirs, what) / median(mine, what) for what in ("ms", "cpu_ms"))
    print(f"\n{ratio:.2f}× (above 1: gradus is faster); {cpu_ratio:.2f}× of processor time, which others on the machine "
          f"disturb less; inertia differs by {off:.1e}")


if __name__ == "__main__":
    main()
