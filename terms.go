package ciyuan

import (
	"slices"

	"github.com/ciyuan-search/ciyuan/scoring"
	"github.com/ciyuan-search/ciyuan/store"
)

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

// parse cuts the query into its distinct words. A compound, such as an
// identifier, that the index does not have is searched for by its parts.
func (s *searcher) parse(query string) error {
	params := s.enc.Params()
	toks := s.db.tok.Tokenize(nil, query)
	add := func(i int) (known bool, err error) {
		t := &toks[i]
		if slices.ContainsFunc(s.terms, func(q queryTerm) bool { return q.word == t.Word }) {
			return true, nil
		}
		q := queryTerm{surface: query[t.Start:t.End], word: t.Word, vector: newWordVector(s.enc, t.Word, t.Kind), prior: params.PriorCap}
		if q.code, known, err = s.words.Code(t.Word); err != nil {
			return false, err
		}
		if known {
			if q.df, err = s.frequency(q.code); err != nil {
				return false, err
			}
		}
		if row, ok := s.enc.Row(t.Word); ok {
			q.prior = s.enc.Prior(row)
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
