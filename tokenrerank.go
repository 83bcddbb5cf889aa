package ciyuan

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/ciyuan-search/ciyuan/index"
	"github.com/ciyuan-search/ciyuan/internal/order"
	"github.com/ciyuan-search/ciyuan/scoring"
	"github.com/ciyuan-search/ciyuan/store"
)

// A candidate is a passage with what it gains by the leaders that the query has asked,
// and its score once that is known: -Inf if it has no token vectors.
type candidate struct {
	id    store.PassageID
	gain  float32
	score float64
}

// rerankStep is how many candidates are scored before it is asked whether those left can
// still matter.
const rerankStep = 32

// rerank returns the want best documents of list, best gain first, or more, best first,
// by the scores that their stored vectors have. With stop it ends where those left are
// not likely to come among them; all is false then. It changes the order of list.
func (t *tokenSearch) rerank(list []candidate, want int, stop bool) (docs []found, all bool, err error) {
	rerankers := make([]*reranker, max(1, t.opts.Workers))
	// A document may have several passages among the best.
	perDocument := 1 + t.searcher.meta.LivePassages/(t.searcher.meta.LiveDocs+1)
	most := int(min(uint64(len(list)), uint64(want)*perDocument))
	best := scoring.NewTopK(most)
	coarse := most < len(list) && t.coarse()
	var seen forecast
	end := 0
	for end < len(list) {
		step := list[end:]
		if stop && len(step) > rerankStep {
			step = step[:rerankStep]
		}
		end += len(step)
		ascending(step) // those of one block come together
		if err := t.score(step, rerankers, coarse); err != nil {
			return nil, false, err
		}
		if end == len(list) {
			break
		}
		for i := range step {
			if c := &step[i]; !math.IsInf(c.score, -1) {
				best.Push(uint64(c.id), c.score)
				seen.add(float64(c.gain), c.score)
			}
		}
		if least, full := best.Threshold(); full && seen.most(float64(list[end].gain), len(list)-end) < least {
			break
		}
	}
	scored := list[:end]
	if coarse {
		docs, err = t.refine(scored, want, most, rerankers)
	} else {
		docs, err = t.best(scored, want)
	}
	return docs, end == len(list), err
}

// coarseDeviations is how far below the least score that matters, in standard deviations
// of coarse scores, an exact score is looked at, too.
const coarseDeviations = 8

// coarse reports whether coarse scores tell which of the exact ones are worth computing.
func (t *tokenSearch) coarse() bool {
	return t.byMaxSim() && !t.opts.Exact && t.words == nil && !t.z.HasLeader()
}

// byMaxSim reports whether documents come in the order of the sums of their largest
// similarities.
func (t *tokenSearch) byMaxSim() bool {
	return (t.opts.Score == ScoreDefault || t.opts.Score == ScoreMaxSim) && t.boost == nil
}

// refine is best for candidates with coarse scores: it computes exact ones for the most
// best of them and those that may belong there, and for more if these are of too few
// documents.
func (t *tokenSearch) refine(list []candidate, want, most int, rerankers []*reranker) ([]found, error) {
	order.Stable(list, func(a, b *candidate) int { return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.id, b.id)) })
	coarse := make([]float64, len(list))
	for i := range list {
		coarse[i] = list[i].score
	}
	off := coarseDeviations * t.panel.CoarseDeviation(t.query.weights)
	for done, end := 0, 0; ; most *= 2 {
		for end < len(list) && (end < most || coarse[end] >= coarse[most-1]-off) {
			end++
		}
		more := list[done:end]
		done = end
		ascending(more)
		if err := t.score(more, rerankers, false); err != nil {
			return nil, err
		}
		docs, err := t.best(list[:done], want)
		if err != nil || len(docs) >= want || done == len(list) {
			return docs, err
		}
	}
}

// ascending puts candidates in the order of their ids.
func ascending(list []candidate) {
	order.Stable(list, func(a, b *candidate) int { return cmp.Compare(a.id, b.id) })
}

