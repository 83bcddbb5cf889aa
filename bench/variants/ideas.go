package main

import (
	"cmp"
	"math"
	"slices"

	"github.com/kljensen/snowball/english"

	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// weighed returns a formula with other weights.
func weighed(f *Formula, idf func(*Term) float64) *Formula {
	g := *f
	g.IDF = idf
	return &g
}

// byWord returns the sum of a formula for meaning and one for literal words: half of a
// word's weight each where literal has anything to count, else all for meaning.
func (s *Set) byWord(meaning, literal *Formula, idf func(*Term) float64) Score {
	near := func(t *Term) []Near {
		if literal.Near != nil {
			return literal.Near(t)
		}
		return t.Near
	}
	known := func(t *Term) bool {
		return slices.ContainsFunc(near(t), func(n Near) bool { a, _ := literal.Weight(&n); return a > 0 })
	}
	a := weighed(meaning, func(t *Term) float64 {
		if known(t) {
			return idf(t) / 2
		}
		return idf(t)
	})
	b := weighed(literal, func(t *Term) float64 { return idf(t) / 2 })
	return Add([]float64{1, 1}, s.Score(a, false), s.Score(b, false))
}

// inflect returns near words with those marked as exact that have the stem of the word
// and at least the given similarity.
func (s *Set) inflect(t *Term, least float64) []Near {
	if !isLatin(t.Text) {
		return t.Near
	}
	out := slices.Clone(t.Near)
	stem := english.Stem(t.Text, true)
	for i := range out {
		if w := s.words[out[i].Code].text; out[i].Sim >= least && isLatin(w) && english.Stem(w, true) == stem {
			out[i].Exact = true
		}
	}
	return out
}

func isLatin(word string) bool {
	for _, c := range []byte(word) {
		if (c < 'a' || c > 'z') && c != '\'' {
			return false
		}
	}
	return len(word) >= 3
}

// inflectedIDF is IDF with the frequency of the most frequent inflection.
func (s *Set) inflectedIDF(least float64, idf func(*Term) float64) func(*Term) float64 {
	return func(t *Term) float64 {
		w := *t.Word
		for _, n := range s.inflect(t, least) {
			if n.Exact {
				w.DF = max(w.DF, len(s.words[n.Code].postings))
			}
		}
		return idf(&Term{Word: &w, UPOS: t.UPOS})
	}
}

// softFrequency is the number of passages that a word attends to: those that have it,
// and a share of those that have a near word.
func (s *Set) softFrequency(t *Term) float64 {
	c := s.Constants()
	df := float64(t.DF)
	for i := range t.Near {
		if n := &t.Near[i]; !n.Exact {
			df += n.Sim * math.Exp((n.Sim-1)/c.T) * float64(len(s.words[n.Code].postings))
		}
	}
	return min(df, float64(len(s.Passages)))
}

// corpusIDF is BM25's idf for any frequency.
func (s *Set) corpusIDF(df float64) float64 {
	return math.Log1p((float64(len(s.Passages)) - df + 0.5) / (df + 0.5))
}

// softIDF is IDF with the soft frequency.
func (s *Set) softIDF(t *Term) float64 {
	n := float64(len(s.Passages))
	l := n / (n + float64(s.enc.Params().HalfDocuments))
	return math.Pow(s.corpusIDF(s.softFrequency(t)), l) * math.Pow(s.PriorIDF(t), 1-l)
}

// smoothedIDF is BM25's idf with the frequency that the language leads to expect, which
// counts as much as a number of passages.
func (s *Set) smoothedIDF(t *Term) float64 {
	n, half := float64(len(s.Passages)), float64(s.enc.Params().HalfDocuments)
	expected := 1 - math.Exp(-s.MeanLength*math.Exp(-t.Prior))
	return s.corpusIDF(n * (float64(t.DF) + half*expected) / (n + half))
}

// stopWords takes weight from parts of speech that carry little meaning.
func stopWords(idf func(*Term) float64) func(*Term) float64 {
	return func(t *Term) float64 {
		switch t.UPOS {
		case tokenizer.UPOSADP, tokenizer.UPOSAUX, tokenizer.UPOSCCONJ, tokenizer.UPOSDET, tokenizer.UPOSINTJ,
			tokenizer.UPOSPART, tokenizer.UPOSPRON, tokenizer.UPOSSCONJ:
			return idf(t) / 4
		case tokenizer.UPOSADV:
			return idf(t) / 2
		}
		return idf(t)
	}
}

// names gives names and numbers twice the weight.
func names(idf func(*Term) float64) func(*Term) float64 {
	return func(t *Term) float64 {
		if t.UPOS == tokenizer.UPOSPROPN || t.UPOS == tokenizer.UPOSNUM {
			return 2 * idf(t)
		}
		return idf(t)
	}
}

// dependence returns the sequential dependence model: of the score, the BM25 of
// neighbouring words of the question that are neighbours in the passage too, and of
// those that stand within eight words there, in the customary proportions.
//
// Source: Metzler and Croft, A Markov Random Field Model for Term Dependencies
// (SIGIR 2005).
func (s *Set) dependence(score Score) Score {
	return func(q *Question, out []float64) {
		score(q, out)
		ordered, window := make([]float64, len(out)), make([]float64, len(out))
		var mostOrdered, mostWindow float64
		for i := 1; i < len(q.Order); i++ {
			a, b := q.Terms[q.Order[i-1]].Code, q.Terms[q.Order[i]].Code
			if a < 0 || b < 0 {
				continue
			}
			together := s.together(a, b)
			var dfOrdered, dfWindow float64
			for _, p := range together {
				dfOrdered += min(1, p.ordered)
				dfWindow += min(1, p.window)
			}
			idfOrdered, idfWindow := s.corpusIDF(dfOrdered), s.corpusIDF(dfWindow)
			mostOrdered += idfOrdered
			mostWindow += idfWindow
			for _, p := range together {
				norm := 1.2 * (0.25 + 0.75*float64(s.Passages[p.passage].Length)/s.MeanLength)
				ordered[p.passage] += idfOrdered * p.ordered / (p.ordered + norm)
				window[p.passage] += idfWindow * p.window / (p.window + norm)
			}
		}
		for p := range out {
			out[p] *= 0.85
			if out[p] > 0 && mostOrdered > 0 {
				out[p] += 0.10*ordered[p]/mostOrdered + 0.05*window[p]/mostWindow
			}
		}
	}
}

type pair struct {
	passage         int32
	ordered, window float64
}

// together returns how often two words stand side by side in this order, and within
// eight words in any.
func (s *Set) together(a, b int32) []pair {
	var out []pair
	at := 0
	other := s.words[b].postings
	for _, p := range s.words[a].postings {
		for at < len(other) && other[at].Passage < p.Passage {
			at++
		}
		if at == len(other) || other[at].Passage != p.Passage {
			continue
		}
		found := pair{passage: p.Passage}
		words := s.Passages[p.Passage].Words
		for i, w := range words {
			if w != a {
				continue
			}
			for j := max(0, i-7); j < min(len(words), i+8); j++ {
				if words[j] == b && j != i {
					found.window++
					if j == i+1 {
						found.ordered++
					}
				}
			}
		}
		if found.window > 0 {
			out = append(out, found)
		}
	}
	return out
}

// feedback returns the score mixed in equal parts with BM25 for the ten words that are
// the most frequent in its ten best passages, weighted by that and by idf.
//
// Source: Abdul-Jaleel et al., UMass at TREC 2004 (RM3), with its customary numbers.
func (s *Set) feedback(score Score) Score {
	return func(q *Question, out []float64) {
		score(q, out)
		best := ranked(out)
		best = best[:min(10, len(best))]
		total := 0.0
		for _, p := range best {
			total += out[p]
		}
		if total == 0 {
			return
		}
		shares := map[int32]float64{}
		for _, p := range best {
			for _, code := range s.Passages[p].Words {
				shares[code] += out[p] / total / float64(s.Passages[p].Length)
			}
		}
		type word struct {
			code   int32
			weight float64
		}
		var words []word
		for code, share := range shares {
			words = append(words, word{code, share * s.corpusIDF(float64(len(s.words[code].postings)))})
		}
		slices.SortFunc(words, func(a, b word) int {
			return cmp.Or(cmp.Compare(b.weight, a.weight), cmp.Compare(a.code, b.code))
		})
		words = words[:min(10, len(words))]
		sum := 0.0
		for _, w := range words {
			sum += w.weight
		}
		for p := range out {
			out[p] /= 2
		}
		for _, w := range words {
			for _, p := range s.words[w.code].postings {
				norm := 1.2 * (0.25 + 0.75*float64(s.Passages[p.Passage].Length)/s.MeanLength)
				out[p.Passage] += w.weight / sum * p.TF / (p.TF + norm) / 2
			}
		}
	}
}

// mixed returns the default with attention to tokens whose vectors are mixed with
// those of the tokens beside them, by so much; literal tokens stay what they are.
func (s *Set) mixed(mix float64, literal *Formula, idf func(*Term) float64) Score {
	c, background := s.Constants(), s.background()
	foreign := c
	foreign.T *= foreignTemperature
	foreignBackground := math.Exp((c.Background - 1) / foreign.T)
	vectors := make([][]float32, len(s.words))
	each(len(s.words), func(i int) { vectors[i] = s.vector(int32(i)) })
	lengths := make([][]float32, len(s.Passages))
	each(len(s.Passages), func(p int) { lengths[p] = s.lengths(s.Passages[p].Words, vectors, float32(mix)) })
	value := func(t *Term, p int) float64 {
		words := s.Passages[p].Words
		c, b := c, background
		if t.Foreign {
			c, b = foreign, foreignBackground
		}
		var num, den, theirs float64
		for i, w := range words {
			z := 1.0
			if w != t.Code {
				if t.Sims == nil || vectors[w] == nil {
					continue
				}
				z = float64(t.Sims[w])
				if i > 0 {
					z += mix * float64(t.Sims[words[i-1]])
				}
				if i+1 < len(words) {
					z += mix * float64(t.Sims[words[i+1]])
				}
				z = min(1, z/float64(lengths[p][i]))
			}
			if z < c.MinSim {
				continue
			}
			e := math.Exp((z - 1) / c.T)
			num += z * e
			den += e
			theirs++
		}
		return num / (den + (float64(s.Passages[p].Length)-theirs)*b)
	}
	words := map[*Word][]float32{}
	var all []*Term
	for i := range s.Questions {
		for j := range s.Questions[i].Terms {
			if t := &s.Questions[i].Terms[j]; words[t.Word] == nil {
				words[t.Word] = make([]float32, len(s.Passages))
				all = append(all, t)
			}
		}
	}
	each(len(all), func(i int) {
		for p, values := 0, words[all[i].Word]; p < len(values); p++ {
			if s.Passages[p].Length > 0 {
				values[p] = float32(value(all[i], p))
			}
		}
	})
	half := func(t *Term) float64 { return idf(t) / 2 }
	exact := s.Score(weighed(literal, half), false)
	return func(q *Question, out []float64) {
		exact(q, out)
		for i := range q.Terms {
			t := &q.Terms[i]
			weight := idf(t)
			if slices.ContainsFunc(literal.Near(t), func(n Near) bool { return n.Exact }) {
				weight /= 2
			}
			for p, v := range words[t.Word] {
				out[p] += weight * float64(v)
			}
		}
	}
}

// lengths returns the lengths of the vectors of words that are mixed with those beside
// them.
func (s *Set) lengths(words []int32, vectors [][]float32, mix float32) []float32 {
	out := make([]float32, len(words))
	sum := make([]float32, s.enc.Dim())
	for i := range words {
		clear(sum)
		for j := max(0, i-1); j < min(len(words), i+2); j++ {
			share := mix
			if j == i {
				share = 1
			}
			for col, x := range vectors[words[j]] {
				sum[col] += share * x
			}
		}
		square := float32(0)
		for _, x := range sum {
			square += x * x
		}
		out[i] = float32(math.Sqrt(float64(square)))
	}
	return out
}

// nearer gives the near words of a word of another language similarities divided by a
// power of the largest of them.
func nearer(power float64) func(t *Term) []Near {
	return func(t *Term) []Near {
		if !t.Foreign {
			return t.Near
		}
		near := slices.Clone(t.Near)
		for i := range near {
			near[i].Sim *= math.Pow(t.Near[0].Sim, -power)
		}
		return near
	}
}

// nearest returns a formula with at most k near words, and only ones from a similarity on.
func nearest(f *Formula, k int, least float64) *Formula {
	g := *f
	g.Near = func(t *Term) []Near {
		near := t.Near[:min(len(t.Near), k+1)]
		i := slices.IndexFunc(near, func(n Near) bool { return !n.Exact && n.Sim < least })
		if i >= 0 {
			near = near[:i]
		}
		return near
	}
	return &g
}

// expanded is BM25 with the words near to those of the question counted by a power of
// their similarity, as an expansion of the query by the graph.
func expanded(f *Formula, power float64) *Formula {
	g := *f
	g.Weight = func(n *Near) (float64, float64) { return math.Pow(n.Sim, power), 0 }
	return &g
}
