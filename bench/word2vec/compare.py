#!/usr/bin/env python3
"""Compares encoder/train with gensim (word2vec) and the fasttext command: speed in
CPU seconds, agreement of nearest neighbours and two retrieval scores.

    python3 -m venv /tmp/gv && /tmp/gv/bin/pip install gensim jieba
    apt-get install fasttext
    /tmp/gv/bin/python bench/word2vec/compare.py --shared ../shared --seeds 3

The text is that of the shared evaluation sets (documents and questions), cut by
jieba and at spaces. Every program trains --seeds models. Printed for each pair of
programs: mean overlap of the ten nearest neighbours of the 1,000 most frequent
words, and beside it the overlap of two models of the same program with other
seeds, which is the most that can be expected. Retrieval (MRR@10, with the
deviation between seeds): each document's score is
the idf-weighted sum of each question word's largest cosine; a word without a
vector matches itself. CPU seconds are user + system of the whole process less
those of a run that only reads (gensim, which also imports numpy), workers = 1.
"""
import argparse, collections, json, math, os, re, resource, subprocess, sys, tempfile, time
import numpy as np

parser = argparse.ArgumentParser()
parser.add_argument("--shared", default="../shared")
parser.add_argument("--seeds", type=int, default=3)
parser.add_argument("--dim", type=int, default=100)
parser.add_argument("--epochs", type=int, default=5)
parser.add_argument("--workers", type=int, default=1)
parser.add_argument("--types", default="word2vec,fasttext")
parser.add_argument("--sets", default="cranfield,cmrc2018-dev,xquad-en,xquad-zh")
parser.add_argument("--repeat", type=int, default=1, help="write the text this often, for timing")
args = parser.parse_args()
root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
work = tempfile.mkdtemp(prefix="ciyuan-compare-")

import jieba, logging
jieba.setLogLevel(logging.ERROR)

def words(text):
    text = text.lower()
    out = []
    for piece in re.findall(r"[\u4e00-\u9fff]+|[a-z]+|[0-9]+", text):
        out += jieba.lcut(piece) if "\u4e00" <= piece[0] <= "\u9fff" else [piece]
    return out

def jsonl(path):
    return [json.loads(line) for line in open(path, encoding="utf-8")]

sets, sentences = {}, []
for name in args.sets.split(","):
    folder = os.path.join(args.shared, "data", name)
    docs = [(d["id"], words(d.get("title", "") + " " + d["text"])) for d in jsonl(folder + "/docs.jsonl")]
    queries = [(q["id"], words(q["text"])) for q in jsonl(folder + "/queries.jsonl")]
    qrels = collections.defaultdict(set)
    for line in open(folder + "/qrels.tsv"):
        q, _, d, rel = line.split("\t")
        if int(rel) > 0:
            qrels[q].add(d)
    sets[name] = (docs, queries, qrels)
    for _, text in docs + queries:
        sentences += [text[i:i + 50] for i in range(0, len(text), 50)]
# Rare words go first: fastText counts them as trained without training them, and
# would walk through such a text more often than it was told to.
counts = collections.Counter(w for s in sentences for w in s)
sentences = [[w for w in s if counts[w] >= 5] for s in sentences]
corpus = os.path.join(work, "corpus.txt")
with open(corpus, "w", encoding="utf-8") as f:
    for _ in range(args.repeat):
        for s in sentences:
            f.write(" ".join(s) + "\n")
print("words:", sum(map(len, sentences)) * args.repeat, "distinct:", len({w for s in sentences for w in s}), file=sys.stderr)

binary = os.path.join(work, "trainfile")
subprocess.run(["go", "build", "-o", binary, "./encoder/train/internal/trainfile"], cwd=root, check=True)

def timed(command):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    wall = time.time()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=dict(os.environ, OPENBLAS_NUM_THREADS="1", OMP_NUM_THREADS="1"))
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, time.time() - wall

GENSIM = """
import sys, logging
from gensim.models import Word2Vec
from gensim.models.word2vec import LineSentence
corpus, out, dim, epochs, workers, seed = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:7])
if epochs:
    m = Word2Vec(LineSentence(corpus), vector_size=dim, sg=1, negative=5, window=5, min_count=5, epochs=epochs, workers=workers, seed=seed)
    m.wv.save_word2vec_format(out)
else:
    for _ in LineSentence(corpus): pass
"""

