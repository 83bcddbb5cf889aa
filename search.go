package ciyuan

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ciyuan-search/ciyuan/index"
	"github.com/ciyuan-search/ciyuan/scoring"
	"github.com/ciyuan-search/ciyuan/store"
)

// Result is the answer to a query.
type Result struct {
	Query string      `json:"query"`
	Hits  []Hit       `json:"hits"`
	Stats SearchStats `json:"stats"`
}

// Hit is a document that was found, with the passage that it was found by.
type Hit struct {
	Rank  int    `json:"rank"` // from 1
	ID    string `json:"id"`
	Title string `json:"title,omitempty"`
	Path  string `json:"path,omitempty"`
	Line  int    `json:"line"` // of the snippet's first match, from 1

	// Score ranks the hits of one query; Relative is the score divided by what
	// the query's words weigh, in [0, 1], and comparable between queries.
	Score    float64 `json:"score"`
	Relative float64 `json:"relative"`

	// Snippet is the part of the passage with the weightiest matches, on one
	// line; Marks are where they lie in it.
	Snippet string  `json:"snippet"`
	Marks   []Span  `json:"marks,omitempty"`
	Matches []Match `json:"matches"`
}

// Match is a token of the hit's best passage that a query word attends to.
type Match struct {
	Query      string  `json:"query"`
	Token      string  `json:"token"`
	Similarity float32 `json:"similarity"` // cosine; 1 for the word itself
	Start      int     `json:"start"`      // bytes into the document's text
	End        int     `json:"end"`
}

// SearchStats tell what a search has done.
type SearchStats struct {
	Documents  int     `json:"documents"` // in the index
	Passages   int     `json:"passages"`  // in the index
	Words      int     `json:"words"`     // distinct words in the index
	Terms      int     `json:"terms"`     // distinct query words
	Neighbors  int     `json:"neighbors"` // words of the index that stood for them
	Postings   int     `json:"postings"`  // read
	Pending    int     `json:"pending"`   // passages scanned because they are not folded yet
	Candidates int     `json:"candidates"`
	TookMS     float64 `json:"took_ms"`
}

// Search returns the documents that match the query best, by descending score,
// equal ones in the order in which they were added. A query without words is
// ErrEmptyQuery; one that nothing matches gives no hits and no error.
//
// The time grows with the postings of the query's words and of their
// neighbours. All that is read comes from one state of the index.
func (db *DB) Search(ctx context.Context, query string, opts *SearchOptions) (*Result, error) {
	o, err := opts.check()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	res := &Result{Query: query, Hits: []Hit{}}
	err = db.view(func(tx *store.Tx) error {
		s, err := db.newSearcher(ctx, tx, &o)
		if err != nil {
			return err
		}
		defer s.close()
		s.stats = &res.Stats
		if err := s.prepare(query); err != nil {
			return err
		}
		res.Hits, err = s.hits()
		return err
	})
	if err != nil {
		return nil, err
	}
	res.Stats.TookMS = float64(time.Since(began).Microseconds()) / 1000
	return res, nil
}

// A searcher answers one query in one transaction.
type searcher struct {
	ctx   context.Context
	db    *DB
	tx    *store.Tx
	opts  *SearchOptions
	meta  *store.Meta
	lex   *lexicon
	words *store.WordReader
	dead  *tombs // nil: nothing is dead
	stats *SearchStats

	terms   []queryTerm
	pending []pendingPassage
	filter  docFilter
}

// queryTerm is a distinct query word.
type queryTerm struct {
	surface string
	word    string
	vector  wordVector
	code    store.Code
	df      int // live passages that have it; 0 where the word has no code, too
	prior   float32
	near    []scoring.Neighbor
}

// pendingPassage is a passage that is not folded, decoded.
type pendingPassage struct {
	id    store.PassageID
	codes []uint32
	words int
}

func (db *DB) newSearcher(ctx context.Context, tx *store.Tx, o *SearchOptions) (*searcher, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if db.noEnc != nil {
		return nil, db.noEnc
	}
	m, err := tx.Meta()
	if err != nil {
		return nil, err
	}
	lex := db.lexicon.Load()
	if !lex.fits(m) {
		if lex, err = newLexicon(db.enc, m, lex); err != nil {
			return nil, err
		}
		db.lexicon.Store(lex)
	}
	s := &searcher{ctx: ctx, db: db, tx: tx, opts: o, meta: m, lex: lex, words: tx.WordReader()}
	if key, _, err := tx.Cursor(store.Tombs).First(); err != nil {
		return nil, err
	} else if key != nil {
		s.dead = newTombs(tx)
	}
	s.filter = docFilter{tx: tx, want: o.Filter}
	lex.readers.add(tx)
	return s, nil
}

