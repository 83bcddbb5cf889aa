package ciyuan

import (
	"slices"
	"strings"

	"github.com/ciyuan-search/ciyuan/store"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// operators reads the operators of a query, if the options ask for it, and returns
// the text to rank documents by.
func (s *searcher) operators(query string) (string, error) {
	q, text, err := s.parsed(query)
	if err != nil || len(q.clauses) == 0 {
		return text, err
	}
	s.stats.Conditions = len(q.clauses)
	return text, s.conditions(q.clauses)
}

// parsed takes the operators of a query apart, and returns what documents are ranked
// by.
func (s *searcher) parsed(query string) (parsedQuery, string, error) {
	if !s.opts.Operators {
		return parsedQuery{}, query, nil
	}
	var failed error
	q := parseQuery(query, func(field string) bool {
		known, err := s.knownField(field)
		if err != nil {
			failed = err
		}
		return known
	})
	if failed != nil || len(q.clauses) == 0 {
		return q, query, failed
	}
	if !strings.HasSuffix(query, q.text[max(0, strings.LastIndexByte(q.text, ' ')):]) {
		q.text += " " // its last word is complete
	}
	if !slices.ContainsFunc(s.db.tok.Tokenize(nil, q.text), func(t tokenizer.Token) bool { return t.Kind.Counts() }) {
		return q, "", ErrOnlyConditions
	}
	return q, q.text, nil
}

// conditions makes the filter of what the clauses of a query ask for.
func (s *searcher) conditions(clauses []clause) error {
	for _, c := range clauses {
		if c.field != "" {
			s.filter.fields = append(s.filter.fields, fieldClause{c.field, tokenizer.Fold(c.value), c.not})
			continue
		}
		p, err := s.newPhrase(c.value)
		if err != nil {
			return err
		}
		if p == nil {
			continue
		}
		docs, err := s.docsWith(p)
		if err != nil {
			return err
		}
		if c.not {
			s.filter.bars = append(s.filter.bars, docs)
		} else {
			s.filter.needs = append(s.filter.needs, docs)
		}
	}
	return nil
}

// knownField reports whether documents can have a field: id, title, path, or a name
// that the meta of any document has.
func (s *searcher) knownField(name string) (bool, error) {
	switch name {
	case "id", "title", "path":
		return true, nil
	}
	for d, err := range s.tx.Docs(0) {
		if err == nil {
			err = s.ctx.Err()
		}
		if err != nil {
			return false, err
		}
		if slices.ContainsFunc(d.Meta, func(p store.Pair) bool { return p.Name == name }) {
			return true, nil
		}
	}
	return false, nil
}
