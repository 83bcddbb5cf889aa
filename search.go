package ciyuan

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/scoring"
	"github.com/ciyuan-search/ciyuan/store"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

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
	var tokens *encoder.TokenVectors
	if db.noContextual != nil && o.Score != ScoreBM25 {
		return nil, db.noContextual
	}
	if db.byTokens(&o) {
		if tokens, err = db.encodeQuery(ctx, query, &o); err != nil {
			return nil, err
		}
	}
	err = db.answer(ctx, query, res, &o, began, func(s *searcher) (err error) {
		if tokens != nil {
			res.Hits, err = s.searchTokens(query, tokens)
			return err
		}
		if err := s.prepare(query); err != nil {
			return err
		}
		if res.Hits, err = s.hits(); err == nil && len(res.Hits) == 0 && !s.partial.Load() {
			res.Suggestions, err = s.suggest()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	return res, nil
}

// answer calls fn with a searcher that has vectors for the words of a query and whose
// work counts into the result.
func (db *DB) answer(ctx context.Context, query string, res *Result, o *SearchOptions, began time.Time, fn func(s *searcher) error) error {
	enc, unknown, err := db.queryEncoder(ctx, query)
	if err != nil {
		return err
	}
	res.Stats.Unknown = unknown
	err = db.view(func(tx *store.Tx) error {
		s, err := db.newSearcher(ctx, tx, enc, o)
		if err != nil {
			return err
		}
		defer s.close()
		s.stats = &res.Stats
		if o.Budget > 0 {
			s.deadline = began.Add(o.Budget)
		}
		err = fn(s)
		res.Stats.Partial = s.partial.Load()
		return err
	})
	res.Stats.TookMS = float64(time.Since(began).Microseconds()) / 1000
	return err
}

// late reports whether the time for the search is over; what is found from then on is
// only a part.
func (s *searcher) late() bool {
	if s.deadline.IsZero() || !s.partial.Load() && time.Now().Before(s.deadline) {
		return false
	}
	s.partial.Store(true)
	return true
}

// A searcher answers one query in one transaction.
type searcher struct {
	ctx   context.Context
	db    *DB
	enc   encoder.Static // of the query's words
	tx    *store.Tx
	opts  *SearchOptions
	meta  *store.Meta
	lex   *lexicon
	words *store.WordReader
	dead  *tombs // nil: nothing is dead
	stats *SearchStats

	text    string // the query without its operators
	toks    []tokenizer.Token
	terms   []queryTerm
	pending []pendingPassage
	filter  docFilter
	boost   *booster // nil: no document counts more than another

	deadline time.Time // zero: none
	partial  atomic.Bool
}

func (db *DB) newSearcher(ctx context.Context, tx *store.Tx, enc encoder.Static, o *SearchOptions) (*searcher, error) {
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
	s := &searcher{ctx: ctx, db: db, enc: enc, tx: tx, opts: o, meta: m, lex: lex, words: tx.WordReader(), stats: &SearchStats{}}
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
	text, err := s.operators(query)
	if err != nil {
		return err
	}
	if err := s.parse(text); err != nil {
		return err
	}
	if err := s.findForms(); err != nil {
		return err
	}
	return s.gather()
}

// gather finds the neighbours of the query's words.
func (s *searcher) gather() error {
	if s.opts.Score != ScoreBM25 {
		if err := s.neighbors(); err != nil {
			return err
		}
	}
	for i := range s.terms {
		t := &s.terms[i]
		if err := s.inflections(t); err != nil {
			return err
		}
		if t.df > 0 {
			t.near = append(t.near, scoring.Neighbor{Code: uint32(t.code), Sim: 1, Exact: true})
		} else if len(t.forms) == 0 && len(t.near) > 0 { // the nearest first
			nearest, err := s.words.Word(store.Code(t.near[0].Code))
			if err != nil {
				return err
			}
			t.foreign = isHan(nearest) != isHan(t.word)
		}
		t.addForms()
		s.stats.Neighbors += len(t.near)
	}
	s.count()
	return s.failed()
}

// count enters what there is into the stats.
func (s *searcher) count() {
	s.stats.Documents = int(s.meta.LiveDocs)
	s.stats.Passages = int(s.meta.LivePassages)
	s.stats.Words = int(s.meta.NextCode)
	s.stats.Terms = len(s.terms)
}

// failed returns an error of the caches, which they could not return.
func (s *searcher) failed() error {
	if err := s.lex.failed(); err != nil {
		return err
	}
	if s.dead != nil && s.dead.err != nil {
		return s.dead.err
	}
	if s.boost != nil && s.boost.err != nil {
		return s.boost.err
	}
	return s.filter.err
}
