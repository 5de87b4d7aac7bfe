"""Times PyTorch's counterparts of the rows of tests/op_cases/op_cases.cpp, printed as one JSON object: milliseconds.

    pytorch_ops.py [a regular expression for the rows]

The sizes are those of the rows' benchmarks: 1,024 × 768 numbers, GPT-2's layers with 1,024 tokens. `spectral_norm` has
no counterpart: PyTorch's layer keeps the vectors of its power iteration, and does one round a step."""

import functools
import json
import math
import re
import statistics
import sys
import time

import torch
from torch.nn import functional as F

T, C, V = 1024, 768, 50257


def x(*shape):
    return torch.rand(shape) * 4 - 2


def ids(*shape, below):
    return torch.randint(below, shape)


def attention(q, k, v, causal=True, mask=None, dropout=0.0):
    q, k, v = (t.transpose(1, 2) for t in (q, k, v))
    grouped = q.shape[1] != k.shape[1]
    return F.scaled_dot_product_attention(q, k, v, mask, dropout, causal, enable_gqa=grouped)


@functools.cache
def visible(t, window=None):
    """Which keys a query sees: those up to its own, or the last few of them."""
    seen = torch.ones(t, t, dtype=torch.bool).tril()
    return seen if window is None else seen.triu(1 - window)


def heads_of(qkv, heads, kv_heads):
    d = qkv.shape[-1] // (heads + 2 * kv_heads)
    return [p.unflatten(-1, (-1, d)) for p in qkv.split([heads * d, kv_heads * d, kv_heads * d], -1)]


def packed_attention(heads):
    return lambda qkv: attention(*heads_of(qkv, heads, heads))


@functools.cache
def turns(t, half, base, first):
    angle = (torch.arange(t) + first)[:, None] * base ** (-torch.arange(half) / half)
    return angle.cos()[:, None], angle.sin()[:, None]