// score sets the scores of candidates, coarse or exact ones.
func (t *tokenSearch) score(list []candidate, rerankers []*reranker, coarse bool) error {
	workers := max(1, min(len(rerankers), len(list)/16))
	errs := make([]error, workers)
	part := func(w int) {
		if rerankers[w] == nil {
			rerankers[w] = newReranker(t)
		}
		for i := w * len(list) / workers; i < (w+1)*len(list)/workers; i++ {
			if errs[w] = t.ctx.Err(); errs[w] != nil {
				return
			}
			if list[i].score, errs[w] = rerankers[w].score(list[i].id, coarse); errs[w] != nil {
				return
			}
		}
	}
	if workers == 1 {
		part(0)
	} else {
		var wg sync.WaitGroup
		for w := range workers {
			wg.Go(func() { errs[w] = cmp.Or(t.tx.Guard(func() error { part(w); return nil }), errs[w]) })
		}
		wg.Wait()
	}
	return cmp.Or(errs...)
}

// forecastDeviations returns how far above the expected score, in standard deviations,
// one of the candidates left is thought to come at most: the more there are, the further.
func forecastDeviations(left int) float64 { return 3 + 0.5*math.Log1p(float64(left)/128) }

// A forecast is the line of least squares through the gains and the scores seen.
type forecast struct {
	n, gains, scores, gg, gs, ss float64 // number, sums, sums of products
}

func (f *forecast) add(gain, score float64) {
	f.n++
	f.gains += gain
	f.scores += score
	f.gg += gain * gain
	f.gs += gain * score
	f.ss += score * score
}

// most returns a score that none of the candidates left, the first of which has that
// gain and the others no more, is likely to exceed.
func (f *forecast) most(gain float64, left int) float64 {
	if f.n < 3 {
		return math.Inf(1)
	}
	gg, gs, ss := f.gg-f.gains*f.gains/f.n, f.gs-f.gains*f.scores/f.n, f.ss-f.scores*f.scores/f.n
	slope := 0.0
	if gg > 0 {
		slope = max(0, gs/gg)
	}
	deviation := math.Sqrt(max(0, ss-slope*gs) / (f.n - 2))
	return (f.scores+slope*(gain*f.n-f.gains))/f.n + forecastDeviations(left)*deviation
}

// best returns the documents of candidates with their scores, best first; of those beyond
// the want best ones as many as it takes to know these. It changes the order of list.
func (t *tokenSearch) best(list []candidate, want int) ([]found, error) {
	ascending(list)
	if t.words != nil {
		for i := range list {
			c := &list[i]
			if math.IsInf(c.score, -1) {
				continue
			}
			bm25, err := t.bm25(c.id)
			if err != nil {
				return nil, err
			}
			c.score = (max(0, min(1, c.score/t.total)) + bm25) / 2
		}
	}
	ranks := make([]int, 0, len(list))
	for i := range list {
		if !math.IsInf(list[i].score, -1) {
			ranks = append(ranks, i)
		}
	}
	if t.boost == nil && want < len(ranks) {
		// Most passages are of documents of their own, so the first ones will do. Equal
		// scores belong together.
		slices.SortFunc(ranks, func(a, b int) int { return cmp.Or(cmp.Compare(list[b].score, list[a].score), a-b) })
		for end := want; ; end = min(2*end, len(ranks)) {
			for end < len(ranks) && list[ranks[end]].score == list[ranks[end-1]].score {
				end++
			}
			first := slices.Clone(ranks[:end])
			slices.Sort(first)
			docs, err := t.enterAll(list, first)
			if err != nil || len(docs) >= want || end == len(ranks) {
				return docs, err
			}
		}
	}
	return t.enterAll(list, ranks)
}

// enterAll returns the documents of some of the candidates, which ascend, best first.
func (t *tokenSearch) enterAll(list []candidate, some []int) ([]found, error) {
	var docs []found
	var err error
	for _, i := range some {
		if docs, err = t.enter(docs, list[i].id, list[i].score); err != nil {
			return nil, err
		}
	}
	rankDocuments(docs)
	return docs, nil
}

// bm25 returns the relative BM25 score of a passage.
func (t *tokenSearch) bm25(p store.PassageID) (float64, error) {
	record, err := t.tx.Passage(p)
	if err != nil {
		return 0, err
	}
	codes, words, err := store.AppendCodes(nil, record)
	if err != nil {
		return 0, fmt.Errorf("passage %d: %w", p, err)
	}
	return t.words.Normalize(t.words.Score(&t.tally, codes, words)), nil
}

// A reranker computes the scores of passages from their stored vectors. It is for one
// goroutine.
type reranker struct {
	t      *tokenSearch
	reader *store.VectorReader
	tile   index.Tile
	best   []float32
	arg    []int32
	sims   []float32
	codes  []uint32

	// What the query's rows have with the leaders met so far.
	slots   map[uint32]uint32
	dots    []float32
	leaders []byte
	rows    []uint32 // slots of the rows of a passage
}