func (s *searcher) close() { s.lex.readers.remove(s.tx) }

// prepare finds the query's words, their neighbours and their frequencies.
func (s *searcher) prepare(query string) error {
	if err := s.readPending(); err != nil {
		return err
	}
	if err := s.parse(query); err != nil {
		return err
	}
	if s.opts.Score != ScoreBM25 {
		if err := s.neighbors(); err != nil {
			return err
		}
	}
	for i := range s.terms {
		t := &s.terms[i]
		if t.df > 0 {
			t.near = append(t.near, scoring.Neighbor{Code: uint32(t.code), Sim: 1, Exact: true})
		}
		s.stats.Neighbors += len(t.near)
	}
	s.stats.Documents = int(s.meta.LiveDocs)
	s.stats.Passages = int(s.meta.LivePassages)
	s.stats.Words = int(s.meta.NextCode)
	s.stats.Terms = len(s.terms)
	return s.failed()
}

// failed returns an error of the caches, which they could not return.
func (s *searcher) failed() error {
	if err := s.lex.failed(); err != nil {
		return err
	}
	if s.dead != nil && s.dead.err != nil {
		return s.dead.err
	}
	return s.filter.err
}

// parse cuts the query into its distinct words. A compound, such as an
// identifier, that the index does not have is searched for by its parts.
func (s *searcher) parse(query string) error {
	params := s.db.enc.Params()
	toks := s.db.tok.Tokenize(nil, query)
	add := func(i int) (known bool, err error) {
		t := &toks[i]
		if slices.ContainsFunc(s.terms, func(q queryTerm) bool { return q.word == t.Word }) {
			return true, nil
		}
		q := queryTerm{surface: query[t.Start:t.End], word: t.Word, vector: newWordVector(s.db.enc, t.Word, t.Kind), prior: params.PriorCap}
		if q.code, known, err = s.words.Code(t.Word); err != nil {
			return false, err
		}
		if known {
			if q.df, err = s.frequency(q.code); err != nil {
				return false, err
			}
		}
		if row, ok := s.db.enc.Row(t.Word); ok {
			q.prior = s.db.enc.Prior(row)
		}
		s.terms = append(s.terms, q)
		return q.df > 0, nil
	}
	for i := 0; i < len(toks); {
		j := i + 1
		for j < len(toks) && toks[j].Parent == int32(i) {
			j++
		}
		if toks[i].Kind.Counts() {
			known, err := add(i)
			if err != nil {
				return err
			}
			if !known && j > i+1 {
				s.terms = s.terms[:len(s.terms)-1]
				for p := i + 1; p < j; p++ {
					if toks[p].Kind.Counts() {
						if _, err := add(p); err != nil {
							return err
						}
					}
				}
			}
		}
		i = j
	}
	if len(s.terms) == 0 {
		return ErrEmptyQuery
	}
	return nil
}

// neighbors finds, for every query word, the words of the index that are nearest
// to it: in the graph, and among the words that are not in it yet.
func (s *searcher) neighbors() error {
	probes := make([]*probe, 0, len(s.terms))
	terms := make([]*queryTerm, 0, len(s.terms))
	for i := range s.terms {
		if t := &s.terms[i]; len(t.vector.rows) > 0 {
			probes = append(probes, s.lex.probe(s.db.enc.Query(t.vector.vector(s.db.enc, nil))))
			terms = append(terms, t)
		}
	}
	if len(probes) == 0 || s.lex.n == 0 {
		return nil
	}
	var g index.Graph
	from := uint32(0)
	if !s.opts.Exact && s.opts.Graph != GraphFlat {
		var err error
		if g, err = s.lex.graph(s.opts.Graph); err != nil {
			return err
		}
		from = uint32(g.Len())
	}
	scanned, err := s.scanWords(probes, from)
	if err != nil {
		return err
	}
	for i, t := range terms {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		if err := s.choose(t, probes[i], g, scanned[i]); err != nil {
			return err
		}
	}
	return nil
}

