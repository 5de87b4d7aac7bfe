"""Compares linear learners with scikit-learn's. Called by bench/peers/linear."""

import argparse
import os
import pathlib
import re
import sys

import numpy as np
import sklearn

from side_by_side import in_turn, median, processor, result_of

PROGRAM = "build/release/bench/bench_linear"
A9A = pathlib.Path("../shared/data/tabular/a9a")
ENOUGH = 1e-6  # of the objective above the least one: what is called the same result


def save(folder, shape, **arrays):
    folder.mkdir(parents=True, exist_ok=True)
    for name, array in arrays.items():
        kind = {np.float32: "f32", np.int64: "i64", np.int32: "i32"}[array.dtype.type]
        array.tofile(folder / f"{name}.{kind}")
    (folder / "shape.txt").write_text(f"{shape[0]} {shape[1]}")


def make_dense(folder, rows, features, correlated=False):
    """Normal numbers; or such that neighbours have a correlation of 0.9 and features are of different sizes."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((rows, features), dtype=np.float32)
    if correlated:
        for j in range(1, features):
            x[:, j] = 0.9 * x[:, j - 1] + np.float32(np.sqrt(0.19)) * x[:, j]
        x *= np.exp(rng.standard_normal(features)).astype(np.float32)
    w = rng.standard_normal(features) / np.sqrt(features) / x.std(axis=0)
    y = x @ w + rng.logistic(size=rows) > 0
    save(folder, x.shape, x=x, y=y.astype(np.int64))


def make_sparse(folder, rows=200_000, features=100_000, stored=40):
    rng = np.random.default_rng(2)
    indices = np.sort(rng.integers(0, features - stored, size=(rows, stored)), axis=1) + np.arange(stored)  # none twice
    values = rng.standard_normal((rows, stored), dtype=np.float32)
    w = rng.standard_normal(features)
    y = 0.3 * (values * w[indices]).sum(axis=1) + rng.logistic(size=rows) > 0
    save(folder, (rows, features), offsets=np.arange(rows + 1, dtype=np.int64) * stored,
         indices=indices.astype(np.int32), values=values, y=y.astype(np.int64))


def make_a9a(folder):
    from sklearn.datasets import load_svmlight_file
    x, y = load_svmlight_file(str(A9A), n_features=123, dtype=np.float32)
    x.sort_indices()
    save(folder, x.shape, offsets=x.indptr.astype(np.int64), indices=x.indices.astype(np.int32), values=x.data,
         y=(y > 0).astype(np.int64))


def make_lasso(folder, rows=10_000, features=1_000):
    rng = np.random.default_rng(3)
    x = rng.standard_normal((rows, features), dtype=np.float32)
    for j in range(1, features):
        x[:, j] = 0.5 * x[:, j - 1] + np.float32(np.sqrt(0.75)) * x[:, j]
    w = np.zeros(features)
    w[rng.choice(features, 100, replace=False)] = rng.standard_normal(100)
    y = x @ w + 3 * rng.standard_normal(rows)
    save(folder, x.shape, x=x, y=y.astype(np.float32))


# name: (maker, gradus' arguments, l2, peers, the loosest tolerance tried)
LOGISTIC = ["lbfgs", "lbfgs_f64", "newton-cholesky", "saga", "liblinear"]
ROWS = {
    "sgd, 200,000 × 50, 5 passes": (lambda f: make_dense(f, 200_000, 50), ["solver=sgd", "steps=5"], 1e-4, ["sgd"], 0),
    "sgd, 200,000 × 100,000, 40 a row, 5 passes": (make_sparse, ["solver=sgd", "steps=5"], 1e-4, ["sgd"], 0),
    "logistic, a9a": (make_a9a, ["solver=newton", "tolerance=1e-5"], 1e-4, LOGISTIC, 1e-3),
    "logistic, 1,000,000 × 100": (lambda f: make_dense(f, 1_000_000, 100), ["solver=newton", "tolerance=1e-5"], 1e-4,
                                  LOGISTIC, 1e-2),
    "logistic, 1,000,000 × 100, correlated": (lambda f: make_dense(f, 1_000_000, 100, True),
                                              ["solver=newton", "tolerance=1e-5"], 1e-4, LOGISTIC, 1e-2),
    "lasso path, 10,000 × 1,000, 100 points": (make_lasso, ["solver=lasso_path", "loss=squared"], 0,
                                               ["lasso_path", "lasso_path_f64"], 1e-4),
}


def command_of(peer, folder, l2, tolerance, repeats):
    return [sys.executable, "bench/peers/sklearn_linear.py", str(folder), peer, str(l2), str(tolerance), str(repeats)]


def loosest(peer, folder, l2, first, least):
    """(tolerance, result): the first of a falling series whose result is near enough to the least objective."""
    tolerance, slowest = first, 5_000
    while True:
        result = result_of(command_of(peer, folder, l2, tolerance, 1))
        is_last = first == 0 or tolerance < 1e-9 or result["ms"] > slowest
        if result["objective"] <= least + ENOUGH * abs(least) or is_last:
            return tolerance, result
        tolerance /= 10


def compare(name, data, rounds):
    make, arguments, l2, peers, first = ROWS[name]
    folder = data / re.sub(r"[^a-z0-9]+", "_", name)
    if not (folder / "shape.txt").exists():
        make(folder)
    mine = [PROGRAM, str(folder), *arguments, f"l2={l2}", "rounds=3"]
    exact = [PROGRAM, str(folder), *arguments, f"l2={l2}", "tolerance=1e-9"]
    least = result_of(exact)["objective"]
    chosen = {peer: loosest(peer, folder, l2, first, least) for peer in peers}
    quickest = min(result["ms"] for _, result in chosen.values())
    # What takes many times as long as the quickest is not run again.
    timed = {peer for peer in peers if chosen[peer][1]["ms"] < 8 * quickest}
    commands = {"gradus": mine} | {p: command_of(p, folder, l2, chosen[p][0], 3) for p in peers if p in timed}
    results = in_turn(rounds, commands)
    for peer in peers:
        results.setdefault(peer, [chosen[peer][1]])
    own = median(results["gradus"], "ms")
    for who, of in results.items():
        ms, value = median(of, "ms"), of[-1]["objective"]
        above = (value - least) / abs(least)
        tolerance = f", tol {chosen[who][0]:.0e}" if who in chosen and first > 0 else ""
        print(f"{name if who == 'gradus' else '':45} {who + tolerance:28} {ms:10.1f} {median(of, 'cpu_ms'):10.1f} "
              f"{ms / own:7.2f}×  {above:+.1e}{'' if first == 0 or above <= ENOUGH else '  another result'}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--filter", default=".", help="a regular expression for the rows")
    parser.add_argument("--data", type=pathlib.Path, default="build/peers/linear")
    a = parser.parse_args()
    print(f"{processor()}; scikit-learn {sklearn.__version__}; medians of {a.rounds} rounds of 3 fits; the load now is "
          f"{os.getloadavg()[0]:.1f}")
    print(f"{'':45} {'':28} {'ms':>10} {'CPU ms':>10} {'ratio':>8}  objective above the least")
    for name in ROWS:
        if re.search(a.filter, name) and (name != "logistic, a9a" or A9A.exists()):
            compare(name, a.data, a.rounds)


if __name__ == "__main__":
    main()
