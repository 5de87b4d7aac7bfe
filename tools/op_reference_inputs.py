"""Inputs of the rows of make_op_references.py, all drawn from one generator, and the variants that several rows have."""

import math

import numpy
import torch

INF, NAN, DENORMAL = math.inf, math.nan, float(numpy.float32(1e-40))
random = numpy.random.default_rng(20240229)


def real(*shape, low=-2.0, high=2.0):
    return torch.from_numpy(numpy.asarray(numpy.round(random.uniform(low, high, shape) * 256) / 256))


def ids(*shape, below):
    return torch.from_numpy(random.integers(0, below, shape))


def values(*v):
    return torch.tensor([float(numpy.float32(e)) for e in v], dtype=torch.float64)


def empty(*shape):
    return torch.zeros(shape, dtype=torch.float64)


def no_ids(*shape):
    return torch.zeros(shape, dtype=torch.int64)


# Every pair of these meets in the two-input ops.
ENDS = values(0.0, -0.0, INF, -INF, NAN, 1.5, -1e30, DENORMAL)
UNARY_ENDS = values(
    0.0, -0.0, INF, -INF, NAN, 1e30, -1e30, DENORMAL, -DENORMAL, 1e-6, -1e-6, 20, -20, 88, 89, -88, 700, -700, 1e4, -1e4
)
# Beyond float32: denormals, and both sides of where exp leaves float64's range.
UNARY_ENDS_64 = torch.tensor(
    [5e-324, -5e-324, 1e-310, 1e308, -1e308, 709.5, 709.9, -745.0, -708.0, 1e-17], dtype=torch.float64
)


def only(variants, *names):
    return {name: variants[name] for name in names}


def pairs(f, avoid_zero=False):
    """The variants of a two-input elementwise op."""
    low = 0.25 if avoid_zero else -2.0
    b = lambda *shape: real(*shape, low=low)
    return f, {
        "base": [real(3, 5), b(3, 5)],
        "vector": [real(2, 3, 4), b(4)],
        "column": [real(3, 1), b(3, 4)],
        "outer": [real(2, 1, 3), b(4, 1)],
        "rank0": [real(), b(2, 3)],
        "empty": [real(0, 3), b(3)],
        "extreme": [ENDS[:, None], ENDS],
    }


def unary(f, low=-2.0):
    # 21 elements: whole vectors of every instruction set, and a rest.
    return f, {"base": [real(3, 7, low=low)], "empty": [empty(0, 3)], "extreme": [UNARY_ENDS]}


def curved(f, low=-2.0):
    return f, {**unary(f, low)[1], "rank0": [real(low=low)], "extreme64": [UNARY_ENDS_64]}


def moved(f, *shape, extra=None):
    """An op that only moves elements: what they are does not matter."""
    x = real(*shape)
    x.view(-1)[:3] = values(NAN, -INF, -0.0)
    return f, {"base": [real(*shape)], "extreme": [x], **(extra or {})}


def softmax_variants():
    rows = torch.stack(
        [
            values(1000, 999, -1000),
            values(INF, 0, 1),
            values(-INF, 0, 1),
            values(-INF, -INF, -INF),
            values(NAN, 0, 1),
            values(-1e30, 1e30, 0),
            values(0.0, -0.0, DENORMAL),
        ]
    )
    return {
        "base": [real(4, 5)],
        "long": [real(2, 37)],
        "one": [real(3, 1)],
        "rank1": [real(6)],
        "rank3": [real(2, 3, 4)],
        "empty": [empty(0, 3)],
        "empty_row": [empty(2, 0)],
        "extreme": [rows],
    }


def norm_variants(affine):
    w = lambda n: [real(n), real(n)] if affine else []
    rows = torch.stack([values(3, 3, 3, 3), values(INF, 0, 1, 2), values(NAN, 0, 1, 2), values(1e-6, -1e-6, 0, 0)])
    return {
        "base": [real(3, 6), *w(6)],
        "rank3": [real(2, 3, 5), *w(5)],
        "rank1": [real(7), *w(7)],
        "long": [real(2, 37), *w(37)],
        "one": [values(0.5, -1).view(2, 1), *w(1)],
        "empty": [empty(0, 4), *w(4)],
        "offset64": [real(3, 9) + 32, *w(9)],
        "extreme": [rows, *w(4)],
    }


def loss_pairs():
    return {
        "base": [real(3, 5), real(3, 5)],
        "rank3": [real(2, 3, 2), real(2, 3, 2)],
        "rank0": [real(), real()],
        "empty": [empty(0, 3), empty(0, 3)],
        "extreme": [values(INF, 1, -1e10), values(1, 2, 3)],
        "nan": [values(NAN, 0), values(1, 1)],
    }


GATHERED = {
    "base": [real(3, 4), ids(3, 2, below=4)],
    "repeated": [real(2, 3), torch.tensor([[1, 1, 1, 0, 1], [2, 2, 0, 0, 2]])],
    "fewer_rows": [real(4, 3), ids(2, 5, below=3)],
    "rank3": [real(2, 3, 4), ids(2, 5, 3, below=3)],
    "empty": [real(3, 4), no_ids(3, 0)],
    "extreme": [values(NAN, INF, -0.0).view(1, 3), torch.tensor([[2, 0, 0, 1]])],
}
LOOKED_UP = {
    "base": [real(5, 3), ids(4, below=5)],
    "rank2": [real(4, 3), ids(2, 5, below=4)],
    "rank0": [real(3, 2), torch.tensor(2)],
    "empty": [real(3, 2), no_ids(0)],
    "extreme": [values(NAN, INF, -0.0, 1).view(2, 2), torch.tensor([1, 0, 1])],
}
SUMMED = {
    "base": [real(3, 5)],
    "rank3": [real(2, 3, 4)],
    "empty": [empty(2, 0)],
    "empty_rows": [empty(0, 2)],
    "extreme": [values(INF, 1, NAN, 2, -INF, 3, 1e30, 4).view(4, 2)],
    "cancels64": [values(1e8, 1, -1e8, 2).view(2, 2)],
}
WHOLE = {
    **SUMMED,
    "rank0": [real()],
    "inf": [values(INF, 1)],
    "opposite": [values(INF, -INF)],
    "zeros": [values(-0.0, -0.0)],
}
