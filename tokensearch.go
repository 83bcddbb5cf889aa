package ciyuan

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/index"
	"github.com/ciyuan-search/ciyuan/scoring"
	"github.com/ciyuan-search/ciyuan/store"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// Quality says how far a search over token vectors looks.
type Quality uint8

// The qualities. docs/benchmarks.md has the recall and the time of each.
const (
	QualityDefault Quality = iota
	QualityFast
	QualityBest
)

var qualityNames = [...]string{"default", "fast", "best"}

// String returns the name that ParseQuality reads.
func (q Quality) String() string {
	if int(q) < len(qualityNames) {
		return qualityNames[q]
	}
	return fmt.Sprintf("Quality(%d)", uint8(q))
}

// ParseQuality returns the quality of that name, or an error wrapping ErrOption.
func ParseQuality(name string) (Quality, error) {
	for i, n := range qualityNames {
		if n == name {
			return Quality(i), nil
		}
	}
	return 0, fmt.Errorf("%w: unknown quality %q (fast, default, best)", ErrOption, name)
}

// depth is how far a search looks: the leaders that each token of a query asks, and
// the passages whose exact score is computed, or fewer if it may stop early.
type depth struct {
	probes, rerank int
	stop           bool
}

// depths are those of an index of a single leader and a single passage. They grow with
// the square root of the number of leaders, and of passages: with the same ones for
// every size, ever more of the best documents of larger indexes are missed.
var depths = [...]struct {
	probes, rerank float64
	stop           bool
}{
	QualityDefault: {0.32, 6, true},
	QualityFast:    {0.16, 2, true},
	QualityBest:    {0.64, 12, false},
}

// The least and the greatest depths that a quality stands for.
const (
	minProbes, maxProbes = 32, 1 << 10
	minRerank, maxRerank = 100, 1 << 14
)

// depth returns how far the options say to look among so many leaders and passages.
func (o *SearchOptions) depth(leaders uint32, passages uint64) depth {
	q := depths[o.Quality]
	grown := func(share float64, n uint64, least, most int) int {
		return max(least, min(most, int(share*math.Sqrt(float64(n)))))
	}
	d := depth{grown(q.probes, uint64(leaders), minProbes, maxProbes), grown(q.rerank, passages, minRerank, maxRerank), q.stop}
	if o.Probes > 0 {
		d.probes = o.Probes
	}
	if o.Rerank > 0 {
		d.rerank = o.Rerank
	}
	return d
}

// missingShare is how far below the least similar leader that a token of a query has
// asked its similarity to a passage is taken to be in which it found none: that share of
// what lies between the most and the least similar one. With 0 a passage that has
// nothing of a token counts as much as one that has a little.
const missingShare = 0.25

// tokenTemperature is that of softmax attention over token vectors.
const tokenTemperature = 0.05

// A tokenQuery is a query as rows of token vectors.
type tokenQuery struct {
	rows    []float32 // n x dim, of length 1
	weights []float64 // of the rows
	labels  []string  // what the rows stand for
}

