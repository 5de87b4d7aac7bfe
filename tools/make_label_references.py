#!/usr/bin/env python3
"""Writes tests/references/labels.json: linear models by PyTorch in float64: softmax regression on labels of which one
class is ignored and on labels that are probabilities, and regression of two numbers, with scikit-learn's measures of it;
and losses of embeddings, with their gradients. Run with PyTorch and scikit-learn."""

import json
import random
from pathlib import Path

import sklearn
import torch
from sklearn import metrics
from torch.nn import functional

PATH = Path(__file__).resolve().parent.parent / "tests/references/labels.json"
RATE, STEPS, CLASSES = 0.5, 20, ["ant", "bee", "cat"]
START = 0.25

random.seed(7)
inputs = [[round(random.uniform(-2, 2), 3) for _ in range(2)] for _ in range(15)]
names = [random.choice([*CLASSES, "unknown"]) for _ in inputs]
labels = []
for _ in inputs:
    cut = sorted(random.randrange(1001) for _ in range(2))
    labels.append([cut[0] / 1000, (cut[1] - cut[0]) / 1000, (1000 - cut[1]) / 1000])


numbers = [[round(3 * x - y + random.gauss(0, 1), 3), round(0.5 * x * y + 2 * y, 3)] for x, y in inputs]


def train(targets, loss_of=functional.cross_entropy, outputs=len(CLASSES), start=0.0, **options):
    """The losses of the steps of gradient descent from weights that are all `start`, and where it ends."""
    model = torch.nn.Linear(2, outputs).double()
    torch.nn.init.constant_(model.weight, start)
    torch.nn.init.constant_(model.bias, start)
    optimizer = torch.optim.SGD(model.parameters(), lr=RATE)
    losses = []
    for _ in range(STEPS):
        optimizer.zero_grad()
        loss = loss_of(model(torch.tensor(inputs).double()), targets, **options)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return {"losses": losses, "weight": model.weight.flatten().tolist(), "bias": model.bias.tolist()}


def divergence(logits, targets):
    return functional.kl_div(functional.log_softmax(logits, 1), targets, reduction="batchmean")


def binary(logits, targets, smoothing=0.0, **options):
    """PyTorch has no smoothing of two classes: it is that of their labels, as in Keras."""
    targets = targets[:, None] * (1 - smoothing) + smoothing / 2
    return functional.binary_cross_entropy_with_logits(logits, targets, **options)


def angle(predictions, targets):
    return functional.cosine_embedding_loss(predictions, targets, torch.ones(len(targets)))


def measures(weight, bias, **_):
    """Of the two numbers, those of a linear model, uniformly averaged."""
    predicted = [[weight[2 * i] * x + weight[2 * i + 1] * y + bias[i] for i in range(2)] for x, y in inputs]
    return {
        "r2": metrics.r2_score(numbers, predicted),
        "mse": metrics.mean_squared_error(numbers, predicted),
        "rmse": metrics.root_mean_squared_error(numbers, predicted),
        "mae": metrics.mean_absolute_error(numbers, predicted),
        "median_absolute_error": metrics.median_absolute_error(numbers, predicted),
        "explained_variance": metrics.explained_variance_score(numbers, predicted),
    }


ids = torch.tensor([CLASSES.index(name) if name in CLASSES else -100 for name in names])
soft, weights = torch.tensor(labels).double(), torch.tensor([0.5, 1.0, 3.0]).double()
cases = {
    "ignored": train(ids, ignore_index=-100),
    "ignored_weighted": train(ids, ignore_index=-100, weight=weights),
    "soft": train(soft),
    "soft_smoothed": train(soft, label_smoothing=0.2),
    "soft_weighted": train(soft, weight=weights, label_smoothing=0.1),
    "divergence": train(soft, divergence),
    "binary": train(ids.clamp(min=0, max=1).double(), binary, 1),
    "binary_smoothed": train(ids.clamp(min=0, max=1).double(), binary, 1, smoothing=0.2),
    "binary_soft": train(soft[:, 2], binary, 1),
    "binary_soft_smoothed": train(
        soft[:, 2], binary, 1, smoothing=0.1, pos_weight=torch.tensor([2.5], dtype=torch.float64)
    ),
    "numbers": train(torch.tensor(numbers).double(), functional.mse_loss, 2),
    "angle": train(torch.tensor(numbers).double(), angle, 2, start=START),  # of zeros there is no angle
}


def all_triplets(x, classes):
    """Each anchor with each other of its class and each of another."""
    count = range(len(x))
    triplets = [
        (a, p, n)
        for a in count
        for p in count
        for n in count
        if a != p and classes[a] == classes[p] and classes[a] != classes[n]
    ]
    anchors, positives, negatives = (x[list(ids)] for ids in zip(*triplets))
    return functional.triplet_margin_loss(anchors, positives, negatives, margin=0.8)


def supervised_contrast(x, classes):
    """Of each anchor the mean over those of its class of cross_entropy among all others."""
    scores = functional.normalize(x, dim=1) @ functional.normalize(x, dim=1).T / 0.5
    losses = []
    for a in range(len(x)):
        others = [b for b in range(len(x)) if b != a]
        same = [i for i, b in enumerate(others) if classes[b] == classes[a]]
        if same:
            rows = scores[a, others].expand(len(same), -1)
            losses.append(functional.cross_entropy(rows, torch.tensor(same)))
    return torch.stack(losses).mean()


def with_gradient(loss_of):
    x = torch.tensor(embedded, dtype=torch.float64).requires_grad_()
    loss = loss_of(x, embedded_classes)
    loss.backward()
    return {"loss": loss.item(), "gradient": x.grad.flatten().tolist()}


embedded = [[round(random.uniform(-1, 1), 3) for _ in range(3)] for _ in range(9)]
embedded_classes = [0, 1, 0, 2, 1, 0, 3, 2, 0]  # one has no other of its class
text = {
    "torch": torch.__version__,
    "sklearn": sklearn.__version__,
    "rate": RATE,
    "start_of_angle": START,
    "inputs": inputs,
    "names": names,
    "labels": labels,
    "numbers": numbers,
    "cases": cases,
    "embeddings": {
        "rows": embedded,
        "classes": embedded_classes,
        "triplet": with_gradient(all_triplets),
        "info_nce": with_gradient(supervised_contrast),
    },
    "measures": measures(**cases["numbers"]),
}
PATH.write_text(json.dumps(text, indent=1) + "\n")
