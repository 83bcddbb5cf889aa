package ciyuan

import (
	"cmp"
	"slices"
	"strings"

	"github.com/ciyuan-search/ciyuan/internal/order"
	"github.com/ciyuan-search/ciyuan/scoring"
	"github.com/ciyuan-search/ciyuan/store"
)

// shownAttention is the least attention of a token that is shown.
const shownAttention = 0.01

// explain returns where the score of a document comes from: each row of the query is a
// word of the explanation.
func (t *tokenSearch) explain(f *found) (*Explanation, error) {
	passage, err := t.tx.Text(f.passage)
	if err != nil {
		return nil, err
	}
	offset := int(passage.Offset)
	e := &Explanation{Boost: f.boost, Words: []ExplainedWord{}, Start: offset, End: offset + len(passage.Text), Text: string(passage.Text)}
	r := newReranker(t)
	v, ok, err := r.record(f.passage)
	if err == nil && ok {
		err = r.place(&v)
	}
	if err != nil || !ok {
		return e, err
	}
	r.similarities(&v)
	places, _ := v.AppendSpans(nil)
	method, share := scoring.MethodMaxSim.String(), f.boost
	switch {
	case t.opts.Score == ScoreSoftmax:
		method = scoring.MethodSoftmax.String()
	case t.opts.Score == ScoreSum:
		method = scoring.MethodSum.String()
	case t.words != nil:
		share /= 2 * t.total
	}
	for i, weight := range t.query.weights {
		w := ExplainedWord{Query: t.query.labels[i], Tokens: []AttendedToken{}}
		var value float64
		if t.opts.Score == ScoreSoftmax || t.opts.Score == ScoreSum {
			mean, total := r.attend(i, v.Len())
			value = mean
			for j := range v.Len() {
				if a := t.weigh(float64(r.sim(i, j))) / max(total, 1e-300); a >= shownAttention {
					w.Tokens = append(w.Tokens, t.attended(e, places, j, r.sim(i, j), a))
				}
			}
		} else {
			best := 0
			for j := range v.Len() {
				if r.sim(i, j) > r.sim(i, best) {
					best = j
				}
			}
			value = float64(r.sim(i, best))
			w.Tokens = append(w.Tokens, t.attended(e, places, best, r.sim(i, best), 1))
		}
		w.Score = share * weight * value
		w.Parts = []ScorePart{{Score: method, Weight: weight, Value: w.Score}}
		e.Words = append(e.Words, w)
	}
	if t.words != nil {
		return e, t.explainWords(e, f)
	}
	return e, nil
}

// sim returns the similarity of row i of the query with row j of the passage.
func (r *reranker) sim(i, j int) float32 { return r.sims[j*r.t.panel.Stride()+i] }

// attended describes row j of the passage of e.
func (t *tokenSearch) attended(e *Explanation, places []store.TokenSpan, j int, sim float32, attention float64) AttendedToken {
	a := AttendedToken{Similarity: sim, Attention: attention, Start: e.Start, End: e.Start}
	if j < len(places) {
		p := places[j]
		if a.Title = p.Length == 0; !a.Title && uint64(p.Start)+uint64(p.Length) <= uint64(len(e.Text)) {
			a.Token = strings.ToValidUTF8(e.Text[p.Start:p.Start+p.Length], "\uFFFD")
			a.Start, a.End = e.Start+int(p.Start), e.Start+int(p.Start+p.Length)
		}
	}
	return a
}

// explainWords adds what the words give by BM25, and takes from the tokens what their
// part of the score was cut by.
func (t *tokenSearch) explainWords(e *Explanation, f *found) error {
	bm25, err := t.bm25(f.passage)
	if err != nil {
		return err
	}
	tokens := 0.0
	for i := range e.Words {
		tokens += e.Words[i].Score
	}
	if want := f.score - f.boost*bm25/2; tokens > 0 && want < tokens {
		for i := range e.Words {
			e.Words[i].Score *= want / tokens
			e.Words[i].Parts[0].Value *= want / tokens
		}
	}
	for i, part := range t.tally.Parts() {
		term := &t.terms[i]
		value := f.boost / 2 * t.words.Normalize(part)
		at := slices.IndexFunc(e.Words, func(w ExplainedWord) bool { return w.Query == term.surface })
		if at < 0 {
			at = len(e.Words)
			e.Words = append(e.Words, ExplainedWord{Query: term.surface, Parts: []ScorePart{}, Tokens: []AttendedToken{}})
		}
		w := &e.Words[at]
		w.Parts = append(w.Parts, ScorePart{Score: scoring.MethodBM25.String(), Weight: t.words.IDF(i), Value: value})
		w.Score += value
	}
	order.Stable(e.Words, func(a, b *ExplainedWord) int { return cmp.Compare(b.Score, a.Score) })
	return nil
}
