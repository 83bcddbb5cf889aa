#!/usr/bin/env python3
"""Makes the folders model2vec/* with the Python package model2vec (0.10.0): small
models with random vectors, and the vectors that it gives to words. The vocabulary
is cut from our own words (make.py). Run inside this folder."""
import json, random, re, shutil
import numpy as np
from model2vec import StaticModel
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

source = open("make.py", encoding="utf-8").read()
zh, en = (re.search(name + r' = "([^"]+)"', source).group(1).split() for name in ("zh", "en"))
random.seed(5)
text = [" ".join(random.choice(zh + en) for _ in range(8)) for _ in range(400)]
words = zh + en + ["searching", "documentation", "搜索引擎", "zzz", "Search", "engines", "токен", "état", "learn practice", "program-design", "42nd"]

def wordpiece():
    t = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    t.normalizer = normalizers.BertNormalizer(lowercase=True)
    t.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    t.train_from_iterator(text, trainers.WordPieceTrainer(vocab_size=220, special_tokens=["[PAD]", "[UNK]", "[CLS]"]))
    return t

def unigram():
    # Written by hand: the trainer wants more text for whole words.
    pieces = {"[UNK]": 0.0, "[PAD]": 0.0, "▁": -4.0}
    for i, w in enumerate(zh + en):
        pieces.setdefault("▁" + w, -5.0 - i / 50)
        if len(w) > 3:
            pieces.setdefault(w[:3], -8.0)
            pieces.setdefault(w[3:], -8.5)
    for c in sorted({c for w in zh + en for c in w}):
        pieces.setdefault(c, -11.0)
    t = Tokenizer(models.Unigram(list(pieces.items()), unk_id=0))
    t.normalizer = normalizers.NFKC()
    t.pre_tokenizer = pre_tokenizers.Metaspace()
    t.decoder = decoders.Metaspace()
    return t

def save(name, t, dtype, mapped):
    n, rng = t.get_vocab_size(), np.random.RandomState(3)
    kwargs = {}
    rows = n
    if mapped:
        rows = 40
        kwargs = {"token_mapping": rng.randint(0, rows, n), "weights": rng.rand(n).astype(np.float32)}
    vectors = rng.randn(rows, 12)
    vectors = (vectors * 40).clip(-127, 127).astype(np.int8) if dtype == "int8" else vectors.astype(dtype)
    m = StaticModel(vectors, t, config={"normalize": False}, **kwargs)
    m.save_pretrained("model2vec/" + name)
    for extra in ["README.md", "modules.json"]:
        try: __import__("os").remove(f"model2vec/{name}/{extra}")
        except FileNotFoundError: pass
    expected = {w: [round(float(x), 6) for x in v] for w, v in zip(words, m.encode(words).astype(np.float64))}
    json.dump(expected, open(f"model2vec/{name}/expected.json", "w"), ensure_ascii=False, separators=(",", ":"))

shutil.rmtree("model2vec", ignore_errors=True)
__import__("os").mkdir("model2vec")
save("wordpiece", wordpiece(), "float32", False)
save("unigram", unigram(), "float16", False)
save("mapped", wordpiece(), "int8", True)