// choose sets the neighbourhood of a query word: the nearest live words of those
// that were scanned and those that the graph, which may be nil, finds.
func (s *searcher) choose(t *queryTerm, p *probe, g index.Graph, scanned []index.Neighbor) error {
	params := s.db.enc.Params()
	k := params.Neighbors
	if t.df == 0 {
		// A word that the corpus does not have is mostly of another language,
		// where neighbours are more and farther.
		k = params.CrossNeighbors
	}
	for ask := k + 1; ; ask *= 2 {
		found := slices.Clone(scanned)
		more := false
		if g != nil {
			walked, err := g.Search(p, ask, max(graphEf, 4*ask))
			if err != nil {
				return err
			}
			more = len(walked) >= ask && walked[len(walked)-1].Sim >= params.MinSim
			for _, n := range walked {
				if n.Sim >= params.MinSim {
					found = append(found, n)
				}
			}
		}
		slices.SortFunc(found, func(a, b index.Neighbor) int {
			return cmp.Or(cmp.Compare(b.Sim, a.Sim), cmp.Compare(a.Code, b.Code))
		})
		t.near = t.near[:0]
		for _, n := range found {
			if len(t.near) == k {
				return nil
			}
			if t.df > 0 && n.Code == uint32(t.code) {
				continue
			}
			if live, err := s.live(n.Code); err != nil {
				return err
			} else if live {
				t.near = append(t.near, scoring.Neighbor{Code: n.Code, Sim: min(n.Sim, 1)})
			}
		}
		if !more {
			return nil
		}
	}
}

// scanCodes is how many words are compared with all query words in turn: their
// rows stay in the nearest cache meanwhile.
const scanCodes = 128

// scanWords compares every probe with every word from a code on and returns,
// for each probe, the words that are near enough, in no order.
func (s *searcher) scanWords(probes []*probe, from uint32) ([][]index.Neighbor, error) {
	least := s.db.enc.Params().MinSim
	// A worker is worth its start for some thousands of words.
	workers := max(1, min(s.db.workers(), int(s.lex.n-from)/4096))
	parts := make([][][]index.Neighbor, workers)
	var wg sync.WaitGroup
	step := (s.lex.n - from + uint32(workers) - 1) / uint32(workers)
	for w := range parts {
		lo := min(s.lex.n, from+uint32(w)*step)
		hi := min(s.lex.n, lo+step)
		parts[w] = make([][]index.Neighbor, len(probes))
		work := func() {
			for at := lo; at < hi && s.ctx.Err() == nil; {
				block := s.lex.block(at)
				if block == nil {
					return // failed says why
				}
				to := min(hi, at-at%refsPerBlock+refsPerBlock)
				for ; at < to; at += scanCodes {
					n := min(scanCodes, to-at)
					for i, p := range probes {
						parts[w][i] = p.near(parts[w][i], block, at, n, least)
					}
				}
				at = to
			}
		}
		if w == workers-1 {
			work()
		} else {
			wg.Go(work)
		}
	}
	wg.Wait()
	all := parts[0]
	for _, part := range parts[1:] {
		for i := range part {
			all[i] = append(all[i], part[i]...)
		}
	}
	return all, s.ctx.Err()
}

// live reports whether any document has a word. Words stay when their last
// document goes, until the index is compacted; they must not take the place of
// others in a neighbourhood. Where nothing was ever deleted every word is live.
func (s *searcher) live(code uint32) (bool, error) {
	if option(s.meta, optionDeleted) == "" {
		return true, nil
	}
	df, err := s.frequency(store.Code(code))
	return df > 0, err
}

// readPending decodes the passages that no segment has.
func (s *searcher) readPending() error {
	var codes []uint32
	for p, err := range s.tx.Pending(foldedEnd(s.meta)) {
		if err != nil {
			return err
		}
		pp := pendingPassage{id: p.ID}
		start := len(codes)
		if codes, pp.words, err = store.AppendCodes(codes, p.Record); err != nil {
			return fmt.Errorf("pending passage %d: %w", p.ID, err)
		}
		pp.codes = codes[start:len(codes):len(codes)]
		s.pending = append(s.pending, pp)
	}
	s.stats.Pending = len(s.pending)
	return nil
}

