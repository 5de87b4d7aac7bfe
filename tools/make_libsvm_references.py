#!/usr/bin/env python3
"""Writes tests/references/libsvm.json: what scikit-learn reads from files in LIBSVM's format.

    python3 tools/make_libsvm_references.py     (needs scikit-learn and numpy; see "scikit-learn" for the version)

Two made texts, with indices from 0 and from 1, in the file with targets, offsets, indices and values; and of the
data set a9a, where ../shared/data has it, numbers that each value and its place change: "places" is the sum over row i
(from 1) and its indices j of i·(j + 1).
"""

import io
import json
import pathlib

import numpy as np
import sklearn
from sklearn.datasets import load_svmlight_file

ROOT = pathlib.Path(__file__).resolve().parent.parent


def made_text(random, first):
    lines = ["# made", ""]
    for row in range(40):
        columns = np.flatnonzero(random.random(30) < 0.2) + first
        words = [f"{random.normal():.{random.integers(0, 12)}g}"]
        words += [f"{c}:{random.normal() * 10.0 ** random.integers(-8, 8):.{random.integers(1, 17)}g}" for c in columns]
        lines.append((" " if row % 3 else "  ").join(words) + (" # row" if row % 5 == 0 else ""))
    lines[-1] += f" {29 + first}:1"
    return "\n".join(lines) + "\n"


def of(text):
    x, y = load_svmlight_file(io.BytesIO(text.encode()), zero_based="auto", dtype=np.float64)
    x = x.astype(np.float32)
    return {
        "text": text,
        "columns": x.shape[1],
        "targets": y.tolist(),
        "offsets": x.indptr.tolist(),
        "indices": x.indices.tolist(),
        "values": x.data.astype(float).tolist(),
    }


def of_file(path):
    x, y = load_svmlight_file(str(path))
    rows = np.repeat(np.arange(1, x.shape[0] + 1), np.diff(x.indptr))
    return {
        "rows": x.shape[0],
        "columns": x.shape[1],
        "values": int(x.nnz),
        "value_sum": float(x.data.sum()),
        "target_sum": float(y.sum()),
        "places": int((rows * (x.indices.astype(np.int64) + 1)).sum()),
    }


def main():
    random = np.random.default_rng(3)
    references = {
        "scikit-learn": sklearn.__version__,
        "made": [of(made_text(random, first)) for first in (0, 1)],
        "a9a": of_file(ROOT.parent / "shared/data/tabular/a9a"),
    }
    (ROOT / "tests/references/libsvm.json").write_text(json.dumps(references) + "\n")


if __name__ == "__main__":
    main()
