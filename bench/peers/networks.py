"""Compares the training of other networks than a GPT with PyTorch. Called by bench/peers/networks."""

import argparse
import sys

from side_by_side import in_turn, print_training, processor

PRESETS = {  # as in gradus/train/network_benchmark.cpp: the batch, and what its figure counts
    "resnet18": (32, "examples_per_s"),
    "resnet50": (8, "examples_per_s"),
    "mnist_cnn": (64, "examples_per_s"),
    "lstm": (32, "tokens_per_s"),
    "encoder": (32, "tokens_per_s"),
}
STEPS = {"resnet18": 5, "resnet50": 3, "mnist_cnn": 40, "lstm": 15, "encoder": 3}


def compare(preset: str, a) -> None:
    batch, rate = PRESETS[preset]
    sizes = ["--preset", preset, "--batch", str(a.batch or batch), "--steps", str(a.steps or STEPS[preset])]
    sizes += ["--threads", str(a.threads)]
    peer = [sys.executable, "bench/peers/pytorch_networks.py", *sizes]
    of_pictures = rate == "examples_per_s"
    commands = {"gradus": ["build/release/gradus", "bench", "network", "--json", *sizes], "PyTorch": peer}
    if of_pictures:
        commands["PyTorch, channels last"] = [*peer, "--channels-last"]
    if not a.eager_only:
        commands["PyTorch compiled"] = [*peer, *(["--channels-last"] if of_pictures else []), "--compile"]
    results = in_turn(a.rounds, commands)
    first = results["gradus"][0]
    counts = {run["parameters"] for runs in results.values() for run in runs}
    assert len(counts) == 1, f"the models differ: {counts} parameters"
    print(f"{preset}: {first['parameters']:,} parameters, a batch of {a.batch or batch}, {a.threads} threads; "
          f"{first['isa']}; PyTorch {results['PyTorch'][0]['version']}; medians of {a.rounds} rounds")
    print_training(results, rate)
    print(flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", choices=PRESETS, action="append", help="several times; all by default")
    parser.add_argument("--batch", type=int)
    parser.add_argument("--steps", type=int)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--eager-only", action="store_true", help="leave torch.compile out")
    a = parser.parse_args()
    print(f"{processor()}; ratios are of gradus to each\n")
    for preset in a.preset or PRESETS:
        compare(preset, a)


if __name__ == "__main__":
    main()
