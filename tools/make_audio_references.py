#!/usr/bin/env python3
"""Writes tests/references/audio.json: short sounds, resampled and as spectrograms, by torchaudio; and a tone in
tests/fuzz/corpus/audio in each format of sound files.

    python3 tools/make_audio_references.py     (needs torch, torchaudio and soundfile; see "versions" in the file)

All is computed in float64 from samples that are short decimals, so that the values are the definition's, without the
rounding of float32. torchaudio's functions for it are Python on top of torch, so that its version need not be torch's.
"""

import json
import math
import pathlib

import numpy as np
import soundfile
import torch

torch.version.cuda = None  # torchaudio will not load beside a torch of another CUDA, of which nothing is used here
import torchaudio
from torchaudio import functional, transforms

ROOT = pathlib.Path(__file__).resolve().parent.parent
torch.set_default_dtype(torch.float64)


def sound(count, rate, seed):
    """A rising tone that fades, and a little noise."""
    generator = torch.Generator().manual_seed(seed)
    t = torch.arange(count) / rate
    tone = torch.sin(2 * math.pi * (200 + 6000 * t) * t) * torch.exp(-8 * t)
    return ((0.6 * tone + 0.01 * torch.randn(count, generator=generator)) * 1e4).round() / 1e4


def rounded(tensor):
    return [float(f"{x:.9g}") for x in tensor.flatten().tolist()]


def resampled(old, new, count):
    x = sound(count, old, old)
    return {"from": old, "to": new, "x": rounded(x), "y": rounded(functional.resample(x, old, new))}


def spectrogram(count, rate, mfcc=0, decibel=False, **mel):
    x = sound(count, rate, count)
    mel = {"n_fft": 400, "win_length": None, "hop_length": 160, "n_mels": 40, "f_min": 0.0, "f_max": None,
           "mel_scale": "htk", "norm": None} | mel
    power = transforms.MelSpectrogram(rate, **mel)(x)
    values = transforms.AmplitudeToDB("power", 80.0)(power) if decibel else torch.log(power + 1e-6)
    if mfcc:
        values = transforms.MFCC(rate, mfcc, log_mels=not decibel, melkwargs=mel)(x)
    mel["win_length"] = mel["win_length"] or mel["n_fft"]
    return {"rate": rate, "mfcc": mfcc, "decibel": decibel} | mel | {
        "x": rounded(x), "shape": list(values.T.shape), "y": rounded(values.T)}


def write_tones():
    """A tenth of a second of 1000 Hz; and what cannot be sought, or not everywhere."""
    folder = ROOT / "tests/fuzz/corpus/audio"
    folder.mkdir(parents=True, exist_ok=True)
    tone = np.round(2**14 * np.sin(2 * np.pi * 1000 * np.arange(800) / 8000)).astype(np.int16)
    soundfile.write(folder / "tone.wav", tone, 8000, "PCM_16")
    soundfile.write(folder / "tone.flac", tone, 8000, "PCM_16")
    soundfile.write(folder / "tone.ogg", tone, 8000, "VORBIS", format="OGG")
    soundfile.write(folder / "tone.opus", tone, 8000, "OPUS", format="OGG")
    soundfile.write(folder / "tone.mp3", tone, 8000, format="MP3")
    soundfile.write(folder / "tone.gsm.wav", np.tile(tone, 3), 8000, "GSM610")
    # Ten seconds, which take two pages.
    t = np.arange(80001) / 8000
    rising = np.round(2**14 * np.sin(2 * np.pi * (200 + 100 * t) * t)).astype(np.int16)
    soundfile.write(folder / "pages.ogg", rising, 8000, "VORBIS", format="OGG", compression_level=1.0)


def main():
    write_tones()
    cases = {
        "versions": {"torch": torch.__version__, "torchaudio": torchaudio.__version__},
        "resample": [resampled(16000, 8000, 200), resampled(8000, 16000, 100), resampled(44100, 16000, 500),
                     resampled(11025, 8000, 150), resampled(8000, 8001, 40), resampled(16000, 16000, 5)],
        "spectrogram": [
            spectrogram(1600, 16000),
            spectrogram(1000, 8000, n_fft=256, hop_length=80, n_mels=20, f_min=50.0, f_max=3500.0),
            spectrogram(1700, 16000, n_fft=512, win_length=400, mel_scale="slaney", norm="slaney", n_mels=32),
            spectrogram(900, 16000, n_fft=480, win_length=333, hop_length=100, n_mels=10, norm="slaney"),
            spectrogram(400, 8000, n_fft=90, hop_length=20, n_mels=8),
            spectrogram(1600, 16000, decibel=True, mel_scale="slaney"),
            spectrogram(1600, 16000, mfcc=13),
            spectrogram(1600, 16000, mfcc=20, decibel=True, n_mels=128),
        ],
    }
    (ROOT / "tests/references/audio.json").write_text(json.dumps(cases) + "\n")


if __name__ == "__main__":
    main()
