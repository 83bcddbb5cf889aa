package ciyuan

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/ciyuan-search/ciyuan/internal/order"
	"github.com/ciyuan-search/ciyuan/scoring"
	"github.com/ciyuan-search/ciyuan/store"
)

// found is a document with its best passage.
type found struct {
	doc     store.DocID
	record  *store.Doc
	passage store.PassageID
	plain   float64 // the score
	boost   float64
	score   float64 // both together
}

// A ranking is a score: of one plan, or of two that share the weights of the words.
type ranking struct {
	plans   []*scoring.Plan
	tallies []scoring.Tally
}

// ranking returns the score that the options ask for.
func (s *searcher) ranking() *ranking {
	r := &ranking{}
	switch s.opts.Score {
	case ScoreSoftmax:
		r.plans = []*scoring.Plan{s.plan(scoring.MethodSoftmax)}
	case ScoreMaxSim:
		r.plans = []*scoring.Plan{s.plan(scoring.MethodMaxSim)}
	case ScoreSum:
		r.plans = []*scoring.Plan{s.plan(scoring.MethodSum)}
	case ScoreBM25:
		r.plans = []*scoring.Plan{s.plan(scoring.MethodBM25)}
	default:
		r.plans = s.hybrid()
	}
	s.boost = s.newBooster(r.plans[0])
	r.tallies = make([]scoring.Tally, len(r.plans))
	return r
}

// score returns the score of a passage from its tokens.
func (r *ranking) score(codes []uint32, words int) (score float64) {
	for i, plan := range r.plans {
		score += plan.Score(&r.tallies[i], codes, words)
	}
	return score * r.share()
}

// share returns what the sums of the plans count in the score: that of two is relative
// to what the words weigh.
func (r *ranking) share() float64 {
	if most := r.plans[0].Most(); len(r.plans) > 1 && most > 0 {
		return 1 / most
	}
	return 1
}

// relative returns a score in [0, 1].
func (r *ranking) relative(score float64) float64 {
	if len(r.plans) > 1 {
		return min(1, score)
	}
	return r.plans[0].Normalize(score)
}

// rank returns the want best documents, best first. The postings give the very
// score, so that more candidates than documents are needed only where several
// passages of one document are among them.
func (s *searcher) rank(r *ranking, want int) ([]found, error) {
	for depth := 2*want + 10; ; depth *= 4 {
		top, err := s.candidates(r, depth)
		if err != nil {
			return nil, err
		}
		passages := make([]store.PassageID, len(top))
		for i, h := range top {
			passages[i] = store.PassageID(h.ID)
		}
		docs, err := s.documents(r, passages)
		if err != nil {
			return nil, err
		}
		if len(docs) >= want || len(top) < depth {
			return docs[:min(len(docs), want)], nil
		}
	}
}

// documents scores passages anew from their stored tokens and returns their
// documents, each with its best passage, best first.
func (s *searcher) documents(r *ranking, passages []store.PassageID) ([]found, error) {
	var codes []uint32
	var docs []found
	slices.Sort(passages)
	for _, p := range passages {
		if err := s.ctx.Err(); err != nil {
			return nil, err
		}
		record, err := s.tx.Passage(p)
		if err != nil {
			return nil, err
		}
		var words int
		if codes, words, err = store.AppendCodes(codes[:0], record); err != nil {
			return nil, fmt.Errorf("passage %d: %w", p, err)
		}
		if docs, err = s.enter(docs, p, r.score(codes, words)); err != nil {
			return nil, err
		}
	}
	rankDocuments(docs)
	return docs, nil
}