func newReranker(t *tokenSearch) *reranker {
	return &reranker{t: t, reader: t.tx.VectorReader(), best: make([]float32, t.panel.Len()), slots: map[uint32]uint32{}}
}

// record returns the token vectors of a passage; ok is false if it has none.
func (r *reranker) record(p store.PassageID) (v store.VectorRecord, ok bool, err error) {
	record, err := r.reader.Record(p)
	if err != nil || record == nil {
		return v, false, err
	}
	v, err = store.DecodeVectors(record, r.t.z.Bytes())
	return v, err == nil && v.Len() > 0, err
}

// place finds the leaders of a passage's rows, and compares those that are new.
func (r *reranker) place(v *store.VectorRecord) error {
	if !r.t.z.HasLeader() {
		return nil
	}
	r.codes = v.AppendCodes(r.codes[:0])
	r.rows, r.leaders = r.rows[:0], r.leaders[:0]
	for _, code := range r.codes {
		slot, ok := r.slots[code]
		if !ok {
			row := r.t.book.leaders.Row(code)
			if row == nil {
				if err := r.t.book.leaders.Err(); err != nil {
					return err
				}
				return fmt.Errorf("%w: a token vector of leader %d, there are %d", ErrCorrupt, code, r.t.meta.NextLeader)
			}
			slot = uint32(len(r.slots))
			r.slots[code] = slot
			r.leaders = append(r.leaders, row...)
		}
		r.rows = append(r.rows, slot)
	}
	if n := len(r.leaders) / r.t.z.LeaderBytes(); n > 0 {
		from, stride := len(r.dots), r.t.panel.Stride()
		r.dots = slices.Grow(r.dots, n*stride)[:from+n*stride]
		r.t.panel.LeaderDots(&r.tile, r.dots[from:], r.leaders)
	}
	return nil
}

// score returns the score of a passage, -Inf if it has no token vectors.
func (r *reranker) score(p store.PassageID, coarse bool) (float64, error) {
	v, ok, err := r.record(p)
	if err == nil && ok {
		err = r.place(&v)
	}
	if err != nil || !ok {
		return math.Inf(-1), err
	}
	r.t.rows.Add(uint64(v.Len()))
	switch t := r.t; t.opts.Score {
	case ScoreSoftmax, ScoreSum:
		return r.attention(&v), nil
	default:
		if coarse {
			t.panel.CoarseMaxSim(&r.tile, r.best, v.Rows)
		} else {
			t.panel.MaxSim(&r.tile, r.best, nil, t.z, v.Rows, r.rows, r.dots)
		}
		score := 0.0
		for i, best := range r.best {
			score += t.query.weights[i] * float64(best)
		}
		return score, nil
	}
}

// attention returns the sum over the query's rows of the mean similarity of the
// passage's rows, weighed by softmax attention, or in proportion to it.
func (r *reranker) attention(v *store.VectorRecord) float64 {
	score := 0.0
	r.similarities(v)
	for i, weight := range r.t.query.weights {
		mean, _ := r.attend(i, v.Len())
		score += weight * mean
	}
	return score
}

// similarities sets sims to those of all rows of the query with all rows of a passage.
func (r *reranker) similarities(v *store.VectorRecord) {
	n := v.Len() * r.t.panel.Stride()
	r.sims = slices.Grow(r.sims[:0], n)[:n]
	r.t.panel.Similarities(&r.tile, r.sims, r.t.z, v.Rows, r.rows, r.dots)
}

// attend returns the mean similarity of row i of the query with n rows of a passage, and
// the sum of what they weigh.
func (r *reranker) attend(i, n int) (mean, total float64) {
	for j := range n {
		z := float64(r.sims[j*r.t.panel.Stride()+i])
		a := r.t.weigh(z)
		mean += a * z
		total += a
	}
	if total > 0 {
		mean /= total
	}
	return mean, total
}

// weigh returns what a token with a similarity weighs, where attention is divided.
func (t *tokenSearch) weigh(z float64) float64 {
	if t.opts.Score == ScoreSum {
		return max(0, z)
	}
	temperature := t.opts.Temperature
	if temperature == 0 {
		temperature = tokenTemperature
	}
	return math.Exp((z - 1) / temperature)
}
