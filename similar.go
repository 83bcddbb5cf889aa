package ciyuan

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/ciyuan-search/ciyuan/internal/order"
	"github.com/ciyuan-search/ciyuan/scoring"
	"github.com/ciyuan-search/ciyuan/store"
)

// similarWords is how many words of a document others are looked for by.
const similarWords = 32

// Similar returns the documents that are most like one of the index, which is left
// out itself: those that a search for its 32 weightiest words finds, where a word
// weighs its idf times tf / (tf + 1.2). The words are those of its title and its
// whole text. Options that are about the text of a query, such as Operators and
// Fuzzy, have no effect. Result.Query is the id.
//
// Errors: ErrNotFound; ErrEmptyQuery for a document without words.
func (db *DB) Similar(ctx context.Context, id string, opts *SearchOptions) (*Result, error) {
	o, err := opts.check()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	res := &Result{Query: id, Hits: []Hit{}}
	err = db.answer(ctx, "", res, &o, began, func(s *searcher) error {
		if err := s.readPending(); err != nil {
			return err
		}
		if err := s.likeDocument(id); err != nil {
			return err
		}
		if err := s.gather(); err != nil {
			return err
		}
		res.Hits, err = s.hits()
		return err
	})
	if err != nil {
		return nil, err
	}
	return res, nil
}

// likeDocument makes the weightiest words of a document the query and excludes it.
func (s *searcher) likeDocument(id string) error {
	source, ok, err := s.tx.Source(id)
	if err != nil {
		return err
	}
	if !ok {
		return fmt.Errorf("%w: %q", ErrNotFound, id)
	}
	doc, err := s.tx.Doc(source.Doc)
	if err != nil {
		return err
	}
	first := store.PassageID(source.Doc)
	own := docRange{first, first + store.PassageID(doc.Passages)}
	s.filter.bars = append(s.filter.bars, []docRange{own})
	tfs := map[uint32]int{}
	var codes []uint32
	for p := own.from; p < own.to; p++ {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		record, err := s.tx.Passage(p)
		if err != nil {
			return err
		}
		if codes, _, err = store.AppendCodes(codes[:0], record); err != nil {
			return fmt.Errorf("passage %d: %w", p, err)
		}
		for _, code := range codes {
			tfs[code]++
		}
	}
	params := s.enc.Params()
	type candidate struct {
		queryTerm
		worth float64
	}
	var all []candidate
	for code, tf := range tfs {
		if err := s.ctx.Err(); err != nil {
			return err
		}
		text, err := s.words.Word(store.Code(code))
		if err != nil {
			return err
		}
		c := candidate{queryTerm: queryTerm{word: string(text), code: store.Code(code), prior: params.PriorCap}}
		c.surface = c.word
		if c.df, err = s.frequency(c.code); err != nil {
			return err
		}
		if row, ok := s.enc.Row(c.word); ok {
			c.prior = s.enc.Prior(row)
		}
		c.weight = float64(tf) / (float64(tf) + DefaultK1)
		c.worth = c.weight * params.IDF(c.prior, c.df, int(s.meta.LivePassages))
		all = append(all, c)
	}
	order.Stable(all, func(a, b *candidate) int {
		return cmp.Or(cmp.Compare(b.worth, a.worth), cmp.Compare(a.code, b.code))
	})
	for _, c := range all[:min(len(all), similarWords)] {
		if s.lex.Has(uint32(c.code)) {
			c.direction = s.lex.Vector(uint32(c.code), nil)
		}
		s.terms = append(s.terms, c.queryTerm)
	}
	if len(s.terms) == 0 {
		return fmt.Errorf("%w: document %q", ErrEmptyQuery, id)
	}
	return nil
}

// Expansion is a word of the index that is near to one asked for.
type Expansion struct {
	Word       string  `json:"word"`
	Similarity float32 `json:"similarity"` // cosine; 1 for the word itself
	Passages   int     `json:"passages"`   // that have it
}

// Expand returns the k words of the index nearest to a word, itself among them if
// documents have it, by descending cosine, equal ones by when they came. Of a text of several
// words the mean of their vectors is taken. k = 0 means DefaultK. A word that has
// neither a vector nor a document gives none.
//
// It compares with all words of the index. Errors: ErrEmptyQuery, ErrOption.
func (db *DB) Expand(ctx context.Context, word string, k int) ([]Expansion, error) {
	if k == 0 {
		k = DefaultK
	}
	if k < 0 || k > MaxK {
		return nil, fmt.Errorf("%w: k must be between 0 and %d", ErrOption, MaxK)
	}
	words := queryWords(db.tok, word)
	if len(words) == 0 {
		return nil, ErrEmptyQuery
	}
	out := []Expansion{}
	enc, _, err := db.queryEncoder(ctx, word)
	if err != nil {
		return nil, err
	}
	err = db.view(func(tx *store.Tx) error {
		s, err := db.newSearcher(ctx, tx, enc, &SearchOptions{})
		if err != nil {
			return err
		}
		defer s.close()
		if err := s.readPending(); err != nil {
			return err
		}
		probe := meanProbe(enc, words)
		if len(words) == 1 {
			probe = newWordProbe(enc, words[0].Word, words[0].Kind)
		}
		out, err = s.nearest(&probe, k)
		return err
	})
	return out, err
}

// nearest returns the k live words nearest to a probe.
func (s *searcher) nearest(p *wordProbe, k int) ([]Expansion, error) {
	sims, err := s.similarities(p)
	if err != nil {
		return nil, err
	}
	top := scoring.NewTopK(k)
	for code, z := range sims {
		if worst, full := top.Threshold(); z <= 0 || full && float64(z) <= worst {
			continue
		}
		if live, err := s.live(uint32(code)); err != nil {
			return nil, err
		} else if live {
			top.Push(uint64(code), float64(z))
		}
	}
	out := []Expansion{}
	for _, h := range top.Hits() {
		word, err := s.words.Word(store.Code(h.ID))
		if err != nil {
			return nil, err
		}
		df, err := s.frequency(store.Code(h.ID))
		if err != nil {
			return nil, err
		}
		out = append(out, Expansion{Word: string(word), Similarity: float32(h.Score), Passages: df})
	}
	return out, s.ctx.Err()
}
