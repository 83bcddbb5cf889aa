package align

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"runtime"
	"slices"
	"sync"

	"github.com/ciyuan-search/ciyuan/encoder"
)

// ErrNoPairs is returned where there is no parallel text to learn from.
var ErrNoPairs = errors.New("align: no parallel text to learn from")

// A Pair is a text and its translation.
type Pair struct{ Source, Target Text }

// TrainOptions say how a model is learned. The zero value is a good default.
type TrainOptions struct {
	// Iterations of expectation maximisation, 1 to 100; 0 means 3.
	Iterations int
	// Workers is the number of goroutines, 0 means GOMAXPROCS. It changes no
	// result.
	Workers int
	// Progress, when not nil, is called now and then with the number of pairs
	// gone through, of all iterations, and how many there are in all.
	Progress func(done, total int)
}

const (
	defaultIterations = 3
	// maxTrainTokens is the longest text that is learned from: longer ones say
	// little about which word stands for which.
	maxTrainTokens = 120
	// minExpected is the least expected count that is kept.
	minExpected = 0.002
	// round is how many pairs are gone through between two merges, which happen
	// in the order of the pairs.
	round = 1024
	// maxExamples is how many sentence pairs show a word pair in use.
	maxExamples = 3
)

// trainPair is a pair by the numbers of its words.
type trainPair struct {
	s, t         []uint32
	sCaps, tCaps []bool
	example      Example
}

// trainer learns a model.
type trainer struct {
	m          *Model
	vectors    *staticVectors
	pairs      []trainPair
	sShape     []shape
	tShape     []shape
	sVec, tVec []Vector
	workers    int
	progress   func(done, total int)
	done       int
	total      int
}

// Train learns a model from pairs of texts. The same pairs in the same order
// give the same model. Pairs with a text that is empty or has more than 120
// tokens are passed over. All pairs are held in memory, by the numbers of their
// words. Errors are ErrNoPairs, ErrOption, those of pairs and of ctx.
func Train(ctx context.Context, table encoder.Static, pairs iter.Seq2[Pair, error], opts *TrainOptions) (*Model, error) {
	var o TrainOptions
	if opts != nil {
		o = *opts
	}
	if o.Iterations < 0 || o.Iterations > 100 {
		return nil, fmt.Errorf("%w: iterations must be between 1 and 100", ErrOption)
	}
	if o.Iterations == 0 {
		o.Iterations = defaultIterations
	}
	t := &trainer{
		m:       &Model{src: newSide(), tgt: newSide(), jumps: [2]jumpTable{defaultJumps(), defaultJumps()}},
		vectors: newStaticVectors(table), workers: o.Workers, progress: o.Progress,
	}
	if t.workers <= 0 {
		t.workers = runtime.GOMAXPROCS(0)
	}
	for p, err := range pairs {
		if err != nil {
			return nil, err
		}
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		t.add(&p)
	}
	if len(t.pairs) == 0 {
		return nil, ErrNoPairs
	}
	t.m.pairs = len(t.pairs)
	t.m.forward, t.m.backward = newCounts(len(t.m.src.words)), newCounts(len(t.m.tgt.words))
	t.total = (o.Iterations + 1) * len(t.pairs)
	for range o.Iterations {
		if err := t.iterate(ctx); err != nil {
			return nil, err
		}
	}
	return t.m, t.lexicon(ctx)
}

func (t *trainer) add(p *Pair) {
	n, m := len(p.Source.Tokens), len(p.Target.Tokens)
	if n == 0 || m == 0 || n > maxTrainTokens || m > maxTrainTokens {
		return
	}
	code := func(s *side, text *Text, shapes *[]shape, vecs *[]Vector) ([]uint32, []bool) {
		ids, caps := make([]uint32, len(text.Tokens)), make([]bool, len(text.Tokens))
		for i := range text.Tokens {
			ids[i] = s.add(text.Tokens[i].Word)
			caps[i] = capital(text, i)
			if int(ids[i]) == len(*shapes) {
				*shapes = append(*shapes, shapeOf(&text.Tokens[i]))
				*vecs = append(*vecs, t.vectors.vector(&text.Tokens[i]))
			}
		}
		return ids, caps
	}
	c := trainPair{example: Example{Source: p.Source.Text, Target: p.Target.Text}}
	c.s, c.sCaps = code(t.m.src, &p.Source, &t.sShape, &t.sVec)
	c.t, c.tCaps = code(t.m.tgt, &p.Target, &t.tShape, &t.tVec)
	t.pairs = append(t.pairs, c)
}

// posteriors returns what each pair of words of a sentence pair is worth, both
// with a row for each word of the source.
func (t *trainer) posteriors(p *trainPair, counts *[2]jumpCounts) (forward, backward Matrix) {
	a, x := gather(p.s, p.sCaps, t.sShape, t.sVec)
	b, y := gather(p.t, p.tCaps, t.tShape, t.tVec)
	z := similarity(a, b, x, y)
	forward, backward = ratios(&z, x, y)
	t.m.combine(&forward, &backward, p.s, p.t)
	backward = backward.transposed()
	var f, r *jumpCounts
	if counts != nil {
		f, r = &counts[0], &counts[1]
	}
	forward = posterior(&forward, &t.m.jumps[0], f)
	backward = posterior(&backward, &t.m.jumps[1], r)
	return forward, backward.transposed()
}

func gather(ids []uint32, caps []bool, shapes []shape, vecs []Vector) ([]shape, []Vector) {
	a, x := make([]shape, len(ids)), make([]Vector, len(ids))
	for i, id := range ids {
		a[i], x[i] = shapes[id], vecs[id]
		a[i].name = a[i].name || caps[i]
	}
	return a, x
}

