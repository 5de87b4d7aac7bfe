"""Compares what is done to ten seconds of sound with torchaudio. Called by bench/peers/audio."""

import argparse
import sys

from side_by_side import in_turn, print_ratios, processor

WORK = {"log_mel_400": "log-mel, 16 kHz, transforms of 400, hop 160, 80 bands",
        "log_mel_1024": "log-mel, 16 kHz, transforms of 1024, hop 256, 80 bands",
        "mfcc": "MFCC, the same as the first, 40 coefficients",
        "resample": "44.1 kHz to 16 kHz"}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, nargs="*", default=[1, 2])
    a = parser.parse_args()
    for threads in a.threads:
        results = in_turn(a.rounds, {
            "gradus": ["build/release/bench/bench_audio", str(threads)],
            "torchaudio": [sys.executable, "bench/peers/torchaudio_audio.py", str(threads)]})
        mine, theirs = results["gradus"], results["torchaudio"]
        print(f"\n{processor()}; {mine[0]['isa']}, {threads} threads; torchaudio {theirs[0]['version']}, PyTorch "
              f"{theirs[0]['torch']}; ten seconds, medians of {a.rounds} rounds")
        print_ratios(WORK, mine, theirs, "torchaudio")


if __name__ == "__main__":
    main()
