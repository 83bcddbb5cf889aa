package encoder

import "strings"

// ending is an English ending and what may stand in its place in the stem.
type ending struct {
	suffix string
	stems  []string
}

// endings are tried in this order; the first stem that is in the table is taken.
var endings = []ending{
	{"'s", []string{""}},
	{"ies", []string{"y", "ie"}},
	{"ied", []string{"y"}},
	{"ier", []string{"y"}},
	{"iest", []string{"y"}},
	{"ily", []string{"y"}},
	{"iness", []string{"y"}},
	{"es", []string{"e", ""}},
	{"s", []string{""}},
	{"ing", []string{"", "e", "ed"}},
	{"ed", []string{"", "e", "ing"}},
	{"er", []string{"", "e"}},
	{"est", []string{"", "e"}},
	{"ally", []string{"al", "ic"}},
	{"ly", []string{"", "le"}},
	{"ness", []string{""}},
	{"less", []string{""}},
	{"ful", []string{""}},
	{"ment", []string{""}},
	{"able", []string{"", "e"}},
	{"ization", []string{"ize", ""}},
	{"isation", []string{"ise", ""}},
	{"ation", []string{"ate", "e", ""}},
	{"ity", []string{"e", ""}},
	{"ers", []string{"", "e"}},
	{"ings", []string{"", "e"}},
	{"izer", []string{"", "ize"}},
	{"izers", []string{"", "ize"}},
	{"ist", []string{"", "y"}},
	{"ism", []string{"", "y"}},
}

// looseEndings may be left out behind the last piece of a Latin word.
var looseEndings = []string{
	"s", "es", "ed", "d", "ing", "ly", "er", "ers", "or", "ness", "ment", "al", "ic", "y", "able", "ism",
	"ist", "ity", "tion", "ation", "ian", "an", "ous", "ive", "less", "ful", "like", "'s",
}

func isEnding(s string) bool {
	for _, e := range looseEndings {
		if s == e {
			return true
		}
	}
	return false
}

// maxStem is the length in bytes of the longest stem that is looked up.
const maxStem = maxWordBytes

// stem returns the row of the word without its ending: "tokenizers" is
// "tokenizer", "planning" is "plan". At least two letters stay before an ending
// and three in the stem.
func (t *Table) stem(word string) (uint32, bool) {
	var buf [maxStem]byte
	look := func(base, with string) (uint32, bool) {
		if len(base)+len(with) < minLatinPiece || len(base)+len(with) > len(buf) {
			return 0, false
		}
		stem := append(append(buf[:0], base...), with...)
		return t.Row(string(stem))
	}
	for _, e := range endings {
		base, ok := strings.CutSuffix(word, e.suffix)
		if !ok || len(base) < 2 {
			continue
		}
		for _, with := range e.stems {
			if row, ok := look(base, with); ok {
				return row, true
			}
		}
		if doubled(base) && doubles(e.suffix) {
			if row, ok := look(base[:len(base)-1], ""); ok {
				return row, true
			}
		}
	}
	return 0, false
}

// doubled reports whether a stem ends in a letter twice, as in "plann".
func doubled(base string) bool {
	return len(base) > 3 && base[len(base)-1] == base[len(base)-2]
}

// doubles reports whether an ending doubles the letter before it.
func doubles(suffix string) bool {
	return suffix == "ing" || suffix == "ed" || suffix == "er" || suffix == "est"
}
