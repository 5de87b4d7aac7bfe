"""Rows of make_op_references.py: element by element, reductions, order, einsum."""

import math

import torch
import torch.nn.functional as F

from op_reference_inputs import (
    ENDS,
    INF,
    NAN,
    SUMMED,
    WHOLE,
    curved,
    empty,
    ids,
    loss_pairs,
    moved,
    no_ids,
    only,
    pairs,
    random,
    real,
    softmax_variants,
    unary,
    values,
)

add, sub, mul, div = torch.add, torch.sub, torch.mul, torch.div


def with_gaps(*shape):
    """Numbers no two of which are equal, so that every order of them is one."""
    n = math.prod(shape)
    return torch.from_numpy((random.permutation(n).reshape(shape) - n / 2) / 4)


def ordered(f, nan=True):
    """The variants of an op on the order of its elements: axis 1 of them, or the last."""
    x = with_gaps(3, 4)
    x[1] = values(INF, NAN if nan else 7, -INF, -0.0)
    return f, {
        "base": [with_gaps(3, 5)],
        "rank3": [with_gaps(2, 3, 4)],
        "long": [with_gaps(2, 37)],
        "extreme": [x],
    }


def compared(f):
    return f, {
        "base": [real(3, 5), real(3, 5)],
        "vector": [real(2, 3, 4), real(4)],
        "outer": [real(2, 1, 3), real(4, 1)],
        "same": [values(1, 2, 3, 4), values(1, 3, 2, 4)],
        "empty": [empty(0, 3), real(3)],
        "extreme": [ENDS[:, None], ENDS],
    }


def spread(f):
    x = real(4, 3)
    x[0], x[1, 1] = values(3, 3, 3), NAN
    return f, {"base": [real(3, 5)], "rank3": [real(2, 4, 3)], "constant": [values(2, 2, 2, 2).view(2, 2)], "extreme": [x]}


COMPARISONS = {
    "equal": torch.eq,
    "not_equal": torch.ne,
    "less": torch.lt,
    "less_equal": torch.le,
    "greater": torch.gt,
    "greater_equal": torch.ge,
}
ARGUMENTS = {"argmax": torch.argmax, "argmin": torch.argmin}

