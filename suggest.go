package ciyuan

import (
	"cmp"
	"slices"
	"unicode/utf8"

	"github.com/ciyuan-search/ciyuan/internal/order"
	"github.com/ciyuan-search/ciyuan/store"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// maxSuggested is how many words are suggested for one of the query.
const maxSuggested = 3

// suggest returns words of the index for those words of the query that no document
// has: first the few that are written most alike, then the nearest ones.
func (s *searcher) suggest() ([]Suggestion, error) {
	var out []Suggestion
	for i := range s.terms {
		t := &s.terms[i]
		if t.df > 0 || len(out) == maxAsked {
			continue
		}
		words, err := s.alike(t.word)
		if err != nil {
			return nil, err
		}
		kind := tokenizer.Word
		if len(t.vector.rows) == 0 {
			kind = tokenizer.Mixed
		}
		probe := newWordProbe(s.enc, t.word, kind)
		near, err := s.nearest(&probe, maxSuggested)
		if err != nil {
			return nil, err
		}
		for _, n := range near {
			if !slices.Contains(words, n.Word) && len(words) < maxSuggested {
				words = append(words, n.Word)
			}
		}
		if len(words) > 0 {
			out = append(out, Suggestion{Query: t.surface, Words: words})
		}
	}
	return out, s.failed()
}

// alike returns the words of the index that the fewest slips lead to: at most one
// for every three letters or two Chinese characters, and two at all.
func (s *searcher) alike(word string) ([]string, error) {
	typed := []rune(word)
	most := min(2, len(typed)/3)
	if isHan(word) {
		most = min(2, len(typed)/2)
	}
	if most == 0 {
		return nil, nil
	}
	type like struct {
		word  string
		slips int
		df    int
	}
	var all []like
	var letters []rune
	for e, err := range s.tx.AllWords() {
		if err == nil && e.Code%4096 == 0 {
			err = s.ctx.Err()
		}
		if err != nil {
			return nil, err
		}
		if n := utf8.RuneCount(e.Word); n-len(typed) > most || len(typed)-n > most || n < 2 {
			continue
		}
		letters = letters[:0]
		for i := 0; i < len(e.Word); {
			r, n := utf8.DecodeRune(e.Word[i:])
			letters = append(letters, r)
			i += n
		}
		slips := editDistance(typed, letters, most)
		if slips > most {
			continue
		}
		df, err := s.frequency(store.Code(e.Code))
		if err != nil {
			return nil, err
		}
		if df > 0 {
			all = append(all, like{string(e.Word), slips, df})
		}
	}
	order.Stable(all, func(a, b *like) int {
		return cmp.Or(cmp.Compare(a.slips, b.slips), cmp.Compare(b.df, a.df), cmp.Compare(a.word, b.word))
	})
	var out []string
	for _, l := range all[:min(len(all), maxSuggested)] {
		out = append(out, l.word)
	}
	return out, nil
}

// editDistance returns how many characters must be added, left out, exchanged or
// swapped with their neighbour to make b of a, or more than most if that is more:
// the restricted Damerau-Levenshtein distance.
func editDistance(a, b []rune, most int) int {
	if len(b) > maxEdited || len(a) > maxEdited {
		return most + 1
	}
	var rows [3][maxEdited + 1]int
	for j := range len(b) + 1 {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		row, above, above2 := &rows[i%3], &rows[(i+2)%3], &rows[(i+1)%3]
		row[0] = i
		least := i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], above2[j-2]+1)
			}
			least = min(least, row[j])
		}
		if least > most {
			return most + 1
		}
	}
	return rows[len(a)%3][len(b)]
}

// maxEdited is the length in characters of the longest word that is compared letter
// by letter.
const maxEdited = 64
