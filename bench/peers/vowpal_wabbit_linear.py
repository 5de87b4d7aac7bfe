"""Logistic SGD by Vowpal Wabbit, 5 passes, `repeats` times, over the rows of a sparse file as `gradus bench linear --data` reads
it; prints a JSON object. Rows come from Vowpal Wabbit's own cache, which is made once and not timed: reading it back, by a
second thread, is quicker than examples that are held in memory and handed over by Python.

    python vowpal_wabbit_linear.py FILE L2 REPEATS
"""

import json
import os
import pathlib
import statistics
import sys
import tempfile
import time

import numpy as np
from vowpalwabbit import Workspace

from side_by_side import read_safetensors

CONSTANT = 11650396  # the place of the bias
# Rates as they are by default; without --sgd they are adaptive and normalized, which takes twice as long.
ARGUMENTS = "--quiet --loss_function logistic --sgd --bit_precision 18"


def cache_of(path, data):
    """Vowpal Wabbit's cache of the rows, beside the file."""
    cache = pathlib.Path(path).with_suffix(".vw_cache")
    if cache.exists():
        return cache
    offsets, indices, values = data["offsets"], data["indices"].tolist(), data["values"].tolist()
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as text:
        for i, y in enumerate(data["y"]):
            row = range(offsets[i], offsets[i + 1])
            text.write(("1 |" if y == 1 else "-1 |") + "".join(f" {indices[k]}:{values[k]:.9g}" for k in row) + "\n")
        text.flush()
        part = cache.with_suffix(".part")
        Workspace(f"{ARGUMENTS} --data {text.name} --cache_file {part} --kill_cache --passes 1").finish()
    os.replace(part, cache)
    return cache


def fit(cache, l2):
    """(seconds, CPU seconds, the model)."""
    start, cpu = time.perf_counter(), time.process_time()
    model = Workspace(f"{ARGUMENTS} --l2 {l2} --cache_file {cache} --passes 5 --holdout_off")  # learns at once
    return time.perf_counter() - start, time.process_time() - cpu, model


def objective_of(model, data, l2):
    """That of a saved model: the weights in memory are still to be multiplied by what l2 has made of them."""
    rows, features = data["shape"]
    with tempfile.TemporaryDirectory() as folder:
        model.save(f"{folder}/model")
        saved = Workspace(f"--quiet --testonly --initial_regressor {folder}/model")
        w, b = np.array([saved.get_weight(j) for j in range(features)]), saved.get_weight(CONSTANT)
        saved.finish()
    row = np.repeat(np.arange(rows), np.diff(data["offsets"]))
    z = b + np.bincount(row, data["values"] * w[data["indices"]], minlength=rows)
    return float(np.logaddexp(0, np.where(data["y"] == 1, -z, z)).mean() + 0.5 * l2 * (w @ w))


def main():
    path, l2, repeats = sys.argv[1], float(sys.argv[2]), int(sys.argv[3])
    data = read_safetensors(path)
    cache, times = cache_of(path, data), []
    for _ in range(repeats):
        *took, model = fit(cache, l2)
        times.append(took)
        objective = objective_of(model, data, l2) if len(times) == repeats else None
        model.finish()
    print(json.dumps(dict(ms_median=1e3 * statistics.median(t[0] for t in times),
                          cpu_ms_median=1e3 * statistics.median(t[1] for t in times), objective=objective)))


if __name__ == "__main__":
    main()