// frequency returns the number of live passages with a code.
func (s *searcher) frequency(code store.Code) (int, error) {
	df := 0
	for _, p := range s.pending {
		if slices.Contains(p.codes, uint32(code)) {
			df++
		}
	}
	var ordinals, tfs [index.PostingsBatch]uint32
	for _, seg := range s.meta.Segments {
		if seg.State != store.Live {
			continue
		}
		list, err := index.NewSegmentReader(newChunkSource(s.tx, seg.ID)).Postings(uint32(code))
		if err != nil {
			return 0, s.damaged(seg, err)
		}
		df += int(list.DF())
		if s.dead == nil {
			continue
		}
		for n := list.Next(ordinals[:], tfs[:]); n > 0; n = list.Next(ordinals[:], tfs[:]) {
			for _, o := range ordinals[:n] {
				if s.dead.dead(seg.Base + store.PassageID(o)) {
					df--
				}
			}
		}
		if err := list.Err(); err != nil {
			return 0, s.damaged(seg, err)
		}
	}
	return df, nil
}

// damaged says in which segment package index found something wrong.
func (s *searcher) damaged(seg store.Segment, err error) error {
	if errors.Is(err, index.ErrCorruptPostings) {
		return fmt.Errorf("%w: bucket postings, segment %d: %w", ErrCorrupt, seg.ID, err)
	}
	return err
}

// plan returns how a method scores the query.
func (s *searcher) plan(method scoring.Method) *scoring.Plan {
	params := s.db.enc.Params()
	if s.opts.Temperature > 0 {
		params.Temperature = float32(s.opts.Temperature)
	}
	n := int(s.meta.LivePassages)
	by := scoring.NewScorer(scoring.Options{
		Method: method, Params: params, NoIDF: s.opts.NoIDF, K1: s.opts.K1, B: s.opts.B,
		MeanLength: float64(s.meta.LiveWords) / float64(max(n, 1)),
	})
	terms := make([]scoring.Term, len(s.terms))
	for i := range s.terms {
		t := &s.terms[i]
		terms[i] = scoring.Term{IDF: by.IDF(t.prior, t.df, n), Neighbors: t.near}
	}
	return scoring.NewPlan(by, terms)
}

// found is a document with its best passage.
type found struct {
	doc     store.DocID
	record  *store.Doc
	passage store.PassageID
	score   float64
}

// A ranking is a score: of one plan, or the mean of two.
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
		r.plans = []*scoring.Plan{s.plan(scoring.MethodSoftmax), s.plan(scoring.MethodBM25)}
	}
	r.tallies = make([]scoring.Tally, len(r.plans))
	return r
}

// score returns the score of a passage from its tokens.
func (r *ranking) score(codes []uint32, words int) float64 {
	score := r.plans[0].Score(&r.tallies[0], codes, words)
	if len(r.plans) > 1 {
		score = scoring.Hybrid(r.plans[0].Normalize(score), r.plans[1].Normalize(r.plans[1].Score(&r.tallies[1], codes, words)))
	}
	return score
}

// share returns what the sums of a plan count in the score.
func (r *ranking) share(plan *scoring.Plan) float64 {
	if len(r.plans) == 1 {
		return 1
	}
	return scoring.Hybrid(1, 0) / plan.Most()
}

// relative returns a score in [0, 1].
func (r *ranking) relative(score float64) float64 {
	if len(r.plans) > 1 {
		return score
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
		var id store.DocID
		var doc *store.Doc
		if n := len(docs) - 1; n >= 0 && uint64(p)-uint64(docs[n].doc) < uint64(docs[n].record.Passages) {
			id, doc = docs[n].doc, docs[n].record
		} else {
			var err error
			if id, doc, err = s.tx.DocOf(p); err != nil {
				return nil, err
			}
		}
		if doc.Incomplete {
			continue
		}
		record, err := s.tx.Passage(p)
		if err != nil {
			return nil, err
		}
		var words int
		if codes, words, err = store.AppendCodes(codes[:0], record); err != nil {
			return nil, fmt.Errorf("passage %d: %w", p, err)
		}
		f := found{doc: id, record: doc, passage: p, score: r.score(codes, words)}
		if n := len(docs) - 1; n >= 0 && docs[n].doc == id {
			if f.score > docs[n].score {
				docs[n] = f
			}
			continue
		}
		docs = append(docs, f)
	}
	slices.SortStableFunc(docs, func(a, b found) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(a.doc, b.doc))
	})
	return docs, nil
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
	hits := []Hit{}
	for i, d := range docs {
		relative := r.relative(d.score)
		if i < s.opts.Offset || relative < s.opts.MinScore {
			continue
		}
		h := Hit{Rank: i + 1, ID: d.record.External, Title: d.record.Title, Path: d.record.Path, Score: d.score, Relative: relative}
		if err := s.show(r.plans[0], &h, &d); err != nil {
			return nil, err
		}
		hits = append(hits, h)
	}
	return hits, nil
}

