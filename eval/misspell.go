package eval

import (
	"math/rand/v2"
	"unicode"
	"unicode/utf8"
)

// Misspell returns a copy of the set with one slip of the keyboard in a word of each
// question, and how many questions were changed: those with a Chinese word of two
// characters or more, or another one of four letters or more. words returns the
// places of the words of a text.
//
// The word, the place and the kind of slip are drawn at random: two neighbouring
// characters swapped, one left out, one written twice, one exchanged for another
// that the set's questions have. The same seed gives the same slips.
func Misspell(set *Set, seed uint64, words func(text string) []Span) (*Set, int) {
	var han, letters []rune
	for _, q := range set.Queries {
		for _, r := range q.Text {
			switch {
			case unicode.Is(unicode.Han, r):
				han = append(han, r)
			case unicode.IsLower(r):
				letters = append(letters, r)
			}
		}
	}
	out := *set
	out.Name += "-misspelt"
	out.Queries = make([]Query, len(set.Queries))
	changed := 0
	for i, q := range set.Queries {
		out.Queries[i] = q
		rng := rand.New(rand.NewPCG(seed, uint64(i)))
		var fit []Span
		for _, w := range words(q.Text) {
			text := q.Text[w.Start:w.End]
			first, _ := utf8.DecodeRuneInString(text)
			least := 4
			if unicode.Is(unicode.Han, first) {
				least = 2
			}
			if utf8.RuneCountInString(text) >= least {
				fit = append(fit, w)
			}
		}
		if len(fit) == 0 {
			continue
		}
		w := fit[rng.IntN(len(fit))]
		word := []rune(q.Text[w.Start:w.End])
		others := letters
		if unicode.Is(unicode.Han, word[0]) {
			others = han
		}
		slipped := misspell(rng, word, others)
		if string(slipped) != string(word) {
			changed++
		}
		out.Queries[i].Text = q.Text[:w.Start] + string(slipped) + q.Text[w.End:]
	}
	return &out, changed
}

// misspell returns a word with a slip.
func misspell(rng *rand.Rand, word, others []rune) []rune {
	out := append([]rune(nil), word...)
	switch at := rng.IntN(len(out)); rng.IntN(4) {
	case 0:
		at = min(at, len(out)-2)
		out[at], out[at+1] = out[at+1], out[at]
	case 1:
		out = append(out[:at], out[at+1:]...)
	case 2:
		out = append(out[:at+1], out[at:]...)
	default:
		out[at] = others[rng.IntN(len(others))]
	}
	return out
}
