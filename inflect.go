package ciyuan

import (
	"github.com/kljensen/snowball/english"

	"github.com/ciyuan-search/ciyuan/store"
)

// simInflected is the least similarity of a word to another one of the same stem
// that is taken for an inflection of it. Stemmers know no meaning: organ and
// organization have one stem and a cosine of 0.45, wing and wings 0.77.
const simInflected = 0.5

// minInflected is the length in letters of the shortest word that is inflected.
const minInflected = 3

// inflections makes those of a word's neighbours forms of it that differ from it by an
// English ending, which leaves their similarities as they are: programs is as near to
// program as its vector says, but counts where literal words do.
func (s *searcher) inflections(t *queryTerm) error {
	if !isLatin(t.word) {
		return nil
	}
	stem := ""
	for i := range t.near { // the nearest first
		n := &t.near[i]
		if n.Sim < simInflected {
			break
		}
		word, err := s.words.Word(store.Code(n.Code))
		if err != nil {
			return err
		}
		if word[0] != t.word[0] || !isLatin(word) {
			continue
		}
		if stem == "" {
			stem = english.Stem(t.word, true)
		}
		if english.Stem(string(word), true) != stem {
			continue
		}
		f := form{code: store.Code(n.Code), word: string(word), sim: n.Sim}
		if f.df, err = s.frequency(f.code); err != nil {
			return err
		}
		t.forms = append(t.forms, f)
		t.formDF = max(t.formDF, f.df)
	}
	return nil
}

// isLatin reports whether a folded word is of at least three letters from a to z, with
// an apostrophe among them perhaps.
func isLatin[T string | []byte](word T) bool {
	for i := range len(word) {
		if c := word[i]; (c < 'a' || c > 'z') && (c != '\'' || i == 0) {
			return false
		}
	}
	return len(word) >= minInflected
}
