#!/usr/bin/env python3
"""Writes tests/references/schedules.json: the learning rates of PyTorch's and transformers' schedules in float64.

    python3 tools/make_schedule_references.py        (needs torch and transformers; the file names the versions used)

Each case is a schedule as gradus has it (its name, its fields, the sequence's parts) and the rates of the steps `at`, as
the schedulers of the other two gave them when stepped one by one. The peak is 3. `plateau` has the factors after each of
a list of losses, early stopping is written out from Keras' and Lightning's rule in the test.
"""

import json
import math
import pathlib
import warnings

import torch
import transformers
from torch.optim import lr_scheduler as torch_lr
from transformers import optimization as hf

PEAK = 3.0
AT = [0, 1, 2, 4, 5, 9, 10, 11, 14, 15, 19, 20, 29, 30, 31, 49, 50, 59, 60, 79, 80, 89, 90, 98, 99, 100, 101, 120, 149]


def optimizer(rate=PEAK):
    return torch.optim.SGD([torch.zeros(1, dtype=torch.float64, requires_grad=True)], lr=rate, momentum=0.9)


def rates(make, last=AT[-1]):
    """The rates at the steps AT up to `last`."""
    o = optimizer()
    scheduler = make(o)
    seen = []
    for step in range(last + 1):
        seen.append(o.param_groups[0]["lr"])
        o.step()
        if step < last:
            scheduler.step()
    return [seen[step] for step in AT if step <= last]


def warmed(steps, after):
    """Linear warm-up from 1/steps as PyTorch has it, then `after`."""
    def make(o):
        first = torch_lr.LinearLR(o, start_factor=1 / steps, total_iters=steps - 1)
        return torch_lr.SequentialLR(o, [first, after(o)], milestones=[steps])
    return make


def cosine_to(total, final):
    return lambda o: torch_lr.CosineAnnealingLR(o, total, eta_min=PEAK * final)