ROWS = {
    "add": pairs(add),
    "subtract": pairs(sub),
    "multiply": pairs(mul),
    "divide": pairs(div, avoid_zero=True),
    "add_scalar": unary(lambda x: x + 1.25),
    "scalar_subtract": unary(lambda x: 1.25 - x),
    "multiply_scalar": unary(lambda x: x * -0.75),
    "scalar_divide": unary(lambda x: 1.25 / x, low=0.25),
    "operators": (
        lambda a, b: -((a + 0.5) * 2.0 - 0.25) / 4.0 + 1.0 - 3.0 * b / (2.0 + a * a) - 1.0 / (b * b + 1.0) + a / 0.5,
        {"base": [real(2, 3), real(2, 3)]},
    ),
    "negate": unary(torch.neg),
    "exp": curved(torch.exp),
    "log": curved(torch.log, low=0.25),
    "tanh": curved(torch.tanh),
    "relu": curved(torch.relu),
    "gelu": curved(lambda x: F.gelu(x, approximate="tanh")),
    "sum": (lambda x: x.sum(), WHOLE),
    "sum_axis": (lambda x: x.sum(1), SUMMED),
    "sum_axis_kept": (lambda x: x.sum(-2, keepdim=True), only(SUMMED, "base", "empty", "empty_rows")),
    "mean": (lambda x: x.mean(), WHOLE),
    "mean_axis": (lambda x: x.mean(-1), SUMMED),
    "mean_axis_kept": (lambda x: x.mean(0, keepdim=True), only(SUMMED, "base", "empty")),
    "logsumexp": (lambda x: x.logsumexp(-1), softmax_variants()),
    "softmax": (lambda x: x.softmax(-1), softmax_variants()),
    "abs": unary(torch.abs),
    "sign": unary(torch.sign),
    "floor": unary(torch.floor),
    "sqrt": unary(torch.sqrt, low=0.25),
    "rsqrt": unary(torch.rsqrt, low=0.25),
    "sin": unary(torch.sin),
    "cos": unary(torch.cos),
    "sigmoid": unary(torch.sigmoid),
    "silu": unary(F.silu),
    "gelu_exact": curved(F.gelu),
    "softplus": unary(lambda x: -F.logsigmoid(-x)),
    "mish": unary(F.mish),
    "elu": unary(lambda x: F.elu(x, 1.5)),
    "leaky_relu": unary(lambda x: F.leaky_relu(x, 0.125)),
    "clamp": (lambda x: x.clamp(-0.5, 0.75), {**unary(None)[1], "extreme_ends": [values(-0.5, 0.75, 0.1, -0.6, 0.8)]}),
    "pow_cube": unary(lambda x: x**3.0),
    "pow_inverse": unary(lambda x: x**-2.0, low=0.25),
    "pow_half": unary(lambda x: x**0.5, low=0.25),
    "pow_real": unary(lambda x: x**2.3, low=0.25),
    "pow_none": unary(lambda x: x**0.0),
    "maximum": pairs(torch.maximum),
    "minimum": pairs(torch.minimum),
    "pow": (torch.pow, {"base": [real(3, 5, low=0.25), real(3, 5)], "vector": [real(2, 3, 4, low=0.25), real(4)],
                        "extreme_whole": [values(-2, -1.5, 0, 3), values(3, -2, 2, 0)], "empty": [empty(0, 3), real(3)],
                        "extreme": [ENDS[:, None], ENDS]}),
    "swiglu": (lambda a, x: F.silu(a) * x, only(loss_pairs(), "base", "rank3", "rank0", "empty")),
    **{name: compared(lambda a, b, f=f: f(a, b).double()) for name, f in COMPARISONS.items()},
    **{f"{name}_value": (lambda x, f=f: f(x, 0.5).double(), {"base": [real(3, 5)], "same": [values(0.5, 0.25, NAN)]})
       for name, f in COMPARISONS.items()},
    "where": (lambda a, b, c: torch.where(c > 0, a, b),
              {"base": [real(3, 5), real(3, 5), real(3, 5)], "column": [real(3, 4), real(4), real(3, 1)],
               "rank0": [real(), real(), real(2, 3)], "empty": [real(3), real(1), empty(0, 3)]}),
    "log_softmax": (lambda x: x.log_softmax(-1), only(softmax_variants(), "base", "long", "one", "rank1", "rank3", "empty")),
    "var": spread(lambda x: x.var()),
    "var_axis": spread(lambda x: x.var(1, correction=0)),
    "var_axis_kept": spread(lambda x: x.var(0, keepdim=True)),
    "stddev": spread(lambda x: x.std()),
    "stddev_axis": spread(lambda x: x.std(1, correction=0)),
    "stddev_axis_kept": spread(lambda x: x.std(0, keepdim=True)),
    **{name: ordered(lambda x, f=f: f(x)) for name, f in (("max", torch.max), ("min", torch.min))},
    **{f"{name}_axis": ordered(lambda x, f=f: f(x, 1).values) for name, f in (("max", torch.max), ("min", torch.min))},
    **{f"{name}_axis_kept": ordered(lambda x, f=f: f(x, -2, keepdim=True).values)
       for name, f in (("max", torch.max), ("min", torch.min))},
    **{name: ordered(lambda x, f=f: f(x, -1).double()) for name, f in ARGUMENTS.items()},
    **{f"{name}_rows": ordered(lambda x, f=f: f(x, 0, keepdim=True).double()) for name, f in ARGUMENTS.items()},
    "sort": (lambda x: x.sort(-1).values, {**ordered(None)[1], "two_digits": [with_gaps(1, 700)]}),
    "sort_descending": ordered(lambda x: x.sort(0, descending=True).values),
    "sort_indices": (lambda x: x.sort(dim=-1, descending=True, stable=True).indices.double(),
                     {**ordered(None)[1], "equal": [values(1, 2, 1, 2, 1, 0.0, -0.0)]}),
    "top_k": ordered(lambda x: x.topk(3, dim=-1).values),
    "top_k_smallest": ordered(lambda x: x.topk(2, dim=0, largest=False).values),
    "cumsum": (lambda x: x.cumsum(-1), only(SUMMED, "base", "rank3", "empty", "empty_rows")),
    "cumsum_rows": (lambda x: x.cumsum(0), only(SUMMED, "base", "rank3", "empty", "empty_rows")),
    "stack": (lambda *x: torch.stack(x, 1), {"base": [real(2, 3), real(2, 3), real(2, 3)], "rank3": [real(2, 3, 2)] * 2}),
    "stack_last": (lambda *x: torch.stack(x, -1), {"base": [real(2, 3), real(2, 3)], "rank0": [real(), real()]}),
    "split": (lambda x: torch.cat([x.split(2, 1)[1], x.split(2, 1)[0]], 1),
              {"base": [real(3, 4)], "rest": [real(2, 3)], "rank3": [real(2, 4, 3)]}),
    "tril": moved(torch.tril, 4, 5, extra={"rank3": [real(2, 4, 3)], "empty": [empty(0, 3)]}),
    "triu": moved(lambda x: x.triu(1), 4, 5, extra={"rank3": [real(2, 4, 3)]}),
    "tril_below": moved(lambda x: x.tril(-2), 4, 5),
    "scatter_add": (lambda x, source, i: x.scatter_add(1, i, source),
                    {"base": [real(3, 4), real(3, 2), ids(3, 2, below=4)],
                     "repeated": [real(2, 3), real(2, 5), torch.tensor([[1, 1, 1, 0, 1], [2, 2, 0, 0, 2]])],
                     "empty": [real(2, 3), empty(2, 0), no_ids(2, 0)]}),
    "one_hot": (lambda i: F.one_hot(i, 5).double(), {"base": [ids(4, below=5)], "rank2": [ids(2, 3, below=5)]}),
    "einsum_product": (lambda a, b: torch.einsum("ij,jk->ik", a, b), {"base": [real(3, 4), real(4, 5)]}),
    "einsum_batched": (lambda a, b: torch.einsum("bij,bkj->bik", a, b), {"base": [real(2, 3, 4), real(2, 5, 4)]}),
    "einsum_outer": (lambda a, b: torch.einsum("i,j->ij", a, b), {"base": [real(3), real(4)]}),
    "einsum_inner": (lambda a, b: torch.einsum("ij,ij", a, b), {"base": [real(3, 4), real(3, 4)]}),
    "einsum_heads": (lambda a, b: torch.einsum("bthd,bshd->bhts", a, b), {"base": [real(2, 3, 2, 4), real(2, 5, 2, 4)]}),
    "einsum_bilinear": (lambda a, b: torch.einsum("bi,oij->boj", a, b), {"base": [real(3, 4), real(2, 4, 5)]}),
    "einsum_transpose": (lambda a: torch.einsum("ijk->kij", a), {"base": [real(2, 3, 4)]}),
    "einsum_sum": (lambda a: torch.einsum("ijk->j", a), {"base": [real(2, 3, 4)]}),
}
