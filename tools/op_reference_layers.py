"""Rows of make_op_references.py: attention, dropout, shapes, products, norms and losses."""

import math

import numpy
import torch
import torch.nn.functional as F

from op_reference_inputs import (
    GATHERED,
    INF,
    LOOKED_UP,
    NAN,
    empty,
    ids,
    loss_pairs,
    moved,
    no_ids,
    norm_variants,
    only,
    random,
    real,
    values,
)


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


def feed_forward(x, w, b, v, c):
    return F.linear(F.gelu(F.linear(x, w, b), approximate="tanh"), v, c)


def heads_attention(q, k, v, causal=True, window=0, seen=None, bias=None, drop=lambda p: p):
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
    return (drop(weights) @ v).transpose(1, 2)


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


ROWS = {
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
