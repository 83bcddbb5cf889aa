"""Makes minilm.json: what onnxruntime and the tokenizers library say of some
texts with all-MiniLM-L6-v2, whose graph is written out here operator by
operator. bench/transformer uses the graph to measure onnxruntime's speed.

    pip install numpy onnx onnxruntime==1.32.0 tokenizers==0.20.3
    python minilm.py FOLDER_OF_THE_MODEL

The texts are our own. The model (Apache-2.0) is not part of this repository.
"""
import json
import struct
import sys

import numpy as np
import onnxruntime
from onnx import TensorProto, helper, numpy_helper
from tokenizers import Tokenizer


def graph(folder):
    """Returns the model in a folder as an ONNX graph of one text without padding."""
    config = json.load(open(folder + "/config.json"))
    raw = open(folder + "/model.safetensors", "rb").read()
    size, = struct.unpack("<Q", raw[:8])
    weights = {
        name: np.frombuffer(raw[8 + size + t["data_offsets"][0]:8 + size + t["data_offsets"][1]], np.float32).reshape(t["shape"])
        for name, t in json.loads(raw[8:8 + size]).items() if name != "__metadata__" and t["dtype"] == "F32"
    }
    nodes, constants = [], []

    def constant(name, value):
        constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def op(kind, *inputs, **attributes):
        out = f"v{len(nodes)}"
        nodes.append(helper.make_node(kind, list(inputs), [out], **attributes))
        return out

    def linear(x, name):
        return op("Add", op("MatMul", x, constant(name + ".w", weights[name + ".weight"].T)), constant(name + ".b", weights[name + ".bias"]))

    def norm(x, name):
        return op("LayerNormalization", x, constant(name + ".g", weights[name + ".weight"]), constant(name + ".o", weights[name + ".bias"]),
                  epsilon=config["layer_norm_eps"], axis=-1)

    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    split, join = constant("split", np.array([0, 0, heads, hidden // heads])), constant("join", np.array([0, 0, hidden]))
    scale = constant("scale", np.float32((hidden // heads) ** -0.5))
    x = op("Gather", constant("words", weights["embeddings.word_embeddings.weight"]), "ids")
    x = op("Add", x, op("Gather", constant("places", weights["embeddings.position_embeddings.weight"]), "positions"))
    x = norm(op("Add", x, constant("segment", weights["embeddings.token_type_embeddings.weight"][0])), "embeddings.LayerNorm")
    for i in range(config["num_hidden_layers"]):
        p = f"encoder.layer.{i}."
        q, k, v = (op("Transpose", op("Reshape", linear(x, p + "attention.self." + part), split), perm=perm)
                   for part, perm in (("query", [0, 2, 1, 3]), ("key", [0, 2, 3, 1]), ("value", [0, 2, 1, 3])))
        seen = op("MatMul", op("Softmax", op("Mul", op("MatMul", q, k), scale), axis=-1), v)
        seen = linear(op("Reshape", op("Transpose", seen, perm=[0, 2, 1, 3]), join), p + "attention.output.dense")
        x = norm(op("Add", seen, x), p + "attention.output.LayerNorm")
        y = linear(op("Gelu", linear(x, p + "intermediate.dense")), p + "output.dense")
        x = norm(op("Add", y, x), p + "output.LayerNorm")
    built = helper.make_graph(nodes, "minilm", [
        helper.make_tensor_value_info("ids", TensorProto.INT64, [1, "n"]),
        helper.make_tensor_value_info("positions", TensorProto.INT64, ["n"]),
    ], [helper.make_tensor_value_info(x, TensorProto.FLOAT, [1, "n", hidden])], constants)
    return helper.make_model(built, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


def session(model):
    """Returns a function from token ids to hidden states, on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    made = onnxruntime.InferenceSession(model.SerializeToString(), options)
    return lambda ids: made.run(None, {"ids": np.array([ids]), "positions": np.arange(len(ids))})[0][0]


def tokenizer(folder):
    """Returns the tokenizer in a folder; this model's own settings cut at 128 tokens."""
    made = Tokenizer.from_file(folder + "/tokenizer.json")
    made.no_truncation()
    made.no_padding()
    return made


def main(folder):
    cut, run = tokenizer(folder), session(graph(folder))
    cases = []
    for text in [
        "The index keeps one vector for each token.",
        "Don't re-discover naïve résumés (in 1998)!",
        "词元是检索的最小单位 mixed with English",
        "unbelievable " * 80,
    ]:
        e = cut.encode(text)
        states = run(e.ids)
        place = [len(text[:i].encode()) for i in range(len(text) + 1)]
        cases.append({
            "text": text,
            "input_ids": e.ids,
            "byte_offsets": [[place[a], place[b]] for a, b in e.offsets],
            # Each row is told by its first eight values and its length.
            "head": [[round(float(v), 6) for v in row[:8]] for row in states],
            "length": [round(float(np.linalg.norm(row)), 5) for row in states],
        })
    json.dump(cases, open("minilm.json", "w"), ensure_ascii=False, separators=(",", ":"))


if __name__ == "__main__":
    main(sys.argv[1])
