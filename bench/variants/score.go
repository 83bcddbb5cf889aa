package main

import (
	"cmp"
	"math"
	"slices"

	"github.com/ciyuan-search/ciyuan/scoring"
)

// A Formula is a score that is a sum over the words of a question, each with a weight
// and a value made of two sums over the occurrences of the words near to it.
type Formula struct {
	// IDF weighs a word.
	IDF func(t *Term) float64
	// Near gives the words that are counted for one; the question's own if nil.
	Near func(t *Term) []Near
	// Weight is what an occurrence adds to both sums; 0, 0 for nothing.
	Weight func(n *Near) (num, den float64)
	// Largest takes the largest num instead of the sum.
	Largest bool
	// Foreign has the Weight and Value of words of another language than the corpus;
	// nil: these.
	Foreign *Formula
	// Value makes the word's value of both sums; num is above 0.
	Value func(num, den, length float64) float64
}

// Score returns the score of a formula. With relative it is divided by the sum of the
// weights.
func (s *Set) Score(f *Formula, relative bool) Score {
	return func(q *Question, out []float64) {
		most := 1.0
		if relative {
			most = 0
			for i := range q.Terms {
				most += f.IDF(&q.Terms[i])
			}
			if most == 0 {
				return
			}
		}
		num, den := make([]float64, len(out)), make([]float64, len(out))
		for i := range q.Terms {
			t := &q.Terms[i]
			idf := f.IDF(t) / most
			near := t.Near
			if f.Near != nil {
				near = f.Near(t)
			}
			f := f
			if f.Foreign != nil && t.Foreign {
				f = f.Foreign
			}
			var touched []int32
			for j := range near {
				a, b := f.Weight(&near[j])
				if a <= 0 {
					continue
				}
				for _, p := range s.words[near[j].Code].postings {
					if num[p.Passage] == 0 {
						touched = append(touched, p.Passage)
					}
					if f.Largest {
						num[p.Passage] = max(num[p.Passage], a)
						continue
					}
					num[p.Passage] += p.TF * a
					den[p.Passage] += p.TF * b
				}
			}
			for _, p := range touched {
				out[p] += idf * f.Value(num[p], den[p], float64(s.Passages[p].Length))
				num[p], den[p] = 0, 0
			}
		}
	}
}

// Constants are those of the softmax score, see docs/design.md, section 6.
type Constants struct{ T, Background, MinSim float64 }

// Constants returns the encoder's own.
func (s *Set) Constants() Constants {
	p := s.enc.Params()
	return Constants{float64(p.Temperature), float64(p.Background), float64(p.MinSim)}
}

// foreignTemperature is the factor of T for words of another language.
const foreignTemperature = 0.8

// Softmax returns the formula of softmax attention.
func (s *Set) Softmax(c Constants) *Formula {
	f := s.softmax(c)
	c.T *= foreignTemperature
	f.Foreign = s.softmax(c)
	return f
}

// softmax is Softmax with the same constants in every language.
func (s *Set) softmax(c Constants) *Formula {
	attention := func(z float64) float64 { return math.Exp((z - 1) / c.T) }
	b := attention(c.Background)
	return &Formula{
		IDF: s.IDF,
		Weight: func(n *Near) (float64, float64) {
			if n.Sim < c.MinSim {
				return 0, 0
			}
			e := attention(n.Sim)
			return n.Sim * e, e - b
		},
		Value: func(num, den, length float64) float64 { return num / (den + length*b) },
	}
}

// background is what a token that has nothing to do with a word counts.
func (s *Set) background() float64 {
	c := s.Constants()
	return math.Exp((c.Background - 1) / c.T)
}

// MaxSim returns the formula of ColBERT.
func (s *Set) MaxSim() *Formula {
	return &Formula{
		IDF: s.IDF, Largest: true,
		Weight: func(n *Near) (float64, float64) { return n.Sim, 0 },
		Value:  func(num, _, _ float64) float64 { return num },
	}
}

// Sum returns the formula of weights in proportion to similarities.
func (s *Set) Sum() *Formula {
	return &Formula{
		IDF:    s.IDF,
		Weight: func(n *Near) (float64, float64) { return n.Sim * n.Sim, n.Sim },
		Value:  func(num, den, _ float64) float64 { return num / den },
	}
}

// BM25 returns BM25 in the form that lies between 0 and 1 a word.
func (s *Set) BM25(k1, b float64) *Formula {
	return &Formula{
		IDF: s.CorpusIDF,
		Weight: func(n *Near) (float64, float64) {
			if n.Exact {
				return 1, 0
			}
			return 0, 0
		},
		Value: func(num, _, length float64) float64 {
			return num / (num + k1*(1-b+b*length/s.MeanLength))
		},
	}
}

// IDF is the weight of docs/design.md, section 6.
func (s *Set) IDF(t *Term) float64 {
	return s.enc.Params().IDF(float32(t.Prior), t.DF, len(s.Passages))
}

// PriorIDF is the part of it that the language has.
func (s *Set) PriorIDF(t *Term) float64 { return s.enc.Params().PriorIDF(float32(t.Prior)) }

// CorpusIDF is that of BM25.
func (s *Set) CorpusIDF(t *Term) float64 { return scoring.CorpusIDF(t.DF, len(s.Passages)) }

// Add returns the weighted sum of scores.
func Add(weights []float64, scores ...Score) Score {
	return func(q *Question, out []float64) {
		part := make([]float64, len(out))
		for i, score := range scores {
			clear(part)
			score(q, part)
			for p, v := range part {
				out[p] += weights[i] * v
			}
		}
	}
}

// Fuse returns the reciprocal rank fusion of scores, with the customary 60.
//
// Source: Cormack, Clarke and Büttcher (SIGIR 2009).
func Fuse(scores ...Score) Score {
	return func(q *Question, out []float64) {
		part := make([]float64, len(out))
		for _, score := range scores {
			clear(part)
			score(q, part)
			for rank, p := range ranked(part) {
				out[p] += 1 / float64(60+rank+1)
			}
		}
	}
}

// ranked returns where scores are above 0, the highest first.
func ranked(scores []float64) []int {
	var order []int
	for i, v := range scores {
		if v > 0 {
			order = append(order, i)
		}
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	return order
}
