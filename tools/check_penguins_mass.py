"""R2 of scikit-learn's ridge on the folds of a run of penguins_mass, with the same preparation and penalty.

    gradus train penguins_mass --data penguins.csv --folds 5 --out RUNS
    python tools/check_penguins_mass.py penguins.csv RUNS
"""

import json
import pathlib
import sys

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

table, runs = pd.read_csv(sys.argv[1]), pathlib.Path(sys.argv[2])
table = table[table.body_mass_g.notna()].reset_index(drop=True)  # data.unlabelled = "leave_out"
target = table.body_mass_g.to_numpy()
features = table.drop(columns="body_mass_g")
numbers = features.select_dtypes("number").columns
texts = [c for c in features.columns if c not in numbers]
features[texts] = features[texts].fillna("missing")
pairs = []
for fold in sorted(runs.glob("fold_*")):
    split = pd.read_csv(fold / "split.csv")
    train, held = (split.row[split.part == part].to_numpy() for part in ("training", "validation"))
    prepare = ColumnTransformer([("numbers", make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
                                 ("texts", OneHotEncoder(handle_unknown="ignore"), texts)])
    mean, deviation = target[train].mean(), target[train].std()
    x = prepare.fit_transform(features.iloc[train])
    ridge = Ridge(alpha=0.005 * len(train) / 2).fit(x, (target[train] - mean) / deviation)
    predicted = ridge.predict(prepare.transform(features.iloc[held])) * deviation + mean
    theirs = r2_score(target[held], predicted)
    ours = json.loads((fold / "summary.json").read_text())["metrics"]["val_r2"]
    pairs.append((ours, theirs))
    print(fold.name, f"gradus {ours:.9f}  scikit-learn {theirs:.9f}")
print("mean", np.mean(pairs, axis=0))
