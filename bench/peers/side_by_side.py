"""Runs programs in turn and takes medians of what they print; and arrays in files that all of them read."""

import json
import os
import platform
import statistics
import struct
import subprocess
import time


def result_of(command: list[str]) -> dict:
    """The last line that a command prints, which is a JSON object."""
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def in_turn(rounds: int, commands: dict[str, list[str]]) -> dict[str, list[dict]]:
    """The results of each command, run one after the other, `rounds` times."""
    results = {name: [] for name in commands}
    for _ in range(rounds):
        for name, command in commands.items():
            results[name].append(result_of(command))
    return results


def median(results: list[dict], field: str) -> float:
    return statistics.median(result[field] for result in results)


def timed(work, times: int) -> dict:
    """Medians of what `work`, whose result is a tensor, takes, in ms of the clock and of the processor."""
    result = work()
    wall, cpu = [], []
    for _ in range(times):
        start, start_cpu = time.perf_counter(), time.process_time()
        result = work()
        wall.append(1e3 * (time.perf_counter() - start))
        cpu.append(1e3 * (time.process_time() - start_cpu))
    return {"ms_median": statistics.median(wall), "cpu_ms_median": statistics.median(cpu),
            "mean": result.double().mean().item()}


def print_ratios(work: dict[str, str], mine: list[dict], theirs: list[dict], peer: str) -> None:
    """A line for each work by what `timed` told of it: the medians of all rounds, and their ratio."""
    width = max(len(what) for what in work.values())
    for name, what in work.items():
        ms, cpu = ([statistics.median(run[name][field] for run in runs) for runs in (mine, theirs)]
                   for field in ("ms_median", "cpu_ms_median"))
        off = mine[0][name]["mean"] - theirs[0][name]["mean"]
        print(f"{what:{width}} {ms[0]:7.2f} ms, {peer} {ms[1]:7.2f}: {ms[1] / ms[0]:6.1f}× ({cpu[1] / cpu[0]:.1f}× of "
              f"processor time); means differ by {off:.1e}")


def print_training(results: dict[str, list[dict]], rate: str) -> None:
    """A line for each program by what `gradus bench` and its peers print of training, beside that of "gradus"."""
    print(f"{'':22} {rate.replace('_per_s', '/s'):>12} {'ratio':>7} {'peak MB':>9} {'ratio':>7} {'step ms':>10} {'CPU ms':>10} {'loss':>9}")
    speed, memory = (median(results["gradus"], field) for field in (rate, "peak_rss_bytes"))
    for name, runs in results.items():
        own_speed, own_memory = median(runs, rate), median(runs, "peak_rss_bytes")
        print(
            f"{name:22} {own_speed:12,.1f} {speed / own_speed:6.2f}× {own_memory / 1e6:9,.0f} "
            f"{memory / own_memory:6.2f}× {median(runs, 'step_ms_median'):10,.1f} {median(runs, 'step_cpu_ms_median'):10,.1f} {runs[-1]['loss']:9.4f}"
        )
    gflops, peak = median(results["gradus"], "model_gflops"), median(results["gradus"], "fma_peak_gflops")
    fraction = median(results["gradus"], "peak_fraction")
    print(f"\ngradus: {gflops:.1f} GFLOP/s of model flops, {100 * fraction:.1f}% of the {peak:.1f} measured beside it")
    print(f"model flops of a step: {results['gradus'][0]['flops_formula']}")


def processor() -> str:
    with open("/proc/cpuinfo") as info:
        names = [line.split(":")[1].strip() for line in info if line.startswith("model name")]
    return f"{names[0]}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"


KINDS = {"float32": "F32", "int64": "I64", "int32": "I32"}


def write_safetensors(path, arrays: dict) -> None:
    """Named numpy arrays as one file."""
    header, offset = {}, 0
    for name, array in arrays.items():
        end = offset + array.nbytes
        header[name] = {"dtype": KINDS[array.dtype.name], "shape": list(array.shape), "data_offsets": [offset, end]}
        offset = end
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for array in arrays.values():
            array.tofile(file)


def read_safetensors(path) -> dict:
    """What `write_safetensors` wrote."""
    import numpy as np

    with open(path, "rb") as file:
        (size,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(size))
        names = {kind: name for name, kind in KINDS.items()}
        return {name: np.fromfile(file, names[part["dtype"]], int(np.prod(part["shape"]))).reshape(part["shape"])
                for name, part in header.items()}
