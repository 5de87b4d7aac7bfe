"""Times another library's reader on a file: peer_readers.py LIBRARY FILE THREADS. Called by readers.py."""

import json
import sys
import time


def reader_of(library: str, threads: int):
    if library == "pandas":
        import pandas

        return pandas.read_csv
    if library == "scikit-learn":
        from sklearn.datasets import load_svmlight_file

        return lambda path: load_svmlight_file(path)[1]
    import pyarrow
    from pyarrow import csv

    pyarrow.set_cpu_count(threads)
    return csv.read_csv


def main() -> None:
    library, path, threads = sys.argv[1], sys.argv[2], int(sys.argv[3])
    read = reader_of(library, threads)
    start = time.perf_counter()
    table = read(path)
    print(json.dumps({"ms_median": 1e3 * (time.perf_counter() - start), "rows": len(table)}))


if __name__ == "__main__":
    main()
