#!/usr/bin/env python3
"""Writes tests/references/optim.json: what the optimizers' trajectories are in float64.

    python3 tools/make_optim_references.py        (needs PyTorch and numpy; see the file's "torch" for the version used)

The problem is a least squares whose data are formulas, so that tests/optim/optimizer_test.cpp can make them too:
12 rows x[i] (3 numbers) and y[i] (2 numbers), a weight (2, 3) and a bias (2); step t uses the 5 rows (5t + k) mod 12,
or all rows in cases that say "all_rows". The loss is the sum of ½‖weight·x + bias − y‖² divided by the number of rows,
plus the penalties. A case with a "schedule" multiplies the learning rates of step t by FACTORS of it.

Each rule is written twice. RULES has it in numpy, from the paper named there, and runs in float64 and in long double:
what the two differ by is the problem's own rounding, and a case is stored up to the last of STEPS at which that is below
1e-10 ("rounding" is what it was there). Where PyTorch has the rule in float64, the stored values are PyTorch's, and must
lie as near to long double; PyTorch lacks Lion and Schedule-Free, and its Muon computes in bf16: those are numpy's.
Schedule-Free follows AdamWScheduleFree of github.com/facebookresearch/schedule_free (schedulefree/
adamw_schedulefree.py), with its r = 0 and weight_lr_power = 2.

The schedules follow transformers/optimization.py (get_linear_schedule_with_warmup, get_cosine_schedule_with_warmup and
get_cosine_with_min_lr_schedule_with_warmup), written out here.
"""

import json
import math
import pathlib

import numpy as np
import torch

STEPS = [1, 10, 100, 1000]
ROWS, USED = 12, 5
NAMES = ["weight", "bias"]

TORCH = {
    "sgd": torch.optim.SGD,
    "asgd": torch.optim.ASGD,
    "rprop": torch.optim.Rprop,
    "adagrad": torch.optim.Adagrad,
    "adadelta": torch.optim.Adadelta,
    "rmsprop": torch.optim.RMSprop,
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "adamax": torch.optim.Adamax,
    "nadam": torch.optim.NAdam,
    "radam": torch.optim.RAdam,
    "adafactor": torch.optim.Adafactor,
}
FACTORS = {
    "cosine": lambda t: 0.5 * (1.0 + math.cos(math.pi * t / STEPS[-1])),
    "warmup": lambda t: min(1.0, t / 20.0),
}
OPTIONS = ("weight_decay", "momentum", "dampening", "nesterov", "etas", "step_sizes", "rho", "decoupled_weight_decay", "betas", "eps", "amsgrad", "alpha", "centered", "lr_decay",
           "initial_accumulator_value", "momentum_decay", "lambd", "t0", "beta2_decay", "d")
