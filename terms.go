package ciyuan

import (
	"slices"

	"github.com/ciyuan-search/ciyuan/scoring"
	"github.com/ciyuan-search/ciyuan/store"
	"github.com/ciyuan-search/ciyuan/tokenizer"
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

	forms  []form // words of the index that stand for it
	formDF int    // live passages that have one of these, at most
	weight float64

	foreign bool // it is of another script than the nearest word, and no word stands for it

	direction []float32 // its unit vector where the index gave it, else nil
}

// addTerm adds a word to those of the query and reports whether documents have it.
func (s *searcher) addTerm(t *tokenizer.Token, surface string) (known bool, err error) {
	if slices.ContainsFunc(s.terms, func(q queryTerm) bool { return q.word == t.Word }) {
		return true, nil
	}
	q := queryTerm{surface: surface, word: t.Word, vector: newWordVector(s.enc, t.Word, t.Kind), prior: s.enc.Params().PriorCap, weight: 1}
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

// parse cuts the query into its distinct words. A compound, such as an
// identifier, that the index does not have is searched for by its parts. Stop
// words are left out, unless there is nothing else.
func (s *searcher) parse(query string) error {
	s.text, s.toks = query, s.db.tok.Tokenize(nil, query)
	var stop map[string]bool
	if len(s.opts.StopWords) > 0 {
		stop = make(map[string]bool, len(s.opts.StopWords))
		for _, word := range s.opts.StopWords {
			stop[tokenizer.Fold(word)] = true
		}
	}
	if err := s.addTerms(stop); err != nil {
		return err
	}
	if len(s.terms) == 0 && stop != nil {
		if err := s.addTerms(nil); err != nil {
			return err
		}
	}
	if len(s.terms) == 0 {
		return ErrEmptyQuery
	}
	return nil
}

func (s *searcher) addTerms(stop map[string]bool) error {
	toks := s.toks
	add := func(i int) (bool, error) { return s.addTerm(&toks[i], s.text[toks[i].Start:toks[i].End]) }
	for i := 0; i < len(toks); {
		j := i + 1
		for j < len(toks) && toks[j].Parent == int32(i) {
			j++
		}
		if toks[i].Kind.Counts() && !stop[toks[i].Word] {
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
	return nil
}