// attended is how far below the best similarity of a query word in a passage
// another token may be to count as a match, in units of the temperature: it
// then has a twentieth of the attention of the best one.
const attended = 3

// show fills in the snippet and the matches of a hit.
func (s *searcher) show(plan *scoring.Plan, h *Hit, f *found) error {
	p := f.passage
	passage, err := s.tx.Text(p)
	if err != nil {
		return err
	}
	text, offset := passage.Text, int(passage.Offset)
	record, err := s.tx.Passage(p)
	if err != nil {
		return err
	}
	type hit struct {
		Match
		term   int
		weight float64
	}
	var hits []hit
	best := make([]float32, len(s.terms))
	note := func(code store.Code, start, end int) {
		var top *scoring.Match
		matches := plan.Matches(uint32(code))
		for i := range matches {
			m := &matches[i]
			best[m.Term] = max(best[m.Term], m.Sim)
			if top == nil || plan.IDF(m.Term)*float64(m.Sim) > plan.IDF(top.Term)*float64(top.Sim) {
				top = m
			}
		}
		if top != nil {
			hits = append(hits, hit{
				Match:  Match{Query: s.terms[top.Term].surface, Similarity: top.Sim, Start: start, End: end},
				term:   top.Term,
				weight: plan.IDF(top.Term) * float64(top.Sim),
			})
		}
	}
	at := 0
	inText := false
	d := store.DecodePassage(record)
	var t store.Token
	for d.Next(&t) {
		if !t.Title && !inText {
			at, inText = 0, true
		}
		length := int(t.Length)
		if length == 0 {
			if length, err = s.words.Len(t.Code); err != nil {
				return err
			}
		}
		at += int(t.Gap)
		start := at
		at += length
		if t.Title {
			continue
		}
		if at > len(text) {
			return fmt.Errorf("%w: the tokens of passage %d are longer than its text", ErrCorrupt, p)
		}
		// Of a compound and its parts, what is nearer to the query is shown.
		before := len(hits)
		note(t.Code, start, at)
		whole := len(hits)
		for part := range t.Parts() {
			if from := start + int(part.Start); from+int(part.Length) <= at {
				note(part.Code, from, from+int(part.Length))
			}
		}
		if whole > before && len(hits) > whole {
			if slices.ContainsFunc(hits[whole:], func(h hit) bool { return h.weight > hits[before].weight }) {
				hits = slices.Delete(hits, before, whole)
			} else {
				hits = hits[:whole]
			}
		}
	}
	if err := d.Err(); err != nil {
		return fmt.Errorf("passage %d: %w", p, err)
	}
	body := string(text)
	margin := float32(attended) * s.db.enc.Params().Temperature
	var spans []Span
	var weights []float64
	h.Matches = []Match{}
	for _, m := range hits {
		if m.Similarity < best[m.term]-margin {
			continue
		}
		spans = append(spans, Span{m.Start, m.End})
		weights = append(weights, m.weight)
		m.Token = strings.ToValidUTF8(body[m.Start:m.End], "\uFFFD")
		m.Start += offset
		m.End += offset
		h.Matches = append(h.Matches, m.Match)
	}
	var from int
	h.Snippet, h.Marks, from = snippet(body, spans, weights)
	h.Line = int(passage.Line) + countLines(body[:from]) + 1
	return nil
}

// A docFilter keeps documents by their fields.
type docFilter struct {
	tx   *store.Tx
	want map[string]string
	doc  store.DocID
	end  store.PassageID
	last bool
	err  error
}

// pass reports whether the document of a passage passes.
func (f *docFilter) pass(p store.PassageID) bool {
	if len(f.want) == 0 {
		return true
	}
	if f.err != nil {
		return false
	}
	if p >= store.PassageID(f.doc) && p < f.end {
		return f.last
	}
	id, doc, err := f.tx.DocOf(p)
	if err != nil {
		f.err = err
		return false
	}
	f.doc, f.end = id, store.PassageID(id)+store.PassageID(doc.Passages)
	f.last = f.matches(doc)
	return f.last
}

func (f *docFilter) matches(d *store.Doc) bool {
	for name, want := range f.want {
		var got string
		switch name {
		case "id":
			got = d.External
		case "title":
			got = d.Title
		case "path":
			got = d.Path
		default:
			got = fields(d.Meta)[name]
		}
		if got != want {
			return false
		}
	}
	return true
}
