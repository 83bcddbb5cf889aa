"""Measures other engines on the token vectors that `make benchdata` makes.

Each engine is built and searched in a process of its own. For each value of its main
search parameter a line of JSON is printed: recall@10 against exact MaxSim in float32,
CPU and wall milliseconds a query (one query at a time, one thread), bytes a token of all that
a search needs, seconds of building (wall and CPU, all threads), peak resident memory.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import time

# Before anything reads them. Building may use every core, searching one.
SEARCH_THREADS = "1"

TOP = 10
RERANK = 200  # documents that are scored exactly where an engine finds tokens only
NEIGHBOURS = 100  # tokens that such an engine finds for a query token


def load(data, name):
    import numpy as np

    vectors = np.load(os.path.join(data, name + ".vec.npy"), mmap_mode="r")
    lengths = np.load(os.path.join(data, name + ".len.npy"))
    starts = np.concatenate([[0], np.cumsum(lengths)])
    return vectors, starts


def unit(rows):
    import numpy as np

    rows = np.asarray(rows, dtype=np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def max_sim(query, vectors, starts):
    """Scores of all documents; vectors in pieces, so that large fits."""
    import numpy as np

    scores = np.empty(len(starts) - 1, dtype=np.float32)
    step = 4000
    for first in range(0, len(scores), step):
        last = min(first + step, len(scores))
        rows = np.asarray(vectors[starts[first] : starts[last]], dtype=np.float32)
        sims = query @ rows.T
        best = np.maximum.reduceat(sims, starts[first:last] - starts[first], axis=1)
        scores[first:last] = best.sum(axis=0)
    return scores


def best(scores, k=TOP):
    import numpy as np

    return [int(i) for i in np.argsort(-scores, kind="stable")[:k]]


def folder_bytes(path):
    return sum(os.path.getsize(os.path.join(d, f)) for d, _, files in os.walk(path) for f in files)


class Exact:
    """One matrix product of query and corpus, in float32."""

    parameter, values = "", [0]

    def build(self, vectors, starts, work):
        self.vectors, self.starts = unit(vectors), starts
        return self.vectors.nbytes

    def search(self, query, _):
        return best(max_sim(query, self.vectors, self.starts))


class Tokens:
    """An index of single tokens: the nearest tokens of each query token give
    candidates, in which a query token without a hit counts as the least similar
    token found for it; the best of them are scored exactly from float16."""

    def build(self, vectors, starts, work):
        import numpy as np

        self.starts = starts
        self.halves = np.ascontiguousarray(vectors, dtype=np.float16)
        self.document = np.repeat(np.arange(len(starts) - 1, dtype=np.int64), np.diff(starts))
        return self.make(unit(vectors), work) + self.halves.nbytes

    def search(self, query, value):
        import numpy as np

        sims, tokens = self.nearest(query, value)
        missing = sims.min(axis=1)
        found = {}
        for row in range(len(query)):
            seen = set()
            for token, sim in zip(tokens[row], sims[row]):
                if token < 0:
                    continue
                document = int(self.document[token])
                if document not in seen:
                    seen.add(document)
                    found[document] = found.get(document, 0.0) + float(sim - missing[row])
        candidates = np.array(sorted(found, key=found.get, reverse=True)[:RERANK])
        rows = [self.halves[self.starts[d] : self.starts[d + 1]] for d in candidates]
        firsts = np.concatenate([[0], np.cumsum([len(r) for r in rows])[:-1]])
        sims = query @ np.concatenate(rows).astype(np.float32).T
        scores = np.maximum.reduceat(sims, firsts, axis=1).sum(axis=0)
        return [int(candidates[i]) for i in best(scores)]


class FaissIVFPQ(Tokens):
    parameter, values = "nprobe", [2, 4, 8, 16, 32, 64]

    def make(self, rows, work):
        import faiss

        # As many lists as the manual recommends for fewer than a million vectors.
        lists = int(4 * len(rows) ** 0.5)
        self.index = faiss.IndexIVFPQ(faiss.IndexFlatIP(rows.shape[1]), rows.shape[1], lists, 32, 8, faiss.METRIC_INNER_PRODUCT)
        self.index.train(rows)
        self.index.add(rows)
        path = os.path.join(work, "index")
        faiss.write_index(self.index, path)
        return os.path.getsize(path)

    def nearest(self, query, value):
        self.index.nprobe = value
        return self.index.search(query, NEIGHBOURS)

    def one_thread(self):
        import faiss

        faiss.omp_set_num_threads(1)


class FaissHNSW(FaissIVFPQ):
    parameter, values = "efSearch", [100, 200, 400]

    def make(self, rows, work):
        import faiss

        self.index = faiss.IndexHNSWFlat(rows.shape[1], 16, faiss.METRIC_INNER_PRODUCT)
        self.index.hnsw.efConstruction = 80
        self.index.add(rows)
        path = os.path.join(work, "index")
        faiss.write_index(self.index, path)
        return os.path.getsize(path)

    def nearest(self, query, value):
        self.index.hnsw.efSearch = value
        return self.index.search(query, NEIGHBOURS)


class USearch(Tokens):
    parameter, values = "expansion_search", [100, 200, 400]

    def make(self, rows, work):
        import numpy as np
        from usearch.index import Index

        self.index = Index(ndim=rows.shape[1], metric="ip", dtype="f16", connectivity=16, expansion_add=80)
        self.index.add(np.arange(len(rows)), rows)
        path = os.path.join(work, "index")
        self.index.save(path)
        return os.path.getsize(path)

    def nearest(self, query, value):
        self.index.expansion_search = value
        matches = self.index.search(query, NEIGHBOURS, threads=1)
        return 1 - matches.distances, matches.keys.astype("int64")


class FastPlaid:
    parameter, values = "n_ivf_probe", [4, 8, 16, 32]

    def build(self, vectors, starts, work):
        import torch
        from fast_plaid.search.fast_plaid import FastPlaid as Engine

        path = os.path.join(work, "index")
        rows = torch.from_numpy(unit(vectors))
        self.engine = Engine(index=path, device="cpu")
        self.engine.create(documents_embeddings=[rows[a:b] for a, b in zip(starts, starts[1:])], nbits=4)
        return folder_bytes(path)

    def search(self, query, value):
        import torch

        hits = self.engine.search(torch.from_numpy(query).unsqueeze(0), top_k=TOP, n_ivf_probe=value, show_progress=False)
        return [int(i) for i, _ in hits[0]]

    def one_thread(self):
        import torch

        torch.set_num_threads(1)


class XTRWarp(FastPlaid):
    parameter, values = "nprobe", [4, 16, 64, 128, 256]

    def build(self, vectors, starts, work):
        import torch
        from xtr_warp.search import XTRWarp as Engine

        path = os.path.join(work, "index")
        rows = torch.from_numpy(unit(vectors))
        self.engine = Engine(index=path)
        self.engine.create([rows[a:b] for a, b in zip(starts, starts[1:])], device="cpu", nbits=4, show_progress=False)
        self.engine.load(device="cpu")
        return folder_bytes(path)

    def search(self, query, value):
        import torch

        hits = self.engine.search(torch.from_numpy(query).unsqueeze(0), top_k=TOP, num_threads=1, nprobe=value, show_progress=False)
        return [int(i) for i, _ in hits[0]]


class LanceDB:
    parameter, values = "nprobes", [4, 8, 16, 32]

    def build(self, vectors, starts, work):
        import lancedb
        import pyarrow as pa
        from lancedb.index import IvfPq

        rows = unit(vectors)
        kind = pa.list_(pa.list_(pa.float32(), rows.shape[1]))
        schema = pa.schema([pa.field("id", pa.int64()), pa.field("vector", kind)])

        def batches(size=256):
            for first in range(0, len(starts) - 1, size):
                last = min(first + size, len(starts) - 1)
                inner = pa.FixedSizeListArray.from_arrays(pa.array(rows[starts[first] : starts[last]].ravel()), rows.shape[1])
                offsets = pa.array((starts[first : last + 1] - starts[first]).astype("int32"))
                yield pa.record_batch([pa.array(range(first, last), pa.int64()), pa.ListArray.from_arrays(offsets, inner, type=kind)], schema=schema)

        path = os.path.join(work, "index")
        self.table = lancedb.connect(path).create_table("documents", batches(), schema=schema)
        self.table.create_index("vector", config=IvfPq(distance_type="cosine", num_sub_vectors=32))
        return folder_bytes(path)

    def search(self, query, value):
        hits = self.table.search(query).nprobes(value).refine_factor(20).limit(TOP).select(["id", "_distance"]).to_list()
        return [hit["id"] for hit in hits]


ENGINES = {
    "exact": Exact,
    "faiss-ivfpq": FaissIVFPQ,
    "faiss-hnsw": FaissHNSW,
    "usearch": USearch,
    "lancedb": LanceDB,
    "xtr-warp-rs": XTRWarp,
    "fast-plaid": FastPlaid,
}


def truth(args, vectors, starts, queries):
    """The first documents by exact MaxSim, computed once."""
    path = os.path.join(args.work, f"truth-{args.name}-{args.queries}.json")
    if not os.path.exists(path):
        rows = unit(vectors) if args.name != "large" else vectors
        found = [best(max_sim(q, rows, starts)) for q in queries]
        with open(path, "w") as f:
            json.dump(found, f)
    with open(path) as f:
        return json.load(f)


def measure(args):
    vectors, starts = load(args.data, args.name)
    asked, at = load(args.data, "queries")
    step = max(1, (len(at) - 1) // args.queries)
    queries = [unit(asked[at[i] : at[i + 1]]) for i in range(0, len(at) - 1, step)][: args.queries]
    wanted = truth(args, vectors, starts, queries)

    work = os.path.join(args.work, args.engine + "-" + args.name)
    shutil.rmtree(work, ignore_errors=True)
    os.makedirs(work)
    engine = ENGINES[args.engine]()
    wall, cpu = time.monotonic(), time.process_time()
    size = engine.build(vectors, starts, work)
    build_wall, build_cpu = time.monotonic() - wall, time.process_time() - cpu
    if hasattr(engine, "one_thread"):
        engine.one_thread()
    for value in engine.values:
        engine.search(queries[0], value)  # what is loaded once does not count
        same = 0
        wall, cpu = time.monotonic(), time.process_time()
        results = [engine.search(query, value) for query in queries]
        wall, cpu = time.monotonic() - wall, time.process_time() - cpu
        for got, want in zip(results, wanted):
            same += len(set(got) & set(want))
        print(
            json.dumps(
                {
                    "engine": args.engine,
                    "data": args.name,
                    "documents": len(starts) - 1,
                    "tokens": int(starts[-1]),
                    "queries": len(queries),
                    "parameter": engine.parameter,
                    "value": value,
                    "recall@10": round(same / sum(map(len, wanted)), 4),
                    "cpu_ms": round(1000 * cpu / len(queries), 3),
                    "wall_ms": round(1000 * wall / len(queries), 3),
                    "bytes_per_token": round(size / int(starts[-1]), 1),
                    "build_s": round(build_wall, 1),
                    "build_cpu_s": round(build_cpu, 1),
                    "peak_rss_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000),
                }
            ),
            flush=True,
        )
    shutil.rmtree(work, ignore_errors=True)


def ciyuan(args):
    """The same of ciyuan, which measures itself: `ciyuan bench`."""
    depths = ["16/50", "24/64", "32/100", "48/200", "64/300", "128/800"]
    for grade in "exact", "compact":
        out = subprocess.run(
            [args.ciyuan, "bench", "--vectors", args.data, "--name", args.name, "--json", "--grade", grade, "--exact-from", "float32",
             "--queries", str(args.queries), "--depths", ",".join(depths), "--add", "0"],
            check=True, stdout=subprocess.PIPE, env=dict(os.environ, GOMAXPROCS=SEARCH_THREADS),
        ).stdout
        r = json.loads(out)
        for s in r["search"]:
            print(
                json.dumps(
                    {
                        "engine": "ciyuan, " + grade,
                        "data": args.name,
                        "documents": r["documents"],
                        "tokens": r["tokens"],
                        "queries": r["queries"],
                        "parameter": "leaders asked/passages scored",
                        "value": s["depth"],
                        "recall@10": round(s["recall@10"], 4),
                        "cpu_ms": round(s["cpu_ms"], 3),
                        "wall_ms": round(s["mean_ms"], 3),
                        "bytes_per_token": round(r["bytes_per_token"], 1),
                        "build_s": round(r["build"]["seconds"], 1),
                        "build_cpu_s": round(r["build"]["cpu_seconds"], 1),
                        "peak_rss_mb": round((r["build"]["peak_anon_bytes"] + r["build"]["peak_file_bytes"]) / 1e6),
                    }
                ),
                flush=True,
            )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", default=os.path.join("..", "benchdata"), help="folder of make benchdata")
    parser.add_argument("--name", default="small", choices=["small", "medium", "large"])
    parser.add_argument("--engine", choices=[*ENGINES, "ciyuan"], help="one engine, in this process; without it all of them, one after another")
    parser.add_argument("--queries", type=int, default=100)
    parser.add_argument("--work", default="peers-work", help="folder for indexes, which are removed, and for the exact results")
    parser.add_argument("--ciyuan", default=os.path.join(".", "dist", "ciyuan"), help="the program that make build makes")
    args = parser.parse_args()
    os.makedirs(args.work, exist_ok=True)
    if args.engine == "ciyuan":
        ciyuan(args)
        return
    if args.engine:
        measure(args)
        return
    failed = []
    for engine in ["ciyuan", *ENGINES]:
        done = subprocess.run([sys.executable, os.path.abspath(__file__), *sys.argv[1:], "--engine", engine])
        if done.returncode != 0:
            failed.append(engine)
    if failed:
        sys.exit("failed: " + ", ".join(failed))


if __name__ == "__main__":
    # Searching is one query on one thread. What builds in parallel asks for its
    # threads itself; pools that read the environment are held to one for both.
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "RAYON_NUM_THREADS", "LANCE_CPU_THREADS"):
        os.environ.setdefault(name, SEARCH_THREADS)
    main()
