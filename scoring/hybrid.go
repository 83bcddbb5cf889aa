package scoring

// Shares returns what of a query word's weight softmax attention and BM25 decide in
// the hybrid score, which is the sum of both: half each where the corpus has the word
// itself or a form of it, else all is for softmax attention, as BM25 has nothing to say
// of a word that does not occur. So a question in another language than the corpus is
// ranked by meaning but for the names and numbers that both have.
//
// A sum and not reciprocal rank fusion, which takes a ranking of BM25 by one common
// word for as much as one by all words; docs/ranking.md has the figures.
//
// Source: Bruch, Gai and Ingber, An Analysis of Fusion Functions for Hybrid
// Retrieval (ACM TOIS, 2023), who find convex combinations better than rank fusion;
// that it is for each word is ours.
func Shares(neighbors []Neighbor) (softmax, bm25 float64) {
	for i := range neighbors {
		if neighbors[i].Exact || neighbors[i].Form {
			return 0.5, 0.5
		}
	}
	return 1, 0
}