CASES = {
    "sgd": dict(kind="sgd", lr=0.05),
    "sgd_decay": dict(kind="sgd", lr=0.05, weight_decay=0.1),
    "sgd_momentum": dict(kind="sgd", lr=0.02, weight_decay=0.01, momentum=0.9),
    "sgd_nesterov": dict(kind="sgd", lr=0.02, weight_decay=0.01, momentum=0.9, nesterov=True),
    "sgd_dampening": dict(kind="sgd", lr=0.05, weight_decay=0.01, momentum=0.9, dampening=0.6),
    "sgd_cosine": dict(kind="sgd", lr=0.02, momentum=0.9, schedule="cosine"),
    "sgd_clip": dict(kind="sgd", lr=0.02, weight_decay=0.01, momentum=0.8, clip=0.5),
    "sgd_clip_value": dict(kind="sgd", lr=0.02, weight_decay=0.01, momentum=0.8, clip_value=0.3),
    "sgd_both_clips": dict(kind="sgd", lr=0.02, l1=0.02, l2=0.05, all=True, clip_value=0.3, clip=0.4),
    "sgd_penalties": dict(kind="sgd", lr=0.05, l1=0.02, l2=0.05),
    "sgd_ema": dict(kind="sgd", lr=0.02, momentum=0.9, ema=0.98),
    "asgd": dict(kind="asgd", lr=0.05),
    "asgd_averages": dict(kind="asgd", lr=0.05, weight_decay=0.02, lambd=0.01, alpha=0.6, t0=20.0),
    "asgd_cosine": dict(kind="asgd", lr=0.05, lambd=0.01, t0=20.0, schedule="cosine"),
    "asgd_warmup": dict(kind="asgd", lr=0.05, weight_decay=0.02, lambd=0.1, alpha=0.6, t0=20.0, schedule="warmup",
                        groups=[dict(pattern="b?as", lr=2.0)]),
    "rprop": dict(kind="rprop", lr=0.01, all_rows=True),
    "rprop_options": dict(kind="rprop", lr=0.05, all_rows=True, etas=[0.4, 1.3], step_sizes=[1e-4, 0.02], l2=0.05,
                          groups=[dict(pattern="b?as", lr=0.1)]),
    "rprop_minibatches": dict(kind="rprop", lr=0.01),
    "adagrad": dict(kind="adagrad", lr=0.1),
    "adagrad_options": dict(kind="adagrad", lr=0.2, weight_decay=0.05, lr_decay=0.01, initial_accumulator_value=0.1,
                            eps=1e-6),
    "adadelta": dict(kind="adadelta", lr=1.0),
    "adadelta_options": dict(kind="adadelta", lr=0.5, weight_decay=0.02, rho=0.95, eps=1e-4, clip=0.5),
    "rmsprop": dict(kind="rmsprop", lr=0.005),
    "rmsprop_momentum": dict(kind="rmsprop", lr=0.002, weight_decay=0.02, alpha=0.95, momentum=0.8, eps=1e-4),
    "rmsprop_centered": dict(kind="rmsprop", lr=0.002, weight_decay=0.02, alpha=0.9, centered=True, eps=1e-3),
    "rmsprop_all": dict(kind="rmsprop", lr=0.002, alpha=0.9, momentum=0.5, centered=True, eps=1e-3),
    "adam": dict(kind="adam", lr=0.01),
    "adam_decay": dict(kind="adam", lr=0.01, weight_decay=0.1),
    "adam_amsgrad": dict(kind="adam", lr=0.02, weight_decay=0.02, betas=[0.8, 0.95], amsgrad=True),
    "adamw": dict(kind="adamw", lr=0.01, weight_decay=0.0),
    "adamw_decay": dict(kind="adamw", lr=0.01, weight_decay=0.1),
    "adamw_betas": dict(kind="adamw", lr=0.02, weight_decay=0.02, betas=[0.8, 0.95], eps=1e-4),
    "adamw_penalties": dict(kind="adamw", lr=0.01, weight_decay=0.01, l1=0.02, l2=0.05, all=True, clip=0.3),
    "adamw_amsgrad": dict(kind="adamw", lr=0.01, weight_decay=0.1, amsgrad=True),
    "adamw_groups": dict(kind="adamw", lr=0.01, weight_decay=0.1, clip=0.3, ema=0.9,
                         groups=[dict(pattern="*", lr=0.5), dict(pattern="b?as", weight_decay=0.0, lr=2.0)]),
    "adamw_frozen": dict(kind="adamw", lr=0.01, weight_decay=0.1, clip=0.3, groups=[dict(pattern="bias", freeze=True)]),
    "adamax": dict(kind="adamax", lr=0.01),
    "adamax_options": dict(kind="adamax", lr=0.02, weight_decay=0.05, betas=[0.8, 0.95], eps=1e-2),
    "nadam": dict(kind="nadam", lr=0.005),
    "nadam_options": dict(kind="nadam", lr=0.005, weight_decay=0.05, betas=[0.8, 0.95], eps=1e-4, momentum_decay=0.02),
    "radam": dict(kind="radam", lr=0.01),
    "radam_decay": dict(kind="radam", lr=0.01, weight_decay=0.1, clip_value=0.3),
    "radam_decoupled": dict(kind="radam", lr=0.02, weight_decay=0.1, betas=[0.8, 0.95], eps=1e-4,
                            decoupled_weight_decay=True),
    "radam_short": dict(kind="radam", lr=0.02, betas=[0.8, 0.6]),
    "lion": dict(kind="lion", lr=0.002, betas=[0.9, 0.99], weight_decay=0.0),
    "lion_decay": dict(kind="lion", lr=0.002, betas=[0.95, 0.98], weight_decay=0.1),
    "adafactor": dict(kind="adafactor", lr=0.05),
    "adafactor_options": dict(kind="adafactor", lr=0.03, weight_decay=0.1, beta2_decay=-0.6, d=1.2, eps=[1e-4, 1e-2]),
    "schedule_free": dict(kind="schedule_free", lr=0.01),
    "schedule_free_decay": dict(kind="schedule_free", lr=0.02, weight_decay=0.05, betas=[0.95, 0.98], eps=1e-4),
    "schedule_free_cosine": dict(kind="schedule_free", lr=0.02, weight_decay=0.05, schedule="cosine"),
    "schedule_free_warmup": dict(kind="schedule_free", lr=0.02, weight_decay=0.05, betas=[0.95, 0.98],
                                 schedule="warmup", groups=[dict(pattern="b?as", lr=2.0)]),
    "muon": dict(kind="muon", lr=0.01, momentum=0.95, nesterov=True, weight_decay=0.0),
    "muon_options": dict(kind="muon", lr=0.01, momentum=0.9, nesterov=False, weight_decay=0.1, match=True,
                         adamw_factor=0.5),
}


