"""What `gradus train penguins` does, with scikit-learn: read the table, split it, prepare it, fit, print the accuracy.

    python sklearn_penguins.py DATA [--reader pandas|csv] [--split SPLIT]     SPLIT: the split.csv of gradus' run
"""

import argparse
import csv
import json

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

L2 = 0.001
TEXTS = ["island", "sex"]


def read(path, reader):
    """(numbers, texts, species), as two arrays and a vector."""
    if reader == "pandas":
        import pandas

        table = pandas.read_csv(path)
        texts = table[TEXTS].astype(object).where(table[TEXTS].notna(), "missing")
        return table.drop(columns=["species", *TEXTS]).to_numpy(float), texts.to_numpy(), table["species"].to_numpy()
    with open(path) as file:
        rows = list(csv.DictReader(file))
    numbers = [name for name in rows[0] if name not in ("species", *TEXTS)]
    x = np.array([[np.nan if row[name] in ("", "NA") else float(row[name]) for name in numbers] for row in rows])
    return x, np.array([[row[name] for name in TEXTS] for row in rows], object), np.array([row["species"] for row in rows])


def parts(species, split):
    if split is None:
        return train_test_split(np.arange(len(species)), test_size=0.2, stratify=species, random_state=1)
    with open(split) as file:
        rows = list(csv.DictReader(file))
    return [np.array([int(row["row"]) for row in rows if row["part"] == part]) for part in ("training", "validation")]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("--reader", choices=("pandas", "csv"), default="pandas")
    parser.add_argument("--split")
    a = parser.parse_args()
    numbers, texts, species = read(a.data, a.reader)
    training, held_out = parts(species, a.split)
    x = np.concatenate([numbers.astype(object), texts], axis=1)
    count = numbers.shape[1]
    prepare = ColumnTransformer([
        ("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), list(range(count))),
        ("texts", OneHotEncoder(handle_unknown="ignore", sparse_output=False), [count, count + 1]),
    ])
    inputs = prepare.fit_transform(x[training])
    model = LogisticRegression(C=1 / (L2 * len(training)), max_iter=1000, tol=1e-4).fit(inputs, species[training])
    objective = log_loss(species[training], model.predict_proba(inputs)) + 0.5 * L2 * float((model.coef_**2).sum())
    accuracy = accuracy_score(species[held_out], model.predict(prepare.transform(x[held_out])))
    print(json.dumps({"objective": objective, "accuracy": accuracy}))


if __name__ == "__main__":
    main()
