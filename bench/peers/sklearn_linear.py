"""One fit of a linear model by scikit-learn, `repeats` times, of a file as `gradus bench linear --data` reads it; prints a JSON
object.

    python sklearn_linear.py FILE MODEL L2 TOLERANCE REPEATS
"""

import json
import statistics
import sys
import time
import warnings

import numpy as np
import scipy.sparse
from sklearn import linear_model

from side_by_side import read_safetensors


def data_of(path):
    data = read_safetensors(path)
    if "x" in data:
        return data["x"], data["y"]
    return scipy.sparse.csr_matrix((data["values"], data["indices"], data["offsets"].astype(np.int32)),
                                   shape=data["shape"]), data["y"]


def logistic_objective(x, y, l2, w, b):
    z = x @ w + b
    return float(np.logaddexp(0, np.where(y == 1, -z, z)).mean() + 0.5 * l2 * (w @ w))


def fit(name, x, y, l2, tolerance):
    """(seconds, CPU seconds, w, b, l1 that they are for)."""
    if name in ("lasso_path", "lasso_path_f64"):
        kind = np.float64 if name.endswith("f64") else np.float32
        start, cpu = time.perf_counter(), time.process_time()
        columns = np.asfortranarray(x.astype(kind))  # what it needs, and asks for
        means, mean = columns.mean(axis=0), y.mean()
        columns -= means
        alphas, w, _ = linear_model.lasso_path(columns, y.astype(kind) - mean, tol=tolerance, copy_X=False)
        took = time.perf_counter() - start, time.process_time() - cpu
        last = w[:, -1].astype(float)
        return *took, last, float(mean) - means.astype(float) @ last, float(alphas[-1])
    if name.endswith("_f64"):  # float32 may be too coarse for its line search; the conversion is not timed
        x, name = x.astype(np.float64), name.removesuffix("_f64")
    if name == "sgd":
        model = linear_model.SGDClassifier(loss="log_loss", alpha=l2, max_iter=5, tol=None)
    else:
        extra = dict(intercept_scaling=100.0) if name == "liblinear" else {}
        model = linear_model.LogisticRegression(solver=name, C=1 / (len(y) * l2), tol=tolerance, max_iter=10000, **extra)
    start, cpu = time.perf_counter(), time.process_time()
    model.fit(x, y)
    took = time.perf_counter() - start, time.process_time() - cpu
    return *took, np.ravel(model.coef_).astype(float), float(model.intercept_[0]), 0.0


def main():
    path, name, l2, tolerance, repeats = sys.argv[1], sys.argv[2], *map(float, sys.argv[3:6])
    warnings.simplefilter("ignore")
    x, y = data_of(path)
    fits = [fit(name, x, y, l2, tolerance) for _ in range(int(repeats))]
    _, _, w, b, l1 = fits[-1]
    wide = x.astype(np.float64)
    if name.startswith("lasso_path"):
        r = y - (wide @ w + b)
        objective = float(0.5 * (r @ r) / len(y) + l1 * abs(w).sum())
    else:
        objective = logistic_objective(wide, y, l2, w, b)
    print(json.dumps(dict(ms_median=1e3 * statistics.median(f[0] for f in fits),
                          cpu_ms_median=1e3 * statistics.median(f[1] for f in fits), objective=objective, l1=l1)))


if __name__ == "__main__":
    main()
