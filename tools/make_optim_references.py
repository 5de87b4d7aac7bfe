#!/usr/bin/env python3
"""Writes tests/references/optim.json: what PyTorch's optimizers do in float64.

    python3 tools/make_optim_references.py        (needs PyTorch; see the file's "torch" for the version used)

The problem is a least squares whose data are formulas, so that tests/optim/optimizer_test.cpp can make them too:
12 rows x[i] (3 numbers) and y[i] (2 numbers), a weight (2, 3) and a bias (2); step t uses the 5 rows (5t + k) mod 12.
The loss is the sum of ½‖weight·x + bias − y‖² divided by 5, plus the penalties. The schedules follow
transformers/optimization.py (get_linear_schedule_with_warmup, get_cosine_schedule_with_warmup and
get_cosine_with_min_lr_schedule_with_warmup), written out here.
"""

import json
import math
import pathlib

import torch

STEPS = [1, 10, 100, 1000]
ROWS, USED = 12, 5

SGD, ADAMW = torch.optim.SGD, torch.optim.AdamW
CASES = {
    "sgd": dict(kind="sgd", lr=0.05),
    "sgd_decay": dict(kind="sgd", lr=0.05, weight_decay=0.1),
    "sgd_momentum": dict(kind="sgd", lr=0.02, weight_decay=0.01, momentum=0.9),
    "sgd_nesterov": dict(kind="sgd", lr=0.02, weight_decay=0.01, momentum=0.9, nesterov=True),
    "sgd_clip": dict(kind="sgd", lr=0.02, weight_decay=0.01, momentum=0.8, clip=0.5),
    "sgd_penalties": dict(kind="sgd", lr=0.05, l1=0.02, l2=0.05),
    "adamw": dict(kind="adamw", lr=0.01, weight_decay=0.0),
    "adamw_decay": dict(kind="adamw", lr=0.01, weight_decay=0.1),
    "adamw_betas": dict(kind="adamw", lr=0.02, weight_decay=0.02, betas=[0.8, 0.95], eps=1e-4),
    "adamw_penalties": dict(kind="adamw", lr=0.01, weight_decay=0.01, l1=0.02, l2=0.05, all=True, clip=0.3),
}


def data():
    x = [[math.sin(1.0 + 3 * i + 7 * j) for j in range(3)] for i in range(ROWS)]
    y = [[2 * math.cos(1.0 + 2 * i + 5 * j) + 1.5 for j in range(2)] for i in range(ROWS)]
    return torch.tensor(x, dtype=torch.float64), torch.tensor(y, dtype=torch.float64)


def start():
    weight = [[0.5 * math.cos(2.0 + i + 3 * j) for j in range(3)] for i in range(2)]
    bias = [0.5 * math.sin(3.0 + i) for i in range(2)]
    return [torch.tensor(p, dtype=torch.float64, requires_grad=True) for p in (weight, bias)]


def run(case):
    x, y = data()
    weight, bias = parameters = start()
    known = ("weight_decay", "momentum", "nesterov", "betas", "eps")
    options = {k: v for k, v in case.items() if k in known}
    optimizer = (SGD if case["kind"] == "sgd" else ADAMW)(parameters, lr=case["lr"], **options)
    penalized = parameters if case.get("all") else [weight]
    after = []
    for t in range(STEPS[-1]):
        rows = [(5 * t + k) % ROWS for k in range(USED)]
        loss = 0.5 * ((x[rows] @ weight.T + bias - y[rows]) ** 2).sum() / USED
        penalty = sum(
            case.get("l1", 0.0) * p.abs().sum() + 0.5 * case.get("l2", 0.0) * (p * p).sum() for p in penalized
        )
        optimizer.zero_grad()
        (loss + penalty).backward()
        norm = torch.nn.utils.clip_grad_norm_(parameters, case.get("clip", math.inf))
        optimizer.step()
        if t + 1 in STEPS:
            values = weight.flatten().tolist() + bias.tolist()
            after.append({"parameters": values, "norm": norm.item(), "penalty": penalty.item()})
    return {**case, "after": after}


def linear(step, warmup, total):
    if step < warmup:
        return step / max(1, warmup)
    return max(0.0, (total - step) / max(1, total - warmup))


def cosine(step, warmup, total, final):
    if step < warmup:
        return step / max(1, warmup)
    progress = (step - warmup) / max(1, total - warmup)
    factor = 0.5 * (1.0 + math.cos(math.pi * 0.5 * 2.0 * progress))
    return max(0.0, factor * (1 - final) + final)


def schedules():
    at = [0, 1, 7, 10, 11, 50, 99, 100]
    shapes = [(0, 100), (10, 100), (100, 100)]
    return {
        "at": at,
        "linear": [dict(warmup=w, total=n, factors=[linear(t, w, n) for t in at]) for w, n in shapes],
        "cosine": [
            dict(warmup=w, total=n, final=f, factors=[cosine(t, w, n, f) for t in at])
            for w, n in shapes[:2]
            for f in (0.0, 0.1)
        ],
    }


def main():
    torch.set_num_threads(1)
    result = {
        "torch": torch.__version__,
        "steps": STEPS,
        "cases": {k: run(c) for k, c in CASES.items()},
        "schedules": schedules(),
    }
    path = pathlib.Path(__file__).resolve().parent.parent / "tests" / "references" / "optim.json"
    path.parent.mkdir(exist_ok=True)
    lines = [f'"{k}": {json.dumps(c)}' for k, c in result["cases"].items()]
    path.write_text(
        '{"torch": "%s", "steps": %s,\n"cases": {\n%s},\n"schedules": %s}\n'
        % (result["torch"], json.dumps(STEPS), ",\n".join(lines), json.dumps(result["schedules"]))
    )
    print(path, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
