"""Rows of make_op_references.py: convolutions, pooling, batch norms, recurrent layers, and what came later."""

import math

import torch
import torch.nn.functional as F

from op_reference_inputs import NAN, empty, ids, random, real, unary
from op_reference_layers import dropout, heads, heads_attention, packed_heads


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


def few_dropped(probabilities):
    return dropout(probabilities, 0.25, 0x0123456789ABCDEF, [7, 3])


ROWS = {
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
    "attention_dropout": (
        lambda q, k, v: heads_attention(q, k, v, drop=few_dropped),
        {"base": heads(2, 5, 7, 4, 2, 3), "blocks": heads(2, 37, 70, 2, 1, 3)},
    ),
    "causal_attention_dropout": (
        lambda x: heads_attention(*packed_heads(x, 4, 2), window=40, drop=few_dropped).flatten(2),
        {"base": [real(2, 6, 24)], "blocks": [real(2, 67, 8)]},
    ),
    "selu": unary(F.selu),
    "conv2d_narrow_groups": (
        images(lambda x, w, b: F.conv2d(x, w, b, padding=1, groups=x.shape[1] // w.shape[1])),
        {
            "base": [real(2, 3, 4, 6), real(6, 3, 3, 2), real(6)],
            "fours": [real(1, 3, 9, 20), real(20, 3, 3, 4), real(20)],
            "more_results": [real(1, 4, 3, 14), real(21, 2, 3, 2), real(21)],
            "fewer_results": [real(2, 3, 3, 9), real(6, 3, 2, 3), real(6)],
        },
    ),
    "divide_scalar": unary(lambda x: x / 49.0),
    "matmul_vector": (torch.matmul, {"base": [real(3, 4), real(4)], "batch": [real(2, 3, 4), real(4)], "row": [real(4), real(4, 3)],
                                     "row_of_batch": [real(4), real(2, 4, 3)], "inner": [real(5), real(5)]}),
    "diagonal": (torch.diagonal, {"base": [real(3, 3)], "wide": [real(2, 5)], "tall": [real(4, 2)], "rank3": [real(3, 2, 4)], "empty": [empty(0, 3)]}),
    "diagonal_above": (lambda x: torch.diagonal(x, 1, -1, -2), {"base": [real(3, 4)], "rank3": [real(2, 3, 3)], "none": [real(3, 1)]}),
    "diagonal_below": (lambda x: torch.diagonal(x, -1, 0, -1), {"base": [real(4, 3)], "rank3": [real(3, 2, 4)]}),
    "einsum_trace": (lambda x: torch.einsum("ii", x), {"base": [real(4, 4)]}),
    "einsum_diagonal": (lambda x: torch.einsum("iji->ji", x), {"base": [real(3, 2, 3)]}),
    "einsum_scaled_rows": (lambda a, b: torch.einsum("ii,ij->ij", a, b), {"base": [real(3, 3), real(3, 4)]}),
    "einsum_any": (lambda a, b: torch.einsum("...ij,...jk->...ik", a, b),
                   {"base": [real(2, 3, 4), real(2, 4, 2)], "broadcast": [real(2, 1, 3, 4), real(3, 4, 2)],
                    "none": [real(3, 4), real(4, 2)]}),
    "einsum_any_last": (lambda a, b: torch.einsum("b...,b", a, b), {"base": [real(3, 2, 4), real(3)], "none": [real(3), real(3)]}),
    "einsum_repeated": (lambda a, b: torch.einsum("ij,ij->ij", a, b), {"base": [real(3, 1), real(1, 4)], "one": [real(3, 1), real(3, 4)]}),
    "einsum_three": (lambda a, b, c: torch.einsum("bi,ij,bj->b", a, b, c), {"base": [real(2, 3), real(3, 4), real(2, 4)]}),
}
