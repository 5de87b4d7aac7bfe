#!/usr/bin/env python3
"""Writes tests/references/linear_models.json: the minima of linear problems, by scikit-learn and scipy in float64.

    python3 tools/make_linear_references.py        (needs scikit-learn, scipy and numpy; see the file's "made_with")

The data are formulas, so that tests/classic/linear_references_test.cpp can make them too: numbers of a linear
congruential generator and float32 arithmetic of one operation at a time. A case is a data set, a loss and penalties in
gradus' terms: mean loss + l1·Σ|w| + ½·l2·‖w‖². Each is solved by the estimator named there to a tolerance near float64's;
where scikit-learn has none whose objective is the same (its HuberRegressor fits a scale too, its LinearSVC penalizes the
intercept), scipy minimizes the objective, by BFGS and then Newton's steps. Stored are the coefficients and the objective
at them, which is computed here from its definition. "unique" is false where several coefficients have it.
"""

import json
import pathlib
import warnings

import numpy as np
import scipy.optimize
import sklearn
from sklearn import linear_model, svm

F = np.float32


class Numbers:
    """Numbers in [-1, 1) that float32 holds exactly."""

    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (1664525 * self.state + 1013904223) % 2**32
        return F((self.state >> 8) / 2**23 - 1)


# name: (seed, rows, features, how the rows are made, outputs of the targets)
SETS = {
    "plain": (1, 60, 5, "plain", 1),
    "two_targets": (2, 40, 4, "plain", 2),
    "correlated": (3, 80, 8, "correlated", 1),
    "wide": (4, 20, 40, "plain", 1),
    "constant_and_equal_columns": (5, 50, 5, "constant", 1),
    "equal_rows": (6, 40, 4, "equal_rows", 1),
    "scaled": (7, 60, 6, "scaled", 1),
    "shifted": (8, 60, 4, "shifted", 1),
    "sparse": (9, 120, 30, "sparse", 1),
    "three_classes": (10, 90, 4, "plain", 3),
    "separable": (11, 40, 3, "plain", 1),
    "one_feature": (12, 30, 1, "plain", 1),
    "sparse_classes": (13, 150, 12, "sparse", 4),
}