// enter adds the document of a passage with its score to docs, unless it is there with a
// better passage. Passages come ascending.
func (s *searcher) enter(docs []found, p store.PassageID, score float64) ([]found, error) {
	var id store.DocID
	var doc *store.Doc
	n := len(docs) - 1
	if n >= 0 && uint64(p)-uint64(docs[n].doc) < uint64(docs[n].record.Passages) {
		id, doc = docs[n].doc, docs[n].record
	} else {
		var err error
		if id, doc, err = s.tx.DocOf(p); err != nil {
			return docs, err
		}
	}
	if doc.Incomplete {
		return docs, nil
	}
	f := found{doc: id, record: doc, passage: p, plain: score, boost: s.boost.of(p)}
	f.score = f.plain * f.boost
	switch {
	case n < 0 || docs[n].doc != id:
		docs = append(docs, f)
	case f.score > docs[n].score:
		docs[n] = f
	}
	return docs, nil
}

// rankDocuments puts documents in the order of their ranks.
func rankDocuments(docs []found) {
	order.Stable(docs, func(a, b *found) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.doc, b.doc))
	})
}

// hits ranks the documents and shows those asked for.
func (s *searcher) hits() ([]Hit, error) {
	r := s.ranking()
	docs, err := s.rank(r, s.opts.K+s.opts.Offset)
	if err == nil {
		err = s.failed()
	}
	if err != nil {
		return nil, err
	}
	return s.shown(docs, r.relative,
		func(h *Hit, f *found) error { return s.show(r.plans[0], h, f) },
		func(f *found) (*Explanation, error) { return s.explain(r, f) })
}

// shown returns hits for those of the documents ranked that were asked for: relative
// gives a score in [0, 1], show fills in what is to be seen, explain says why.
func (s *searcher) shown(docs []found, relative func(float64) float64, show func(*Hit, *found) error, explain func(*found) (*Explanation, error)) ([]Hit, error) {
	hits := []Hit{}
	for i, d := range docs {
		share := relative(d.plain)
		if i < s.opts.Offset || share < s.opts.MinScore {
			continue
		}
		if err := s.ctx.Err(); err != nil {
			return nil, err
		}
		h := Hit{Rank: i + 1, ID: d.record.External, Title: d.record.Title, Path: d.record.Path, Score: d.score, Relative: share}
		if err := show(&h, &d); err != nil {
			return nil, err
		}
		if s.opts.Explain {
			var err error
			if h.Explain, err = explain(&d); err != nil {
				return nil, err
			}
		}
		hits = append(hits, h)
	}
	return hits, nil
}

// plan returns how a method scores the query.
func (s *searcher) plan(method scoring.Method) *scoring.Plan {
	by := s.scorer(method)
	return scoring.NewPlan(by, s.weighed(by))
}

// hybrid returns the plans of softmax attention and BM25, with the weights of the
// former.
func (s *searcher) hybrid() []*scoring.Plan {
	by := s.scorer(scoring.MethodSoftmax)
	softmax := s.weighed(by)
	bm25 := slices.Clone(softmax)
	for i := range softmax {
		bm25[i].Elsewhere, softmax[i].Elsewhere = scoring.Shares(softmax[i].Neighbors)
	}
	return []*scoring.Plan{scoring.NewPlan(by, softmax), scoring.NewPlan(s.scorer(scoring.MethodBM25), bm25)}
}

func (s *searcher) scorer(method scoring.Method) *scoring.Scorer {
	params := s.enc.Params()
	if s.opts.Temperature > 0 {
		params.Temperature = float32(s.opts.Temperature)
	}
	return scoring.NewScorer(scoring.Options{
		Method: method, Params: params, NoIDF: s.opts.NoIDF, K1: s.opts.K1, B: s.opts.B,
		MeanLength: float64(s.meta.LiveWords) / float64(max(s.meta.LivePassages, 1)),
	})
}

// weighed returns the words of the query with the weights that a scorer gives them.
func (s *searcher) weighed(by *scoring.Scorer) []scoring.Term {
	n := int(s.meta.LivePassages)
	terms := make([]scoring.Term, len(s.terms))
	for i := range s.terms {
		t := &s.terms[i]
		terms[i] = scoring.Term{IDF: t.weight * by.IDF(t.prior, min(n, max(t.df, t.formDF)), n), Foreign: t.foreign, Neighbors: t.near}
	}
	return terms
}
