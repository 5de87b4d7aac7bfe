#!/usr/bin/env python3
"""Writes a large file of rows, to see that streaming holds little of it in memory.

    bench/make_large_rows.py PATH GIGABYTES

A PATH that ends in .csv gets a table of 20 numbers, a town and a class; any other LIBSVM's format: rows of 40 of 100,000
features, and two classes that a linear model tells apart. A part of 32 MB is made at random and repeated, its rows in
another order each time.
"""
import sys

import numpy as np

PART_BYTES = 32_000_000


def libsvm_rows(random):
    weights = random.standard_normal(100_000)
    size = 0
    while size < PART_BYTES:
        columns = np.unique(np.minimum(random.zipf(1.3, 60) * 17 % 100_000, 99_999))[:40]
        values = random.integers(1, 1000, len(columns)) / 1000
        label = 1 if weights[columns] @ values + random.standard_normal() > 0 else -1
        pairs = " ".join(f"{c + 1}:{v:g}" for c, v in zip(columns, values))
        row = f"{label:+d} {pairs}\n"
        size += len(row)
        yield row


def csv_rows(random):
    weights = random.standard_normal(20)
    towns = ["Bonn", "Ulm", "Kyoto", '"Frankfurt, Main"', ""]
    size = 0
    while size < PART_BYTES:
        x = random.standard_normal(20).round(4)
        kind = "big" if x @ weights + random.standard_normal() > 0 else "small"
        row = ",".join(f"{v:g}" for v in x) + f",{towns[random.integers(5)]},{kind}\n"
        size += len(row)
        yield row


def main():
    path, gigabytes = sys.argv[1], float(sys.argv[2])
    random = np.random.default_rng(1)
    is_csv = path.endswith(".csv")
    rows = np.array(list(csv_rows(random) if is_csv else libsvm_rows(random)), dtype=object)
    with open(path, "w") as file:
        if is_csv:
            file.write(",".join(f"x{i}" for i in range(20)) + ",town,kind\n")
        while file.tell() < gigabytes * 1e9:
            file.write("".join(rows[random.permutation(len(rows))]))


if __name__ == "__main__":
    main()
