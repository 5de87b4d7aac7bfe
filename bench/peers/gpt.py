"""Compares the training of a GPT with PyTorch. Called by bench/peers/gpt."""

import argparse
import sys

from side_by_side import in_turn, print_training, processor

PRESETS = {  # as in gradus/train/gpt_benchmark.cpp
    "gpt2-124m": {"layers": 12, "width": 768, "heads": 12, "vocabulary": 50257, "context": 256, "batch": 4, "steps": 5},
    "gpt-10m": {"layers": 6, "width": 384, "heads": 6, "vocabulary": 65, "context": 256, "batch": 16, "steps": 8},
    "gpt-1m": {"layers": 4, "width": 128, "heads": 4, "vocabulary": 65, "context": 64, "batch": 12, "steps": 100},
}


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", choices=PRESETS, default="gpt2-124m")
    for name in ("batch", "seq", "steps"):
        parser.add_argument(f"--{name}", type=int)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--precision", choices=("f32", "bf16"), default="f32", help="bf16: PyTorch by autocast")
    parser.add_argument("--eager-only", action="store_true", help="leave torch.compile out")
    return parser.parse_args()


def main():
    a = arguments()
    sizes = dict(PRESETS[a.preset])
    sizes |= {key: value for key, value in (("batch", a.batch), ("context", a.seq), ("steps", a.steps)) if value}
    ours = ["build/release/gradus", "bench", "gpt", "--json", "--preset", a.preset]
    ours += ["--precision", a.precision, "--activations", a.precision]
    for option, key in (("--batch", "batch"), ("--seq", "context"), ("--steps", "steps")):
        ours += [option, str(sizes[key])]
    peer = [sys.executable, "bench/peers/pytorch_gpt.py", "--precision", a.precision]
    for key, value in sizes.items():
        peer += [f"--{key}", str(value)]
    commands = {"gradus": ours, "PyTorch eager": peer}
    if not a.eager_only:
        commands["PyTorch compiled"] = [*peer, "--compile"]
    results = in_turn(a.rounds, commands)
    first = results["gradus"][0]
    print(f"{processor()}; gradus: {first['isa']}, {first['matrix_products']}; PyTorch", end=" ")
    print(f"{results['PyTorch eager'][0]['version']}; medians of {a.rounds} rounds of {sizes['steps']} steps")
    print(f"{a.preset}, {a.precision}: {first['parameters']:,} parameters, {sizes['batch']} × {sizes['context']} tokens\n")
    print_training(results, "tokens_per_s")


if __name__ == "__main__":
    main()
