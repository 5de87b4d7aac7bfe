#!/usr/bin/env python3
"""Writes tests/references/ops.safetensors: what PyTorch gives, in float64, for every row of tests/op_cases.

    python tools/make_op_references.py        # needs torch, numpy and safetensors; the tests need none of them

A tensor's name is row/variant/x0, x1, … for the inputs, row/variant/y for the output, row/variant/g0, … for the
gradients (left out where they have no elements) of sum(y * seed), with seed[i] = ((7 i mod 11) - 5.5) / 4 in row-major
order. Inputs are numbers that float32 holds exactly, and are stored so; a variant whose name ends in 64 does not fit
float32 and is tested in float64 alone.
"""

from pathlib import Path

import numpy
import torch
from safetensors.numpy import save_file

# In the order in which their inputs are drawn: what comes later leaves the inputs before it what they were.
from op_reference_elements import ROWS as ELEMENTS
from op_reference_layers import ROWS as LAYERS
from op_reference_networks import ROWS as NETWORKS

PATH = Path(__file__).resolve().parent.parent / "tests/references/ops.safetensors"
ROWS = ELEMENTS | LAYERS | NETWORKS


def seed_of(y):
    i = torch.arange(y.numel(), dtype=torch.float64)
    return (((7 * i) % 11 - 5.5) / 4).view(y.shape)


def main():
    torch.set_num_threads(1)
    out = {}
    for row, (function, variants) in ROWS.items():
        for variant, inputs in variants.items():
            # Each input its own leaf: variants share tensors.
            x = [t.clone().contiguous().requires_grad_(t.is_floating_point()) for t in inputs]
            y = function(*x)
            leaves = [t for t in x if t.requires_grad]
            if not y.requires_grad:
                leaves = []
            gradients = leaves and torch.autograd.grad((y * seed_of(y)).sum() if y.numel() else y.sum(), leaves, allow_unused=True)
            name = f"{row}/{variant}/"
            narrow = torch.float64 if variant.endswith("64") else torch.float32
            out |= {f"{name}x{i}": t.detach().to(narrow if t.requires_grad else torch.int32) for i, t in enumerate(x)}
            out[name + "y"] = y.detach()
            out |= {
                f"{name}g{i}": torch.zeros_like(t) if g is None else g
                for i, (t, g) in enumerate(zip(leaves, gradients))
                if t.numel() > 0
            }
    # The shape again: NumPy makes rank 0 rank 1.
    arrays = {name: numpy.ascontiguousarray(t.numpy()).reshape(t.shape) for name, t in out.items()}
    save_file(arrays, PATH, metadata={"torch": torch.__version__})
    print(f"{PATH}: {len(out)} tensors, {PATH.stat().st_size} bytes")


if __name__ == "__main__":
    main()
