package scoring

import "math"

// Params are the constants of the softmax score. They were fitted to one set of
// vectors and are therefore stored with the table that holds these.
type Params struct {
	// Temperature T divides similarities before they are exponentiated; > 0.
	Temperature float32
	// MinSim is the similarity that a neighbour of a query word must reach to
	// take part at all.
	MinSim float32
	// Background is the similarity that every other token of a document is
	// taken to have: the value whose exp(z/T) equals the mean over unrelated
	// pairs of words. It is what makes long documents score lower.
	Background float32
	// Neighbors is the largest number of neighbours of a query word, itself
	// left out; CrossNeighbors the same where query and corpus differ in language.
	Neighbors, CrossNeighbors int
	// PriorShift is taken off the prior of a word, then PriorFloor is the least
	// result. PriorCap is the largest prior before that, and the prior of words
	// that are in no table. All in nats.
	PriorShift, PriorFloor, PriorCap float32
	// HalfDocuments is the number of documents at which the corpus's own
	// document frequencies weigh as much as the prior.
	HalfDocuments float32
}

// DefaultParams returns the constants measured with the default table. They also
// serve an index without vectors, where the score is a saturated tf-idf.
func DefaultParams() Params {
	return Params{
		Temperature:    0.15,
		MinSim:         0.3,
		Background:     0.07,
		Neighbors:      64,
		CrossNeighbors: 128,
		PriorShift:     4.5,
		PriorFloor:     0.2,
		PriorCap:       12,
		HalfDocuments:  1000,
	}
}

// Valid reports whether the constants define a score: all of them finite,
// Temperature and PriorFloor positive, Background below MinSim, which keeps
// every denominator positive, and no negative count.
func (p Params) Valid() bool {
	for _, v := range []float32{p.Temperature, p.MinSim, p.Background, p.PriorShift, p.PriorFloor, p.PriorCap, p.HalfDocuments} {
		if x := float64(v); math.IsNaN(x) || math.IsInf(x, 0) {
			return false
		}
	}
	return p.Temperature > 0 && p.PriorFloor > 0 && p.Background < p.MinSim &&
		p.MinSim <= 1 && p.HalfDocuments >= 0 && p.Neighbors >= 0 && p.CrossNeighbors >= 0
}

// PriorIDF returns the idf that a word's prior alone gives it:
// max(PriorFloor, min(PriorCap, prior) - PriorShift), in nats. A NaN prior counts
// as PriorCap, the prior of words that are in no table.
func (p Params) PriorIDF(prior float32) float64 {
	capped := float64(p.PriorCap)
	if x := float64(prior); x < capped {
		capped = x
	}
	return max(float64(p.PriorFloor), capped-float64(p.PriorShift))
}

// IDF returns the weight of a query word that occurs in df of n documents:
//
//	c^l * p^(1-l),  l = n / (n + HalfDocuments),
//	c = ln(1 + (n - df + 0.5) / (df + 0.5)),  p = PriorIDF(prior)
//
// so that a small corpus leans on the prior and a large one on itself. With
// df = 0 it is p alone. df is cut to [0, n], because counts of pending and
// deleted documents may disagree for a moment.
func (p Params) IDF(prior float32, df, n int) float64 {
	prioridf := p.PriorIDF(prior)
	df = min(df, n)
	if df <= 0 {
		return prioridf
	}
	l := float64(n) / (float64(n) + float64(p.HalfDocuments))
	return math.Pow(CorpusIDF(df, n), l) * math.Pow(prioridf, 1-l)
}

// CorpusIDF returns ln(1 + (n - df + 0.5) / (df + 0.5)), the idf of BM25 in the
// form that is never negative. df is cut to [0, n].
//
// Source: Robertson and Zaragoza, The Probabilistic Relevance Framework (2009),
// equation 3.2, with the 1 + of Lucene.
func CorpusIDF(df, n int) float64 {
	df = max(0, min(df, n))
	return math.Log1p((float64(n) - float64(df) + 0.5) / (float64(df) + 0.5))
}
