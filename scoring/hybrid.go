package scoring

// Hybrid returns the hybrid score of a document: the mean of its normalised
// softmax and BM25 scores (see [Plan.Normalize]), in [0, 1]. It is 0 only where
// both are, so a hit of either is a hit.
//
// A sum of normalised scores and not reciprocal rank fusion, which throws away
// that a query without a word in common with the corpus has no BM25 score to
// speak of. MRR@10 of sentences, BM25 / softmax / rank fusion / this: 80.8 / 83.8
// / 82.6 / 83.9 (xquad-zh), 81.8 / 86.1 / 83.8 / 86.0 (xquad-en), 9.1 / 59.1 /
// 57.4 / 58.8 (Chinese questions, English sentences).
//
// Source: Bruch, Gai and Ingber, An Analysis of Fusion Functions for Hybrid
// Retrieval (ACM TOIS, 2023), who find the same of convex combinations.
func Hybrid(softmax, bm25 float64) float64 { return (softmax + bm25) / 2 }
