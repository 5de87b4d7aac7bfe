#!/usr/bin/env python3
"""Writes tests/references/tokenizer.json: what Hugging Face's tokenizers learn from small texts, and how they encode.

    python3 tools/make_tokenizer_references.py        (needs tokenizers; the file names the version used)

Texts are made up here: words, runs of one character (a token can be made in two ways there), digits of several scripts,
spaces of all kinds, and characters by chance.
"""

import json
import pathlib
import random
import tempfile

import tokenizers
from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

GPT4 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}%s| ?[^\s\p{L}\p{N}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+")
PATTERNS = {"gpt2": None, "gpt4": GPT4 % "{1,3}", "qwen2": GPT4 % ""}


def pre_tokenizer(pattern):
    if PATTERNS[pattern] is None:
        return pre_tokenizers.ByteLevel(add_prefix_space=False)
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(PATTERNS[pattern]), behavior="isolated"),
                                    pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def learned(text, vocabulary, min_frequency, special, pattern):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizer(pattern)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=vocabulary, min_frequency=min_frequency, special_tokens=special,
                                  initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "text"
        path.write_text(text, newline="")
        tokenizer.train([str(path)], trainer)
    return tokenizer


def main():
    chance = random.Random(5)
    words = "the cat sat on a mat and then that hat the rat ate was flat it's we'll don't".split()
    sentences = "".join(chance.choice(words) + chance.choice([" ", " ", ", ", ".\n", "  "]) for _ in range(250))
    runs = "".join(chance.choice("ab -") * chance.randint(1, 12) for _ in range(250))
    alphabet = list("aaé中😀\u0301 \t\n'sS1٣") + ["\u00a0", "\u2003", "ſ"]
    odd = "".join(chance.choice(alphabet) for _ in range(500))
    texts = ["", " ", "the cat", "  the\n\n  cat's  hat ", "I'LL don't 'ſ 'S we're\r\n\r\n x\u00a0 12345 ٣٤٥٦ ½",
             "<|end|>the<|end|><|end", "aaaaaaaaaaaaa bbbb----", "e\u0301 中文字 😀😀", odd[:60], sentences[:80]]
    cases = []
    for text, vocabulary, least, special, pattern in (
            (sentences, 300, 2, ["<|end|>"], "gpt2"), (sentences, 400, 1, [], "gpt4"), (runs, 330, 1, ["<|end|>"], "gpt2"),
            (odd, 300, 3, ["<|end|>", "<|pad|>"], "qwen2"), (sentences + odd, 320, 2, [], "gpt2")):
        tokenizer = learned(text, vocabulary, least, special, pattern)
        model = json.loads(tokenizer.to_str())["model"]
        cases.append(dict(text=text, vocabulary=vocabulary, min_frequency=least, special=special, pattern=pattern,
                          tokens=sorted(model["vocab"], key=model["vocab"].get)[256 + len(special):],
                          merges=["%s %s" % tuple(pair) for pair in model["merges"]],
                          encoded=[dict(text=t, ids=tokenizer.encode(t).ids) for t in texts]))
    composed = normalizers.NFC()
    nfc = [dict(text=t, composed=composed.normalize_str(t)) for t in ("e\u0301a\u0308", "\u1112\u1161\u11ab", "\u212b")]
    path = pathlib.Path(__file__).resolve().parent.parent / "tests" / "references" / "tokenizer.json"
    body = ",\n".join(json.dumps(case) for case in cases)
    path.write_text('{"tokenizers": "%s",\n"cases": [\n%s],\n"nfc": %s}\n' %
                    (tokenizers.__version__, body, json.dumps(nfc)))
    print(path, path.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
