"""Compares linear learners with scikit-learn's and, where it is installed, Vowpal Wabbit's. Called by bench/peers/linear."""

import argparse
import importlib.util
import os
import pathlib
import re
import sys

import numpy as np
import sklearn

from side_by_side import in_turn, median, processor, result_of, write_safetensors

PROGRAM = ["build/release/gradus", "bench", "linear", "--json"]
A9A = pathlib.Path("../shared/data/tabular/a9a")
ENOUGH = 1e-6  # of the objective above the least one: what is called the same result


def make_dense(path, rows, features, correlated=False):
    """Normal numbers; or such that neighbours have a correlation of 0.9 and features are of different sizes."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((rows, features), dtype=np.float32)
    if correlated:
        for j in range(1, features):
            x[:, j] = 0.9 * x[:, j - 1] + np.float32(np.sqrt(0.19)) * x[:, j]
        x *= np.exp(rng.standard_normal(features)).astype(np.float32)
    w = rng.standard_normal(features) / np.sqrt(features) / x.std(axis=0)
    y = x @ w + rng.logistic(size=rows) > 0
    write_safetensors(path, {"x": x, "y": y.astype(np.int64)})


def make_sparse(path, rows=200_000, features=100_000, stored=40):
    rng = np.random.default_rng(2)
    indices = np.sort(rng.integers(0, features - stored, size=(rows, stored)), axis=1) + np.arange(stored)  # none twice
    values = rng.standard_normal((rows, stored), dtype=np.float32)
    w = rng.standard_normal(features)
    y = 0.3 * (values * w[indices]).sum(axis=1) + rng.logistic(size=rows) > 0
    write_safetensors(path, {"shape": np.array([rows, features]), "offsets": np.arange(rows + 1) * stored,
                             "indices": indices.ravel().astype(np.int32), "values": values.ravel(),
                             "y": y.astype(np.int64)})


def make_a9a(path):
    from sklearn.datasets import load_svmlight_file
    x, y = load_svmlight_file(str(A9A), n_features=123, dtype=np.float32)
    x.sort_indices()
    write_safetensors(path, {"shape": np.array(x.shape), "offsets": x.indptr.astype(np.int64),
                             "indices": x.indices.astype(np.int32), "values": x.data, "y": (y > 0).astype(np.int64)})


def make_lasso(path, rows=10_000, features=1_000):
    rng = np.random.default_rng(3)
    x = rng.standard_normal((rows, features), dtype=np.float32)
    for j in range(1, features):
        x[:, j] = 0.5 * x[:, j - 1] + np.float32(np.sqrt(0.75)) * x[:, j]
    w = np.zeros(features)
    w[rng.choice(features, 100, replace=False)] = rng.standard_normal(100)
    y = x @ w + 3 * rng.standard_normal(rows)
    write_safetensors(path, {"x": x, "y": y.astype(np.float32)})


VW = "vowpal_wabbit"
HAS_VW = importlib.util.find_spec("vowpalwabbit") is not None

# name: (maker, gradus' arguments, l2, peers, the loosest tolerance tried)
LOGISTIC = ["lbfgs", "lbfgs_f64", "newton-cholesky", "saga", "liblinear"]
NEWTON = ["--solver", "newton", "--tolerance", "1e-5", "--steps", "1000"]
PATH = ["--solver", "lasso_path", "--loss", "squared", "--tolerance", "5e-5"]
ROWS = {
    "sgd, 200,000 × 50, 5 passes": (lambda f: make_dense(f, 200_000, 50), ["--solver", "sgd"], 1e-4, ["sgd"], 0),
    "sgd, 200,000 × 100,000, 40 a row, 5 passes": (make_sparse, ["--solver", "sgd"], 1e-4, ["sgd", VW], 0),
    "logistic, a9a": (make_a9a, NEWTON, 1e-4, LOGISTIC, 1e-3),
    "logistic, 1,000,000 × 100": (lambda f: make_dense(f, 1_000_000, 100), NEWTON, 1e-4, LOGISTIC, 1e-2),
    "logistic, 1,000,000 × 100, correlated": (lambda f: make_dense(f, 1_000_000, 100, True), NEWTON, 1e-4, LOGISTIC,
                                              1e-2),
    "lasso path, 10,000 × 1,000, 100 points": (make_lasso, PATH, 0, ["lasso_path", "lasso_path_f64"], 1e-4),
}


def command_of(peer, path, l2, tolerance, repeats):
    if peer == VW:
        return [sys.executable, "bench/peers/vowpal_wabbit_linear.py", str(path), str(l2), str(repeats)]
    return [sys.executable, "bench/peers/sklearn_linear.py", str(path), peer, str(l2), str(tolerance), str(repeats)]


def loosest(peer, path, l2, first, least):
    """(tolerance, result): the first of a falling series whose result is near enough to the least objective."""
    tolerance, slowest = first, 5_000
    while True:
        result = result_of(command_of(peer, path, l2, tolerance, 1))
        is_last = first == 0 or tolerance < 1e-9 or result["ms_median"] > slowest
        if result["objective"] <= least + ENOUGH * abs(least) or is_last:
            return tolerance, result
        tolerance /= 10


def compare(name, data, rounds):
    make, arguments, l2, peers, first = ROWS[name]
    peers = [peer for peer in peers if peer != VW or HAS_VW]
    path = data / (re.sub(r"[^a-z0-9]+", "_", name) + ".safetensors")
    if not path.exists():
        data.mkdir(parents=True, exist_ok=True)
        make(path)
    mine = [*PROGRAM, "--data", str(path), "--l2", str(l2), *arguments]
    at = arguments.index("--tolerance") + 1 if "--tolerance" in arguments else None
    exact = [*PROGRAM, "--data", str(path), "--l2", str(l2), "--repeats", "1",
             *(a if i != at else "1e-9" for i, a in enumerate(arguments))]
    least = result_of(exact)["objective"]
    chosen = {peer: loosest(peer, path, l2, first, least) for peer in peers}
    quickest = min(result["ms_median"] for _, result in chosen.values())
    # What takes many times as long as the quickest is not run again.
    timed = {peer for peer in peers if chosen[peer][1]["ms_median"] < 8 * quickest}
    commands = {"gradus": mine} | {p: command_of(p, path, l2, chosen[p][0], 3) for p in peers if p in timed}
    results = in_turn(rounds, commands)
    for peer in peers:
        results.setdefault(peer, [chosen[peer][1]])
    own = median(results["gradus"], "ms_median")
    for who, of in results.items():
        ms, value = median(of, "ms_median"), of[-1]["objective"]
        above = (value - least) / abs(least)
        tolerance = f", tol {chosen[who][0]:.0e}" if who in chosen and first > 0 else ""
        print(f"{name if who == 'gradus' else '':45} {who + tolerance:28} {ms:10.1f} {median(of, 'cpu_ms_median'):10.1f} "
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
    if not HAS_VW:
        print("Vowpal Wabbit is left out: it is not installed; install the package vowpalwabbit beside scikit-learn")
    for name in ROWS:
        if re.search(a.filter, name) and (name != "logistic, a9a" or A9A.exists()):
            compare(name, a.data, a.rounds)


if __name__ == "__main__":
    main()