def rows_of(name):
    seed, count, features, kind, _ = SETS[name]
    numbers = Numbers(seed)
    x = np.zeros((count, features), F)
    for i in range(count):
        for j in range(features):
            value = numbers.next()
            if kind == "correlated" and j > 0:
                value = F(value + F(F(0.75) * x[i, j - 1]))
            if kind == "constant" and j == 1:
                value = F(3)
            if kind == "constant" and j == 2:
                value = x[i, 0]
            if kind == "equal_rows" and i >= count // 2:
                value = x[i - count // 2, j]
            if kind == "scaled":
                value = F(value * F(4.0 ** (j - 3)))
            if kind == "shifted":
                value = F(value + F(8 * j))
            if kind == "sparse":
                value = F(1) if value > F(0.7) else F(0)
            x[i, j] = value
    return x


def targets_of(name, kind, x):
    """Of numbers or counts (N) or (N, outputs); of classes (N)."""
    seed, count, features, _, outputs = SETS[name]
    numbers = Numbers(seed + 1000)
    w = [[float(numbers.next()) for _ in range(features)] for _ in range(outputs)]
    noise = 0.0 if name == "separable" else 0.5
    z = np.zeros((count, outputs))
    for i in range(count):
        for k in range(outputs):
            total = 0.25
            for j in range(features):
                total += w[k][j] * float(x[i, j])
            z[i, k] = total + noise * float(numbers.next())
    if kind == "numbers":
        return (z[:, 0] if outputs == 1 else z).astype(F)
    if kind == "counts":
        y = np.floor(np.maximum(0.0, 2.0 * z + 1.0)).astype(F)
        return y[:, 0] if outputs == 1 else y
    return (z[:, 0] > 0.25).astype(int) if outputs == 1 else z.argmax(axis=1)


def weights_of(count):
    return np.array([1 + i % 3 for i in range(count)], float)


NUMBERS = ("squared", "absolute", "quantile", "huber")


def loss_of(case, z, y):
    """(N, outputs): z is (N, outputs), y too, or ±1."""
    loss = case["loss"]
    r = z - y
    if loss == "squared":
        return 0.5 * r * r
    if loss == "absolute":
        return abs(r)
    if loss == "quantile":
        return np.maximum(-case["quantile"] * r, (1 - case["quantile"]) * r)
    if loss == "huber":
        d = case["delta"]
        return np.where(abs(r) <= d, 0.5 * r * r, d * abs(r) - 0.5 * d * d)
    if loss == "poisson":
        return np.exp(z) - y * z
    if loss == "logistic":
        return np.logaddexp(0, -y * z)
    rest = np.maximum(0, 1 - y * z)
    return rest if loss == "hinge" else rest * rest


def objective(case, x, y, w, b):
    """w (outputs, F), b (outputs)."""
    z = x.astype(float) @ w.T + b
    c = weights_of(len(x)) if case["weighted"] else np.ones(len(x))
    if case["loss"] == "softmax":
        losses = np.logaddexp.reduce(z, axis=1) - z[np.arange(len(x)), y]
    else:
        losses = loss_of(case, z, signed(case, y, z.shape[1])).sum(axis=1)
    return (c @ losses) / c.sum() + case["l1"] * abs(w).sum() + 0.5 * case["l2"] * (w * w).sum()


def signed(case, y, outputs):
    if case["loss"] in ("logistic", "hinge", "squared_hinge"):
        return np.stack([np.where(y == (1 if outputs == 1 else k), 1.0, -1.0) for k in range(outputs)], axis=1)
    return y.astype(float).reshape(len(y), -1)


def by_scipy(case, x, y, outputs):
    """One output at a time; smooth losses without l1."""
    features = x.shape[1]
    c = weights_of(len(x)) if case["weighted"] else np.ones(len(x))
    a = np.hstack([x.astype(float), np.full((len(x), 1), 1.0 if case["intercept"] else 0.0)])
    ws, bs = [], []
    for k in range(outputs):
        t = signed(case, y, outputs)[:, k]

        def value(v):
            return (c @ loss_of(case, a @ v, t)) / c.sum() + 0.5 * case["l2"] * (v[:-1] @ v[:-1])

        def slope(v):
            z = a @ v
            if case["loss"] == "huber":
                g = np.clip(z - t, -case["delta"], case["delta"])
            else:
                g = -2 * t * np.maximum(0, 1 - t * z)
            gradient = a.T @ (c * g) / c.sum()
            gradient[:-1] += case["l2"] * v[:-1]
            return gradient

        v = scipy.optimize.minimize(value, np.zeros(features + 1), jac=slope, method="BFGS",
                                    options=dict(gtol=1e-12, maxiter=10000)).x
        for _ in range(50):
            z = a @ v
            curvature = (abs(z - t) <= case["delta"]) * 1.0 if case["loss"] == "huber" else 2.0 * (t * z < 1)
            h = (a.T * (c * curvature / c.sum())) @ a
            h[np.arange(features), np.arange(features)] += case["l2"]
            step = np.linalg.lstsq(h, slope(v), rcond=1e-12)[0]
            if value(v - step) <= value(v):
                v = v - step
        ws.append(v[:-1])
        bs.append(v[-1])
    return np.array(ws), np.array(bs)


def solved(case, x, y, outputs):
    """(w, b, what found them)."""
    loss, l1, l2, intercept = case["loss"], case["l1"], case["l2"], case["intercept"]
    n = len(x)
    c = weights_of(n) if case["weighted"] else None
    total = n if c is None else c.sum()
    xd = x.astype(float)
    if loss == "squared" and l1 == 0:
        model = (linear_model.Ridge(alpha=total * l2, solver="svd", fit_intercept=intercept) if l2 > 0 else
                 linear_model.LinearRegression(fit_intercept=intercept))
    elif loss == "squared":
        model = linear_model.ElasticNet(alpha=l1 + l2, l1_ratio=l1 / (l1 + l2), tol=1e-15, max_iter=10**6,
                                        fit_intercept=intercept)
    elif loss in ("absolute", "quantile"):
        q, factor = (0.5, 2.0) if loss == "absolute" else (case["quantile"], 1.0)
        model = linear_model.QuantileRegressor(quantile=q, alpha=l1 / factor, fit_intercept=intercept, solver="highs")
    elif loss == "poisson":
        model = linear_model.PoissonRegressor(alpha=l2, solver="newton-cholesky", tol=1e-13, max_iter=1000,
                                              fit_intercept=intercept)
    elif loss in ("logistic", "softmax"):
        solver = "newton-cholesky" if l1 == 0 else "saga"
        ratio = l1 / (l1 + l2)
        model = linear_model.LogisticRegression(C=1 / (total * (l1 + l2)), l1_ratio=ratio, solver=solver,
                                                tol=1e-13 if l1 == 0 else 1e-10, max_iter=10**5, fit_intercept=intercept)
    elif loss == "hinge" and intercept:
        model = svm.SVC(kernel="linear", C=1 / (total * l2), tol=1e-11)
    elif loss == "hinge":
        model = svm.LinearSVC(loss="hinge", C=1 / (total * l2), tol=1e-10, max_iter=10**7, fit_intercept=False)
    else:
        return *by_scipy(case, x, y, outputs), "scipy.optimize.minimize"
    args = {} if c is None else dict(sample_weight=c)
    targets = y if y.ndim == 1 or loss == "squared" else None
    if loss in ("absolute", "quantile", "poisson") and y.ndim == 2:
        fits = [type(model)(**model.get_params()).fit(xd, y[:, k].astype(float), **args) for k in range(outputs)]
        return np.stack([m.coef_ for m in fits]), np.array([m.intercept_ for m in fits]).ravel(), name_of(model)
    if loss == "hinge" and outputs > 1:
        fits = [type(model)(**model.get_params()).fit(xd, y == k, **args) for k in range(outputs)]
        return np.stack([m.coef_.ravel() for m in fits]), np.stack([m.intercept_ for m in fits]).ravel(), name_of(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(xd, targets.astype(float) if loss in NUMBERS + ("poisson",) else targets, **args)
    w = np.atleast_2d(model.coef_)
    return w, np.broadcast_to(np.ravel(model.intercept_), (len(w),)), name_of(model)


def name_of(model):
    return f"sklearn.{type(model).__name__}"


def cases():
    def case(data, loss, l1=0.0, l2=0.0, intercept=True, weighted=False, unique=True, **more):
        return dict(data=data, loss=loss, l1=l1, l2=l2, intercept=intercept, weighted=weighted, unique=unique,
                    quantile=0.5, delta=1.35) | more

    yield case("plain", "squared")
    yield case("plain", "squared", intercept=False)
    yield case("plain", "squared", l2=0.1, weighted=True)
    yield case("plain", "squared", l1=0.05)
    yield case("plain", "squared", l1=0.02, l2=0.05, weighted=True)
    yield case("two_targets", "squared", l2=0.01)
    yield case("two_targets", "quantile", quantile=0.25)
    yield case("correlated", "squared", l1=0.01)
    yield case("correlated", "squared", l2=0.001)
    yield case("correlated", "huber", l2=0.01, delta=0.3)
    yield case("correlated", "logistic", l2=0.001)
    yield case("wide", "squared", l1=0.05)
    yield case("wide", "squared", l2=0.1, intercept=False)
    yield case("wide", "squared", unique=False)
    yield case("wide", "logistic", l2=0.05)
    yield case("wide", "quantile", l1=0.05, quantile=0.7)
    yield case("constant_and_equal_columns", "squared", unique=False)
    yield case("constant_and_equal_columns", "squared", l2=0.1)
    yield case("constant_and_equal_columns", "squared", l1=0.05, unique=False)
    yield case("constant_and_equal_columns", "logistic", l2=0.01)
    yield case("constant_and_equal_columns", "absolute", unique=False)
    yield case("equal_rows", "squared", l2=0.01)
    yield case("equal_rows", "poisson", l2=0.05)
    yield case("equal_rows", "hinge", l2=0.1)
    yield case("scaled", "squared")
    yield case("scaled", "logistic", l2=1e-4)
    yield case("scaled", "squared", l1=0.01)
    yield case("shifted", "squared", l2=0.01)
    yield case("shifted", "poisson", l2=0.1)
    yield case("shifted", "squared", l1=0.02)
    yield case("sparse", "squared", l2=0.01)
    yield case("sparse", "squared", l1=0.01)
    yield case("sparse", "logistic", l2=0.01)
    yield case("sparse", "logistic", l1=0.01, l2=0.001)
    yield case("sparse", "squared_hinge", l2=0.01)
    yield case("three_classes", "softmax", l2=0.01)
    yield case("three_classes", "softmax", l1=0.01, l2=0.01)
    yield case("three_classes", "hinge", l2=0.05)
    yield case("three_classes", "squared_hinge", l2=0.02, intercept=False)
    yield case("separable", "logistic", l2=1e-3)
    yield case("separable", "hinge", l2=1e-2, intercept=False)
    yield case("separable", "hinge", l2=1e-2)
    yield case("one_feature", "squared")
    yield case("one_feature", "quantile", quantile=0.9)
    yield case("one_feature", "poisson", l2=0.01, intercept=False)
    yield case("plain", "logistic", l1=0.02, l2=0.02, weighted=True)
    yield case("plain", "huber", delta=0.2, weighted=True)
    yield case("plain", "absolute", l1=0.02, weighted=True)
    yield case("plain", "poisson", l2=0.02)


PATH_POINTS = 6
PATH_SMALLEST = 0.02


PATHS = (("logistic", "plain", 0.0, 1.0), ("logistic", "correlated", 0.0, 1.0), ("logistic", "sparse", 0.0, 1.0),
         ("logistic", "correlated", 0.01, 1.0), ("logistic", "wide", 0.02, 1.0), ("logistic", "correlated", 0.0, 0.5),
         ("squared", "correlated", 0.0, 1.0), ("squared", "correlated", 0.0, 0.5), ("squared", "wide", 0.0, 0.9),
         ("squared", "shifted", 0.03, 0.2))


def point_of_path(loss, x, y, l1, l2):
    """LIBLINEAR's l1 penalizes the intercept, so it is saga that finds the minima of logistic regression."""
    penalty = dict(l1_ratio=l1 / (l1 + l2))
    if loss == "squared":
        model = linear_model.ElasticNet(alpha=l1 + l2, tol=1e-14, max_iter=1000000, **penalty).fit(x, y)
        w, b = model.coef_, model.intercept_
        return w, b, 0.5 * ((x @ w + b - y) ** 2).mean()
    model = linear_model.LogisticRegression(C=1 / (len(y) * (l1 + l2)), solver="saga", tol=1e-12, max_iter=1000000, **penalty)
    model.fit(x, y)
    w, b = model.coef_[0], model.intercept_[0]
    z = x @ w + b
    return w, b, np.logaddexp(0, np.where(y == 1, -z, z)).mean()


def paths():
    """Along a series of l1, from the one where all weights become 0 down; l2 is l1·(1 − r)/r more for a ratio r of l1."""
    for loss, data, l2, ratio in PATHS:
        x = rows_of(data).astype(float)
        y = targets_of(data, "numbers" if loss == "squared" else "classes", rows_of(data)).astype(float)
        largest = np.abs(x.T @ (y.mean() - y)).max() / len(y)
        points = []
        for k in range(PATH_POINTS):
            l1 = largest * PATH_SMALLEST ** (k / (PATH_POINTS - 1))
            own = l2 + l1 * (1 - ratio) / ratio
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                w, b, value = point_of_path(loss, x, y, l1, own)
            value += l1 * np.abs(w).sum() + 0.5 * own * (w @ w)
            points.append(dict(l1=float(l1), l2=float(own), objective=float(value), weights=w.tolist(), bias=float(b)))
            print(f"{data:28} {loss} path {l1:.4g}: {value:.12g}, {np.count_nonzero(w)} weights")
        by = "sklearn.ElasticNet" if loss == "squared" else "sklearn.LogisticRegression(saga)"
        yield dict(loss=loss, data=data, l2=l2, l1_ratio=ratio, smallest=PATH_SMALLEST, by=by, points=points)


SMOOTH_PATH_POINTS = 9


def smooth_paths():
    """The same of losses and outputs that scikit-learn has no path of. Each minimum is found by proximal gradient steps
    with momentum, until no element of the smallest subgradient is above 1e-11, which proves it; of a softmax,
    scikit-learn's saga has to come to the same objective."""
    def case(data, loss, l2=0.0, l1_ratio=1.0, weighted=False, **more):
        return dict(data=data, loss=loss, l2=l2, l1_ratio=l1_ratio, weighted=weighted, smallest=PATH_SMALLEST, delta=1.35) | more

    for case in (case("three_classes", "softmax"), case("three_classes", "softmax", l2=0.01, l1_ratio=0.5),
                 case("sparse_classes", "softmax", l1_ratio=0.9, weighted=True), case("correlated", "huber", delta=0.3),
                 case("plain", "squared_hinge"), case("three_classes", "squared_hinge", l1_ratio=0.7),
                 case("two_targets", "squared", weighted=True), case("two_targets", "poisson", l2=0.01)):
        x = rows_of(case["data"])
        kind = "numbers" if case["loss"] in NUMBERS else "counts" if case["loss"] == "poisson" else "classes"
        y = targets_of(case["data"], kind, x)
        outputs = SETS[case["data"]][4]
        w, b = np.zeros((outputs, x.shape[1])), np.zeros(outputs)
        w, b = minimum(case | dict(l1=1e3), x, y, w, b)
        largest = abs(gradients(case | dict(l2=0), x, y, w, b)[0]).max()
        assert not w.any()
        points = []
        for k in range(SMOOTH_PATH_POINTS):
            l1 = largest * PATH_SMALLEST ** (k / (SMOOTH_PATH_POINTS - 1))
            here = case | dict(l1=l1, l2=case["l2"] + l1 * (1 - case["l1_ratio"]) / case["l1_ratio"])
            w, b = minimum(here, x, y, w, b)
            value = objective(here, x, y, w, b)
            if case["loss"] == "softmax" and k > 0:  # where all weights become 0 it has nothing to measure its end by
                by_saga = saga(here, x, y)
                assert abs(by_saga - value) < 1e-9, (by_saga, value)
            points.append(dict(l1=float(l1), l2=float(here["l2"]), objective=float(value), weights=np.ravel(w).tolist(),
                               bias=b.tolist()))
            print(f"{case['data']:28} {case['loss']} path {l1:.4g}: {value:.12g}, {np.count_nonzero(w)} weights")
        yield case | dict(points=points)


def saga(case, x, y):
    """With a row as often as its weight says: given the weights, it does not come to the minimum."""
    times = weights_of(len(x)).astype(int) if case["weighted"] else np.ones(len(x), int)
    l1, l2 = case["l1"], case["l2"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = linear_model.LogisticRegression(C=1 / (times.sum() * (l1 + l2)), l1_ratio=l1 / (l1 + l2), solver="saga",
                                                tol=1e-12, max_iter=10**5, random_state=1)
        model.fit(np.repeat(x.astype(float), times, axis=0), np.repeat(y, times))
    return objective(case, x, y, model.coef_, model.intercept_)


def gradients(case, x, y, w, b):
    """Of the smooth part: by w, with the penalty of l2, and by b."""
    z = x.astype(float) @ w.T + b
    c = weights_of(len(x)) if case["weighted"] else np.ones(len(x))
    loss, t = case["loss"], None if case["loss"] == "softmax" else signed(case, y, len(b))
    if loss == "softmax":
        slopes = np.exp(z - np.logaddexp.reduce(z, axis=1, keepdims=True)) - np.eye(len(b))[y]
    elif loss == "squared":
        slopes = z - t
    elif loss == "huber":
        slopes = np.clip(z - t, -case["delta"], case["delta"])
    elif loss == "poisson":
        slopes = np.exp(z) - t
    else:
        slopes = -2 * t * np.maximum(0, 1 - t * z)
    slopes = slopes * c[:, None] / c.sum()
    return slopes.T @ x + case["l2"] * w, slopes.sum(axis=0)


def minimum(case, x, y, w, b):
    """Beck, Teboulle, "A fast iterative shrinkage-thresholding algorithm", 2009; momentum starts anew where it leads up."""
    def smooth(w, b):
        return objective(case | dict(l1=0.0), x, y, w, b)

    rate, t, v, u = 1.0, 1.0, w, b
    for _ in range(10**6):
        gw, gb = gradients(case, x, y, v, u)
        while True:
            to = v - rate * gw
            nw, nb = np.sign(to) * np.maximum(abs(to) - rate * case["l1"], 0), u - rate * gb
            dw, db = nw - v, nb - u
            bound = smooth(v, u) + (gw * dw).sum() + gb @ db + ((dw * dw).sum() + db @ db) / (2 * rate)
            if smooth(nw, nb) <= bound + 1e-15:
                break
            rate /= 2
        if (dw * (nw - w)).sum() + db @ (nb - b) < 0:
            t = 1.0
        following = (1 + np.sqrt(1 + 4 * t * t)) / 2
        v, u = nw + (t - 1) / following * (nw - w), nb + (t - 1) / following * (nb - b)
        w, b, t = nw, nb, following
        gw, gb = gradients(case, x, y, w, b)
        rest = np.where(w != 0, abs(gw + np.sign(w) * case["l1"]), np.maximum(abs(gw) - case["l1"], 0))
        if max(rest.max(), abs(gb).max()) <= 1e-11:
            return w, b
    raise RuntimeError(f"no minimum of {case}")


A9A = pathlib.Path(__file__).parent.parent.parent / "shared/data/tabular/a9a"


def a9a_cases():
    """Of the Adult data set (32,560 × 123, sparse), which is not kept here: what its minima are."""
    from sklearn.datasets import load_svmlight_file
    x, y = load_svmlight_file(str(A9A), n_features=123)
    y, n = (y > 0).astype(int), x.shape[0]
    for l2 in (1e-4, 1e-2):
        model = linear_model.LogisticRegression(C=1 / (n * l2), solver="newton-cholesky", tol=1e-12, max_iter=1000)
        model.fit(x, y)
        w, b = model.coef_[0], model.intercept_[0]
        z = x @ w + b
        value = np.logaddexp(0, np.where(y == 1, -z, z)).mean() + 0.5 * l2 * (w @ w)
        yield dict(loss="logistic", l2=l2, by=name_of(model), objective=float(value), weights=w.tolist(), bias=[float(b)])


def main():
    stored = []
    for case in cases():
        x = rows_of(case["data"])
        kind = ("numbers" if case["loss"] in NUMBERS else "counts" if case["loss"] == "poisson" else "classes")
        y = targets_of(case["data"], kind, x)
        outputs = (1 if y.ndim == 1 else y.shape[1]) if kind != "classes" else SETS[case["data"]][4]
        w, b, by = solved(case, x, y, outputs)
        value = objective(case, x, y, w, b)
        stored.append(case | dict(by=by, objective=float(value), weights=np.ravel(w).tolist(), bias=np.ravel(b).tolist()))
        print(f"{case['data']:28} {case['loss']:14} {value:.12g}  {by}")
    result = dict(made_with=dict(sklearn=sklearn.__version__, scipy=scipy.__version__, numpy=np.__version__), cases=stored)
    result["paths"] = list(paths())
    result["smooth_paths"] = list(smooth_paths())
    if A9A.exists():
        result["a9a"] = list(a9a_cases())
    path = pathlib.Path(__file__).parent.parent / "tests/references/linear_models.json"
    path.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