def data():
    x = [[math.sin(1.0 + 3 * i + 7 * j) for j in range(3)] for i in range(ROWS)]
    y = [[2 * math.cos(1.0 + 2 * i + 5 * j) + 1.5 for j in range(2)] for i in range(ROWS)]
    return torch.tensor(x, dtype=torch.float64), torch.tensor(y, dtype=torch.float64)


def start():
    weight = [[0.5 * math.cos(2.0 + i + 3 * j) for j in range(3)] for i in range(2)]
    bias = [0.5 * math.sin(3.0 + i) for i in range(2)]
    return [torch.tensor(p, dtype=torch.float64, requires_grad=True) for p in (weight, bias)]


def group_of(case, name):
    """The settings of one parameter, as the last group that fits gives them."""
    own = dict(lr=case["lr"], weight_decay=case.get("weight_decay", 0.0), freeze=False)
    for group in case.get("groups", []):
        fits = group["pattern"] in ("*", name) or (group["pattern"] == "b?as" and name == "bias")
        if not fits:
            continue
        if "lr" in group:
            own["lr"] = case["lr"] * group["lr"]
        own["weight_decay"] = group.get("weight_decay", own["weight_decay"])
        own["freeze"] = group.get("freeze", own["freeze"])
    return own


# The rules in numpy. Each changes x in place from the gradient g; `s` is the parameter's own dict, t its update from 1.
# Options are turned into the type of x, so that long double is not spoiled by what they were rounded to: a rule is a
# function of the options as float64.


def sgd(x, g, s, t, o):
    g = g + o["weight_decay"] * x
    if o.get("momentum"):
        part = 1 - o.get("dampening", 0.0) if "v" in s else 1
        s["v"] = o["momentum"] * s.get("v", 0) + part * g
        g = g + o["momentum"] * s["v"] if o.get("nesterov") else s["v"]
    x -= o["lr"] * g


def asgd(x, g, s, t, o):  # Polyak, Juditsky, 1992; as in PyTorch, eta is made a step ahead
    lam = o.get("lambd", 1e-4)
    eta = s.get("eta", o["lr"])
    s["eta"] = o["lr"] / (1 + lam * o["lr"] * t) ** o.get("alpha", 0.75)
    g = g + o["weight_decay"] * x
    x -= eta * lam * x + eta * g
    s["average"] = s.get("average", x * 0) + (x - s.get("average", x * 0)) / max(1, t - 1 - o.get("t0", 1e6))


def rprop(x, g, s, t, o):  # Riedmiller, Braun, 1993, without going back
    (shrink, grow), (least, most) = o.get("etas", [0.5, 1.2]), o.get("step_sizes", [1e-6, 50.0])
    before = np.sign(s.get("g", 0 * g)) * np.sign(g)
    factor = np.where(before > 0, x.dtype.type(grow), np.where(before < 0, x.dtype.type(shrink), x.dtype.type(1)))
    s["size"] = np.clip(s.get("size", 0 * x + o["lr"]) * factor, least, most)
    s["g"] = np.where(before < 0, 0 * g, g)
    x -= s["size"] * np.sign(s["g"])