def rotary(x, base=10000.0, first=0, neighbours=False):
    cos, sin = turns(x.shape[1], x.shape[-1] // 2, base, first)
    a, b = (x[..., 0::2], x[..., 1::2]) if neighbours else x.chunk(2, -1)
    parts = [a * cos - b * sin, b * cos + a * sin]
    return torch.stack(parts, -1).flatten(-2) if neighbours else torch.cat(parts, -1)


def turned_attention(qkv):
    q, k, v = heads_of(qkv, 2, 1)
    return attention(rotary(q, 100.0), rotary(k, 100.0), v)


def operators(a, b):
    return -((a + 0.5) * 2.0 - 0.25) / 4.0 + 1.0 - 3.0 * b / (2.0 + a * a) - 1.0 / (b * b + 1.0) + a / 0.5


def swapped_pieces(a):
    pieces = a.split(2, 1)
    return torch.cat([pieces[1], pieces[0]], 1)


def drop_path(a, rate=0.25):
    kept = torch.rand(a.shape[0], 1, 1) >= rate
    return a * (kept / (1 - rate))


def log_cosh(a, b):
    d = a - b
    return (d + F.softplus(-2.0 * d) - math.log(2.0)).mean()


def quantile_loss(a, b, quantile=0.3):
    d = b - a
    return torch.maximum(quantile * d, (quantile - 1) * d).mean()


def focal_loss(logits, t, gamma=2.0, alpha=0.25):
    p = logits.sigmoid()
    missed = 1 - (p * t + (1 - p) * (1 - t))
    cost = F.binary_cross_entropy_with_logits(logits, t, reduction="none")
    return ((alpha * t + (1 - alpha) * (1 - t)) * missed**gamma * cost).mean()


def info_nce(queries, keys, temperature=0.5):
    scores = F.normalize(queries) @ F.normalize(keys).T / temperature
    return F.cross_entropy(scores, torch.arange(len(queries)))


def feed_forward(a, g, s, w, b, v, c):
    hidden = F.gelu(F.linear(F.layer_norm(a, (C,), g, s), w, b), approximate="tanh")
    return a + F.linear(hidden, v, c)


def channels_last(*shape):
    """Numbers as gradus has them, seen as PyTorch's (N, C, H, W): the layout in which it is fastest too."""
    return x(*shape).permute(0, 3, 1, 2)


def images():
    return channels_last(32, 32, 32, 64)


def sequences():
    """(N, C, T), the one layout that PyTorch has for them."""
    return x(32, 64, 1024)


def conv(weight, images=(32, 32, 32, 64), bias=True, **options):
    """A row: images (N, H, W, C) and weight (out, kh, kw, C/groups)."""
    make = lambda: [channels_last(*images), channels_last(*weight)] + [x(weight[0])] * bias
    return lambda *inputs: F.conv2d(*inputs, **options), make


def batch_norm(a, w=None, b=None, epsilon=1e-5):
    return F.batch_norm(a, None, None, w, b, training=True, eps=epsilon)


def recurrent(layer, gates, bias=True):
    module = layer(256, 256, bias=bias, batch_first=True)
    names = ["weight_ih_l0", "weight_hh_l0"] + ["bias_ih_l0", "bias_hh_l0"] * bias
    function = lambda a, *weights: torch.func.functional_call(module, dict(zip(names, weights)), (a,))[0]
    sizes = [(gates * 256, 256)] * 2 + [(gates * 256,)] * 2 * bias
    return function, lambda: [x(32, 128, 256)] + [x(*size) for size in sizes]


ONE, TWO, THREE = lambda: [x(T, C)], lambda: [x(T, C), x(T, C)], lambda: [x(T, C), x(T, C), x(T, C)]
IMAGES = lambda: [images()]
CUBE, HALVES = lambda: [x(32, 32, C)], lambda: [x(2, T, C // 2)]
SQUARES, CLASSES = lambda: [x(512, 512), x(512, 512)], lambda: [x(T, C), ids(T, below=C)]
HEADS = lambda: [x(4, 256, 12, 64), x(4, 256, 12, 64), x(4, 256, 12, 64)]
MASKED_HEADS = lambda: [*HEADS(), x(256, 256)]
WEIGHTED_CLASSES = lambda: [x(T, C), x(C), ids(T, below=C)]
COMPARISONS = {"equal": "eq", "not_equal": "ne", "less": "lt", "less_equal": "le", "greater": "gt", "greater_equal": "ge"}
ROWS = {
    **{name: (getattr(torch, name), TWO) for name in ("add", "subtract", "multiply", "divide", "maximum", "minimum", "pow")},
    **{name: (getattr(torch, other), TWO) for name, other in COMPARISONS.items()},
    "divide_scalar": (lambda a: a / 49.0, ONE),
    "add_scalar": (lambda a: a + 1.25, ONE),
    **{
        name: (getattr(torch, other or name), ONE)
        for name, other in {
            "negate": "neg", "exp": "", "log": "", "tanh": "", "relu": "", "abs": "", "sign": "", "floor": "", "sqrt": "",
            "rsqrt": "", "sin": "", "cos": "", "sigmoid": "", "sum": "", "var": "", "stddev": "std", "max": "", "min": "",
            "tril": "",
        }.items()
    },
    **{name: (getattr(F, name), ONE) for name in ("silu", "softplus", "mish", "elu", "selu", "leaky_relu")},
    "gelu": (lambda a: F.gelu(a, approximate="tanh"), ONE),
    "gelu_exact": (F.gelu, ONE),
    "clamp": (lambda a: a.clamp(-0.5, 0.75), ONE),
    "pow_cube": (lambda a: a**3.0, ONE),
    "pow_real": (lambda a: a**2.3, ONE),
    "swiglu": (lambda a, b: F.silu(a) * b, TWO),
    "where": (lambda a, b, c: torch.where(c > 0, a, b), THREE),
    "sum_axis": (lambda a: a.sum(1), ONE),
    "sum_axis_kept": (lambda a: a.sum(-2, keepdim=True), ONE),
    "logsumexp": (lambda a: a.logsumexp(-1), ONE),
    "softmax": (lambda a: a.softmax(-1), ONE),
    "log_softmax": (lambda a: a.log_softmax(-1), ONE),
    "var_axis": (lambda a: a.var(1, correction=0), ONE),
    "stddev_axis": (lambda a: a.std(1, correction=0), ONE),
    **{f"{n}_axis": (lambda a, f=getattr(torch, n): f(a, 1).values, ONE) for n in ("max", "min")},
    **{f"{n}_axis_kept": (lambda a, f=getattr(torch, n): f(a, -2, keepdim=True).values, ONE) for n in ("max", "min")},
    **{n: (lambda a, f=getattr(torch, n): f(a, -1), ONE) for n in ("argmax", "argmin")},
    **{f"{n}_rows": (lambda a, f=getattr(torch, n): f(a, 0, keepdim=True), ONE) for n in ("argmax", "argmin")},
    "sort": (lambda a: a.sort(dim=-1, stable=True).values, ONE),
    "top_k": (lambda a: a.topk(3).values, ONE),
    "cumsum": (lambda a: a.cumsum(-1), ONE),
    "cumsum_rows": (lambda a: a.cumsum(0), ONE),
    "concat": (lambda a, b: torch.cat([a, b], 1), lambda: [x(T, 256), x(T, 512)]),
    "gather": (lambda a, i: a.gather(1, i), lambda: [x(T, C), ids(T, 64, below=C)]),
    "embedding": (lambda a, i: F.embedding(i, a), lambda: [x(V, C), ids(T, below=V)]),
    "matmul": (torch.matmul, lambda: [x(12, 256, 64), x(12, 64, 256)]),
    "linear": (F.linear, lambda: [x(T, C), x(4 * C, C), x(4 * C)]),
    "linear_without_bias": (F.linear, lambda: [x(T, C), x(V, C)]),
    "einsum_heads": (
        lambda a, b: torch.einsum("bthd,bshd->bhts", a, b), lambda: [x(4, 256, 12, 64), x(4, 256, 12, 64)]
    ),
    "norm_linear": (
        lambda a, g, s, w, b: F.linear(F.layer_norm(a, (C,), g, s), w, b),
        lambda: [x(T, C), x(C), x(C), x(3 * C, C), x(3 * C)],
    ),
    "norm_feed_forward": (
        feed_forward, lambda: [x(T, C), x(C), x(C), x(4 * C, C), x(4 * C), x(C, 4 * C), x(C)]
    ),
    "layer_norm": (lambda a, w, b: F.layer_norm(a, (C,), w, b), lambda: [x(T, C), x(C), x(C)]),
    "rms_norm": (lambda a, w: F.rms_norm(a, (C,), w, 1e-5), lambda: [x(T, C), x(C)]),
    "causal_attention_gpt2": (packed_attention(12), lambda: [x(4, 256, 3 * C)]),
    "attention_grouped": (attention, lambda: [x(4, 256, 12, 64), x(4, 256, 4, 64), x(4, 256, 4, 64)]),
    "dropout": (lambda a: F.dropout(a, 0.25), lambda: [x(2, T * C // 2)]),
    "mse": (F.mse_loss, TWO),
    "mae": (F.l1_loss, TWO),
    "huber": (lambda a, b: F.huber_loss(a, b, delta=0.75), TWO),
    "binary_cross_entropy": (F.binary_cross_entropy_with_logits, TWO),
    "cross_entropy": (F.cross_entropy, lambda: [x(T, V), ids(T, below=V)]),
    "linear_cross_entropy": (
        lambda a, w, t: F.cross_entropy(F.linear(a, w), t), lambda: [x(T, C), x(V, C), ids(T, below=V)]
    ),
    "scalar_subtract": (lambda a: 1.25 - a, ONE),
    "multiply_scalar": (lambda a: a * -0.75, ONE),
    "scalar_divide": (lambda a: 1.25 / a, ONE),
    "operators": (operators, TWO),
    "pow_inverse": (lambda a: a**-2.0, ONE),
    "pow_half": (lambda a: a**0.5, ONE),
    "pow_none": (lambda a: a**0.0, ONE),
    **{f"{name}_value": (lambda a, f=getattr(torch, other): f(a, 0.5), ONE) for name, other in COMPARISONS.items()},
    "mean": (torch.mean, ONE),
    "mean_axis": (lambda a: a.mean(-1), ONE),
    "mean_axis_kept": (lambda a: a.mean(0, keepdim=True), ONE),
    "var_axis_kept": (lambda a: a.var(0, keepdim=True), ONE),
    "stddev_axis_kept": (lambda a: a.std(0, keepdim=True), ONE),
    "sort_descending": (lambda a: a.sort(dim=0, descending=True, stable=True).values, ONE),
    "sort_indices": (lambda a: a.sort(dim=-1, descending=True, stable=True).indices, ONE),
    "top_k_smallest": (lambda a: a.topk(2, 0, largest=False).values, ONE),
    "reshape": (lambda a: a.reshape(-1, 2), ONE),
    "permute": (lambda a: a.permute(2, 0, 1), CUBE),
    "transpose": (lambda a: a.transpose(0, -1), ONE),
    "slice": (lambda a: a[:, 1:3], ONE),
    "slice_from_end": (lambda a: a[..., -3:-1], ONE),
    "slice_nothing": (lambda a: a[1:1], ONE),
    "concat_many": (lambda a, b: torch.cat([a, b], 0), TWO),
    "concat_one": (lambda a: torch.cat([a], 0), ONE),
    "stack": (lambda a, b: torch.stack([a, b], 1), TWO),
    "stack_last": (lambda a, b: torch.stack([a, b], -1), TWO),
    "split": (swapped_pieces, ONE),
    "triu": (lambda a: a.triu(1), ONE),
    "tril_below": (lambda a: a.tril(-2), ONE),
    "gather_rows": (lambda a, i: a.gather(0, i), lambda: [x(T, C), ids(T, C, below=T)]),
    "scatter_add": (lambda a, b, i: a.scatter_add(1, i, b), lambda: [x(T, C), x(T, C), ids(T, C, below=C)]),
    "one_hot": (lambda i: F.one_hot(i, 5).double(), lambda: [ids(T * C // 5, below=5)]),
    "matmul_transposed": (lambda a, b: a.mT @ b.mT, SQUARES),
    "linear_with_residual": (
        lambda a, w, b, r: F.linear(a, w, b) + r, lambda: [x(T, C), x(C, C), x(C), x(T, C)]
    ),
    "einsum_product": (lambda a, b: torch.einsum("ij,jk->ik", a, b), SQUARES),
    "einsum_batched": (lambda a, b: torch.einsum("bij,bkj->bik", a, b), lambda: [x(12, 256, 64), x(12, 256, 64)]),
    "einsum_outer": (lambda a, b: torch.einsum("i,j->ij", a, b), lambda: [x(T), x(C)]),
    "einsum_inner": (lambda a, b: torch.einsum("ij,ij", a, b), TWO),
    "einsum_bilinear": (lambda a, b: torch.einsum("bi,oij->boj", a, b), lambda: [x(64, 256), x(64, 256, 256)]),
    "einsum_transpose": (lambda a: torch.einsum("ijk->kij", a), CUBE),
    "einsum_sum": (lambda a: torch.einsum("ijk->j", a), CUBE),
    "einsum_trace": (lambda a: torch.einsum("ii", a), lambda: [x(1024, 1024)]),
    "einsum_diagonal": (lambda a: torch.einsum("iji->ji", a), lambda: [x(256, 16, 256)]),
    "einsum_scaled_rows": (lambda a, b: torch.einsum("ii,ij->ij", a, b), lambda: [x(1024, 1024), x(1024, C)]),
    "einsum_any": (lambda a, b: torch.einsum("...ij,...jk->...ik", a, b), lambda: [x(12, 256, 64), x(12, 64, 256)]),
    "einsum_any_last": (lambda a, b: torch.einsum("b...,b", a, b), lambda: [x(T, C), x(T)]),
    "einsum_repeated": (lambda a, b: torch.einsum("ij,ij->ij", a, b), lambda: [x(T, 1), x(1, C)]),
    "einsum_three": (lambda a, b, c: torch.einsum("bi,ij,bj->b", a, b, c), lambda: [x(64, 256), x(256, 256), x(64, 256)]),
    "matmul_vector": (torch.matmul, lambda: [x(T, C), x(C)]),
    "diagonal": (torch.diagonal, lambda: [x(1024, 1024)]),
    "diagonal_above": (lambda a: a.diagonal(1, -1, -2), lambda: [x(16, 256, 256)]),
    "diagonal_below": (lambda a: a.diagonal(-1, 0, -1), lambda: [x(256, 16, 256)]),
    "norm_linear_alone": (lambda a, w: F.linear(F.layer_norm(a, (C,)), w), lambda: [x(T, C), x(3 * C, C)]),
    "norm_feed_forward_alone": (
        lambda a, w, v: F.linear(F.gelu(F.linear(F.layer_norm(a, (C,)), w), approximate="tanh"), v),
        lambda: [x(T, C), x(4 * C, C), x(C, 4 * C)],
    ),
    "rms_norm_linear": (
        lambda a, g, w: F.linear(F.rms_norm(a, (C,), g, 1e-5), w), lambda: [x(T, C), x(C), x(3 * C, C)]
    ),
    "layer_norm_without_affine": (lambda a: F.layer_norm(a, (C,), None, None, 1e-3), ONE),
    "rms_norm_alone": (lambda a: F.rms_norm(a, (C,), None, 1e-3), ONE),
    "causal_attention": (packed_attention(2), lambda: [x(8, 256, 384)]),
    "causal_attention_one_head": (packed_attention(1), lambda: [x(16, 256, 192)]),
    "causal_attention_grouped": (
        lambda a: attention(*heads_of(a, 4, 2), causal=False, mask=visible(256, 3)), lambda: [x(8, 256, 512)]
    ),
    "causal_attention_rotary": (turned_attention, lambda: [x(16, 256, 256)]),
    "attention": (attention, HEADS),
    "attention_full": (lambda q, k, v: attention(q, k, v, causal=False), HEADS),
    "attention_window": (lambda q, k, v: attention(q, k, v, causal=False, mask=visible(256, 3)), HEADS),
    "attention_masked": (lambda q, k, v, m: attention(q, k, v, causal=False, mask=m > 0), MASKED_HEADS),
    "attention_dropout": (
        lambda q, k, v: attention(q, k, v, dropout=0.25),
        lambda: [x(2, 512, 12, 64), x(2, 512, 12, 64), x(2, 512, 12, 64)],
    ),
    "causal_attention_dropout": (
        lambda a: attention(*heads_of(a, 4, 2), causal=False, mask=visible(512, 40), dropout=0.25),
        lambda: [x(2, 512, 512)],
    ),
    "attention_biased": (
        lambda q, k, v, m: attention(q, k, v, False, m.detach().masked_fill(~visible(256), -math.inf)), MASKED_HEADS
    ),
    "rotary": (lambda a: rotary(a, 100.0, 3), lambda: [x(4, 256, 12, 64)]),
    "rotary_neighbours": (lambda a: rotary(a, neighbours=True), lambda: [x(4, 256, 12, 64)]),
    "dropout_none": (lambda a: F.dropout(a, 0.0), HALVES),
    "channel_dropout": (lambda a: F.dropout1d(a, 0.25), HALVES),
    "drop_path": (drop_path, HALVES),
    "alpha_dropout": (lambda a: F.alpha_dropout(a, 0.25, training=True), HALVES),
    "mse_sum": (lambda a, b: F.mse_loss(a, b, reduction="sum"), TWO),
    "mae_sum": (lambda a, b: F.l1_loss(a, b, reduction="sum"), TWO),
    "log_cosh": (log_cosh, TWO),
    "quantile_loss": (quantile_loss, TWO),
    "poisson_loss": (F.poisson_nll_loss, TWO),
    "hinge": (lambda a, t: (1 - a * t).clamp(min=0).mean(), TWO),
    "squared_hinge": (lambda a, t: (1 - a * t).clamp(min=0).square().mean(), TWO),
    "soft_cross_entropy": (F.cross_entropy, TWO),
    "binary_cross_entropy_weighted": (
        lambda a, t: F.binary_cross_entropy_with_logits(a, t, pos_weight=torch.tensor(2.5), reduction="sum"), TWO
    ),
    "focal_loss": (focal_loss, TWO),
    "kl_divergence": (lambda a, t: F.kl_div(a, t, reduction="batchmean"), TWO),
    "cross_entropy_sum": (lambda a, t: F.cross_entropy(a, t, reduction="sum"), CLASSES),
    "linear_cross_entropy_sum": (
        lambda a, w, t: F.cross_entropy(F.linear(a, w), t, reduction="sum"), lambda: [x(T, C), x(C, C), ids(T, below=C)]
    ),
    "linear_cross_entropy_smoothed": (
        lambda a, w, t: F.cross_entropy(F.linear(a, w), t, label_smoothing=0.125),
        lambda: [x(T, C), x(C, C), ids(T, below=C)],
    ),
    "cross_entropy_smoothed": (lambda a, t: F.cross_entropy(a, t, label_smoothing=0.125), CLASSES),
    "cross_entropy_ignored": (lambda a, t: F.cross_entropy(a, t, ignore_index=1), CLASSES),
    "cross_entropy_weighted": (
        lambda a, w, t: F.cross_entropy(a, t, w.detach(), ignore_index=0, label_smoothing=0.25), WEIGHTED_CLASSES
    ),
    "cross_entropy_weighted_sum": (
        lambda a, w, t: F.cross_entropy(a, t, w.detach(), reduction="sum"), WEIGHTED_CLASSES
    ),
    "cosine_similarity": (lambda a, b: F.cosine_similarity(a, b, dim=-1), TWO),
    "cosine_loss": (
        lambda a, b, t: F.cosine_embedding_loss(a, b, t.detach(), 0.25), lambda: [x(T, C), x(T, C), x(T).sign()]
    ),
    "triplet_loss": (F.triplet_margin_loss, THREE),
    "info_nce": (info_nce, lambda: [x(512, C), x(512, C)]),
    "conv2d": conv((64, 3, 3, 64)),
    "conv2d_padded": conv((512, 3, 3, 512), images=(32, 4, 4, 512), bias=False, padding=1),
    "conv2d_strided": conv((64, 3, 3, 64), stride=(2, 3), padding=(2, 1), dilation=(1, 2)),
    "conv2d_grouped": conv((64, 3, 3, 32), stride=2, padding=1, groups=2),
    "conv2d_depthwise": conv((64, 3, 3, 1), padding=1, groups=64),
    "conv2d_narrow_groups": conv((128, 3, 3, 4), images=(32, 32, 32, 128), padding=1, groups=32),
    "conv2d_with_residual": (
        lambda a, w, b, r: F.relu(F.conv2d(a, w, b, padding=1) + r),
        lambda: [images(), channels_last(64, 3, 3, 64), x(64), images()],
    ),
    "conv1d": (F.conv1d, lambda: [sequences(), x(64, 64, 5), x(64)]),
    "conv1d_strided": (
        lambda a, w: F.relu(F.conv1d(a, w, None, 2, 3, 2, 2)), lambda: [sequences(), x(64, 32, 5)]
    ),
    "max_pool2d": (lambda a: F.max_pool2d(a, 2), IMAGES),
    "max_pool2d_padded": (lambda a: F.max_pool2d(a, 3, (2, 1), 1), IMAGES),
    "avg_pool2d": (lambda a: F.avg_pool2d(a, 2), IMAGES),
    "avg_pool2d_padded": (lambda a: F.avg_pool2d(a, (3, 2), (2, 1), 1), IMAGES),
    "max_pool1d": (lambda a: F.max_pool1d(a, 3, 2, 1), lambda: [sequences()]),
    "avg_pool1d": (lambda a: F.avg_pool1d(a, 4, None, 2), lambda: [sequences()]),
    "global_avg_pool": (lambda a: a.mean((2, 3)), IMAGES),
    "batch_norm": (lambda a, w, b: batch_norm(a, w, b), lambda: [images(), x(64), x(64)]),
    "batch_norm_alone": (lambda a: F.relu(batch_norm(a, epsilon=1e-3)), IMAGES),
    "batch_norm_relu_residual": (
        lambda a, w, b, r: F.relu(batch_norm(a, w, b) + r), lambda: [images(), x(64), x(64), images()]
    ),
    "batch_norm_given": (
        lambda a, w, b, r, m, v: F.relu(F.batch_norm(a, m.detach(), v.detach().exp(), w, b) + r),
        lambda: [images(), x(64), x(64), images(), x(64), x(64)],
    ),
    "group_norm": (lambda a, w, b: F.group_norm(a, 2, w, b), lambda: [images(), x(64), x(64)]),
    "group_norm_alone": (lambda a: F.group_norm(a, 1, eps=1e-3), IMAGES),
    "lstm": recurrent(torch.nn.LSTM, 4),
    "lstm_without_bias": recurrent(torch.nn.LSTM, 4, bias=False),
    "gru": recurrent(torch.nn.GRU, 3),
}


def median_ms(run, least_s=0.15):
    run()
    times, begin = [], time.perf_counter()
    while len(times) < 3 or time.perf_counter() - begin < least_s:
        start = time.perf_counter()
        run()
        times.append(time.perf_counter() - start)
    return 1e3 * statistics.median(times)


def main():
    torch.manual_seed(1)
    wanted = re.compile(sys.argv[1] if len(sys.argv) > 1 else ".")
    result = {}
    for name, (function, make) in ROWS.items():
        if not any(wanted.search(f"{name}/{way}") for way in ("forward", "backward")):
            continue
        inputs = make()
        with torch.no_grad():
            result[f"{name}/forward"] = median_ms(lambda: function(*inputs))
        leaves = [t.requires_grad_() for t in inputs if t.is_floating_point()]
        y = function(*inputs)
        if not y.requires_grad:
            continue
        seed = torch.full_like(y, 0.5)
        result[f"{name}/backward"] = median_ms(
            lambda: torch.autograd.grad(y, leaves, seed, retain_graph=True, allow_unused=True)
        )
    print(json.dumps({"version": torch.__version__, "threads": torch.get_num_threads(), "ms": result}))


if __name__ == "__main__":
    main()
