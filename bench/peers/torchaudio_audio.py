"""The work of bench_audio in torchaudio, printed as one JSON object: torchaudio_audio.py THREADS. Called by audio.py."""

import json
import statistics
import sys
import time

import torch

torch.version.cuda = None  # torchaudio will not load beside a torch of another CUDA, of which nothing is used here
import torchaudio
from torchaudio import transforms


def ten_seconds(rate: int) -> torch.Tensor:
    t = torch.arange(10 * rate, dtype=torch.float64) / rate
    return (0.5 * torch.sin(3000 * t + 2000 * torch.sin(3 * t))).float()


def timed(work) -> dict:
    result = work()
    wall, cpu = [], []
    for _ in range(50):
        start, start_cpu = time.perf_counter(), time.process_time()
        result = work()
        wall.append(1e3 * (time.perf_counter() - start))
        cpu.append(1e3 * (time.process_time() - start_cpu))
    return {"ms_median": statistics.median(wall), "cpu_ms_median": statistics.median(cpu),
            "mean": result.double().mean().item()}


def main():
    torch.set_num_threads(int(sys.argv[1]))
    speech, music = ten_seconds(16_000), ten_seconds(44_100)
    mel = transforms.MelSpectrogram(16_000, n_fft=400, hop_length=160, n_mels=80)
    wide = transforms.MelSpectrogram(16_000, n_fft=1024, hop_length=256, n_mels=80)
    mfcc = transforms.MFCC(16_000, 40, melkwargs={"n_fft": 400, "hop_length": 160, "n_mels": 80})
    resample = transforms.Resample(44_100, 16_000)
    with torch.inference_mode():
        print(json.dumps({
            "log_mel_400": timed(lambda: torch.log(mel(speech) + 1e-6)),
            "log_mel_1024": timed(lambda: torch.log(wide(speech) + 1e-6)),
            "mfcc": timed(lambda: mfcc(speech)),
            "resample": timed(lambda: resample(music)),
            "version": torchaudio.__version__, "torch": torch.__version__}))


if __name__ == "__main__":
    main()
