#!/usr/bin/env python3
"""Writes tests/references/splits.json: the rows that scikit-learn's folds hold out, without shuffling.

    python3 tools/make_split_references.py        (needs scikit-learn; the file names the version used)

Groups have different sizes, since scikit-learn leaves the order of equal ones to its sorting. `balanced` has weights of
classes.
"""

import json
import pathlib

import numpy as np
import sklearn
from sklearn.model_selection import GroupKFold, KFold, StratifiedKFold
from sklearn.utils.class_weight import compute_class_weight

random = np.random.default_rng(11)


def held_out(splitter, classes=None, groups=None):
    rows = np.zeros(len(groups if classes is None else classes))
    return [test.tolist() for _, test in splitter.split(rows, classes, groups)]


def main():
    path = pathlib.Path(__file__).resolve().parent.parent / "tests" / "references" / "splits.json"
    all = dict(k_fold=[], stratified=[], group=[], balanced=[])
    for rows, folds in ((10, 5), (11, 3), (7, 7), (23, 4)):
        all["k_fold"].append(dict(rows=rows, folds=folds, held=held_out(KFold(folds), np.zeros(rows))))
    for rows, classes, folds in ((30, 3, 3), (41, 4, 5), (50, 2, 7)):
        enough, rest = np.repeat(np.arange(classes), folds), random.integers(0, classes, rows - classes * folds)
        column = random.permutation(np.concatenate([enough, rest])) * 3 - 2
        held = held_out(StratifiedKFold(folds), column)
        all["stratified"].append(dict(classes=column.tolist(), folds=folds, held=held))
    for sizes, folds in (((9, 5, 4, 3, 2, 1), 3), ((12, 7, 6, 1), 2), ((5, 8, 1, 3, 6, 2, 9, 4), 4)):
        column = random.permutation(np.repeat(np.arange(len(sizes)) * 7 + 1, sizes))
        held = held_out(GroupKFold(folds), groups=column)
        all["group"].append(dict(groups=column.tolist(), folds=folds, held=held))
    for counts in ((3, 1, 6), (5, 5), (1, 2, 3, 4)):
        truth = np.repeat(np.arange(len(counts)), counts)
        weights = np.round(random.uniform(0.5, 2.0, len(truth)), 3)
        all["balanced"].append(dict(
            truth=truth.tolist(), classes=len(counts), weights=weights.tolist(),
            plain=compute_class_weight("balanced", classes=np.arange(len(counts)), y=truth).tolist(),
            weighted=compute_class_weight("balanced", classes=np.arange(len(counts)), y=truth,
                                          sample_weight=weights).tolist()))
    parts = ",\n".join('"%s": [\n%s]' % (name, ",\n".join(json.dumps(case) for case in cases))
                       for name, cases in all.items())
    path.write_text('{"scikit-learn": "%s",\n%s}\n' % (sklearn.__version__, parts))
    print(path, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
