package ciyuan

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// ErrSynonyms is returned for a line of synonyms that is none.
var ErrSynonyms = errors.New("ciyuan: bad line of synonyms")

// Synonyms are groups of words that stand for one another. They are immutable and
// safe for concurrent use.
type Synonyms struct {
	groups [][]string       // folded
	member map[string][]int // groups that have a word
}

// maxSynonymLine is the length in bytes of the longest line of synonyms.
const maxSynonymLine = 1 << 16

// ParseSynonyms reads groups of synonyms, one a line, separated by commas (also
// full-width ones and 、): 电脑, 计算机, computer. A synonym may have several words. Empty lines and
// what follows # are left out. A group of fewer than two, and a line of more than
// 64 KiB, is an error that names the line and wraps ErrSynonyms.
func ParseSynonyms(r io.Reader) (*Synonyms, error) {
	s := &Synonyms{member: map[string][]int{}}
	in := bufio.NewScanner(r)
	in.Buffer(nil, maxSynonymLine)
	line := 0
	for in.Scan() {
		line++
		text, _, _ := strings.Cut(strings.TrimPrefix(in.Text(), "\uFEFF"), "#")
		if strings.TrimSpace(text) == "" {
			continue
		}
		var group []string
		for _, word := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == '，' || r == '、' }) {
			if key := synonymKey(word); key != "" {
				group = append(group, key)
			}
		}
		if len(group) < 2 {
			return nil, fmt.Errorf("%w: line %d: two words or more, separated by commas, are needed", ErrSynonyms, line)
		}
		for _, key := range group {
			s.member[key] = append(s.member[key], len(s.groups))
		}
		s.groups = append(s.groups, group)
	}
	if err := in.Err(); errors.Is(err, bufio.ErrTooLong) {
		return nil, fmt.Errorf("%w: line %d is longer than %d bytes", ErrSynonyms, line+1, maxSynonymLine)
	} else if err != nil {
		return nil, err
	}
	return s, nil
}

// Len returns the number of groups.
func (s *Synonyms) Len() int { return len(s.groups) }

// synonymKey returns the form in which synonyms are compared: folded, white space
// as one space.
func synonymKey(text string) string { return strings.Join(strings.Fields(tokenizer.Fold(text)), " ") }

// maxSynonymWords is how many words of a query a synonym can have.
const maxSynonymWords = 8

// synonyms finds what of the query has synonyms. A word that stands for one word
// becomes a form of it; else the words of the synonym are added to the query.
func (s *searcher) synonyms() error {
	var words []*tokenizer.Token
	for i := range s.toks {
		if t := &s.toks[i]; t.Primary() && t.Kind.Counts() {
			words = append(words, t)
		}
	}
	for i := 0; i < len(words); {
		next := i + 1
		for j := min(len(words), i+maxSynonymWords); j > i; j-- {
			key := synonymKey(s.text[words[i].Start:words[j-1].End])
			groups := s.opts.Synonyms.member[key]
			if len(groups) == 0 {
				continue
			}
			for _, g := range groups {
				for _, other := range s.opts.Synonyms.groups[g] {
					if other == key {
						continue
					}
					if err := s.addSynonym(words[i:j], other); err != nil {
						return err
					}
				}
			}
			next = j
			break
		}
		i = next
	}
	return nil
}

// addSynonymOf makes a word of the index, if it is one, a form of a word of the query.
func (s *searcher) addSynonymOf(word, synonym string) error {
	code, ok, err := s.words.Code(synonym)
	if err != nil || !ok {
		return err
	}
	df, err := s.frequency(code)
	if err != nil || df == 0 {
		return err
	}
	for i := range s.terms {
		if t := &s.terms[i]; t.word == word {
			t.forms = append(t.forms, form{code: code, word: synonym, sim: 1, df: df})
			t.formDF = max(t.formDF, df)
		}
	}
	return nil
}

// addSynonym makes a synonym of some words of the query count.
func (s *searcher) addSynonym(of []*tokenizer.Token, synonym string) error {
	var words []tokenizer.Token
	for _, t := range s.db.tok.Tokenize(nil, synonym) {
		if t.Primary() && t.Kind.Counts() {
			words = append(words, t)
		}
	}
	if len(of) == 1 && len(words) == 1 {
		return s.addSynonymOf(of[0].Word, words[0].Word)
	}
	for i := range words {
		if _, err := s.addTerm(&words[i], synonym[words[i].Start:words[i].End]); err != nil {
			return err
		}
	}
	return nil
}
