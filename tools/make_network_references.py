#!/usr/bin/env python3
"""Writes tests/references/networks.safetensors: outputs, losses and gradients of small networks in float64, by PyTorch.

    python tools/make_network_references.py     # needs torch and safetensors; the tests need neither

Weights and inputs are the formula `value` below, which tests/nn/reference.h has too, so only results are stored.
Names and layout are gradus's: convolutions' weights (out, kh, kw, in), pictures (N, H, W, C). Of gradients only some are
stored, in float32.
"""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn import functional as F

PATH = Path(__file__).resolve().parent.parent / "tests/references/networks.safetensors"


def value(i, seed):
    """A multiple of 1/256 in [-0.5, 0.5]; float32 holds it exactly."""
    return ((i * 7919 + i * i * 31 + seed * 104729) % 257 - 128) / 256


def filled(name, shape, scale=1.0, shift=0.0):
    """The tensor of that name: its seed is the sum of the name's bytes."""
    size = torch.Size(shape).numel()
    seed = sum(name.encode())
    return torch.tensor([scale * value(i, seed) + shift for i in range(size)], dtype=torch.float64).view(shape)


def is_norm_weight(name):
    return name.endswith(".weight") and any(part in name for part in ("bn", "norm", "downsample.1", "ln_"))


def own_layout(x):
    """From PyTorch's (out, in, …) to gradus's (out, …, in)."""
    return x.movedim(1, -1).contiguous() if x.dim() > 2 else x


def fill(parameters):
    """Norms' weights lie about 1, everything else about 0."""
    with torch.no_grad():
        for name, p in parameters.items():
            x = filled(name, own_layout(p).shape, shift=1.0 if is_norm_weight(name) else 0.0)
            p.copy_(x.movedim(-1, 1) if p.dim() > 2 else x)


def results(prefix, parameters, outputs, loss, kept=None):
    loss.backward()
    result = {f"{prefix}/y": outputs.detach(), f"{prefix}/loss": loss.detach()}
    for name, p in parameters.items():
        if kept is None or name in kept:
            result[f"{prefix}/grad/{name}"] = own_layout(p.grad).float().contiguous()
    return result


def classes(count, outputs):
    return torch.arange(count) % outputs


