#!/usr/bin/env python3
"""Writes tests/references/ops.safetensors: what PyTorch gives, in float64, for every row of tests/op_cases.

    python tools/make_op_references.py        # needs torch, numpy and safetensors; the tests need none of them

A tensor's name is row/variant/x0, x1, … for the inputs, row/variant/y for the output, row/variant/g0, … for the
gradients (left out where they have no elements) of sum(y * seed), with seed[i] = ((7 i mod 11) - 5.5) / 4 in row-major
order. Inputs are numbers that float32 holds exactly, and are stored so; a variant whose name ends in 64 does not fit
float32 and is tested in float64 alone.
"""

import math
from pathlib import Path

import numpy
import torch
import torch.nn.functional as F
from safetensors.numpy import save_file

PATH = Path(__file__).resolve().parent.parent / "tests/references/ops.safetensors"
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


def attention(qkv, heads):
    b, t, c3 = qkv.shape
    c = c3 // 3
    q, k, v = (part.view(b, t, heads, c // heads).transpose(1, 2) for part in qkv.split(c, dim=2))
    scores = q @ k.transpose(-1, -2) / math.sqrt(c // heads)
    hidden = torch.ones(t, t, dtype=torch.bool).triu(1)
    return (scores.masked_fill(hidden, -INF).softmax(-1) @ v).transpose(1, 2).reshape(b, t, c)


def attention_nan():
    x = real(1, 4, 6)
    x[0, 2, 2] = NAN  # the third token's key: those before it do not see it
    return x


def spectral_norm(x):
    """PyTorch's own, with so many power iterations that its σ is the largest singular value."""
    if x.numel() == 0:
        return x * 1.0
    torch.manual_seed(0)
    y = torch.nn.utils.parametrizations._SpectralNorm(x.detach(), n_power_iterations=20000)(x)
    assert torch.allclose(y, x / torch.linalg.svdvals(x.flatten(1))[0], rtol=1e-13, atol=0)
    return y


def philox(counter, key):
    """Philox 4x32-10 (Salmon et al., SC 2011)."""
    c, (k0, k1), m = list(counter), key, 0xFFFFFFFF
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c[0], 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k0, p1 & m, (p0 >> 32) ^ c[3] ^ k1, p0 & m]
        k0, k1 = (k0 + 0x9E3779B9) & m, (k1 + 0xBB67AE85) & m
    return c


def dropout(x, rate, key, examples):
    """Word j of an example's stream decides on its element j."""
    size = x[0].numel()
    words = [
        w
        for e in examples
        for block in range((size + 3) // 4)
        for w in philox((block, 0, e, 0), (key & 0xFFFFFFFF, key >> 32))[: size - 4 * block]
    ]
    keep = torch.tensor([w >= rate * 2**32 for w in words], dtype=torch.bool).view(x.shape)
    return torch.where(keep, x / (1 - rate), torch.zeros_like(x))


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


def cross_entropy_variants():
    big = torch.stack(
        [values(1000, -1000, 0), values(-INF, 0, 1), values(-1e30, 0, 1), values(NAN, 0, 1), values(88, 89, -88)]
    )
    return {
        "base": [real(5, 4), ids(5, below=4)],
        "rank3": [real(2, 3, 5), ids(2, 3, below=5)],
        "wide": [real(2, 37), ids(2, below=37)],
        "one": [real(1, 1), ids(1, below=1)],
        "empty": [empty(0, 3), no_ids(0)],
        "extreme": [big[[0, 1, 4]], torch.tensor([0, 1, 2])],
        "never": [big[[1]], torch.tensor([0])],
        "nan": [big[[3]], torch.tensor([1])],
    }


def products():
    x = real(3, 4)
    x[0, 0], x[1, 1], x[2, 2] = INF, NAN, -INF
    return {
        "base": [real(3, 4), real(4, 5)],
        "one": [real(1, 1), real(1, 1)],
        "row": [real(1, 7), real(7, 1)],
        "outer": [real(5, 1), real(1, 6)],
        "batched": [real(2, 3, 4), real(2, 4, 2)],
        "broadcast": [real(2, 1, 3, 2), real(4, 2, 3)],
        "right_matrix": [real(2, 3, 4), real(4, 2)],
        "left_matrix": [real(2, 3), real(3, 3, 2)],
        "packed": [real(17, 16), real(16, 18)],
        "empty": [empty(0, 4), real(4, 2)],
        "empty_inner": [empty(2, 0), empty(0, 3)],
        "empty_batch": [empty(0, 2, 3), empty(0, 3, 2)],
        "extreme": [x, real(4, 2)],
    }


def linear_variants(bias):
    b = lambda n: [real(n)] if bias else []
    x = real(3, 4)
    x[0, 0], x[1, 1] = INF, NAN
    return {
        "base": [real(3, 4), real(5, 4), *b(5)],
        "rank3": [real(2, 3, 4), real(2, 4), *b(2)],
        "rank1": [real(4), real(3, 4), *b(3)],
        "one": [real(1, 1), real(1, 1), *b(1)],
        **({"packed": [real(17, 16), real(16, 16), *b(16)]} if bias else {}),
        "empty": [empty(0, 4), real(3, 4), *b(3)],
        "empty_in": [empty(2, 0), empty(3, 0), *b(3)],
        "empty_out": [real(2, 3), empty(0, 3), *([empty(0)] if bias else [])],
        "extreme": [x, real(2, 4), *b(2)],
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


add, sub, mul, div = torch.add, torch.sub, torch.mul, torch.div
def feed_forward(x, w, b, v, c):
    return F.linear(F.gelu(F.linear(x, w, b), approximate="tanh"), v, c)


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


def heads_attention(q, k, v, causal=True, window=0, seen=None, bias=None):
    """q (B, T, H, D), k and v (B, S, G, D)."""
    t, s, group = q.shape[1], k.shape[1], q.shape[2] // k.shape[2]
    q, k, v = (x.transpose(1, 2) for x in (q, k.repeat_interleave(group, 2), v.repeat_interleave(group, 2)))
    scores = q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1])
    place, key = torch.arange(t)[:, None] + s - t, torch.arange(s)
    visible = torch.ones(t, s, dtype=torch.bool)
    if causal:
        visible = key <= place
    if window:
        visible = visible & (key > place - window)
    if seen is not None:
        visible = visible & seen
    if bias is not None:
        scores = scores + bias
    weights = scores.masked_fill(~visible, -INF).softmax(-1)
    weights = torch.where(visible.any(-1, keepdim=True), weights, torch.zeros_like(weights))
    return (weights @ v).transpose(1, 2)


def heads(b, t, s, h, g, d):
    return [real(b, t, h, d), real(b, s, g, d), real(b, s, g, d)]


def rotary(x, base=10000.0, first=0, neighbours=False):
    half = x.shape[-1] // 2
    turn = (torch.arange(x.shape[1], dtype=torch.float64) + first)[:, None] * base ** (
        -torch.arange(half, dtype=torch.float64) / half
    )
    cos, sin = turn.cos()[None, :, None], turn.sin()[None, :, None]
    a, b = (x[..., 0::2], x[..., 1::2]) if neighbours else (x[..., :half], x[..., half:])
    parts = [a * cos - b * sin, b * cos + a * sin]
    return torch.stack(parts, -1).flatten(-2) if neighbours else torch.cat(parts, -1)


def packed_heads(x, heads, kv_heads):
    d = x.shape[-1] // (heads + 2 * kv_heads)
    return [p.unflatten(-1, (-1, d)) for p in x.split([heads * d, kv_heads * d, kv_heads * d], -1)]


def turned_heads(x, heads, kv_heads):
    q, k, v = packed_heads(x, heads, kv_heads)
    return rotary(q, 100.0), rotary(k, 100.0), v


def parts_dropped(x, drawn):
    ones = torch.ones(x.shape[:drawn], dtype=torch.float64)
    mask = dropout(ones, 0.25, 0x0123456789ABCDEF, [7, 3])
    return x * mask.reshape(mask.shape + (1,) * (x.dim() - drawn))


def alpha_dropped(x):
    dropped = -1.0507009873554804934 * 1.6732632423543772848
    keep = dropout(torch.ones_like(x), 0.25, 0x0123456789ABCDEF, [7, 3]) > 0
    a = 1 / math.sqrt(0.75 * (1 + 0.25 * dropped**2))
    return a * torch.where(keep, x, torch.full_like(x, dropped)) - a * 0.25 * dropped


def signs(*shape):
    return torch.from_numpy(random.choice([-1.0, 1.0], shape))


def shares(*shape):
    """Probabilities: multiples of 1/256, none 0."""
    x = random.integers(1, 9, shape).astype(float)
    x = numpy.floor(x / x.sum(-1, keepdims=True) * 256) / 256
    x[..., 0] += 1 - x.sum(-1)
    return torch.from_numpy(x)


def focal(x, t, gamma=2.0, alpha=0.25):
    p = x.sigmoid() * t + (1 - x.sigmoid()) * (1 - t)
    weight = alpha * t + (1 - alpha) * (1 - t)
    return (weight * (1 - p) ** gamma * F.binary_cross_entropy_with_logits(x, t, reduction="none")).mean()


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
    "clamp": unary(lambda x: x.clamp(-0.5, 0.75)),
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
    "rms_norm": (lambda x, w: F.rms_norm(x, x.shape[-1:], w, 1e-5), {k: v[:2] for k, v in norm_variants(True).items() if k != "one"}),
    "rms_norm_alone": (lambda x: F.rms_norm(x, x.shape[-1:], None, 1e-3), only(norm_variants(False), "base", "empty")),
    "rms_norm_linear": (lambda x, g, w: F.linear(F.rms_norm(x, x.shape[-1:], g, 1e-5), w),
                        {"base": [real(5, 4), real(4), real(7, 4)]}),
    "attention": (heads_attention, {"base": heads(2, 5, 5, 3, 3, 4), "more_keys": heads(1, 3, 7, 2, 2, 5),
                                    "one": heads(1, 1, 1, 1, 1, 2), "blocks": heads(1, 40, 70, 1, 1, 3),
                                    "empty": heads(2, 0, 3, 2, 2, 4)}),
    "attention_grouped": (heads_attention, {"base": heads(2, 5, 5, 6, 2, 4), "one_group": heads(1, 4, 6, 4, 1, 3)}),
    "attention_full": (lambda q, k, v: heads_attention(q, k, v, causal=False),
                       {"base": heads(2, 5, 3, 2, 1, 4), "blocks": heads(1, 35, 40, 1, 1, 3)}),
    "attention_window": (lambda q, k, v: heads_attention(q, k, v, window=3),
                         {"base": heads(2, 7, 7, 2, 2, 4), "more_keys": heads(1, 4, 9, 2, 1, 4), "blocks": heads(1, 70, 70, 1, 1, 3)}),
    "attention_masked": (lambda q, k, v, m: heads_attention(q, k, v, causal=False, seen=m > 0),
                         {"base": [*heads(2, 4, 5, 2, 2, 3), real(4, 5)], "each": [*heads(2, 4, 5, 4, 2, 3), real(2, 4, 4, 5)],
                          "keys": [*heads(2, 4, 5, 2, 1, 3), real(2, 1, 1, 5)],
                          "hidden": [*heads(1, 2, 3, 1, 1, 2), values(-1, -1, -1, 1, -1, 1).view(2, 3)]}),
    "attention_biased": (lambda q, k, v, m: heads_attention(q, k, v, bias=m),
                         {"base": [*heads(2, 5, 5, 2, 2, 3), real(2, 5, 5)], "blocks": [*heads(1, 40, 40, 1, 1, 3), real(40, 40)]}),
    "rotary": (lambda x: rotary(x, 100.0, 3), {"base": [real(2, 3, 2, 6)], "one": [real(1, 1, 1, 2)], "empty": [empty(0, 2, 1, 4)]}),
    "rotary_neighbours": (lambda x: rotary(x, neighbours=True), {"base": [real(2, 3, 2, 6)]}),
    "channel_dropout": (lambda x: parts_dropped(x, 2), {"base": [real(2, 5, 3)], "rank2": [real(2, 9)]}),
    "drop_path": (lambda x: parts_dropped(x, 1), {"base": [real(2, 5, 3)], "rank1": [real(2)]}),
    "alpha_dropout": (alpha_dropped, {"base": [real(2, 23)]}),
    "reshape": moved(
        lambda x: x.reshape(-1, 2), 3, 4, extra={"rank3": [real(2, 3, 4)], "rank1": [real(4)], "empty": [empty(0, 3)]}
    ),
    "permute": moved(lambda x: x.permute(2, 0, 1), 2, 3, 4, extra={"empty": [empty(2, 0, 3)]}),
    "transpose": moved(
        lambda x: x.transpose(0, -1), 3, 4, extra={"rank3": [real(2, 3, 4)], "rank1": [real(3)], "empty": [empty(0, 3)]}
    ),
    "slice": moved(lambda x: x[:, 1:3], 3, 4, extra={"rank3": [real(2, 4, 3)], "empty": [empty(0, 3)]}),
    "slice_from_end": moved(lambda x: x[..., -3:-1], 3, 4, extra={"rank1": [real(5)], "empty": [empty(0, 4)]}),
    "slice_nothing": moved(lambda x: x[1:1], 3, 2),
    "expand": moved(
        lambda x: x.expand(2, 3, 4), 3, 1, extra={"vector": [real(4)], "rank0": [real()], "same": [real(2, 3, 4)]}
    ),
    "expand_to_none": (lambda x: x.expand(0, 3), {"base": [real(1, 3)], "rank0": [real()]}),
    "concat": (
        lambda a, b: torch.cat([a, b], 1),
        {
            "base": [real(2, 3), real(2, 2)],
            "rank3": [real(2, 1, 3), real(2, 2, 3)],
            "same": [real(2, 2), real(2, 2)],
            "empty_part": [real(2, 3), empty(2, 0)],
            "empty": [empty(0, 2), empty(0, 3)],
            "extreme": [values(NAN, -0.0).view(1, 2), values(INF).view(1, 1)],
        },
    ),
    "concat_many": (
        lambda *x: torch.cat(x, 0),
        {"base": [real(n, 2) for n in (1, 2, 1, 3, 1, 2)], "vectors": [real(n) for n in (1, 0, 2, 1, 1, 3)]},
    ),
    "concat_one": (lambda x: torch.cat([x], 0), {"base": [real(2, 3)]}),
    "gather": (lambda x, index: torch.gather(x, 1, index), GATHERED),
    "gather_rows": (
        lambda x, index: torch.gather(x, 0, index),
        {"base": [real(4, 3), ids(6, 3, below=4)], "rank1": [real(5), ids(7, below=5)]},
    ),
    "embedding": (lambda table, i: F.embedding(i, table), LOOKED_UP),
    "matmul": (torch.matmul, products()),
    "matmul_transposed": (
        lambda a, b: torch.matmul(a.mT, b.mT),
        {"base": [real(4, 3), real(5, 4)], "batched": [real(2, 4, 3), real(2, 2, 4)]},
    ),
    "matmul_expanded": (
        lambda a, b: torch.matmul(a.expand(17, 16), b.expand(16, 17)),
        {"base": [real(1, 16), real(16, 1)], "other": [real(17, 1), real(1, 17)]},
    ),
    "linear": (F.linear, linear_variants(True)),
    "linear_without_bias": (F.linear, only(linear_variants(False), "base", "rank3", "empty", "empty_in")),
    "layer_norm": (lambda x, w, b: F.layer_norm(x, x.shape[-1:], w, b, 1e-5), norm_variants(True)),
    "layer_norm_without_affine": (
        lambda x: F.layer_norm(x, x.shape[-1:], None, None, 1e-3),
        only(norm_variants(False), "base", "one", "empty", "extreme"),
    ),
    "causal_attention": (
        lambda x: attention(x, 2),
        {
            "base": [real(2, 5, 12)],
            "one_token": [real(1, 1, 6)],
            "odd": [real(1, 7, 18)],
            "empty": [empty(0, 3, 6)],
            "empty_time": [empty(2, 0, 6)],
            "large": [real(1, 6, 12) * 16],
            "nan": [attention_nan()],
        },
    ),
    "causal_attention_one_head": (
        lambda x: attention(x, 1),
        {"base": [real(1, 4, 9)], "two_blocks": [real(1, 70, 15)]},
    ),
    "causal_attention_grouped": (
        lambda x: heads_attention(*packed_heads(x, 4, 2), window=3).flatten(2),
        {"base": [real(2, 6, 24)], "one_token": [real(1, 1, 8)]},
    ),
    "causal_attention_rotary": (
        lambda x: heads_attention(*turned_heads(x, 2, 1)).flatten(2),
        {"base": [real(2, 5, 16)], "two_blocks": [real(1, 70, 8)]},
    ),
    "causal_attention_gpt2": (lambda x: attention(x, 12), {"base": [real(1, 3, 36)]}),
    "dropout": (
        lambda x: dropout(x, 0.25, 0x0123456789ABCDEF, [7, 3]),
        {"base": [real(2, 23)], "rank3": [real(2, 3, 3)], "empty": [empty(2, 0)]},
    ),
    "dropout_none": (lambda x: x * 1.0, {"base": [real(2, 5)], "extreme": [values(NAN, INF, -0.0, 1).view(2, 2)]}),
    "mse": (F.mse_loss, loss_pairs()),
    "mse_sum": (lambda a, b: F.mse_loss(a, b, reduction="sum"), only(loss_pairs(), "base", "empty", "extreme")),
    "mae": (F.l1_loss, only(loss_pairs(), "base", "rank3", "rank0", "empty")),
    "mae_sum": (lambda a, b: F.l1_loss(a, b, reduction="sum"), only(loss_pairs(), "base")),
    "huber": (lambda a, b: F.huber_loss(a, b, delta=0.75), only(loss_pairs(), "base", "rank3", "empty")),
    "log_cosh": (lambda a, b: torch.log(torch.cosh(a - b)).mean(), only(loss_pairs(), "base", "rank3")),
    "quantile_loss": (
        lambda p, t: torch.where(t > p, 0.3 * (t - p), 0.7 * (p - t)).mean(), only(loss_pairs(), "base", "rank3")
    ),
    "poisson_loss": (F.poisson_nll_loss, {"base": [real(3, 5), real(3, 5, low=0)]}),
    "hinge": (lambda x, t: (1 - x * t).clamp(min=0).mean(), {"base": [real(3, 5), signs(3, 5)]}),
    "squared_hinge": (lambda x, t: (1 - x * t).clamp(min=0).square().mean(), {"base": [real(3, 5), signs(3, 5)]}),
    "soft_cross_entropy": (
        lambda x, p: F.cross_entropy(x.reshape(-1, x.shape[-1]), p.reshape(-1, x.shape[-1])),
        {"base": [real(3, 4), shares(3, 4)], "rank3": [real(2, 3, 4), shares(2, 3, 4)]},
    ),
    "binary_cross_entropy": (
        F.binary_cross_entropy_with_logits,
        {"base": [real(3, 5), real(3, 5, low=0, high=1)], "labels": [real(2, 4), signs(2, 4).clamp(min=0)],
         "large": [values(-30, 30, -4, 4), values(0, 1, 0, 1)]},
    ),
    "binary_cross_entropy_weighted": (
        lambda x, t: F.binary_cross_entropy_with_logits(x, t, pos_weight=torch.tensor(2.5), reduction="sum"),
        {"base": [real(3, 5), real(3, 5, low=0, high=1)]},
    ),
    "focal_loss": (focal, {"base": [real(3, 5), signs(3, 5).clamp(min=0)]}),
    "kl_divergence": (
        lambda p, t: F.kl_div(p, t, reduction="batchmean"),
        {"base": [real(3, 4) - 3, shares(3, 4)], "extreme_none": [real(1, 3) - 3, values(0, 0.25, 0.75).view(1, 3)]},
    ),
    "cross_entropy_smoothed": (
        lambda x, t: F.cross_entropy(x.reshape(-1, x.shape[-1]), t.reshape(-1), label_smoothing=0.125),
        only(cross_entropy_variants(), "base", "rank3", "wide"),
    ),
    "cross_entropy_ignored": (
        lambda x, t: F.cross_entropy(x, t, ignore_index=1), {"base": [real(6, 3), torch.tensor([0, 1, 2, 1, 0, 2])]}
    ),
    "cross_entropy_weighted": (
        lambda x, w, t: F.cross_entropy(x, t, weight=w.detach(), ignore_index=0, label_smoothing=0.25),
        {"base": [real(6, 3), real(3, low=0.25), torch.tensor([0, 1, 2, 1, 0, 2])]},
    ),
    "cross_entropy_weighted_sum": (
        lambda x, w, t: F.cross_entropy(x, t, weight=w.detach(), reduction="sum"),
        {"base": [real(6, 3), real(3, low=0.25), torch.tensor([0, 1, 2, 1, 0, 2])]},
    ),
    "cosine_similarity": (
        lambda a, b: F.cosine_similarity(a, b, dim=-1), {"base": [real(3, 5), real(3, 5)], "rank1": [real(4), real(4)]}
    ),
    "cosine_loss": (
        # F.cosine_embedding_loss adds 1e-12 to squared norms.
        lambda a, b, t: torch.where(
            t > 0, 1 - F.cosine_similarity(a, b), (F.cosine_similarity(a, b) - 0.25).clamp(min=0)
        ).mean(),
        {"base": [real(4, 5), real(4, 5), values(1, -1, -1, 1)]},
    ),
    "triplet_loss": (F.triplet_margin_loss, {"base": [real(4, 5), real(4, 5), real(4, 5)]}),
    "info_nce": (
        lambda q, k: F.cross_entropy(F.normalize(q) @ F.normalize(k).T / 0.5, torch.arange(len(q))),
        {"base": [real(4, 5), real(4, 5)]},
    ),
    "cross_entropy": (
        lambda x, t: F.cross_entropy(x.reshape(-1, x.shape[-1]), t.reshape(-1)),
        cross_entropy_variants(),
    ),
    "cross_entropy_sum": (
        lambda x, t: F.cross_entropy(x.reshape(-1, x.shape[-1]), t.reshape(-1), reduction="sum"),
        only(cross_entropy_variants(), "base", "empty", "extreme"),
    ),
    "linear_with_residual": (
        lambda x, w, b, r: F.linear(x, w, b) + r,
        {
            "base": [real(5, 4), real(3, 4), real(3), real(5, 3)],
            "rank3": [real(2, 3, 5), real(17, 5), real(17), real(2, 3, 17)],
            "empty": [empty(0, 3), real(2, 3), real(2), empty(0, 2)],
        },
    ),
    "norm_linear": (
        lambda x, g, s, w, b: F.linear(F.layer_norm(x, x.shape[-1:], g, s, 1e-5), w, b),
        {
            "base": [real(5, 4), real(4), real(4), real(7, 4), real(7)],
            "rank3": [real(2, 3, 5), real(5), real(5), real(19, 5), real(19)],
            "empty": [empty(0, 3), real(3), real(3), real(4, 3), real(4)],
        },
    ),
    "norm_linear_alone": (
        lambda x, w: F.linear(F.layer_norm(x, x.shape[-1:], None, None, 1e-5), w),
        {"base": [real(5, 4), real(7, 4)]},
    ),
    "norm_feed_forward": (
        lambda x, g, s, w, b, v, c: x + feed_forward(F.layer_norm(x, x.shape[-1:], g, s, 1e-5), w, b, v, c),
        {
            "base": [real(5, 4), real(4), real(4), real(7, 4), real(7), real(4, 7), real(4)],
            "rank3": [real(2, 3, 5), real(5), real(5), real(19, 5), real(19), real(5, 19), real(5)],
            "empty": [empty(0, 3), real(3), real(3), real(4, 3), real(4), real(3, 4), real(3)],
        },
    ),
    "norm_feed_forward_alone": (
        lambda x, w, v: feed_forward(F.layer_norm(x, x.shape[-1:], None, None, 1e-5), w, None, v, None),
        {"base": [real(5, 4), real(7, 4), real(3, 7)]},
    ),
    "linear_cross_entropy": (
        lambda x, w, t: F.cross_entropy(F.linear(x, w).reshape(-1, len(w)), t.reshape(-1)),
        {
            "base": [real(5, 4), real(7, 4), ids(5, below=7)],
            "rank3": [real(2, 3, 5), real(37, 5), ids(2, 3, below=37)],
            "one": [real(1, 1), real(1, 1), ids(1, below=1)],
        },
    ),
    "linear_cross_entropy_sum": (
        lambda x, w, t: F.cross_entropy(F.linear(x, w), t, reduction="sum"),
        {
            "base": [real(5, 4), real(7, 4), ids(5, below=7)],
            "empty": [empty(0, 3), real(2, 3), no_ids(0)],
        },
    ),
    "spectral_norm": (
        spectral_norm,
        {"base": [real(3, 5)], "tall": [real(40, 3)], "wide": [real(7, 19)], "rank3": [real(4, 3, 2)],
         "row": [real(1, 5)], "column": [real(5, 1)], "one": [real(1, 1)], "empty": [empty(0, 3)]},
    ),
}


# Rows that came later: behind those above, whose random inputs stay what they were.


def images(f):
    """PyTorch's function of (N, C, H, W) and weights (out, in, kh, kw) as one of channels-last tensors."""

    def turned(t):
        return t.permute(0, t.dim() - 1, *range(1, t.dim() - 1)) if t is not None and t.dim() > 2 else t

    def call(*x):
        y = f(*map(turned, x))
        return y.permute(0, *range(2, y.dim()), 1)

    return call


def channels_last_norm(f):
    """The same, where vectors belong to channels and rows may have no place."""

    def turned(t):
        return t.movedim(-1, 1) if t.dim() > 1 else t

    return lambda *x: f(*map(turned, x)).movedim(1, -1)


def recurrent(kind):
    """torch.nn.LSTM or GRU of one layer as a function of its parameters."""

    def call(x, w_ih, w_hh, *biases):
        layer = getattr(torch.nn, kind)(x.shape[2], w_hh.shape[1], bias=bool(biases), batch_first=True, dtype=x.dtype)
        names = ["weight_ih_l0", "weight_hh_l0", "bias_ih_l0", "bias_hh_l0"]
        return torch.func.functional_call(layer, dict(zip(names, (w_ih, w_hh, *biases))), (x,))[0]

    return call


def recurrent_variants(gates):
    def parameters(c, h):
        half = lambda *shape: real(*shape, low=-0.5, high=0.5)
        return [half(gates * h, c), half(gates * h, h), half(gates * h), half(gates * h)]

    return {
        "base": [real(2, 3, 4), *parameters(4, 3)],
        "units": [real(3, 4, 2), *parameters(2, 37)],
        "rows": [real(17, 2, 3), *parameters(3, 5)],
        "one_step": [real(2, 1, 3), *parameters(3, 2)],
    }


def apart(*shape):
    """Numbers no two of which are equal: a largest one is alone."""
    n = math.prod(shape)
    return torch.from_numpy((random.permutation(n) - n // 2) / 64.0).view(shape)


def with_nan(*shape):
    x = apart(*shape)
    x[0, 1, 1, 0] = NAN
    return x


ROWS |= {
    "conv2d": (
        images(F.conv2d),
        {
            "base": [real(2, 5, 6, 3), real(4, 3, 3, 3), real(4)],
            "pointwise": [real(2, 3, 4, 18), real(37, 1, 1, 18), real(37)],
            "channels": [real(1, 5, 7, 17), real(19, 3, 2, 17), real(19)],
            "one": [real(1, 1, 1, 1), real(1, 1, 1, 1), real(1)],
            "many_rows": [real(2, 4, 12, 2), real(3, 1, 2, 2), real(3)],
            "empty": [empty(0, 3, 3, 2), real(2, 2, 2, 2), real(2)],
        },
    ),
    "conv2d_padded": (
        images(lambda x, w: F.conv2d(x, w, padding=1)),
        {
            "base": [real(2, 5, 4, 3), real(4, 3, 3, 3)],
            "channels": [real(2, 4, 4, 16), real(18, 3, 3, 16)],
            "small": [real(3, 2, 1, 16), real(5, 3, 3, 16)],
            "even": [real(1, 3, 4, 2), real(2, 2, 4, 2)],
        },
    ),
    "conv2d_strided": (
        images(lambda x, w, b: F.conv2d(x, w, b, (2, 3), (2, 1), (1, 2))),
        {
            "base": [real(2, 6, 7, 3), real(4, 3, 3, 3), real(4)],
            "channels": [real(2, 5, 8, 16), real(3, 4, 2, 16), real(3)],
            "pointwise": [real(1, 4, 5, 17), real(3, 1, 1, 17), real(3)],
        },
    ),
    "conv2d_grouped": (
        images(lambda x, w, b: F.conv2d(x, w, b, 2, 1, 1, 2)),
        {
            "base": [real(2, 5, 4, 6), real(4, 3, 3, 3), real(4)],
            "channels": [real(1, 4, 4, 32), real(38, 3, 2, 16), real(38)],
        },
    ),
    "conv2d_depthwise": (
        images(lambda x, w, b: F.conv2d(x, w, b, padding=1, groups=x.shape[1])),
        {
            "base": [real(2, 4, 5, 5), real(5, 3, 3, 1), real(5)],
            "channels": [real(1, 3, 4, 19), real(19, 3, 3, 1), real(19)],
            "multiplied": [real(2, 3, 3, 3), real(6, 3, 2, 1), real(6)],
        },
    ),
    "conv2d_with_residual": (
        images(lambda x, w, b, r: F.relu(F.conv2d(x, w, b, padding=1) + r)),
        {
            "base": [real(2, 4, 3, 2), real(5, 3, 3, 2), real(5), real(2, 4, 3, 5)],
            "channels": [real(1, 4, 4, 16), real(18, 3, 3, 16), real(18), real(1, 4, 4, 18)],
        },
    ),
    "conv1d": (
        images(F.conv1d),
        {
            "base": [real(2, 9, 3), real(4, 3, 3), real(4)],
            "channels": [real(3, 17, 16), real(33, 5, 16), real(33)],
            "empty": [empty(0, 4, 2), real(2, 2, 2), real(2)],
        },
    ),
    "conv1d_strided": (
        images(lambda x, w: F.relu(F.conv1d(x, w, None, 2, 3, 2, 2))),
        {"base": [real(2, 9, 4), real(4, 3, 2)], "channels": [real(1, 13, 34), real(6, 4, 17)]},
    ),
    "max_pool2d": (
        images(lambda x: F.max_pool2d(x, 2)),
        {
            "base": [apart(2, 4, 6, 3)],
            "odd": [apart(1, 5, 7, 19)],
            "nan": [with_nan(1, 4, 4, 2)],
            "empty": [empty(0, 2, 2, 3)],
        },
    ),
    "max_pool2d_padded": (
        images(lambda x: F.max_pool2d(x, 3, (2, 1), 1)),
        {"base": [apart(2, 4, 5, 3)], "channels": [apart(1, 6, 3, 21)]},
    ),
    "avg_pool2d": (images(lambda x: F.avg_pool2d(x, 2)), {"base": [real(2, 4, 6, 3)], "odd": [real(1, 5, 7, 19)]}),
    "avg_pool2d_padded": (
        images(lambda x: F.avg_pool2d(x, (3, 2), (2, 1), 1)),
        {"base": [real(2, 4, 5, 3)], "channels": [real(1, 6, 3, 21)]},
    ),
    "max_pool1d": (
        images(lambda x: F.max_pool1d(x, 3, 2, 1)), {"base": [apart(2, 7, 3)], "channels": [apart(1, 8, 18)]}
    ),
    "avg_pool1d": (
        images(lambda x: F.avg_pool1d(x, 4, None, 2)), {"base": [real(2, 7, 3)], "channels": [real(1, 8, 18)]}
    ),
    "batch_norm": (
        channels_last_norm(lambda x, w, b: F.batch_norm(x, None, None, w, b, True)),
        {
            "base": [real(2, 3, 4, 5), real(5), real(5)],
            "rows": [real(7, 19), real(19), real(19)],
            "channels": [real(3, 5, 67), real(67), real(67)],
            "offset64": [real(4, 6, 2) + 1e4, real(2), real(2)],
        },
    ),
    "batch_norm_alone": (
        channels_last_norm(lambda x: F.relu(F.batch_norm(x, None, None, None, None, True, eps=1e-3))),
        {"base": [real(2, 3, 4, 5)], "one_channel": [real(11, 1)]},
    ),
    "batch_norm_relu_residual": (
        channels_last_norm(lambda x, w, b, r: F.relu(F.batch_norm(x, None, None, w, b, True) + r)),
        {
            "base": [real(2, 3, 4, 5), real(5), real(5), real(2, 3, 4, 5)],
            "channels": [real(5, 35), real(35), real(35), real(5, 35)],
        },
    ),
    "batch_norm_given": (
        channels_last_norm(
            lambda x, w, b, r, m, v: F.relu(F.batch_norm(x, m.detach(), v.exp().detach(), w, b, False) + r)
        ),
        {"base": [real(2, 3, 4, 5), real(5), real(5), real(2, 3, 4, 5), real(5), real(5)]},
    ),
    "group_norm": (
        channels_last_norm(lambda x, w, b: F.group_norm(x, 2, w, b)),
        {
            "base": [real(2, 3, 4, 6), real(6), real(6)],
            "channels": [real(3, 5, 70), real(70), real(70)],
            "rows": [real(4, 8), real(8), real(8)],
        },
    ),
    "group_norm_alone": (
        channels_last_norm(lambda x: F.group_norm(x, 1, eps=1e-3)), {"base": [real(2, 3, 2, 5)]}
    ),
    "lstm": (recurrent("LSTM"), recurrent_variants(4)),
    "lstm_without_bias": (recurrent("LSTM"), {"base": [real(2, 3, 4), real(12, 4), real(12, 3)]}),
    "gru": (recurrent("GRU"), recurrent_variants(3)),
    "global_avg_pool": (
        lambda x: x.mean(tuple(range(1, x.dim() - 1))),
        {"base": [real(2, 3, 4, 5)], "rank3": [real(2, 7, 3)], "empty": [empty(0, 2, 2, 3)]},
    ),
    "linear_cross_entropy_smoothed": (
        lambda x, w, t: F.cross_entropy(F.linear(x, w).reshape(-1, len(w)), t.reshape(-1), label_smoothing=0.125),
        {
            "base": [real(5, 4), real(7, 4), ids(5, below=7)],
            "rank3": [real(2, 3, 5), real(37, 5), ids(2, 3, below=37)],
            "one": [real(1, 1), real(1, 1), ids(1, below=1)],
        },
    ),
}


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
