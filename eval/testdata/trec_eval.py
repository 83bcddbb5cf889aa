"""Makes testdata/trec: judgements, 20 runs and what trec_eval says of them.

    pip install pytrec_eval-terrier==0.5.11
    python trec_eval.py

The runs cover what is easy to get wrong: tied scores, scores that differ only
beyond single precision, missing queries, queries without relevant documents,
negative grades, unjudged documents, rankings of 1 to 120 documents, lines out
of order, a rank column that contradicts the scores.
"""

import json
import pathlib
import random

import pytrec_eval

here = pathlib.Path(__file__).parent / "trec"
here.mkdir(exist_ok=True)
rnd = random.Random(2026)
queries = [f"q{i}" for i in range(1, 11)]
docs = [f"d{i}" for i in range(1, 131)]

qrels = {}
for query in queries:
    judged = rnd.sample(docs, rnd.choice([1, 3, 12, 40]))
    qrels[query] = {d: rnd.choice([-1, 0, 0, 1, 1, 2, 3, 4]) for d in judged}
qrels["q9"] = {d: 0 for d in qrels["q9"]}  # nothing relevant
qrels["q10"] = {docs[0]: 1}
with open(here / "qrels.txt", "w") as f:
    for query in queries:
        for doc, grade in qrels[query].items():
            f.write(f"{query} 0 {doc} {grade}\n")

measures = {"ndcg_cut.10", "recip_rank", "recall.10,100", "success.1,10"}
evaluator = pytrec_eval.RelevanceEvaluator(qrels, measures)
expected = {}
for number in range(20):
    run = {}
    for query in queries + ["q11"]:  # q11 is not judged
        if number % 4 == 3 and rnd.random() < 0.3:
            continue
        depth = rnd.choice([1, 5, 10, 20, 40, 120 if number % 5 == 0 else 30])
        run[query] = {}
        for doc in rnd.sample(docs, depth):
            score = rnd.uniform(0, 20) + 2 * max(0, qrels.get(query, {}).get(doc, 0)) * (number % 3)
            if number % 2 == 1:
                score = round(score)  # many ties
            elif number % 7 == 4:
                score = 16777216.0 + round(score) * 0.25  # ties in single precision only
            else:
                score = round(score, 3)
            run[query][doc] = score
    name = f"run{number:02}"
    with open(here / f"{name}.txt", "w") as f:
        for query, scored in run.items():
            for rank, (doc, score) in enumerate(scored.items(), 1):
                f.write(f"{query} Q0 {doc} {rank} {score} {name}\n")
    result = {}
    for query, m in evaluator.evaluate(run).items():
        rr = m["recip_rank"]
        result[query] = {
            "ndcg@10": m["ndcg_cut_10"],
            "mrr@10": rr if rr > 0.099 else 0.0,  # trec_eval has no cut-off for it
            "recall@10": m["recall_10"],
            "recall@100": m["recall_100"],
            "success@1": m["success_1"],
            "success@10": m["success_10"],
        }
    expected[name] = {q: {k: round(v, 6) for k, v in m.items()} for q, m in sorted(result.items())}
with open(here / "expected.json", "w") as f:
    json.dump(expected, f, indent=0, sort_keys=True)
    f.write("\n")
