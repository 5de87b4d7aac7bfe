"""Steps of training in PyTorch, timed, for the programs that print what `gradus bench` prints."""

import json
import resource
import statistics
import time

import torch


def timed_steps(loss_of_step, optimizer, warm_up: int, steps: int) -> tuple[float, dict]:
    """(median of the seconds of forward, backward and update, what to print of them); `loss_of_step(i)` is the forward
    pass."""
    took, cpu = [], []
    for i in range(warm_up + steps):
        start, start_cpu = time.perf_counter(), time.process_time()
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of_step(i)
        loss.backward()
        optimizer.step()
        loss.item()
        if i >= warm_up:
            took.append(time.perf_counter() - start)
            cpu.append(time.process_time() - start_cpu)
    seconds = statistics.median(took)
    return seconds, {"step_ms_median": 1e3 * seconds, "step_cpu_ms_median": 1e3 * statistics.median(cpu), "loss": loss.item()}


def print_result(result: dict, model) -> None:
    result["parameters"] = sum(p.numel() for p in model.parameters())
    result["threads"] = torch.get_num_threads()
    result["version"] = torch.__version__
    result["peak_rss_bytes"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps(result))
