"""Compares the byte-level BPE with Hugging Face's tokenizers. Called by bench/peers/tokenizer."""

import argparse
import json
import os
import random
import sys
import tempfile
import time

from side_by_side import in_turn, median, processor

GRADUS = "build/release/gradus"


def write_text(path: str, source: str, megabytes: int) -> None:
    """`source` as often as it takes; without one, sentences of 60,000 words whose frequencies fall as in language.
    What repeats is changed a little each time, so that new words go on coming."""
    chance = random.Random(1)
    if source:
        lines = open(source, encoding="utf-8").read().splitlines()
    else:
        syllables = [a + b for a in "bcdfghklmnprstvwz" for b in ("a", "e", "i", "o", "u", "an", "er", "in", "or", "st")]
        words = ["".join(chance.choice(syllables) for _ in range(1 + chance.randrange(4))) for _ in range(60_000)]
        weights = [1.0 / (i + 2.7) for i in range(len(words))]
        lines = [" ".join(chance.choices(words, weights, k=12)) + "." for _ in range(100_000)]
    size = 0
    with open(path, "w", encoding="utf-8") as file:
        while size < megabytes * 1_000_000:
            for line in lines:
                if chance.random() < 0.2:
                    line = line.replace(chance.choice("aeiou"), chance.choice("aeiou"))
                size += file.write(line + "\n")


def peer(task: str, path: str, model: str, vocabulary: int) -> dict:
    """One run of `tokenizers`, timed without its start."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    if task == "learn":
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(vocab_size=vocabulary, min_frequency=2, special_tokens=["<|endoftext|>"],
                                      initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
        begin = time.perf_counter()
        tokenizer.train([path], trainer)
        seconds = time.perf_counter() - begin
        tokenizer.save(model)
        return dict(ms=seconds * 1e3, tokens=tokenizer.get_vocab_size())
    tokenizer = Tokenizer.from_file(model)
    lines = open(path, encoding="utf-8", newline="").read().splitlines(keepends=True)
    pieces = ["".join(lines[i:i + 1000]) for i in range(0, len(lines), 1000)]
    begin = time.perf_counter()
    ids = sum(len(tokenizer.encode(piece).ids) for piece in pieces)  # encode_batch would use all threads
    return dict(ms=(time.perf_counter() - begin) * 1e3, tokens=ids)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--peer", nargs=4)
    parser.add_argument("--text", default="")
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--vocabulary", type=int, default=16_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    a = parser.parse_args()
    if a.peer:
        task, path, model, vocabulary = a.peer
        print(json.dumps(peer(task, path, model, int(vocabulary))))
        return
    os.environ["RAYON_NUM_THREADS"] = str(a.threads)
    os.environ["TOKENIZERS_PARALLELISM"] = "true"
    print(f"{processor()}; medians of {a.rounds} rounds, in turn; ratios are times of gradus's own")
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "text")
        write_text(path, a.text, a.megabytes)
        models = {name: os.path.join(folder, name + ".json") for name in ("gradus", "tokenizers")}
        for task in ("learn", "encode"):
            own = [GRADUS, "bench", "tokenizer", task, "--data", path, "--tokenizer", models["gradus"], "--vocab",
                   str(a.vocabulary), "--json", "--threads", str(a.threads if task == "learn" else 1)]
            other = [sys.executable, __file__, "--peer", task, path, models["tokenizers"], str(a.vocabulary)]
            results = in_turn(a.rounds, {"gradus": own, "tokenizers": other})
            mine, theirs = median(results["gradus"], "ms"), median(results["tokenizers"], "ms")
            megabytes = os.path.getsize(path) / 1e6
            print(f"{task:8} {megabytes:.0f} MB  gradus {mine / 1e3:.2f} s ({megabytes / mine * 1e3:.0f} MB/s)  "
                  f"tokenizers {theirs / 1e3:.2f} s  {theirs / mine:.2f}×  "
                  f"tokens {results['gradus'][0]['tokens']} and {results['tokenizers'][0]['tokens']}")
        same = [json.load(open(path))["model"] for path in models.values()]
        print("the same vocabulary and merges" if all(same[0][k] == same[1][k] for k in ("vocab", "merges"))
              else "DIFFERENT vocabulary or merges")


if __name__ == "__main__":
    main()
