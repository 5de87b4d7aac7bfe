"""The work of bench_line in PyTorch eager, printed as one JSON object."""

import json
import statistics
import time

import torch
from torch import nn
from torch.nn import functional as F


def run_ms() -> tuple[float, float]:
    torch.manual_seed(1)
    x = torch.linspace(-1, 1, 100).unsqueeze(1)
    y = 2 * x + 0.3 * torch.randn(100, 1)
    model = nn.Linear(1, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    start = time.perf_counter()
    for _ in range(1000):
        optimizer.zero_grad()
        loss = F.mse_loss(model(x), y)
        loss.backward()
        optimizer.step()
    return 1e3 * (time.perf_counter() - start), loss.item()


def main():
    runs = [run_ms() for _ in range(5)]
    median = statistics.median(time_ms for time_ms, _ in runs)
    print(json.dumps({"run_ms_median": median, "loss": runs[-1][1], "version": torch.__version__}))


if __name__ == "__main__":
    main()
