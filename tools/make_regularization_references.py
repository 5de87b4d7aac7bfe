#!/usr/bin/env python3
"""Writes tests/references/regularization.json: what scikit-learn finds where penalties make weights exactly 0.

    python3 tools/make_regularization_references.py     (needs scikit-learn and numpy; see "scikit-learn" for the version)

The data are 20 rows of 6 features and 3 targets with three decimals, in the file. scikit-learn minimises
‖y − Xw‖²/(2n) + alpha·(l1_ratio·‖w‖₁ + (1 − l1_ratio)/2·‖w‖²), for several targets at once with Σ over features of the
norm of a feature's weights in place of ‖w‖₁. Each case has its l1, l2 or group_lasso for ½·mean of squared errors (sum
over the targets), as the C++ tests compute it, and the weights (out, in).
"""

import json
import pathlib

import numpy as np
import sklearn
from sklearn.linear_model import ElasticNet, Lasso, MultiTaskElasticNet, MultiTaskLasso

EXACT = dict(tol=1e-15, max_iter=1_000_000)


def data():
    random = np.random.default_rng(7)
    x = random.normal(size=(20, 6)).round(3)
    truth = np.array([[2.0, 0, -1.5, 0, 0.4, 0], [1.0, 0, 1.2, 0, 0, 0], [0.1, 0, 0, 0.1, 0, 0.05]])
    y = (x @ truth.T + 0.3 * random.normal(size=(20, 3)) + np.array([0.5, 0, 0])).round(3)
    return x, y


def single(x, y, l1, l2=0.0, intercept=False):
    alpha = l1 + l2
    model = (
        Lasso(alpha=l1, fit_intercept=intercept, **EXACT)
        if l2 == 0.0
        else ElasticNet(alpha=alpha, l1_ratio=l1 / alpha, fit_intercept=intercept, **EXACT)
    ).fit(x, y)
    case = dict(l1=l1, l2=l2, weight=[model.coef_.tolist()])
    return {**case, "bias": [float(model.intercept_)]} if intercept else case


def groups(x, y, group, l2=0.0):
    alpha = group + l2
    model = (
        MultiTaskLasso(alpha=group, fit_intercept=False, **EXACT)
        if l2 == 0.0
        else MultiTaskElasticNet(alpha=alpha, l1_ratio=group / alpha, fit_intercept=False, **EXACT)
    ).fit(x, y)
    return dict(group_lasso=group, l2=l2, weight=model.coef_.tolist())


def convolution(shape, group, rate):
    """Group lasso of the input channels of a convolution's weights (out, …, in), which scikit-learn has not: numpy."""
    weight = np.sin(0.5 + np.arange(np.prod(shape))).reshape(shape)
    weight *= np.linspace(0.1, 1.0, shape[-1])  # so that some channels go
    norms = np.sqrt((weight**2).sum(axis=tuple(range(len(shape) - 1))))
    after = weight * np.maximum(0.0, 1.0 - rate * group / norms)
    assert 0 < (after == 0).sum() < after.size
    return dict(
        shape=list(shape),
        group_lasso=group,
        rate=rate,
        before=weight.ravel().tolist(),
        penalty=float(group * norms.sum()),
        after=after.ravel().tolist(),
    )


def main():
    x, y = data()
    cases = {
        "lasso": single(x, y[:, 0], 0.1),
        "lasso_strong": single(x, y[:, 0], 0.6),
        "lasso_with_bias": single(x, y[:, 0], 0.2, intercept=True),
        "elastic_net": single(x, y[:, 0], 0.15, 0.3),
        "elastic_net_with_bias": single(x, y[:, 0], 0.15, 0.3, intercept=True),
        "group_lasso": groups(x, y, 0.2),
        "group_elastic_net": groups(x, y, 0.35, 0.4),
    }
    for name, case in cases.items():
        weight = np.array(case["weight"])
        zeros = (weight == 0).sum()
        assert 0 < zeros < weight.size, (name, zeros)
        print(name, int(zeros), "zeros of", weight.size)
    cases["convolution_2d"] = convolution((3, 2, 3, 4), 0.8, 2.0)
    cases["convolution_1d"] = convolution((3, 2, 5), 0.8, 1.0)
    path = pathlib.Path(__file__).resolve().parent.parent / "tests" / "references" / "regularization.json"
    lines = [f'"{k}": {json.dumps(c)}' for k, c in cases.items()]
    path.write_text(
        '{"scikit-learn": "%s",\n"x": %s,\n"y": %s,\n"cases": {\n%s}}\n'
        % (sklearn.__version__, json.dumps(x.tolist()), json.dumps(y.tolist()), ",\n".join(lines))
    )
    print(path.name, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
