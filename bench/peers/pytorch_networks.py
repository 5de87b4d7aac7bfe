"""The work of `gradus bench network` in PyTorch, eager or compiled, printed as one JSON object."""

import argparse

import torch
from pytorch_gpt import Block
from pytorch_training import print_result, timed_steps
from torch import nn
from torch.nn import functional as F

TOKENS, VOCABULARY = 128, 1000


def unit(width: int, out: int, kernel: int, stride: int = 1):
    return nn.Sequential(nn.Conv2d(width, out, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(out))


class Residual(nn.Module):
    """He et al., 2016: two 3 × 3 convolutions, or 1 × 1, 3 × 3 and 1 × 1."""

    def __init__(self, width: int, channels: int, stride: int, bottleneck: bool):
        super().__init__()
        out = 4 * channels if bottleneck else channels
        if bottleneck:
            self.units = nn.ModuleList([unit(width, channels, 1), unit(channels, channels, 3, stride), unit(channels, out, 1)])
        else:
            self.units = nn.ModuleList([unit(width, channels, 3, stride), unit(channels, channels, 3)])
        self.shortcut = unit(width, out, 1, stride) if stride != 1 or width != out else nn.Identity()

    def forward(self, x):
        y = x
        for inner in self.units[:-1]:
            y = F.relu(inner(y), inplace=True)
        return F.relu(self.units[-1](y) + self.shortcut(x), inplace=True)


def resnet(blocks: list[int], bottleneck: bool, classes: int):
    large = classes == 1000
    stem = [unit(3, 64, 7 if large else 3, 2 if large else 1), nn.ReLU(inplace=True)]
    layers, width = stem + ([nn.MaxPool2d(3, 2, 1)] if large else []), 64
    for stage, count in enumerate(blocks):
        for i in range(count):
            layers.append(Residual(width, 64 << stage, 2 if stage > 0 and i == 0 else 1, bottleneck))
            width = (64 << stage) * (4 if bottleneck else 1)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, classes))


def mnist_cnn():
    stages = [nn.Conv2d(1, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*stages, nn.Flatten(), nn.Linear(64 * 7 * 7, 128), nn.ReLU(), nn.Linear(128, 10))


class LstmClassifier(nn.Module):
    def __init__(self):
        super().__init__()
        self.wte, self.rnn, self.head = nn.Embedding(VOCABULARY, 256), nn.LSTM(256, 256, batch_first=True), nn.Linear(256, 10)

    def forward(self, ids):
        return self.head(self.rnn(self.wte(ids))[0].mean(1))


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.wte, self.wpe = nn.Embedding(VOCABULARY, 512), nn.Embedding(TOKENS, 512)
        self.blocks = nn.Sequential(*(Block(512, 8, causal=False) for _ in range(6)))
        self.ln_f, self.head = nn.LayerNorm(512), nn.Linear(512, 10)

    def forward(self, ids):
        return self.head(self.ln_f(self.blocks(self.wte(ids) + self.wpe.weight)).mean(1))


NETWORKS = {  # the model, the shape of a picture (nothing for tokens), classes
    "resnet18": (lambda: resnet([2, 2, 2, 2], False, 10), (3, 32, 32), 10),
    "resnet50": (lambda: resnet([3, 4, 6, 3], True, 1000), (3, 224, 224), 1000),
    "mnist_cnn": (mnist_cnn, (1, 28, 28), 10),
    "lstm": (LstmClassifier, None, 10),
    "encoder": (Encoder, None, 10),
}


def run(a) -> None:
    torch.manual_seed(1)
    make, shape, classes = NETWORKS[a.preset]
    model, examples = make(), 4 * a.batch
    inputs = torch.randn(examples, *shape) if shape else torch.randint(VOCABULARY, (examples, TOKENS))
    targets = torch.randint(classes, (examples,))
    if a.channels_last:
        model, inputs = model.to(memory_format=torch.channels_last), inputs.to(memory_format=torch.channels_last)
    forward = torch.compile(model) if a.compile else model
    parameters = list(model.parameters())
    if a.preset.startswith("resnet"):
        optimizer = torch.optim.SGD(parameters, lr=1e-4, momentum=0.9, fused=True)
    else:
        optimizer = torch.optim.AdamW(parameters, lr=1e-4, weight_decay=0.0, fused=True)

    def loss_of_step(_):
        rows = torch.randint(examples, (a.batch,))
        return F.cross_entropy(forward(inputs[rows]), targets[rows])

    seconds, result = timed_steps(loss_of_step, optimizer, 2, a.steps)
    rates = {"examples_per_s": a.batch / seconds, "tokens_per_s": a.batch * (1 if shape else TOKENS) / seconds}
    print_result(result | rates, model)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", choices=NETWORKS, required=True)
    for name in ("batch", "steps", "threads"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--channels-last", action="store_true")
    parser.add_argument("--compile", action="store_true")
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    run(a)


if __name__ == "__main__":
    main()