def train(program, kind, seed):
    out = os.path.join(work, f"{program}-{kind}-{seed}")
    numbers = [str(args.dim), str(args.epochs), str(args.workers), str(seed)]
    if program == "ciyuan":
        cost = timed([binary, "-type", kind, "-input", corpus, "-output", out + ".vec", "-dim", numbers[0], "-epochs", numbers[1], "-workers", numbers[2], "-seed", numbers[3]])
    elif program == "gensim":
        cost = timed([sys.executable, "-c", GENSIM, corpus, out + ".vec", *numbers])
        idle = timed([sys.executable, "-c", GENSIM, corpus, out + ".vec", numbers[0], "0", "1", "1"])
        cost = (cost[0] - idle[0], cost[1] - idle[1])
    else:
        cost = timed(["fasttext", "skipgram", "-input", corpus, "-output", out, "-dim", numbers[0], "-epoch", numbers[1], "-thread", numbers[2], "-minCount", "5", *(["-seed", numbers[3]] if SEED else [])])
    vectors, names = [], []
    with open(out + ".vec", encoding="utf-8") as f:
        next(f)
        for line in f:
            fields = line.rstrip().split(" ")
            if fields[0] != "</s>":
                names.append(fields[0])
                vectors.append(np.array(fields[1:], dtype=np.float32))
    for end in [".vec", ".bin"]:
        if os.path.exists(out + end):
            os.remove(out + end)
    m = np.stack(vectors)
    return names, m / np.maximum(np.linalg.norm(m, axis=1, keepdims=True), 1e-9), cost

SEED = "-seed" in subprocess.run(["fasttext", "skipgram"], capture_output=True, text=True).stderr

def neighbours(model):
    names, m, _ = model
    order = {w: i for i, w in enumerate(names)}
    out = {}
    for w in common:
        sims = m @ m[order[w]]
        sims[order[w]] = -2
        out[w] = {names[i] for i in np.argpartition(-sims, 10)[:10]}
    return out

def overlap(a, b):
    return 100 * np.mean([len(a[w] & b[w]) / 10 for w in common])

def retrieval(model, name):
    names, m, _ = model
    docs, queries, qrels = sets[name]
    row = {w: i for i, w in enumerate(names)}
    df = collections.Counter(w for _, text in docs for w in set(text))
    vocabulary = sorted(df)
    index = {w: i for i, w in enumerate(vocabulary)}
    have = np.array([row.get(w, -1) for w in vocabulary])
    matrix = np.where((have >= 0)[:, None], m[have], 0)
    lists = [np.array([index[w] for w in set(text)], dtype=np.int64) for _, text in docs]
    flat = np.concatenate([l for l in lists])
    starts = np.cumsum([0] + [max(1, len(l)) for l in lists])[:-1]
    flat = np.concatenate([l if len(l) else np.array([0]) for l in lists])
    empty = np.array([len(l) == 0 for l in lists])
    ids = [d for d, _ in docs]
    cache, total, count = {}, 0.0, 0
    for qid, text in queries[:1000]:
        if not qrels[qid]:
            continue
        scores = np.zeros(len(docs))
        for w in set(text):
            if w not in cache:
                sims = matrix @ m[row[w]] if w in row else np.zeros(len(vocabulary))
                if w in index:
                    sims[index[w]] = 1
                best = np.maximum.reduceat(sims[flat], starts)
                best[empty] = 0
                cache[w] = best * math.log(1 + (len(docs) - df[w] + 0.5) / (df[w] + 0.5))
            scores += cache[w]
        count += 1
        for rank, d in enumerate(np.argsort(-scores, kind="stable")[:10]):
            if ids[d] in qrels[qid]:
                total += 1 / (rank + 1)
                break
    return 100 * total / count

for kind in args.types.split(","):
    reference = "gensim" if kind == "word2vec" else "fasttext"
    models = {p: [train(p, kind, seed) for seed in range(1, args.seeds + 1)] for p in ["ciyuan", reference]}
    common = [w for w in models["ciyuan"][0][0] if all(w in set(model[0]) for ms in models.values() for model in ms)][:1000]
    near = {p: [neighbours(model) for model in ms] for p, ms in models.items()}
    same = {p: np.mean([overlap(a, b) for i, a in enumerate(n) for b in n[i + 1:]] or [100]) for p, n in near.items()}
    across = np.mean([overlap(a, b) for a in near["ciyuan"] for b in near[reference]])
    print(f"{kind}: neighbours shared ciyuan/{reference} {across:.1f} %, ciyuan/ciyuan {same['ciyuan']:.1f} %, {reference}/{reference} {same[reference]:.1f} %")
    for p, ms in models.items():
        scores = {name: [retrieval(model, name) for model in ms] for name in sets}
        line = ", ".join(f"{name} {np.mean(s):.1f} +-{np.std(s):.1f}" for name, s in scores.items())
        cpu, wall = min(m[2][0] for m in ms), min(m[2][1] for m in ms)
        print(f"  {p}: {len(ms[0][0])} words, {cpu:.2f} CPU s, {wall:.2f} s; MRR@10 {line}", flush=True)
