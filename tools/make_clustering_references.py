#!/usr/bin/env python3
"""Writes tests/references/clustering.json: what scikit-learn's k-means and Gaussian mixtures find in float64.

    python3 tools/make_clustering_references.py     (needs scikit-learn; the file's "scikit_learn" is the version used)

Starts are given: the numbers of rows that are the first centres, or responsibilities. The data are formulas, exact in
f32, which tests/classic/clustering_data.h has too: noise(i, j) and center(b, j) below. Two cases read files of
../shared/data (penguins: the rows without a missing measurement; MNIST: the first images' pixels divided by 255, in f32)
and are left out, as their tests are, where those are not there.

The centres of large problems are stored as their sums over the columns ("center_sums").
"""

import csv
import gzip
import json
import pathlib
import warnings

import numpy as np
import sklearn
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.mixture import GaussianMixture

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHARED = ROOT / "../shared/data"


def noise(i, j):
    return ((i * i * 31 + i * 17 + j * j * 101 + j * 53 + i * j * 7) % 1009) / 256 - 2


def center(b, j):
    return ((b * b * 13 + b * 29 + j * 37 * (b + 1)) % 64) / 4


def table(rows, columns, blobs, spread=1.0, width=1.0, offset=0.0, repeat=0):
    """`repeat` rows are made, again and again, if it is not 0."""
    own = np.arange(rows) % (repeat or rows)
    return np.array([[offset + spread * center(i % blobs, j) + width * noise(i, j) for j in range(columns)] for i in own])


def penguins():
    with open(SHARED / "tabular/penguins.csv") as file:
        names = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
        rows = [[row[name] for name in names] for row in csv.DictReader(file)]
    return np.array([row for row in rows if "NA" not in row], dtype=np.float32).astype(np.float64)