def cases():
    all = []

    def add(source, fields, make, last=AT[-1]):
        all.append({**fields, "source": source, "rates": rates(make, last)})

    add("transformers.get_constant_schedule_with_warmup", dict(name="constant", warmup_steps=10),
        lambda o: hf.get_constant_schedule_with_warmup(o, 10))
    for warmup in (0, 10):
        add("transformers.get_linear_schedule_with_warmup", dict(name="linear", warmup_steps=warmup, total_steps=100),
            lambda o: hf.get_linear_schedule_with_warmup(o, warmup, 100))
        add("transformers.get_cosine_with_min_lr_schedule_with_warmup",
            dict(name="cosine", warmup_steps=warmup, total_steps=100, final_factor=0.1),
            lambda o: hf.get_cosine_with_min_lr_schedule_with_warmup(o, warmup, 100, min_lr_rate=0.1), last=100)
        for power in (1.0, 2.0, 0.5):
            add("transformers.get_polynomial_decay_schedule_with_warmup",
                dict(name="polynomial", warmup_steps=warmup, total_steps=100, final_factor=0.05, power=power),
                lambda o: hf.get_polynomial_decay_schedule_with_warmup(o, warmup, 100, lr_end=PEAK * 0.05, power=power))
        # Its last cycle ends at 0 at the end; up to there a cycle is (total - warmup) / num_cycles steps.
        add("transformers.get_cosine_with_hard_restarts_schedule_with_warmup",
            dict(name="cosine_restarts", warmup_steps=warmup, cycle_steps=(120 - warmup) // 2),
            lambda o: hf.get_cosine_with_hard_restarts_schedule_with_warmup(o, warmup, 120, num_cycles=2), last=101)
        for cycles in (3, 7):
            add("transformers.get_cosine_with_hard_restarts_schedule_with_warmup",
                dict(name="cosine_cycles", warmup_steps=warmup, total_steps=120, cycles=cycles),
                lambda o: hf.get_cosine_with_hard_restarts_schedule_with_warmup(o, warmup, 120, num_cycles=cycles))
        for shape, kind in (("linear", "linear"), ("cosine", "cosine"), ("one_minus_sqrt", "1-sqrt")):
            # With min_lr_ratio its warm-up begins there.
            for final in (0.0, 0.2) if warmup else (0.2,):
                fields = dict(name="wsd", warmup_steps=warmup, total_steps=100, decay_steps=20, final_factor=final)
                add("transformers.get_wsd_schedule", dict(**fields, shape=shape, warmup_from=final, warmup_shape=shape),
                    lambda o: hf.get_wsd_schedule(o, num_warmup_steps=warmup, num_decay_steps=20, warmup_type=kind,
                                                  num_stable_steps=80 - warmup, decay_type=kind, min_lr_ratio=final))
    # Its first step is not at 0, and its peak is the last step of its warm-up: one step fewer, and 1/n unless it is told.
    for first in (None, 0.25):
        add("transformers.get_cosine_with_min_lr_schedule_with_warmup_lr_rate",
            dict(name="cosine", warmup_steps=9, total_steps=99, final_factor=0.1, warmup_from=first or 0.1),
            lambda o: hf.get_cosine_with_min_lr_schedule_with_warmup_lr_rate(o, 10, 100, min_lr_rate=0.1,
                                                                             warmup_lr_rate=first), last=99)
    for warmup, timescale in ((10, None), (10, 40), (0, 10000)):
        add("transformers.get_inverse_sqrt_schedule",
            dict(name="inverse_sqrt", warmup_steps=warmup, timescale=timescale or warmup),
            lambda o: hf.get_inverse_sqrt_schedule(o, warmup, timescale))

    add("torch.PolynomialLR", dict(name="polynomial", total_steps=100, power=2.0),
        lambda o: torch_lr.PolynomialLR(o, 100, power=2.0))
    for multiplier in (1, 2, 3):
        add("torch.CosineAnnealingWarmRestarts",
            dict(name="cosine_restarts", cycle_steps=10, cycle_multiplier=multiplier, final_factor=0.1),
            lambda o: torch_lr.CosineAnnealingWarmRestarts(o, 10, multiplier, eta_min=PEAK * 0.1))
    add("torch.ExponentialLR", dict(name="exponential", decay_rate=0.97), lambda o: torch_lr.ExponentialLR(o, 0.97))
    add("torch.StepLR", dict(name="step", drop_every=30, decay_factor=0.5), lambda o: torch_lr.StepLR(o, 30, 0.5))
    add("torch.MultiStepLR", dict(name="multi_step", milestones=[5, 50, 90], decay_factor=0.3),
        lambda o: torch_lr.MultiStepLR(o, [5, 50, 90], 0.3))
    for shape, kind in (("cosine", "cos"), ("linear", "linear")):
        for rise in (0.3, 0.25, 0.005):
            add("torch.OneCycleLR",
                dict(name="one_cycle", total_steps=100, rise_fraction=rise, shape=shape, initial_factor=1 / 25,
                     final_factor=1 / 25 / 1e4),
                lambda o: torch_lr.OneCycleLR(o, PEAK, 100, pct_start=rise, anneal_strategy=kind), last=99)
        for rise in (0.3, 0.5, 0.005):
            add("torch.OneCycleLR of three phases",
                dict(name="one_cycle", total_steps=100, rise_fraction=rise, shape=shape, initial_factor=1 / 25,
                     final_factor=1 / 25 / 1e4, three_phase=True),
                lambda o: torch_lr.OneCycleLR(o, PEAK, 100, pct_start=rise, anneal_strategy=kind, three_phase=True),
                last=99)
    for mode, decay in (("triangular", 1.0), ("triangular2", 0.5)):
        for up, down in ((10, 10), (4, 16)):
            add("torch.CyclicLR",
                dict(name="cyclic", cycle_steps=up + down, rise_fraction=up / (up + down), initial_factor=0.1,
                     cycle_decay=decay),
                lambda o: torch_lr.CyclicLR(o, PEAK * 0.1, PEAK, up, down, mode=mode))
    for up, down in ((10, 10), (4, 16)):
        add("torch.CyclicLR",
            dict(name="cyclic", cycle_steps=up + down, rise_fraction=up / (up + down), initial_factor=0.1,
                 cycle_decay=1.0, step_decay=0.98),
            lambda o: torch_lr.CyclicLR(o, PEAK * 0.1, PEAK, up, down, mode="exp_range", gamma=0.98))

    # PyTorch's own way to warm up, from 1/n.
    one_nth = dict(warmup_steps=10, warmup_from="one_nth")
    add("torch.SequentialLR", dict(name="constant", **one_nth),
        warmed(10, lambda o: torch_lr.ConstantLR(o, factor=1.0, total_iters=1)))
    add("torch.SequentialLR", dict(name="cosine", **one_nth, total_steps=100, final_factor=0.1),
        warmed(10, cosine_to(90, 0.1)), last=100)
    add("torch.SequentialLR", dict(name="linear", **one_nth, total_steps=100),
        warmed(10, lambda o: torch_lr.LinearLR(o, start_factor=1.0, end_factor=0.0, total_iters=90)))

    for first in (1 / 3, 0.05):
        add("torch.LinearLR", dict(name="constant", warmup_steps=10, warmup_from=first),
            lambda o: torch_lr.LinearLR(o, start_factor=first, total_iters=10))

    add("torch.SequentialLR of LinearLR, CosineAnnealingLR, StepLR by LambdaLR",
        dict(name="sequence", parts=[
            dict(name="linear", total_steps=20, final_factor=0.5, steps=20),
            dict(name="cosine", total_steps=60, final_factor=0.1, steps=60),
            dict(name="step", drop_every=15, decay_factor=0.5, steps=70),
        ]),
        lambda o: torch_lr.SequentialLR(o, [
            torch_lr.LinearLR(o, start_factor=1.0, end_factor=0.5, total_iters=20),
            cosine_to(60, 0.1)(o),
            torch_lr.LambdaLR(o, lambda step: 0.5 ** (step // 15)),
        ], milestones=[20, 80]))
    return all


PLATEAU_LOSSES = (
    [2.0, 1.5, 1.5, 1.49995, 1.4998, 1.6, 1.7, 1.4, 1.39, 1.39, 1.3895, 1.39, 1.39, 1.2, float("nan"), 1.3, 1.3, 1.3]
    + [1.25] * 12
)


def plateaus():
    all = []
    for fields in (
        dict(decay_factor=0.1, patience=2, threshold=1e-4, absolute=False, cooldown=0, final_factor=0.0),
        dict(decay_factor=0.5, patience=1, threshold=0.05, absolute=False, cooldown=2, final_factor=0.2),
        dict(decay_factor=0.5, patience=0, threshold=0.1, absolute=True, cooldown=1, final_factor=0.0),
        dict(decay_factor=0.3, patience=3, threshold=0.0, absolute=True, cooldown=0, final_factor=0.0),
    ):
        o = optimizer()
        scheduler = torch_lr.ReduceLROnPlateau(
            o, factor=fields["decay_factor"], patience=fields["patience"], threshold=fields["threshold"],
            threshold_mode="abs" if fields["absolute"] else "rel", cooldown=fields["cooldown"],
            min_lr=PEAK * fields["final_factor"], eps=0.0)
        rates = []
        for loss in PLATEAU_LOSSES:
            scheduler.step(loss)
            rates.append(o.param_groups[0]["lr"])
        all.append({**fields, "rates": rates})
    return {"losses": [None if math.isnan(x) else x for x in PLATEAU_LOSSES], "cases": all}


def main():
    warnings.filterwarnings("ignore")
    path = pathlib.Path(__file__).resolve().parent.parent / "tests" / "references" / "schedules.json"
    lines = ",\n".join(json.dumps(case) for case in cases())
    path.write_text(
        '{"torch": "%s", "transformers": "%s", "peak": %s, "at": %s,\n"cases": [\n%s],\n"plateau": %s}\n'
        % (torch.__version__, transformers.__version__, PEAK, json.dumps(AT), lines, json.dumps(plateaus()))
    )
    print(path, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