class Unit(nn.Module):
    """A residual block with torchvision's names."""

    def __init__(self, depth, inputs, width, stride):
        super().__init__()
        outputs = width if depth < 50 else 4 * width
        shapes = [(width, 3, stride), (width, 3, 1)] if depth < 50 else [(width, 1, 1), (width, 3, stride), (outputs, 1, 1)]
        self.count = len(shapes)
        before = inputs
        for i, (out, kernel, step) in enumerate(shapes, 1):
            setattr(self, f"conv{i}", nn.Conv2d(before, out, kernel, step, kernel // 2, bias=False))
            setattr(self, f"bn{i}", nn.BatchNorm2d(out))
            before = out
        self.downsample = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        y = x
        for i in range(1, self.count + 1):
            y = getattr(self, f"bn{i}")(getattr(self, f"conv{i}")(y))
            if i < self.count:
                y = F.relu(y)
        return F.relu(y + (x if self.downsample is None else self.downsample(x)))


class ResNet(nn.Module):
    def __init__(self, depth, width, channels, outputs, large):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 7, 2, 3, bias=False) if large else nn.Conv2d(channels, width, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.large = large
        inputs = width
        for stage, blocks in enumerate({18: [2, 2, 2, 2], 50: [3, 4, 6, 3]}[depth]):
            units = []
            for i in range(blocks):
                units.append(Unit(depth, inputs, width << stage, 2 if stage > 0 and i == 0 else 1))
                inputs = (width << stage) * (1 if depth < 50 else 4)
            setattr(self, f"layer{stage + 1}", nn.Sequential(*units))
        self.fc = nn.Linear(inputs, outputs)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        if self.large:
            x = F.max_pool2d(x, 3, 2, 1)
        for stage in range(1, 5):
            x = getattr(self, f"layer{stage}")(x)
        return self.fc(x.mean((2, 3)))


def resnet(prefix, depth, width, side, large):
    model = ResNet(depth, width, 3, 5, large).double().train()
    parameters = dict(model.named_parameters())
    fill(parameters)
    x = filled("x", (4, side, side, 3), scale=4.0).movedim(-1, 1)
    y = model(x)
    kept = {"conv1.weight", "bn1.bias", "layer2.0.downsample.0.weight", "layer3.0.bn2.weight", "fc.weight"}
    result = results(prefix, parameters, y, F.cross_entropy(y, classes(4, 5)), kept)
    result[f"{prefix}/running_mean"] = model.layer4[0].bn1.running_mean.clone()
    result[f"{prefix}/running_var"] = model.layer4[0].bn1.running_var.clone()
    with torch.no_grad():
        result[f"{prefix}/evaluated"] = model.eval()(x)
    return result


def cnn(prefix, dimensions, norm):
    """Stages of 3 and 4 channels with two convolutions each, max pooling, a layer of 6."""
    conv, pool = (nn.Conv1d, F.max_pool1d) if dimensions == 1 else (nn.Conv2d, F.max_pool2d)
    batch_norm = nn.BatchNorm1d if dimensions == 1 else nn.BatchNorm2d
    shape = (3, 9, 2) if dimensions == 1 else (3, 9, 8, 2)
    sizes = [(2, 3), (3, 3), (3, 4), (4, 4)]
    layers, norms, parameters = [], [], {}
    for i, (inputs, outputs) in enumerate(sizes):
        layers.append(conv(inputs, outputs, 3, padding=1, bias=not norm).double())
        parameters |= {f"features.{i}.{name}": p for name, p in layers[-1].named_parameters()}
        if norm:
            norms.append(batch_norm(outputs).double().train())
            parameters |= {f"features.{i}_norm.{name}": p for name, p in norms[-1].named_parameters()}
    flat = 4 * 2 * (1 if dimensions == 1 else 2)
    hidden, last = nn.Linear(flat, 6).double(), nn.Linear(6, 5).double()
    parameters |= {f"layers.0.{name}": p for name, p in hidden.named_parameters()}
    parameters |= {f"layers.1.{name}": p for name, p in last.named_parameters()}
    fill(parameters)
    h = filled("x", shape, scale=4.0).movedim(-1, 1)
    for i, layer in enumerate(layers):
        h = layer(h)
        h = F.relu(norms[i](h) if norm else h)
        if i % 2 == 1:
            h = pool(h, 2)
    y = last(F.relu(hidden(h.movedim(1, -1).flatten(1))))
    return results(prefix, parameters, y, F.cross_entropy(y, classes(3, 5)))


def lenet():
    """Pictures of 28 × 28, as LeNet-5 has them."""
    c1, c2 = nn.Conv2d(1, 6, 5, padding=2).double(), nn.Conv2d(6, 16, 5).double()
    linear = [nn.Linear(400, 120).double(), nn.Linear(120, 84).double(), nn.Linear(84, 10).double()]
    parameters = {}
    for i, layer in enumerate([c1, c2]):
        parameters |= {f"features.{i}.{name}": p for name, p in layer.named_parameters()}
    for i, layer in enumerate(linear):
        parameters |= {f"layers.{i}.{name}": p for name, p in layer.named_parameters()}
    fill(parameters)
    with torch.no_grad():  # sums of hundreds of terms would drive tanh to its ends
        for p in parameters.values():
            p.mul_(0.25)
    h = filled("x", (2, 28, 28, 1), scale=2.0).movedim(-1, 1)
    for layer in (c1, c2):
        h = F.avg_pool2d(torch.tanh(layer(h)), 2)
    h = h.movedim(1, -1).flatten(1)
    y = linear[2](torch.tanh(linear[1](torch.tanh(linear[0](h)))))
    return results("lenet", parameters, y, F.cross_entropy(y, classes(2, 10)), {"features.0.weight", "layers.2.weight"})


class Encoder:
    """Pre-norm transformer layers with the names of gradus's blocks."""

    def __init__(self, layers, width, heads, places, outputs):
        self.layers = [
            nn.TransformerEncoderLayer(
                width, heads, 4 * width, dropout=0.0, activation=nn.GELU(approximate="tanh"), batch_first=True, norm_first=True
            ).double()
            for _ in range(layers)
        ]
        self.wpe = nn.Parameter(torch.zeros(places, width, dtype=torch.float64))
        self.norm, self.head = nn.LayerNorm(width).double(), nn.Linear(width, outputs).double()
        self.parameters = {"wpe.weight": self.wpe}
        for i, layer in enumerate(self.layers):
            theirs = dict(layer.named_parameters())
            names = {
                "ln_1": "norm1", "attn.c_proj": "self_attn.out_proj", "ln_2": "norm2", "mlp.c_fc": "linear1",
                "mlp.c_proj": "linear2",
            }
            for own, other in names.items():
                self.parameters |= {f"h.{i}.{own}.{kind}": theirs[f"{other}.{kind}"] for kind in ("weight", "bias")}
            self.parameters |= {f"h.{i}.attn.c_attn.{kind}": theirs[f"self_attn.in_proj_{kind}"] for kind in ("weight", "bias")}
        self.parameters |= {f"ln_f.{name}": p for name, p in self.norm.named_parameters()}
        self.parameters |= {f"head.{name}": p for name, p in self.head.named_parameters()}

    def __call__(self, x, own=None):
        x = x + self.wpe[: x.shape[1]]
        for layer in self.layers:
            x = layer(x, src_key_padding_mask=None if own is None else ~own)
        x = self.norm(x)
        if own is None:
            return self.head(x.mean(1))
        weights = own.double() / own.sum(1, keepdim=True)
        return self.head((x * weights[..., None]).sum(1))


def text_encoder():
    model = Encoder(2, 8, 2, 7, 3)
    wte = nn.Parameter(torch.zeros(11, 8, dtype=torch.float64))
    parameters = {"wte.weight": wte} | model.parameters
    fill(parameters)
    ids = torch.tensor([[(5 * b + 3 * t + t * t) % 11 for t in range(6)] for b in range(3)])
    own = torch.arange(6)[None] < torch.tensor([6, 1, 4])[:, None]
    y = model(wte[ids], own)
    return results("encoder", parameters, y, F.cross_entropy(y, classes(3, 3)))


def vit():
    """Pictures of 6 × 8 × 2 in patches of 3 × 2."""
    model = Encoder(1, 8, 4, 8, 3)
    patch = nn.Linear(12, 8).double()
    parameters = {f"patch.{name}": p for name, p in patch.named_parameters()} | model.parameters
    fill(parameters)
    x = filled("x", (3, 6, 8, 2), scale=4.0)
    cut = x.view(3, 2, 3, 4, 2, 2).permute(0, 1, 3, 2, 4, 5).reshape(3, 8, 12)
    y = model(patch(cut))
    return results("vit", parameters, y, F.cross_entropy(y, classes(3, 3)))


def rnn(prefix, kind, bidirectional):
    """Two layers of width 3 on numbers (3, 5, 2)."""
    net = kind(2, 3, 2, batch_first=True, bidirectional=bidirectional).double()
    head = nn.Linear(6 if bidirectional else 3, 3).double()
    theirs = dict(net.named_parameters())
    parameters = {}
    for i in range(2):
        for direction in ("", "_reverse") if bidirectional else ("",):
            for own in ("weight_ih", "weight_hh", "bias_ih", "bias_hh"):
                parameters[f"{'reverse' if direction else 'rnn'}.{own}_l{i}"] = theirs[f"{own}_l{i}{direction}"]
    parameters |= {f"head.{name}": p for name, p in head.named_parameters()}
    fill(parameters)
    y = head(net(filled("x", (3, 5, 2), scale=4.0))[0].mean(1))
    return results(prefix, parameters, y, F.cross_entropy(y, classes(3, 3)))


def autoencoder():
    widths = [6, 5, 2]
    encoder = [nn.Linear(a, b).double() for a, b in zip(widths, widths[1:])]
    decoder = [nn.Linear(b, a).double() for a, b in reversed(list(zip(widths, widths[1:])))]
    parameters = {}
    for part, layers in (("encoder", encoder), ("decoder", decoder)):
        for i, layer in enumerate(layers):
            parameters |= {f"{part}.{i}.{name}": p for name, p in layer.named_parameters()}
    fill(parameters)
    x = filled("x", (4, 6), scale=4.0)
    code = encoder[1](torch.tanh(encoder[0](x)))
    again = decoder[1](torch.tanh(decoder[0](code)))
    return results("autoencoder", parameters, code, F.mse_loss(again, x))


def main():
    everything = (
        resnet("resnet18", 18, 2, 8, large=False)
        | resnet("resnet50", 50, 1, 32, large=True)
        | cnn("cnn", 2, norm=False)
        | cnn("cnn_norm", 2, norm=True)
        | cnn("cnn_along", 1, norm=False)
        | lenet()
        | text_encoder()
        | vit()
        | rnn("lstm", nn.LSTM, False)
        | rnn("gru_both", nn.GRU, True)
        | autoencoder()
    )
    save_file({name: x.contiguous() for name, x in everything.items()}, PATH)
    print(f"{PATH.name}: {len(everything)} tensors, {PATH.stat().st_size} bytes")


if __name__ == "__main__":
    main()