def adagrad(x, g, s, t, o):  # Duchi, Hazan, Singer, 2011
    g = g + o["weight_decay"] * x
    s["sum"] = s.get("sum", o.get("initial_accumulator_value", 0.0)) + g * g
    x -= o["lr"] / (1 + (t - 1) * o.get("lr_decay", 0.0)) * g / (np.sqrt(s["sum"]) + o.get("eps", 1e-10))


def adadelta(x, g, s, t, o):  # Zeiler, 2012
    rho, eps = o.get("rho", 0.9), o.get("eps", 1e-6)
    g = g + o["weight_decay"] * x
    s["v"] = rho * s.get("v", 0) + (1 - rho) * g * g
    u = np.sqrt(s.get("w", 0 * g) + eps) / np.sqrt(s["v"] + eps) * g
    s["w"] = rho * s.get("w", 0) + (1 - rho) * u * u
    x -= o["lr"] * u


def rmsprop(x, g, s, t, o):  # Hinton, 2012; centred: Graves, 2013
    alpha = o.get("alpha", 0.99)
    g = g + o["weight_decay"] * x
    s["v"] = alpha * s.get("v", 0) + (1 - alpha) * g * g
    v = s["v"]
    if o.get("centered"):
        s["m"] = alpha * s.get("m", 0) + (1 - alpha) * g
        v = v - s["m"] ** 2
    u = g / (np.sqrt(v) + o.get("eps", 1e-8))
    if o.get("momentum"):
        u = s["b"] = o["momentum"] * s.get("b", 0) + u
    x -= o["lr"] * u


def moments(g, s, t, o):
    """m and √(v̂) + eps."""
    b1, b2 = o.get("betas", [0.9, 0.999])
    s["m"] = b1 * s.get("m", 0) + (1 - b1) * g
    s["v"] = b2 * s.get("v", 0) + (1 - b2) * g * g
    s["largest"] = np.maximum(s.get("largest", 0), s["v"])
    v = s["largest"] if o.get("amsgrad") else s["v"]
    return s["m"], np.sqrt(v / (1 - b2**t)) + o.get("eps", 1e-8)


def adam(x, g, s, t, o, decoupled=False):  # Kingma, Ba, 2015; AMSGrad: Reddi, Kale, Kumar, 2018
    g = g if decoupled else g + o["weight_decay"] * x
    m, divisor = moments(g, s, t, o)
    if decoupled:
        x -= o["lr"] * o["weight_decay"] * x
    x -= o["lr"] * m / (1 - o.get("betas", [0.9])[0] ** t) / divisor


def adamw(x, g, s, t, o):  # Loshchilov, Hutter, 2019
    adam(x, g, s, t, o, decoupled=True)


def adamax(x, g, s, t, o):  # Kingma, Ba, 2015, algorithm 2
    b1, b2 = o.get("betas", [0.9, 0.999])
    g = g + o["weight_decay"] * x
    s["m"] = b1 * s.get("m", 0) + (1 - b1) * g
    s["u"] = np.maximum(b2 * s.get("u", 0), abs(g) + o.get("eps", 1e-8))
    x -= o["lr"] / (1 - b1**t) * s["m"] / s["u"]


def radam(x, g, s, t, o):  # Liu et al., "On the variance of the adaptive learning rate and beyond", 2020, algorithm 2
    b1, b2 = o.get("betas", [0.9, 0.999])
    if o.get("decoupled_weight_decay"):
        x -= o["lr"] * o["weight_decay"] * x
    else:
        g = g + o["weight_decay"] * x
    s["m"] = b1 * s.get("m", 0) + (1 - b1) * g
    s["v"] = b2 * s.get("v", 0) + (1 - b2) * g * g
    most = 2 / (1 - b2) - 1
    length = most - 2 * t * b2**t / (1 - b2**t)
    u = o["lr"] * s["m"] / (1 - b1**t)
    if length > 5:
        u = u * np.sqrt(1 - b2**t) / (np.sqrt(s["v"]) + o.get("eps", 1e-8))
        u = u * np.sqrt((length - 4) * (length - 2) * most / ((most - 4) * (most - 2) * length))
    x -= u


