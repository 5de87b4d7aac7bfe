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
from transformers import GPT2Config, GPT2LMHeadModel

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
    result = gpt() | linear_model()
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