def mnist(count):
    with gzip.open(SHARED / "images/t10k-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read()[16:], np.uint8)[: count * 784].reshape(count, 784)
    return (pixels.astype(np.float32) / np.float32(255)).astype(np.float64)


TABLES = {
    "apart": dict(rows=200, columns=3, blobs=4, spread=4.0),
    "overlapping": dict(rows=600, columns=5, blobs=6, spread=0.25),
    "wide": dict(rows=400, columns=67, blobs=9, spread=0.125),
    "far": dict(rows=300, columns=4, blobs=5, offset=4096.0),
    "four_rows": dict(rows=32, columns=3, blobs=4, repeat=4),  # whose mean is exact, so that distances of 0 are
    "constant_column": dict(rows=90, columns=1, blobs=3, spread=4.0),  # and a column of 2.5
    "few": dict(rows=7, columns=2, blobs=2),
}


def data_of(name):
    if name == "penguins":
        return penguins()
    if name == "mnist":
        return mnist(2000)
    x = table(**TABLES[name])
    return np.hstack([x, np.full((len(x), 1), 2.5)]) if name == "constant_column" else x


# A start is numbers of rows, or {"row": …, "add": …}: that row with something added to each number.
KMEANS = [
    dict(data="apart", start=[0, 1, 2, 3]),
    dict(data="apart", start=[0, 4, 8, 1]),
    dict(data="overlapping", start=[0, 71, 142, 213, 284, 355, 426], tolerance=0.0),
    dict(data="overlapping", start=[0, 71, 142, 213, 284, 355, 426], tolerance=1e-2),
    dict(data="overlapping", start=[5, 50, 500], max_rounds=3),
    dict(data="overlapping", start=[5, {"row": 50, "add": 1000.0}, 500]),
    dict(data="apart", start=[0, {"row": 1, "add": 500.0}, {"row": 2, "add": 700.0}, 3]),
    dict(data="wide", start=list(range(0, 400, 20))),
    dict(data="far", start=[0, 1, 2, 3, 4]),
    dict(data="far", start=[7, 77, 177, 277]),
    dict(data="four_rows", start=[0, 1, 2, 3, 4, 5]),
    dict(data="constant_column", start=[0, 1, 2]),
    dict(data="few", start=[3]),
    dict(data="few", start=[0, 1, 2, 3, 4, 5, 6]),
    dict(data="penguins", start=[0, 160, 300]),
    dict(data="mnist", start=list(range(10))),
]


def start_of(x, start):
    return np.array([x[s["row"]] + s["add"] if isinstance(s, dict) else x[s] for s in start])


def digest(centers):
    return dict(centers=centers.tolist()) if centers.size < 200 else dict(center_sums=centers.sum(1).tolist())


def kmeans_case(case):
    x = data_of(case["data"])
    fitted = KMeans(len(case["start"]), init=start_of(x, case["start"]), n_init=1, algorithm="lloyd",
                    tol=case.get("tolerance", 1e-4), max_iter=case.get("max_rounds", 300)).fit(x)
    labels = dict(labels=fitted.labels_.tolist()) if len(x) <= 200 else {}
    counts = np.bincount(fitted.labels_, minlength=len(case["start"])).tolist()
    return case | dict(inertia=float(fitted.inertia_), rounds=fitted.n_iter_, counts=counts) | labels | digest(
        fitted.cluster_centers_)


def mini_batch_case():
    """Steps on given rows: step t takes the 50 rows (37·t + 11·i) mod 600."""
    x = data_of("overlapping")
    start = [5, 50, 500, 555]
    fitted = MiniBatchKMeans(4, init=x[start], n_init=1, reassignment_ratio=0.0)
    steps, after = 12, []
    for t in range(steps):
        fitted.partial_fit(x[[(37 * t + 11 * i) % 600 for i in range(50)]])
        after.append(fitted.cluster_centers_.tolist())
    return dict(data="overlapping", start=start, rows=50, first=after[0], last=after[-1], steps=steps)


class Started(GaussianMixture):
    """With responsibilities that are proportional to 1 + (7·i + 11·c + i·c) mod 5."""

    def _initialize_parameters(self, x, random_state, xp=None):
        c = np.arange(self.n_components)[None, :]
        i = np.arange(len(x))[:, None]
        weights = 1.0 + (7 * i + 11 * c + i * c) % 5
        self._initialize(x, weights / weights.sum(1, keepdims=True))


MIXTURES = [
    dict(data="apart", components=4, covariance="full"),
    dict(data="apart", components=4, covariance="diag"),
    dict(data="overlapping", components=3, covariance="full", tolerance=1e-6, max_rounds=500),
    dict(data="overlapping", components=3, covariance="diag", tolerance=1e-6, max_rounds=500),
    dict(data="overlapping", components=2, covariance="full", max_rounds=3, regularization=0.25),
    dict(data="far", components=5, covariance="full"),
    dict(data="far", components=5, covariance="diag"),
    dict(data="constant_column", components=2, covariance="full"),
    dict(data="constant_column", components=2, covariance="diag"),
    dict(data="four_rows", components=2, covariance="full"),
    dict(data="few", components=1, covariance="full"),
    dict(data="few", components=7, covariance="diag", regularization=1e-3),
    dict(data="penguins", components=3, covariance="full"),
    dict(data="penguins", components=3, covariance="diag"),
]


def mixture_case(case):
    x = data_of(case["data"])
    fitted = Started(case["components"], covariance_type=case["covariance"], tol=case.get("tolerance", 1e-3),
                     max_iter=case.get("max_rounds", 100), reg_covar=case.get("regularization", 1e-6))
    fitted.fit(x)
    return case | dict(
        lower_bound=float(fitted.lower_bound_), rounds=fitted.n_iter_, converged=bool(fitted.converged_),
        score=float(fitted.score(x)), bic=float(fitted.bic(x)), aic=float(fitted.aic(x)),
        weights=fitted.weights_.tolist(), means=fitted.means_.tolist(), covariances=fitted.covariances_.tolist(),
        probabilities=fitted.predict_proba(x[:5]).tolist(),
    )


def main():
    warnings.simplefilter("ignore")
    skip = [] if SHARED.exists() else ["penguins", "mnist"]
    lines = lambda cases: "[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]"
    text = '{"scikit_learn": %s,\n"tables": %s,\n"kmeans": %s,\n"mini_batch": %s,\n"mixtures": %s\n}\n' % (
        json.dumps(sklearn.__version__),
        json.dumps(TABLES),
        lines(kmeans_case(case) for case in KMEANS if case["data"] not in skip),
        json.dumps(mini_batch_case()),
        lines(mixture_case(case) for case in MIXTURES if case["data"] not in skip),
    )
    (ROOT / "tests/references/clustering.json").write_text(text)


if __name__ == "__main__":
    main()