def nadam(x, g, s, t, o):  # Dozat, 2016
    g = g + o["weight_decay"] * x
    m, divisor = moments(g, s, t, o)
    mu = lambda k: o.get("betas", [0.9])[0] * (1 - 0.5 * 0.96 ** (k * o.get("momentum_decay", 4e-3)))
    s["product"] = s.get("product", 1.0) * mu(t)
    x -= o["lr"] * (1 - mu(t)) / (1 - s["product"]) * g / divisor
    x -= o["lr"] * mu(t + 1) / (1 - s["product"] * mu(t + 1)) * m / divisor


def lion(x, g, s, t, o):  # Chen et al., "Symbolic discovery of optimization algorithms", 2023, algorithm 2
    b1, b2 = o["betas"]
    m = s.get("m", 0 * g)
    x -= o["lr"] * (np.sign(b1 * m + (1 - b1) * g) + o["weight_decay"] * x)
    s["m"] = b2 * m + (1 - b2) * g


def adafactor(x, g, s, t, o):  # Shazeer, Stern, 2018, with relative step sizes capped by lr
    eps1, eps2 = o.get("eps", [2.0**-52, 1e-3])
    part = t ** o.get("beta2_decay", -0.8)
    rms = lambda a: np.sqrt((a * a).mean())
    alpha = max(eps2, rms(x)) * min(o["lr"], 1 / np.sqrt(x.dtype.type(t)))
    x -= o["lr"] * o["weight_decay"] * x
    if x.ndim > 1:
        s["r"] = s.get("r", 0) + part * ((g * g).mean(1, keepdims=True) - s.get("r", 0))
        s["c"] = s.get("c", 0) + part * ((g * g).mean(0, keepdims=True) - s.get("c", 0))
        v = s["r"] * s["c"] / max(s["r"].mean(), eps1)
    else:
        s["v"] = s.get("v", 0) + part * (g * g - s.get("v", 0))
        v = s["v"]
    u = g / np.sqrt(np.maximum(v, eps1 * eps1))
    x -= alpha / max(1, rms(u) / o.get("d", 1.0)) * u


def schedule_free(x, g, s, t, o):  # Defazio et al., "The road less scheduled", 2024, AdamW with v corrected; x is y
    b1, b2 = o.get("betas", [0.9, 0.999])
    z, average = s.get("z", x.copy()), s.get("average", x.copy())
    s["v"] = b2 * s.get("v", 0) + (1 - b2) * g * g
    z = z - o["lr"] * (g / (np.sqrt(s["v"] / (1 - b2**t)) + o.get("eps", 1e-8)) + o["weight_decay"] * x)
    s["largest"] = max(s.get("largest", 0.0), o["lr"])
    s["sum"] = s.get("sum", 0.0) + s["largest"] ** 2
    c = s["largest"] ** 2 / s["sum"] if s["sum"] > 0 else 0.0
    s["z"], s["average"] = z, (1 - c) * average + c * z
    x[...] = (1 - b1) * z + b1 * s["average"]


def muon(x, g, s, t, o):  # Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024
    if x.ndim < 2:
        return adamw(x, g, s, t, {**o, "lr": o["lr"] * o.get("adamw_factor", 1.0)})
    s["b"] = s.get("b", 0) + (1 - o["momentum"]) * (g - s.get("b", 0))
    u = g + o["momentum"] * (s["b"] - g) if o["nesterov"] else s["b"]
    u = u.T if u.shape[0] > u.shape[1] else u
    u = u / max(np.sqrt((u * u).sum()), 1e-7)
    for _ in range(5):
        gram = u @ u.T
        u = 3.4445 * u + (-4.7750 * gram + 2.0315 * gram @ gram) @ u
    u = u.T if x.shape[0] > x.shape[1] else u
    rows, columns = x.shape
    # "match": Liu et al., "Muon is scalable for LLM training", 2025, whose updates are as long as AdamW's.
    factor = 0.2 * math.sqrt(max(rows, columns)) if o.get("match") else math.sqrt(max(1, rows / columns))
    x -= o["lr"] * o["weight_decay"] * x
    x -= o["lr"] * factor * u


RULES = dict(sgd=sgd, asgd=asgd, rprop=rprop, adagrad=adagrad, adadelta=adadelta, rmsprop=rmsprop, adam=adam,
             adamw=adamw, adamax=adamax, nadam=nadam, radam=radam, lion=lion, adafactor=adafactor,
             schedule_free=schedule_free, muon=muon)


