#!/usr/bin/env python3
"""Writes tests/references/labels.json: softmax regression by PyTorch in float64, on labels of which one class is ignored
and on labels that are probabilities. Run with PyTorch."""

import json
import random
from pathlib import Path

import torch

PATH = Path(__file__).resolve().parent.parent / "tests/references/labels.json"
RATE, STEPS, CLASSES = 0.5, 20, ["ant", "bee", "cat"]

random.seed(7)
inputs = [[round(random.uniform(-2, 2), 3) for _ in range(2)] for _ in range(15)]
names = [random.choice([*CLASSES, "unknown"]) for _ in inputs]
labels = []
for _ in inputs:
    cut = sorted(random.randrange(1001) for _ in range(2))
    labels.append([cut[0] / 1000, (cut[1] - cut[0]) / 1000, (1000 - cut[1]) / 1000])


def train(targets, **options):
    """The losses of the steps of gradient descent from zeros, and where it ends."""
    model = torch.nn.Linear(2, len(CLASSES)).double()
    torch.nn.init.zeros_(model.weight)
    torch.nn.init.zeros_(model.bias)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(torch.tensor(inputs).double()), targets, **options)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return {"losses": losses, "weight": model.weight.flatten().tolist(), "bias": model.bias.tolist()}


ids = torch.tensor([CLASSES.index(name) if name in CLASSES else -100 for name in names])
soft, weights = torch.tensor(labels).double(), torch.tensor([0.5, 1.0, 3.0]).double()
cases = {
    "ignored": train(ids, ignore_index=-100),
    "ignored_weighted": train(ids, ignore_index=-100, weight=weights),
    "soft": train(soft),
    "soft_smoothed": train(soft, label_smoothing=0.2),
    "soft_weighted": train(soft, weight=weights, label_smoothing=0.1),
}
text = {"torch": torch.__version__, "rate": RATE, "inputs": inputs, "names": names, "labels": labels, "cases": cases}
PATH.write_text(json.dumps(text, indent=1) + "\n")
