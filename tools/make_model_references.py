#!/usr/bin/env python3
"""Writes tests/references/models.safetensors: losses and gradients of small models in float64, by PyTorch and Hugging Face.

    python tools/make_model_references.py       # needs torch, transformers and safetensors; the tests need none of them

Weights and inputs are the formula `value` below, which tests/nn/reference.h has too, so only results are stored.
Gradients have gradus's names and layout: those of Hugging Face without "transformer.", each Conv1D weight (in, out)
transposed. They are stored in float32, whose rounding (6e-8) is below what the tests ask for.
"""

from pathlib import Path

import torch
from safetensors.torch import save_file
from transformers import GPT2Config, GPT2LMHeadModel, LlamaConfig, LlamaForCausalLM

PATH = Path(__file__).resolve().parent.parent / "tests/references/models.safetensors"
VOCABULARY, WIDTH, LAYERS, HEADS, CONTEXT, BATCH = 11, 16, 2, 2, 12, 3


def value(i, seed):
    """A multiple of 1/256 in [-0.5, 0.5]; float32 holds it exactly."""
    return ((i * 7919 + i * i * 31 + seed * 104729) % 257 - 128) / 256


def filled(name, shape, scale=1.0, shift=0.0):
    """The tensor of that name: its seed is the sum of the name's bytes."""
    size = torch.Size(shape).numel()
    seed = sum(name.encode())
    return torch.tensor([scale * value(i, seed) + shift for i in range(size)], dtype=torch.float64).view(shape)


def is_conv1d(name):
    return name.endswith(".weight") and any(part in name for part in ("c_attn", "c_proj", "c_fc"))


def gpt():
    config = GPT2Config(
        vocab_size=VOCABULARY,
        n_embd=WIDTH,
        n_layer=LAYERS,
        n_head=HEADS,
        n_positions=CONTEXT,
        activation_function="gelu_new",
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        layer_norm_epsilon=1e-5,
        tie_word_embeddings=True,
        attn_implementation="eager",
    )
    model = GPT2LMHeadModel(config).double().train()
    parameters = {name.removeprefix("transformer."): p for name, p in model.named_parameters()}
    with torch.no_grad():
        for name, p in parameters.items():
            shape = tuple(reversed(p.shape)) if is_conv1d(name) else tuple(p.shape)
            norm_weight = ".ln_" in f".{name}" and name.endswith("weight")
            x = filled(name, shape, shift=1.0 if norm_weight else 0.0)
            p.copy_(x.T if is_conv1d(name) else x)
    # One token more than is fed: Hugging Face moves the labels by one itself.
    ids = torch.tensor([[(5 * b + 3 * t + t * t) % VOCABULARY for t in range(CONTEXT)] for b in range(BATCH)])
    out = model(input_ids=ids, labels=ids)
    out.loss.backward()
    result = {"gpt/loss": out.loss.detach(), "gpt/logits": out.logits.detach()}
    for name, p in parameters.items():
        gradient = p.grad.T if is_conv1d(name) else p.grad
        result[f"gpt/grad/{name}"] = gradient.contiguous().float()
    return result


def llama():
    """gradus's GPT with all of Llama's parts: grouped heads, SwiGLU of width 24, RMS norms, a head of its own."""
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=WIDTH,
        intermediate_size=24,
        num_hidden_layers=LAYERS,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        rms_norm_eps=1e-5,
        rope_parameters={"rope_type": "default", "rope_theta": 100.0},
        tie_word_embeddings=False,
        attn_implementation="eager",
    )
    model = LlamaForCausalLM(config).double().train()
    # One of gradus's parameters is one of theirs, or several of theirs below each other.
    parts = {"wte.weight": ["model.embed_tokens"], "ln_f.weight": ["model.norm"], "lm_head.weight": ["lm_head"]}
    for i in range(LAYERS):
        block = f"model.layers.{i}."
        parts |= {
            f"h.{i}.ln_1.weight": [block + "input_layernorm"],
            f"h.{i}.ln_2.weight": [block + "post_attention_layernorm"],
            f"h.{i}.attn.c_attn.weight": [f"{block}self_attn.{x}_proj" for x in "qkv"],
            f"h.{i}.attn.c_proj.weight": [block + "self_attn.o_proj"],
            f"h.{i}.mlp.c_fc.weight": [block + "mlp.gate_proj", block + "mlp.up_proj"],
            f"h.{i}.mlp.c_proj.weight": [block + "mlp.down_proj"],
        }
    theirs = dict(model.named_parameters())
    pieces = {name: [theirs[part + ".weight"] for part in names] for name, names in parts.items()}
    assert sum(len(p) for p in pieces.values()) == len(theirs)
    with torch.no_grad():
        for name, ps in pieces.items():
            rows = [p.shape[0] for p in ps]
            x = filled(name, (sum(rows), *ps[0].shape[1:]), shift=1.0 if "ln_" in name else 0.0)
            for p, part in zip(ps, x.split(rows)):
                p.copy_(part)
    ids = torch.tensor([[(5 * b + 3 * t + t * t) % VOCABULARY for t in range(CONTEXT)] for b in range(BATCH)])
    out = model(input_ids=ids, labels=ids)
    out.loss.backward()
    return {
        "llama/loss": out.loss.detach(),
        "llama/logits": out.logits.detach(),
        **{f"llama/grad/{name}": torch.cat([p.grad for p in ps]).float() for name, ps in pieces.items()},
    }


def mlp(activation, name):
    sizes = [3, 5, 4, 2]
    x, y = filled("x", (7, sizes[0]), scale=4.0), filled("y", (7, sizes[-1]), scale=4.0)
    parameters = {}
    h = x
    for i, (inputs, outputs) in enumerate(zip(sizes, sizes[1:])):
        weight = filled(f"layers.{i}.weight", (outputs, inputs), scale=2.0).requires_grad_()
        bias = filled(f"layers.{i}.bias", (outputs,)).requires_grad_()
        parameters |= {f"layers.{i}.weight": weight, f"layers.{i}.bias": bias}
        h = torch.nn.functional.linear(h, weight, bias)
        if i + 2 < len(sizes):
            h = activation(h)
    loss = torch.nn.functional.mse_loss(h, y)
    loss.backward()
    return {
        f"{name}/y": h.detach(),
        f"{name}/loss": loss.detach(),
        **{f"{name}/grad/{key}": p.grad for key, p in parameters.items()},
    }


def linear_model():
    x, y = filled("x", (7, 3), scale=4.0), filled("y", (7, 2), scale=4.0)
    weight, bias = filled("weight", (2, 3), scale=2.0).requires_grad_(), filled("bias", (2,)).requires_grad_()
    prediction = torch.nn.functional.linear(x, weight, bias)
    loss = torch.nn.functional.mse_loss(prediction, y)
    loss.backward()
    return {
        "linear/y": prediction.detach(),
        "linear/loss": loss.detach(),
        "linear/grad/weight": weight.grad,
        "linear/grad/bias": bias.grad,
    }


def main():
    torch.set_num_threads(1)
    result = gpt() | llama() | linear_model()
    for name, activation in {
        "relu": torch.relu,
        "tanh": torch.tanh,
        "gelu": lambda x: torch.nn.functional.gelu(x, approximate="tanh"),
    }.items():
        result |= mlp(activation, f"mlp_{name}")
    save_file({key: t.contiguous() for key, t in result.items()}, PATH, metadata={"torch": torch.__version__})
    print(f"{PATH}: {len(result)} tensors, {PATH.stat().st_size} bytes, GPT loss {result['gpt/loss'].item():.6f}")


if __name__ == "__main__":
    main()