def rows_of(case, t):
    return list(range(ROWS)) if case.get("all_rows") else [(5 * t + k) % ROWS for k in range(USED)]


def factor_of(case, t):
    return FACTORS[case["schedule"]](t) if "schedule" in case else 1.0


def exact(options, kind):
    """The numbers of `options` as `kind`."""
    if isinstance(options, dict):
        return {k: v if k == "groups" else exact(v, kind) for k, v in options.items()}
    if isinstance(options, list):
        return [exact(v, kind) for v in options]
    return kind(options) if isinstance(options, float) else options


def run_numpy(case, kind):
    x, y = [d.numpy().astype(kind) for d in data()]
    parameters = [p.detach().numpy().astype(kind) for p in start()]
    weight, bias = parameters
    states = [{}, {}]
    ema = [p.copy() for p in parameters]
    after = []
    for t in range(STEPS[-1]):
        rows = rows_of(case, t)
        error = (x[rows] @ weight.T + bias - y[rows]) / len(rows)
        gradients = [error.T @ x[rows], error.sum(0)]
        penalty = kind(0)
        l1, l2 = kind(case.get("l1", 0.0)), kind(case.get("l2", 0.0))
        for i in range(2):
            if i > 0 and not case.get("all"):
                continue
            gradients[i] = gradients[i] + l1 * np.sign(parameters[i]) + l2 * parameters[i]
            penalty += l1 * abs(parameters[i]).sum() + l2 * (parameters[i] ** 2).sum() / 2
        live = [i for i in range(2) if not group_of(case, NAMES[i])["freeze"]]
        length = lambda: np.sqrt(sum((gradients[i] ** 2).sum() for i in live))
        norm = length()
        if "clip_value" in case:
            gradients = [np.clip(g, -kind(case["clip_value"]), kind(case["clip_value"])) for g in gradients]
        if "clip" in case:
            factor = min(kind(1), kind(case["clip"]) / (length() + kind(1e-6)))
            gradients = [g * factor for g in gradients]
        for i in live:
            own = exact({**case, **group_of(case, NAMES[i])}, kind)
            own["lr"] *= kind(factor_of(case, t))
            RULES[case["kind"]](parameters[i], gradients[i], states[i], kind(t + 1), own)
            if "ema" in case:
                ema[i] += (kind(1) - kind(case["ema"])) * (parameters[i] - ema[i])
        if t + 1 in STEPS:
            row = {"parameters": np.concatenate([p.ravel() for p in parameters]), "norm": norm, "penalty": penalty}
            if case["kind"] in ("asgd", "schedule_free"):
                row["average"] = np.concatenate([s["average"].ravel() for s in states])
            if "ema" in case:
                row["average"] = np.concatenate([e.ravel() for e in ema])
            after.append(row)
    return after


def run_torch(case):
    x, y = data()
    weight, bias = parameters = start()
    options = {k: v for k, v in case.items() if k in OPTIONS}
    groups = []
    for name, parameter in zip(NAMES, parameters):
        own = group_of(case, name)
        if own["freeze"]:
            parameter.requires_grad_(False)
            continue
        groups.append(dict(params=[parameter], lr=own["lr"], own_lr=own["lr"]))
        if case["kind"] != "rprop":
            groups[-1]["weight_decay"] = own["weight_decay"]
    optimizer = TORCH[case["kind"]](groups, **options)
    live = [p for p in parameters if p.requires_grad]
    penalized = parameters if case.get("all") else [weight]
    ema = [p.detach().clone() for p in parameters]
    after = []
    for t in range(STEPS[-1]):
        rows = rows_of(case, t)
        for group in optimizer.param_groups:
            group["lr"] = group["own_lr"] * factor_of(case, t)
        loss = 0.5 * ((x[rows] @ weight.T + bias - y[rows]) ** 2).sum() / len(rows)
        penalty = sum(
            case.get("l1", 0.0) * p.abs().sum() + 0.5 * case.get("l2", 0.0) * (p * p).sum() for p in penalized
        )
        optimizer.zero_grad()
        (loss + penalty).backward()
        norm = torch.sqrt(sum((p.grad**2).sum() for p in live))
        if "clip_value" in case:
            torch.nn.utils.clip_grad_value_(live, case["clip_value"])
        if "clip" in case:
            torch.nn.utils.clip_grad_norm_(live, case["clip"])
        optimizer.step()
        with torch.no_grad():
            for mean, p in zip(ema, parameters):
                mean.lerp_(p, 1.0 - case.get("ema", 0.0))
        if t + 1 in STEPS:
            flat = lambda tensors: torch.cat([v.detach().flatten() for v in tensors]).numpy()
            row = {"parameters": flat(parameters), "norm": norm.item(), "penalty": penalty.item()}
            if case["kind"] == "asgd":
                row["average"] = flat([optimizer.state[p]["ax"] for p in parameters])
            if "ema" in case:
                row["average"] = flat(ema)
            after.append(row)
    return after


