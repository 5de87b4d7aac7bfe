"""Steps of training in PyTorch, timed, for the programs that print what `gradus bench` prints."""

import json
import resource
import statistics
import time

import torch


def timed_steps(loss_of_step, optimizer, warm_up: int, steps: int) -> tuple[float, float]:
    """(median of the seconds of forward, backward and update, the last loss); `loss_of_step(i)` is the forward pass."""
    took = []
    for i in range(warm_up + steps):
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of_step(i)
        loss.backward()
        optimizer.step()
        loss.item()
        if i >= warm_up:
            took.append(time.perf_counter() - start)
    return statistics.median(took), loss.item()


def print_result(result: dict, model) -> None:
    result["parameters"] = sum(p.numel() for p in model.parameters())
    result["threads"] = torch.get_num_threads()
    result["version"] = torch.__version__
    result["peak_rss_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(result))
