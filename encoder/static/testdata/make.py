#!/usr/bin/env python3
"""Makes the fastText files of this folder with Debian's fasttext command
(package fasttext, 0.9.2+ds-1): models, vectors that they print, and a quantised
model. The text is ours, put together from lists of words, and as such under the
licence of the project. Run it inside this folder; fastText's training is not
bit for bit the same on every machine, so all files are made together."""
import os, random, subprocess

random.seed(7)
zh = "搜索 引擎 向量 词元 文档 编程 技能 学习 练习 需要 不断 提高 如何 语言 模型 训练 数据 索引 查询 结果 中文 英文 一个 我们 可以 使用 计算机 程序 设计 時間 經驗 𠮷野家 图书馆 火车站 天气 预报".split()
en = "search engine vector token document programming skill learn practice improve language model training data index query result we can use a the of and computer program design café naïve Straße don't e-mail C++ 42 state-of-the-art weather forecast library station the".split()
with open("corpus.txt", "w") as f:
    for _ in range(400):
        words = zh if random.random() < 0.5 else en
        f.write(" ".join(random.choice(words) for _ in range(random.randint(4, 12))) + "\n")
with open("labelled.txt", "w") as f:
    for _ in range(200):
        k = random.random() < 0.5
        f.write(("__label__zh " if k else "__label__en ") + " ".join(random.choice(zh if k else en) for _ in range(6)) + "\n")

def run(*args):
    subprocess.run(["fasttext", *map(str, args)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

common = ["-thread", 1, "-minCount", 1, "-epoch", 2, "-lr", 0.05]
run("skipgram", "-input", "corpus.txt", "-output", "grams", "-dim", 8, "-bucket", 1500, "-minn", 2, "-maxn", 5, *common)
run("cbow", "-input", "corpus.txt", "-output", "plain", "-dim", 5, "-maxn", 0, *common)
run("supervised", "-input", "labelled.txt", "-output", "classifier", "-dim", 4, "-bucket", 300, "-minn", 1, "-maxn", 3, "-wordNgrams", 2, *common)
run("quantize", "-input", "labelled.txt", "-output", "classifier", "-dsub", 2)

inside = sorted(set(zh + en))
outside = [w + x for w in ["搜索", "search", "词", "naïv", "Straß", "𠮷", "中", "état"] for x in ["", "s", "引", "擎机", "ing", "é", "𠮷", "-1", "學習", "zzzz"]]
outside += ["a", "b", "中", "<", ">", "<>", "</s>", "é", "ß", "日本語", "한국어", "поиск", "🙂", "🙂🙂", "x" * 60, "あいうえお", "2024-05-01", "a.b@c.de", "C#", "Ünïcödé",
            "programmer", "programming!", "technically", "vectorisation", "documents", "query's", "图书", "火车", "天气预报", "计算机程序设计", "编程语言", "模型训练", "向量索引", "我", "们", "学", "习", "查询结果", "英文文档", "\u3000全角", "ﬁ", "İstanbul"]
words = inside + [w for w in outside if w not in inside and not w.isspace() and "\u3000" not in w]
words = list(dict.fromkeys(words))
assert len(words) >= 180, len(words)
for name in ["grams", "plain", "classifier"]:
    out = subprocess.run(["fasttext", "print-word-vectors", name + ".bin"], input="\n".join(words) + "\n", text=True, capture_output=True, check=True).stdout
    lines = [line for line in out.splitlines() if line]
    assert len(lines) == len(words), (name, len(lines), len(words))
    with open(name + ".expected", "w") as f:
        f.write("\n".join(lines) + "\n")
for name in ["corpus.txt", "labelled.txt", "plain.vec", "classifier.vec"]:
    if os.path.exists(name):
        os.remove(name)