def distance(a, b):
    """Norm-relative, of parameters and averages."""
    keys = [k for k in ("parameters", "average") if k in b]
    return max(float(np.linalg.norm(a[k] - b[k].astype(float)) / np.linalg.norm(b[k].astype(float))) for k in keys)


def run(name, case):
    truth, own = run_numpy(case, np.longdouble), run_numpy(case, np.float64)
    stored = run_torch(case) if case["kind"] in TORCH else own
    after, rounding = [], 0.0
    for step, row, exact_row, own_row in zip(STEPS, stored, truth, own):
        off = max(distance(row, exact_row), distance(own_row, exact_row))
        if off > 1e-10:
            print(f"{name}: at step {step} rounding is {off:.1e}")
            break
        rounding = max(rounding, off)
        plain = {k: v.tolist() if isinstance(v, np.ndarray) else float(v) for k, v in row.items()}
        after.append(plain)
    assert after, name
    return {**case, "rounding": rounding, "after": after}


SEARCH_STEPS = [1, 2, 5, 10, 20, 30]


def search(history, nudge=0.0):
    """L-BFGS on the function of Rosenbrock, Σ 10·(x[i+1] − x[i]²)² + (1 − x[i])² over weight and bias, one after the
    other: an iteration a step, with PyTorch's usual 25 evaluations for each."""
    parameters = start()
    with torch.no_grad():
        parameters[0][0, 0] *= 1 + nudge
    optimizer = torch.optim.LBFGS(parameters, lr=1.0, max_iter=1, max_eval=26, history_size=history,
                                  line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        x = torch.cat([p.flatten() for p in parameters])
        loss = (10 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()
        loss.backward()
        return loss

    after = []
    for t in range(SEARCH_STEPS[-1]):
        loss = optimizer.step(closure).item()
        if t + 1 in SEARCH_STEPS:
            values = torch.cat([p.detach().flatten() for p in parameters])
            after.append({"parameters": values.tolist(), "loss": loss})
    return after


def searches():
    """Up to where a start that is off by one rounding leads elsewhere by less than 1e-10."""
    result = []
    for history in (3, 10):
        after = []
        for row, nudged in zip(search(history), search(history, nudge=2.0**-52)):
            a, b = np.array(row["parameters"]), np.array(nudged["parameters"])
            off = float(np.linalg.norm(a - b) / np.linalg.norm(a))
            if off > 1e-10:
                print(f"lbfgs with {history}: a rounding is {off:.1e} after {SEARCH_STEPS[len(after)]} steps")
                break
            after.append({**row, "rounding": off})
        result.append({"history": history, "after": after})
    return {"steps": SEARCH_STEPS, "cases": result}


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
    torch.set_default_dtype(torch.float64)  # ASGD and NAdam keep their scalars in it
    result = {
        "torch": torch.__version__,
        "steps": STEPS,
        "cases": {k: run(k, c) for k, c in CASES.items()},
        "lbfgs": searches(),
        "schedules": schedules(),
    }
    path = pathlib.Path(__file__).resolve().parent.parent / "tests" / "references" / "optim.json"
    path.parent.mkdir(exist_ok=True)
    lines = [f'"{k}": {json.dumps(c)}' for k, c in result["cases"].items()]
    path.write_text(
        '{"torch": "%s", "steps": %s,\n"cases": {\n%s},\n"lbfgs": %s,\n"schedules": %s}\n'
        % (result["torch"], json.dumps(STEPS), ",\n".join(lines), json.dumps(result["lbfgs"]),
           json.dumps(result["schedules"]))
    )
    print(path, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
