"""Runs gradus and its peers in turn and prints a table of medians and ratios. Called by bench/peers/compare."""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time

OURS = "build/release/bench/bench_training"
COMMAND = "build/release/gradus"
PEER = "bench/peers/pytorch_training.py"
GPT = ["--layers", "4", "--width", "128", "--heads", "4", "--context", "64", "--vocabulary", "65", "--batch", "12"]


def result_of(command: list[str]) -> dict:
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()[-1])


def process_ms(command: list[str], times: int = 15) -> float:
    runs = []
    for _ in range(times):
        start = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        runs.append(1e3 * (time.perf_counter() - start))
    return statistics.median(runs)


def processor() -> str:
    with open("/proc/cpuinfo") as info:
        names = [line.split(":")[1].strip() for line in info if line.startswith("model name")]
    return f"{names[0]}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}"


def compare(rounds: int, ours: list[str], peer: list[str], field: str) -> tuple[float, float, list[dict], list[dict]]:
    our_results, peer_results = [], []
    for _ in range(rounds):
        our_results.append(result_of(ours))
        peer_results.append(result_of([sys.executable, *peer]))
    medians = (statistics.median(r[field] for r in results) for results in (our_results, peer_results))
    return (*medians, our_results, peer_results)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    ours, peer, our_line, peer_line = compare(rounds, [OURS, "line"], [PEER, "line"], "run_ms_median")
    print(
        f"{processor()}; gradus: {our_line[0]['isa']}; PyTorch {peer_line[0]['version']}; medians of {rounds} rounds\n"
    )
    print(f"{'work':44} {'gradus':>14} {'PyTorch eager':>14} {'ratio':>8}")
    print(f"{'line, 1,000 steps in process':44} {ours:11.2f} ms {peer:11.1f} ms {peer / ours:7.0f}×")
    ours, peer, our_gpt, peer_gpt = compare(rounds, [OURS, "gpt", *GPT], [PEER, "gpt", *GPT], "tokens_per_s")
    print(f"{'GPT 4×128, 12 × 64 tokens, AdamW, tokens/s':44} {ours:14,.0f} {peer:14,.0f} {ours / peer:7.2f}×")
    ours, peer = (statistics.median(r["peak_rss_bytes"] for r in results) / 1e6 for results in (our_gpt, peer_gpt))
    print(f"{'  the same, peak memory':44} {ours:11.0f} MB {peer:11.0f} MB {ours / peer:7.2f}×")
    with tempfile.TemporaryDirectory() as folder:
        train = [COMMAND, "train", "recipes/linear_regression.toml", "--out", f"{folder}/run", "--overwrite", "--quiet"]
        print(f"{'gradus train recipes/linear_regression.toml':44} {process_ms(train):11.1f} ms")
    print(f"{'gradus --help':44} {process_ms([COMMAND, '--help']):11.1f} ms")
    imports = process_ms([sys.executable, "-c", "import torch"], 3)
    print(f"{'python -c `import torch`':44} {'':14} {imports:11.0f} ms")


if __name__ == "__main__":
    main()
