"""The work of bench_audio in torchaudio, printed as one JSON object: torchaudio_audio.py THREADS. Called by audio.py."""

import json
import sys

import torch
from side_by_side import timed

torch.version.cuda = None  # torchaudio will not load beside a torch of another CUDA, of which nothing is used here
import torchaudio
from torchaudio import transforms


def ten_seconds(rate: int) -> torch.Tensor:
    t = torch.arange(10 * rate, dtype=torch.float64) / rate
    return (0.5 * torch.sin(3000 * t + 2000 * torch.sin(3 * t))).float()


TIMES = 50


def main():
    torch.set_num_threads(int(sys.argv[1]))
    speech, music = ten_seconds(16_000), ten_seconds(44_100)
    mel = transforms.MelSpectrogram(16_000, n_fft=400, hop_length=160, n_mels=80)
    wide = transforms.MelSpectrogram(16_000, n_fft=1024, hop_length=256, n_mels=80)
    mfcc = transforms.MFCC(16_000, 40, melkwargs={"n_fft": 400, "hop_length": 160, "n_mels": 80})
    resample = transforms.Resample(44_100, 16_000)
    with torch.inference_mode():
        print(json.dumps({
            "log_mel_400": timed(lambda: torch.log(mel(speech) + 1e-6), TIMES),
            "log_mel_1024": timed(lambda: torch.log(wide(speech) + 1e-6), TIMES),
            "mfcc": timed(lambda: mfcc(speech), TIMES),
            "resample": timed(lambda: resample(music), TIMES),
            "version": torchaudio.__version__, "torch": torch.__version__}))


if __name__ == "__main__":
    main()
