#!/usr/bin/env python3
"""Fits the data sets that scikit-learn brings along with each of gradus' linear solvers, and compares with scikit-learn.

    python3 tools/check_linear_models.py        (needs scikit-learn; build/release/gradus has to be there)

Objectives must agree to 1e-6, coefficients to 1e-4 (of their size where that is above 1). Features are scaled to mean 0 and
deviation 1, in float32, which both sides get.
"""

import json
import pathlib
import subprocess
import sys
import tempfile

import numpy as np
from sklearn import datasets, linear_model, svm

ROOT = pathlib.Path(__file__).parent.parent
PROGRAM = [ROOT / "build/release/gradus", "bench", "linear", "--json", "--coefficients", "--repeats", "1"]
sys.path.append(str(ROOT / "bench/peers"))
from side_by_side import write_safetensors  # noqa: E402


def scaled(x):
    deviation = x.std(axis=0)
    return ((x - x.mean(axis=0)) / np.where(deviation > 0, deviation, 1.0)).astype(np.float32)


def problems():
    """(data set, x, y, loss, l1, l2, solvers, estimator)."""
    for name in ("diabetes", "linnerud"):
        data = getattr(datasets, f"load_{name}")()
        x = scaled(data.data)
        y = data.target if data.target.ndim == 1 else data.target[:, 0]
        y = ((y - y.mean()) / y.std()).astype(np.float32)
        n = len(x)
        yield name, x, y, "squared", 0, 0.1, ("newton", "lbfgs", "coordinate_descent", "gradient_descent"), linear_model.Ridge(
            alpha=0.1 * n)
        yield name, x, y, "squared", 0.05, 0, ("coordinate_descent", "lbfgs", "gradient_descent"), linear_model.Lasso(
            alpha=0.05, tol=1e-14, max_iter=10**6)
        yield name, x, y, "quantile", 0.01, 0, ("interior_point",), linear_model.QuantileRegressor(
            quantile=0.5, alpha=0.01, solver="highs")
        counts = np.floor(3 * (y - y.min())).astype(np.float32)
        yield name, x, counts, "poisson", 0, 0.1, ("newton", "lbfgs", "coordinate_descent"), linear_model.PoissonRegressor(
            alpha=0.1, solver="newton-cholesky", tol=1e-12)
    for name in ("iris", "wine", "breast_cancer", "digits"):
        x, y = getattr(datasets, f"load_{name}")(return_X_y=True)
        x, n = scaled(x), len(x)
        if y.max() > 1:
            yield name, x, y, "softmax", 0, 0.01, ("lbfgs", "gradient_descent"), linear_model.LogisticRegression(
                C=1 / (0.01 * n), solver="newton-cholesky", tol=1e-10, max_iter=1000)
            y = (y == 1).astype(int)
        yield name, x, y, "logistic", 0, 0.01, ("newton", "lbfgs", "coordinate_descent"), linear_model.LogisticRegression(
            C=1 / (0.01 * n), solver="newton-cholesky", tol=1e-12, max_iter=1000)
        yield name, x, y, "logistic", 0.01, 0, ("coordinate_descent", "lbfgs"), linear_model.LogisticRegression(
            C=1 / (0.01 * n), l1_ratio=1.0, solver="saga", tol=1e-9, max_iter=10**6)
        yield name, x, y, "hinge", 0, 0.01, ("interior_point", "dual_descent"), svm.SVC(
            kernel="linear", C=1 / (0.01 * n), tol=1e-10)


def objective(x, y, loss, l1, l2, w, b):
    z = x.astype(float) @ w.T + b
    if loss == "softmax":
        losses = np.logaddexp.reduce(z, axis=1) - z[np.arange(len(x)), y]
    else:
        z, s = z[:, 0], np.where(y == 1, 1, -1)
        losses = {"squared": lambda: 0.5 * (z - y) ** 2, "quantile": lambda: 0.5 * abs(z - y),
                  "poisson": lambda: np.exp(z) - y * z, "logistic": lambda: np.logaddexp(0, -s * z),
                  "hinge": lambda: np.maximum(0, 1 - s * z)}[loss]()
    return losses.mean() + l1 * abs(w).sum() + 0.5 * l2 * (w * w).sum()


def main():
    wrong = 0
    for name, x, y, loss, l1, l2, solvers, estimator in problems():
        estimator.fit(x.astype(float), y)
        w, b = np.atleast_2d(estimator.coef_), np.ravel(estimator.intercept_)
        expected = objective(x, y, loss, l1, l2, w, b)
        with tempfile.TemporaryDirectory() as folder:
            path = f"{folder}/data.safetensors"
            write_safetensors(path, {"x": x, "y": y if y.dtype == np.float32 else y.astype(np.int64)})
            for solver in solvers:
                command = [*PROGRAM, "--data", path, "--solver", solver, "--loss", loss, "--l1", str(l1), "--l2", str(l2),
                           "--tolerance", "1e-9", "--steps", "20000"]
                got = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
                all_expected = np.concatenate([np.ravel(w), b])
                off = np.abs(np.array(got["coefficients"]) - all_expected) / np.maximum(1, abs(all_expected))
                above = (got["objective"] - expected) / abs(expected)
                # The estimator itself stops somewhere above the minimum.
                bad = above > 1e-6 or (off.max() > 1e-4 and above > -1e-9)
                wrong += bad
                print(f"{name:14} {loss:9} l1 {l1:<5} l2 {l2:<5} {solver:19} objective {expected:.9f} {above:+.1e}, "
                      f"coefficients {off.max():.1e}{'  WRONG' if bad else ''}")
    print(f"{wrong} wrong")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
