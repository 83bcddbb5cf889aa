package main

import "fmt"

// A variant is a way of scoring that was tried.
type variant struct {
	name  string
	on    *Set
	score func() Score // made when it is needed: some take much memory
}

// standard is the name of the default.
const standard = "**the default**"

// minInflected is the least similarity of an inflection.
const minInflected = 0.5

// usual are the parameters of BM25 that are in use.
var usual = []struct{ k1, b float64 }{{1.2, 0.75}, {0.9, 0.4}, {0.6, 0.2}}

// trials collects variants.
type trials struct {
	s   *Set
	all []variant

	constants     Constants
	softmax, bm25 *Formula
	idf           func(*Term) float64 // the default's
}

func (t *trials) try(name string, score Score) {
	t.all = append(t.all, variant{name, t.s, func() Score { return score }})
}

// literal returns a formula of BM25 with inflections.
func (t *trials) literal(f *Formula) *Formula {
	g := *f
	g.Near = func(term *Term) []Near { return t.s.inflect(term, minInflected) }
	g.Weight = func(n *Near) (float64, float64) {
		if n.Exact {
			return n.Sim, 0
		}
		return 0, 0
	}
	return &g
}

// with returns the default with another formula for meaning.
func (t *trials) with(meaning *Formula) Score {
	return t.s.byWord(meaning, t.literal(t.bm25), t.idf)
}

// variants returns all that was tried, the default first. grams is the set with the
// pairs of Chinese characters.
func variants(s, grams *Set) []variant {
	t := &trials{s: s, constants: s.Constants(), bm25: s.BM25(1.2, 0.75), idf: s.inflectedIDF(minInflected, s.IDF)}
	t.softmax = s.Softmax(t.constants)
	t.try(standard, t.with(t.softmax))
	t.single(grams)
	t.mixtures()
	t.weights()
	t.constantsOf()
	t.beyondWords()
	return t.all
}

// single tries what looks at meaning or at literal words alone.
func (t *trials) single(grams *Set) {
	s := t.s
	t.try("softmax", s.Score(weighed(t.softmax, t.idf), false))
	t.try("MaxSim", s.Score(weighed(s.MaxSim(), t.idf), false))
	t.try("MaxSim without idf", s.Score(weighed(s.MaxSim(), one), false))
	t.try("weighted sum", s.Score(weighed(s.Sum(), t.idf), false))
	for _, p := range usual {
		t.try(fmt.Sprintf("BM25 %g/%g", p.k1, p.b), s.Score(s.BM25(p.k1, p.b), false))
	}
	for _, p := range usual {
		score := grams.Score(grams.BM25(p.k1, p.b), false)
		t.all = append(t.all, variant{fmt.Sprintf("BM25 %g/%g, words and pairs of characters", p.k1, p.b), grams, func() Score { return score }})
	}
	idf := s.inflectedIDF(minInflected, s.CorpusIDF)
	for _, p := range usual {
		t.try(fmt.Sprintf("BM25 %g/%g with inflections", p.k1, p.b), s.Score(weighed(t.literal(s.BM25(p.k1, p.b)), idf), false))
	}
	for _, power := range []float64{2, 8} {
		t.try(fmt.Sprintf("BM25 expanded by near words, z^%g", power), s.Score(expanded(t.bm25, power), false))
	}
}

// mixtures tries meaning and literal words together.
func (t *trials) mixtures() {
	s := t.s
	softmax, bm25 := s.Score(t.softmax, true), s.Score(t.bm25, true)
	for _, w := range []float64{0.25, 0.5, 0.75} {
		t.try(fmt.Sprintf("%g softmax + %g BM25, both relative", w, 1-w), Add([]float64{w, 1 - w}, softmax, bm25))
	}
	t.try("softmax + BM25 as they are", Add([]float64{1, 1}, s.Score(t.softmax, false), s.Score(t.bm25, false)))
	t.try("rank fusion of softmax and BM25", Fuse(softmax, bm25))
	t.try("½ MaxSim + ½ BM25, both relative", Add([]float64{0.5, 0.5}, s.Score(s.MaxSim(), true), bm25))
	t.try("default, MaxSim instead of softmax", t.with(s.MaxSim()))
	t.try("default, BM25 0.9/0.4", s.byWord(t.softmax, t.literal(s.BM25(0.9, 0.4)), t.idf))
	t.try("default without inflections", s.byWord(t.softmax, t.bm25, s.IDF))
}

