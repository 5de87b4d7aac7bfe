"""Times scikit-learn's k-means on a file, printed as one JSON object. Called by bench/peers/kmeans.py."""

import json
import statistics
import sys
import time
import warnings

import numpy as np
import sklearn
from sklearn.cluster import KMeans

from side_by_side import read_safetensors


def main():
    path, rounds = sys.argv[1], int(sys.argv[2])
    warnings.simplefilter("ignore")
    data = read_safetensors(path)
    x, centers = data["x"], data["centers"]
    times, cpu = [], []
    for _ in range(3):
        begin, cpu_begin = time.perf_counter(), time.process_time()
        fitted = KMeans(len(centers), init=centers, n_init=1, algorithm="lloyd", tol=0.0, max_iter=rounds).fit(x)
        times.append(1e3 * (time.perf_counter() - begin))
        cpu.append(1e3 * (time.process_time() - cpu_begin))
    ours = fitted.cluster_centers_.astype(np.float64)
    inertia = sum(float(((part.astype(np.float64) - ours[label]) ** 2).sum())
                  for part, label in zip(np.array_split(x, 100), np.array_split(fitted.labels_, 100)))
    print(json.dumps({"ms_median": statistics.median(times), "cpu_ms_median": statistics.median(cpu),
                      "rounds": int(fitted.n_iter_), "inertia": inertia, "version": sklearn.__version__}))


if __name__ == "__main__":
    main()
