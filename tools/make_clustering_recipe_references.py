#!/usr/bin/env python3
"""Writes tests/references/clustering_recipes.json: what scikit-learn finds on the data of the recipes that make clusters.

    python3 tools/make_clustering_recipe_references.py     (needs scikit-learn and ../shared/data)

Of recipes/kmeans.toml, gmm.toml and mnist_kmeans.toml: the same columns, the same preparation in f32 (medians, means and
deviations of all rows; pixels divided by 255), the same numbers of starts, and the best of them; and the measures of the
labels that come of it.
"""

import csv
import gzip
import json
import pathlib

import numpy as np
import sklearn
from sklearn import metrics
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture

ROOT = pathlib.Path(__file__).resolve().parent.parent
SHARED = ROOT / "../shared/data"


def penguins():
    names = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "body_mass_g"]
    with open(SHARED / "tabular/penguins.csv") as file:
        rows = list(csv.DictReader(file))
    x = np.array([[np.nan if row[name] == "NA" else float(row[name]) for name in names] for row in rows])
    x = np.where(np.isnan(x), np.nanmedian(x, axis=0), x)
    x = ((x - x.mean(axis=0)) / x.std(axis=0)).astype(np.float32).astype(np.float64)
    return x, [row["species"] for row in rows]


def mnist():
    with gzip.open(SHARED / "images/t10k-images-idx3-ubyte.gz") as file:
        pixels = np.frombuffer(file.read()[16:], np.uint8).reshape(-1, 784)
    with gzip.open(SHARED / "images/t10k-labels-idx1-ubyte.gz") as file:
        labels = np.frombuffer(file.read()[8:], np.uint8)
    return (pixels / 255).astype(np.float32).astype(np.float64), labels


def agreement(truth, labels):
    return {
        "adjusted_rand": metrics.adjusted_rand_score(truth, labels),
        "adjusted_mutual_information": metrics.adjusted_mutual_info_score(truth, labels),
        "v_measure": metrics.v_measure_score(truth, labels),
    }


def shape(x, labels):
    return {
        "silhouette": metrics.silhouette_score(x, labels),
        "calinski_harabasz": metrics.calinski_harabasz_score(x, labels),
        "davies_bouldin": metrics.davies_bouldin_score(x, labels),
    }


def main():
    x, species = penguins()
    found = {"scikit_learn": sklearn.__version__}
    kmeans = KMeans(3, n_init=10, random_state=0).fit(x)
    found["kmeans"] = {"inertia": kmeans.inertia_, "sizes": sorted(np.bincount(kmeans.labels_).tolist()),
                       **shape(x, kmeans.labels_), **agreement(species, kmeans.labels_)}
    mixtures = [GaussianMixture(k, tol=1e-6, max_iter=500, n_init=10, random_state=0).fit(x) for k in range(1, 7)]
    best = min(mixtures, key=lambda m: m.bic(x))
    labels = best.predict(x)
    found["gmm"] = {"bic": [m.bic(x) for m in mixtures], "components": best.n_components,
                    "mean_log_likelihood": best.score(x), "aic": best.aic(x),
                    **shape(x, labels), **agreement(species, labels)}
    x, digits = mnist()
    kmeans = KMeans(10, n_init=10, random_state=0).fit(x)
    found["mnist_kmeans"] = {"inertia": kmeans.inertia_, **agreement(digits, kmeans.labels_)}
    (ROOT / "tests/references/clustering_recipes.json").write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