// SearchVectors returns the documents whose token vectors match those of a query best,
// by descending score, equal ones in the order in which they were added: query is n x
// the dimension of the index, row-major; its rows need not have length 1. All rows
// count alike. Scores are ScoreMaxSim (the default), ScoreSoftmax and ScoreSum.
//
// Errors: ErrDimension, ErrVector, ErrEmptyQuery for a query without rows, ErrOption
// for options about words, and those of Search.
func (db *DB) SearchVectors(ctx context.Context, query []float32, opts *SearchOptions) (*Result, error) {
	o, err := opts.check()
	if err != nil {
		return nil, err
	}
	switch o.Score {
	case ScoreDefault, ScoreMaxSim, ScoreSoftmax, ScoreSum:
	default:
		return nil, fmt.Errorf("%w: score %v needs the words of a query", ErrOption, o.Score)
	}
	began := time.Now()
	m, err := db.vectorMeta()
	if err != nil {
		return nil, err
	}
	if m == nil {
		return nil, fmt.Errorf("%w: %w", ErrDimension, errNoVectors)
	}
	dim := int(m.Dim)
	switch {
	case len(query) == 0:
		return nil, ErrEmptyQuery
	case len(query)%dim != 0:
		return nil, fmt.Errorf("%w: a query of %d numbers, the index has vectors of %d columns", ErrDimension, len(query), dim)
	case len(query)/dim > maxQueryRows:
		return nil, fmt.Errorf("%w: a query has %d token vectors, at most %d are possible", ErrOption, len(query)/dim, maxQueryRows)
	}
	q := &tokenQuery{rows: slices.Clone(query)}
	if row, err := index.Normalize(q.rows, dim); err != nil {
		return nil, fmt.Errorf("%w: row %d of the query: %w", ErrVector, row, err)
	}
	for i := range len(query) / dim {
		q.weights = append(q.weights, 1)
		q.labels = append(q.labels, fmt.Sprint(i))
	}
	res := &Result{Hits: []Hit{}}
	err = db.answer(ctx, "", res, &o, began, func(s *searcher) error {
		s.count()
		res.Hits, err = s.tokenHits(q, nil)
		return err
	})
	if err != nil {
		return nil, err
	}
	return res, nil
}

// maxQueryRows bounds the rows of a query.
const maxQueryRows = 4096

// byTokens reports whether a search with these options compares token vectors.
func (db *DB) byTokens(o *SearchOptions) bool {
	return db.contextual != nil && o.Score != ScoreBM25
}

