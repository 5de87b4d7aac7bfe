"""Compares what is done to a picture of 500×375 with Pillow and torchvision. Called by bench/peers/images."""

import argparse
import sys

from side_by_side import in_turn, print_ratios, processor

WORK = {"bilinear": "bilinear resize to 224×224, and to floats",
        "bicubic": "bicubic resize to 224×224, and to floats",
        "augmented": "a part to 224×224, mirror, 3 changes of colour, normalise",
        "with_hue": "the same with a turn of hue"}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    a = parser.parse_args()
    results = in_turn(a.rounds, {
        "gradus": ["build/release/bench/bench_images"],
        "torchvision": [sys.executable, "bench/peers/torchvision_images.py"]})
    mine, theirs = results["gradus"], results["torchvision"]
    print(f"{processor()}; {mine[0]['isa']}, one thread; Pillow {theirs[0]['pillow']}, torchvision "
          f"{theirs[0]['version']}, PyTorch {theirs[0]['torch']}; a picture of 500×375, medians of {a.rounds} rounds")
    print_ratios(WORK, mine, theirs, "Pillow and torchvision")


if __name__ == "__main__":
    main()