// expected is what one sentence pair adds to the counts.
type expected struct {
	links        []weighted // of both directions
	sNull, tNull []float64
	jumps        [2]jumpCounts
}

type weighted struct {
	i, j  int
	value float64
}

func (t *trainer) expect(p *trainPair) *expected {
	e := &expected{sNull: make([]float64, len(p.s)), tNull: make([]float64, len(p.t))}
	f, b := t.posteriors(p, &e.jumps)
	for i := range e.sNull {
		e.sNull[i] = 1
	}
	for j := range e.tNull {
		e.tNull[j] = 1
	}
	for i := range p.s {
		for j := range p.t {
			x, y := f.At(i, j), b.At(i, j)
			e.tNull[j] -= x
			e.sNull[i] -= y
			if x*y > minExpected {
				e.links = append(e.links, weighted{i, j, x * y})
			}
		}
	}
	return e
}

// iterate goes through all pairs once and takes over what was counted.
func (t *trainer) iterate(ctx context.Context) error {
	m := t.m
	forward, backward := newCounts(len(m.src.words)), newCounts(len(m.tgt.words))
	sNull, tNull := make([]float64, len(m.src.words)), make([]float64, len(m.tgt.words))
	var jumps [2]jumpCounts
	err := eachPair(ctx, t, t.expect, func(k int, e *expected) {
		p := &t.pairs[k]
		for _, l := range e.links {
			forward.add(p.s[l.i], p.t[l.j], l.value)
			backward.add(p.t[l.j], p.s[l.i], l.value)
		}
		for i, x := range e.sNull {
			sNull[p.s[i]] += max(x, 0)
		}
		for j, x := range e.tNull {
			tNull[p.t[j]] += max(x, 0)
		}
		jumps[0].merge(&e.jumps[0])
		jumps[1].merge(&e.jumps[1])
	})
	if err != nil {
		return err
	}
	m.forward, m.backward = forward, backward
	m.forward.settle()
	m.backward.settle()
	m.src.setNull(sNull)
	m.tgt.setNull(tNull)
	for d := range m.jumps {
		m.jumps[d] = jumps[d].table(&m.jumps[d])
	}
	return nil
}

// settle makes the totals those of the pairs, so that a model that was written
// and read again is the same.
func (c *counts) settle() {
	clear(c.totals)
	for _, k := range c.keys() {
		c.totals[k>>32] += float64(c.pairs[k])
	}
}

func (s *side) setNull(null []float64) {
	s.nulls = 0
	for i, x := range null {
		s.null[i] = float32(x)
		s.nulls += float64(s.null[i])
	}
}

// eachPair calls work for every pair on several goroutines and merge with the
// results in the order of the pairs.
func eachPair[T any](ctx context.Context, t *trainer, work func(*trainPair) T, merge func(int, T)) error {
	for from := 0; from < len(t.pairs); from += round {
		if err := ctx.Err(); err != nil {
			return err
		}
		to := min(from+round, len(t.pairs))
		results := make([]T, to-from)
		var wg sync.WaitGroup
		for w := range t.workers {
			wg.Go(func() {
				for k := from + w; k < to; k += t.workers {
					results[k-from] = work(&t.pairs[k])
				}
			})
		}
		wg.Wait()
		for k, r := range results {
			merge(from+k, r)
		}
		if t.done += to - from; t.progress != nil {
			t.progress(t.done, t.total)
		}
	}
	return nil
}

// lexicon links all pairs with the finished model and counts which words were.
func (t *trainer) lexicon(ctx context.Context) error {
	type use struct {
		count    uint32
		examples []int
	}
	uses := map[uint64]*use{}
	shorter := func(a, b int) int {
		return cmp.Or(cmp.Compare(len(t.pairs[a].s), len(t.pairs[b].s)), cmp.Compare(a, b))
	}
	err := eachPair(ctx, t, func(p *trainPair) []Link {
		f, b := t.posteriors(p, nil)
		conf := joint(&f, &b)
		return iterative(&conf, defaultThresholds[Iterative])
	}, func(k int, links []Link) {
		p := &t.pairs[k]
		for _, l := range links {
			a, b := &t.sShape[p.s[l.Source]], &t.tShape[p.t[l.Target]]
			if a.mark != 0 || b.mark != 0 {
				continue
			}
			key := pairKey(p.s[l.Source], p.t[l.Target])
			u := uses[key]
			if u == nil {
				u = &use{}
				uses[key] = u
			}
			if u.count < math.MaxUint32 {
				u.count++
			}
			// The shortest pairs show a word best.
			if at, found := slices.BinarySearchFunc(u.examples, k, shorter); !found && at < maxExamples {
				u.examples = slices.Insert(u.examples, at, k)
				u.examples = u.examples[:min(len(u.examples), maxExamples)]
			}
		}
	})
	if err != nil {
		return err
	}
	used := map[int]uint32{}
	var order []int
	for _, u := range uses {
		for _, k := range u.examples {
			used[k] = 0
		}
	}
	for k := range used {
		order = append(order, k)
	}
	slices.Sort(order)
	for n, k := range order {
		used[k] = uint32(n)
		t.m.texts = append(t.m.texts, t.pairs[k].example)
	}
	for key, u := range uses {
		e := entry{src: uint32(key >> 32), tgt: uint32(key), count: u.count}
		for _, k := range u.examples {
			e.examples = append(e.examples, used[k])
		}
		t.m.entries = append(t.m.entries, e)
	}
	sortEntries(t.m.entries)
	t.m.index()
	return nil
}