// encodeQuery returns the vectors of a query's tokens; spans lie in its text without
// operators. It is called outside of a transaction.
func (db *DB) encodeQuery(ctx context.Context, query string, o *SearchOptions) (*encoder.TokenVectors, error) {
	text := query
	if o.Operators {
		err := db.view(func(tx *store.Tx) error {
			s := &searcher{ctx: ctx, db: db, tx: tx, opts: o}
			var err error
			_, text, err = s.parsed(query)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	var words [][]encoder.Span
	if db.unit == UnitWord {
		words = [][]encoder.Span{appendWordSpans(nil, db.tok.Tokenize(nil, text), 0)}
	}
	encoded, err := db.contextual.EncodeTokens(ctx, []string{text}, words, true)
	if err != nil {
		return nil, fmt.Errorf("encoding the query with %s: %w", db.contextual.Name(), err)
	}
	v, dim := &encoded[0], db.contextual.Dim()
	if len(v.Vectors) != len(v.Spans)*dim {
		return nil, fmt.Errorf("%w: %s gave %d numbers for %d tokens of %d columns", ErrDimension, db.contextual.Name(), len(v.Vectors), len(v.Spans), dim)
	}
	if row, err := index.Normalize(v.Vectors, dim); err != nil {
		return nil, fmt.Errorf("%w: %s, token %d of the query: %w", ErrVector, db.contextual.Name(), row, err)
	}
	return v, nil
}

// tokenQuery weighs the tokens of the query: each word by its idf, which its tokens
// share, and what is no word not at all; of an encoder that was trained for it, all alike.
func (s *searcher) tokenQuery(v *encoder.TokenVectors) *tokenQuery {
	dim := s.db.contextual.Dim()
	plan := s.plan(scoring.MethodMaxSim)
	q := &tokenQuery{}
	terms := make([]int, len(v.Spans)) // of each row, -1 for none
	counts := make([]int, len(s.terms))
	for i, span := range v.Spans {
		terms[i] = -1
		if span.Start == span.End {
			continue
		}
		for j := range s.toks {
			t := &s.toks[j]
			if !t.Kind.Counts() || t.End <= span.Start || t.Start >= span.End {
				continue
			}
			if at := slices.IndexFunc(s.terms, func(q queryTerm) bool { return q.word == t.Word }); at >= 0 {
				terms[i] = at
				counts[at]++
				break
			}
		}
	}
	for i, span := range v.Spans {
		weight, label := 1.0, s.text[span.Start:span.End]
		if !s.db.contextual.Plain() {
			if terms[i] < 0 {
				continue
			}
			if !s.opts.NoIDF {
				weight = plan.IDF(terms[i])
			}
			weight /= float64(counts[terms[i]])
		}
		q.rows = append(q.rows, v.Vectors[i*dim:(i+1)*dim]...)
		q.weights = append(q.weights, weight)
		q.labels = append(q.labels, label)
	}
	return q
}

// searchTokens answers a query whose tokens have vectors.
func (s *searcher) searchTokens(query string, tokens *encoder.TokenVectors) ([]Hit, error) {
	text, err := s.operators(query)
	if err != nil {
		return nil, err
	}
	if err := s.parse(text); err != nil {
		return nil, err
	}
	s.count()
	var words *scoring.Plan
	if s.opts.Score == ScoreHybrid {
		if err := s.readPending(); err != nil {
			return nil, err
		}
		for i := range s.terms {
			if t := &s.terms[i]; t.df > 0 {
				t.near = append(t.near, scoring.Neighbor{Code: uint32(t.code), Sim: 1, Exact: true})
			}
		}
		words = s.plan(scoring.MethodBM25)
	}
	return s.tokenHits(s.tokenQuery(tokens), words)
}

// A tokenSearch answers one query by token vectors.
type tokenSearch struct {
	*searcher
	query *tokenQuery
	meta  *store.VectorMeta
	z     *index.Quantiser
	book  *codebook
	panel *index.Panel
	total float64       // of the weights
	words *scoring.Plan // BM25 of the query's words, for the hybrid; else nil
	tally scoring.Tally
	rows  atomic.Uint64 // compared
}

// tokenHits ranks the documents by token vectors and shows those asked for. words is
// set for the hybrid.
func (s *searcher) tokenHits(q *tokenQuery, words *scoring.Plan) ([]Hit, error) {
	m, err := s.tx.VectorMeta()
	if err != nil || m == nil || len(q.weights) == 0 {
		return []Hit{}, err
	}
	book := s.db.codebook.Load()
	if !book.fits(s.tx) {
		if book, err = newCodebook(s.tx, m, s.meta.Segments, book); err != nil {
			return nil, err
		}
		s.db.codebook.Store(book)
	}
	defer book.enter(s.tx)()
	t := &tokenSearch{searcher: s, query: q, meta: m, z: book.z, book: book, panel: book.z.NewPanel(q.rows), words: words}
	for _, weight := range q.weights {
		t.total += weight
	}
	s.boost = s.newBooster(s.plan(scoring.MethodMaxSim))
	docs, err := t.rank(s.opts.K + s.opts.Offset)
	if err == nil {
		err = s.failed()
	}
	if err != nil {
		return nil, err
	}
	return s.shown(docs, func(score float64) float64 { return max(0, min(1, score/t.most())) }, t.show, t.explain)
}

// most returns the highest possible score.
func (t *tokenSearch) most() float64 {
	if t.words != nil {
		return 1
	}
	return t.total
}

// rank returns the want best documents, best first.
func (t *tokenSearch) rank(want int) ([]found, error) {
	if t.opts.Exact {
		return t.rankAll(want)
	}
	d := t.opts.depth(t.meta.NextLeader, t.searcher.meta.LivePassages)
	// Gains say nothing certain of other scores, nor of those that have other parts.
	stop := d.stop && t.byMaxSim()
	for depth := max(d.rerank, 2*want); ; {
		list, complete, err := t.candidates(d.probes, depth)
		if err != nil {
			return nil, err
		}
		docs, all, err := t.rerank(list, want, stop)
		if err != nil {
			return nil, err
		}
		if len(docs) >= want || all && complete || t.late() {
			return docs[:min(len(docs), want)], nil
		}
		if stop = false; all {
			depth *= 4
		}
	}
}

// rankAll computes the score of every passage: the oracle that rank is tested against.
func (t *tokenSearch) rankAll(want int) ([]found, error) {
	passages, err := t.all(math.MaxInt, nil)
	if err != nil {
		return nil, err
	}
	list := make([]candidate, len(passages))
	for i, p := range passages {
		list[i].id = p
	}
	docs, _, err := t.rerank(list, want, false)
	if err != nil {
		return nil, err
	}
	// Where everything was looked at, it shows whether something is missing, as where a
	// disk has lost the last write of a page.
	if rows := t.rows.Load(); !t.filter.active() && rows != t.meta.Rows && option(t.searcher.meta, optionIncomplete) == "" {
		return nil, fmt.Errorf("%w: bucket %s: %d token vectors of %d are there", ErrCorrupt, store.Vectors, rows, t.meta.Rows)
	}
	return docs[:min(len(docs), want)], nil
}

// all returns the passages, ascending and at most n, that have token vectors and pass
// the filter, but for those in without, which ascend, too.
func (t *tokenSearch) all(n int, without []store.PassageID) ([]store.PassageID, error) {
	var list []store.PassageID
	for e, err := range t.tx.Docs(0) {
		if err != nil {
			return nil, err
		}
		if err := t.ctx.Err(); err != nil {
			return nil, err
		}
		if e.Incomplete || !t.filter.pass(store.PassageID(e.ID)) {
			continue
		}
		for i := range e.Passages {
			if len(list) == n {
				return list, nil
			}
			p := store.PassageID(e.ID) + store.PassageID(i)
			if _, there := slices.BinarySearch(without, p); !there {
				list = append(list, p)
			}
		}
	}
	return list, t.filter.err
}

// show fills in the snippet and the matches of a hit: for each row of the query the
// most similar token of the passage.
func (t *tokenSearch) show(h *Hit, f *found) error {
	passage, err := t.tx.Text(f.passage)
	if err != nil {
		return err
	}
	h.Matches = []Match{}
	body, offset := string(passage.Text), int(passage.Offset)
	r := newReranker(t)
	v, ok, err := r.record(f.passage)
	if err == nil && ok {
		err = r.place(&v)
	}
	if err != nil {
		return err
	}
	var spans []Span
	var kinds []MarkKind
	var weights []float64
	if places, has := v.AppendSpans(nil); ok && has {
		r.arg = make([]int32, t.panel.Len())
		t.panel.MaxSim(&r.tile, r.best, r.arg, t.z, v.Rows, r.rows, r.dots)
		order := make([]int, len(r.arg))
		for i := range order {
			order[i] = i
		}
		slices.SortStableFunc(order, func(a, b int) int {
			return cmp.Or(cmp.Compare(places[r.arg[a]].Start, places[r.arg[b]].Start), cmp.Compare(t.query.weights[b]*float64(r.best[b]), t.query.weights[a]*float64(r.best[a])))
		})
		for _, i := range order {
			at := places[r.arg[i]]
			if at.Length == 0 || uint64(at.Start)+uint64(at.Length) > uint64(len(body)) {
				continue // of the title
			}
			m := Match{Query: t.query.labels[i], Similarity: r.best[i], Start: int(at.Start), End: int(at.Start + at.Length)}
			m.Token = strings.ToValidUTF8(body[m.Start:m.End], "\uFFFD")
			kind := MarkSemantic
			if tokenizer.Fold(m.Token) == tokenizer.Fold(m.Query) {
				kind = MarkLiteral
			}
			if n := len(spans); n == 0 || spans[n-1].Start != m.Start {
				spans, kinds = append(spans, Span{m.Start, m.End}), append(kinds, kind)
				weights = append(weights, t.query.weights[i]*max(0, float64(m.Similarity)))
			}
			m.Start += offset
			m.End += offset
			h.Matches = append(h.Matches, m)
		}
	}
	var from int
	h.Snippet, h.Marks, from = snippet(body, spans, kinds, weights)
	h.Line = int(passage.Line) + countLines(body[:from]) + 1
	return nil
}
