"""Compares what is done to a picture of 500×375 with Pillow and torchvision. Called by bench/peers/images."""

import argparse
import statistics
import sys

from side_by_side import in_turn, processor

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
    for name, what in WORK.items():
        ms, cpu = ([statistics.median(run[name][field] for run in runs) for runs in (mine, theirs)]
                   for field in ("ms_median", "cpu_ms_median"))
        off = mine[0][name]["mean"] - theirs[0][name]["mean"]
        print(f"{what:58} {ms[0]:6.2f} ms, Pillow and torchvision {ms[1]:6.2f}: {ms[1] / ms[0]:5.1f}× "
              f"({cpu[1] / cpu[0]:.1f}× of processor time); means differ by {off:.1e}")


if __name__ == "__main__":
    main()
