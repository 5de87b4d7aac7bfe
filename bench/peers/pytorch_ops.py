"""Times PyTorch's counterparts of the rows of tests/op_cases/op_cases.cpp, printed as one JSON object: milliseconds.

The sizes are those of the rows' benchmarks: 1,024 × 768 numbers, GPT-2's layers with 1,024 tokens."""

import json
import statistics
import time

import torch
from torch.nn import functional as F

T, C, V = 1024, 768, 50257


def x(*shape):
    return torch.rand(shape) * 4 - 2


def ids(*shape, below):
    return torch.randint(below, shape)


def attention(q, k, v, causal=True):
    q, k, v = (t.transpose(1, 2) for t in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v, is_causal=causal, enable_gqa=q.shape[1] != k.shape[1])


def packed_attention(qkv):
    b, t, c = qkv.shape
    return attention(*(p.view(b, t, 12, c // 36) for p in qkv.split(c // 3, -1)))


def feed_forward(a, g, s, w, b, v, c):
    hidden = F.gelu(F.linear(F.layer_norm(a, (C,), g, s), w, b), approximate="tanh")
    return a + F.linear(hidden, v, c)


ONE, TWO = lambda: [x(T, C)], lambda: [x(T, C), x(T, C)]
COMPARISONS = {"equal": "eq", "not_equal": "ne", "less": "lt", "less_equal": "le", "greater": "gt", "greater_equal": "ge"}
ROWS = {
    **{name: (getattr(torch, name), TWO) for name in ("add", "subtract", "multiply", "divide", "maximum", "minimum", "pow")},
    **{name: (getattr(torch, other), TWO) for name, other in COMPARISONS.items()},
    "add_scalar": (lambda a: a + 1.25, ONE),
    **{
        name: (getattr(torch, other or name), ONE)
        for name, other in {
            "negate": "neg", "exp": "", "log": "", "tanh": "", "relu": "", "abs": "", "sign": "", "floor": "", "sqrt": "",
            "rsqrt": "", "sin": "", "cos": "", "sigmoid": "", "sum": "", "var": "", "stddev": "std", "max": "", "min": "",
            "tril": "",
        }.items()
    },
    **{name: (getattr(F, name), ONE) for name in ("silu", "softplus", "mish", "elu", "leaky_relu")},
    "gelu": (lambda a: F.gelu(a, approximate="tanh"), ONE),
    "gelu_exact": (F.gelu, ONE),
    "clamp": (lambda a: a.clamp(-0.5, 0.75), ONE),
    "pow_cube": (lambda a: a**3.0, ONE),
    "pow_real": (lambda a: a**2.3, ONE),
    "swiglu": (lambda a, b: F.silu(a) * b, TWO),
    "where": (lambda a, b, c: torch.where(c > 0, a, b), lambda: [x(T, C), x(T, C), x(T, C)]),
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
    "causal_attention_gpt2": (packed_attention, lambda: [x(4, 256, 3 * C)]),
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
    result = {}
    for name, (function, make) in ROWS.items():
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