func one(*Term) float64 { return 1 }

// weights tries other weights of the words.
func (t *trials) weights() {
	for _, w := range []struct {
		name string
		idf  func(*Term) float64
	}{
		{"no idf", one},
		{"idf of the corpus", t.s.CorpusIDF},
		{"idf of the language", t.s.PriorIDF},
		{"frequencies smoothed by the language", t.s.smoothedIDF},
		{"frequencies of what is attended to", t.s.softIDF},
		{"function words ¼, adverbs ½", stopWords(t.idf)},
		{"names and numbers twice", names(t.idf)},
	} {
		t.try("default, "+w.name, t.s.byWord(t.softmax, t.literal(t.bm25), w.idf))
	}
}

// constantsOf tries other temperatures, lengths and neighbourhoods.
func (t *trials) constantsOf() {
	for _, temperature := range []float64{0.05, 0.1, 0.2, 0.3} {
		c := t.constants
		c.T = temperature
		t.try(fmt.Sprintf("default, T = %g", temperature), t.with(t.s.Softmax(c)))
	}
	for _, background := range []float64{-0.2, 0, 0.15, 0.25} {
		c := t.constants
		c.Background = background
		t.try(fmt.Sprintf("default, background %g", background), t.with(t.s.Softmax(c)))
	}
	same, foreignBackground := *t.softmax, *t.softmax
	same.Foreign = nil
	t.try("default, the same T in another language", t.with(&same))
	c := t.constants
	c.Background = 0
	foreignBackground.Foreign = t.s.softmax(c)
	t.try("default, the same T but background 0 in another language", t.with(&foreignBackground))
	for _, power := range []float64{0.25, 0.5} {
		f := *t.softmax
		f.Foreign = nil
		f.Near = nearer(power)
		t.try(fmt.Sprintf("default, the same T but z / z_max^%g in another language", power), t.with(&f))
	}
	mean, foreign := *t.softmax, *t.softmax.Foreign
	mean.Value = func(num, den, _ float64) float64 { return t.softmax.Value(num, den, t.s.MeanLength) }
	foreign.Value = func(num, den, _ float64) float64 { return t.softmax.Foreign.Value(num, den, t.s.MeanLength) }
	mean.Foreign = &foreign
	t.try("default, all passages as long as the mean", t.s.byWord(&mean, t.literal(t.s.BM25(1.2, 0)), t.idf))
	t.try("default, at most 16 near words", t.with(nearest(t.softmax, 16, t.constants.MinSim)))
	t.try("default, near words from z = 0.5 on", t.with(nearest(t.softmax, len(t.s.words), 0.5)))
}

// beyondWords tries what looks at more than one word at a time.
func (t *trials) beyondWords() {
	base := t.with(t.softmax)
	relative := func(q *Question, out []float64) {
		most := 0.0
		for i := range q.Terms {
			most += t.idf(&q.Terms[i])
		}
		base(q, out)
		for p := range out {
			out[p] /= most
		}
	}
	t.try("default + pairs of words (sequential dependence)", t.s.dependence(relative))
	t.try("default + words of the ten best passages (RM3)", t.s.feedback(relative))
	for _, mix := range []float64{0.1, 0.3} {
		t.all = append(t.all, variant{fmt.Sprintf("default, vectors mixed with %g of their neighbours", mix), t.s,
			func() Score { return t.s.mixed(mix, t.literal(t.bm25), t.idf) }})
	}
}
