package eval

import (
	"errors"
	"fmt"
	"unicode/utf8"
)

// ErrSegmentation is returned when two rows of words are not of the same text.
var ErrSegmentation = errors.New("eval: the words are not of the same text")

// Segmentation counts how well texts are cut into words, by the rules of the
// SIGHAN bakeoffs (Sproat and Emerson, The First International Chinese Word
// Segmentation Bakeoff, 2003): a word counts as right if both its ends are. The
// zero value has counted nothing.
type Segmentation struct {
	Gold, Words, Right     int // words of the standard, words found, those that are both
	Unknown, UnknownsFound int // gold words that no dictionary has, and those found
}

// Add counts one text: gold are its words by the standard, words those to be
// judged, both without white space, and known reports whether a word is in the
// dictionary; nil counts every word as known. It returns what Overlap returns.
func (s *Segmentation) Add(gold, words []string, known func(string) bool) error {
	right, err := Overlap(gold, words)
	if err != nil {
		return err
	}
	s.Gold += len(gold)
	s.Words += len(words)
	for i, w := range gold {
		hit := right[i] >= 0
		if hit {
			s.Right++
		}
		if known != nil && !known(w) {
			s.Unknown++
			if hit {
				s.UnknownsFound++
			}
		}
	}
	return nil
}

// Precision is the share of the words found that are right, 0 where there are none.
func (s *Segmentation) Precision() float64 { return share(s.Right, s.Words) }

// Recall is the share of the gold words that were found.
func (s *Segmentation) Recall() float64 { return share(s.Right, s.Gold) }

// UnknownRecall is the share of the unknown gold words that were found.
func (s *Segmentation) UnknownRecall() float64 { return share(s.UnknownsFound, s.Unknown) }

// F1 is the harmonic mean of precision and recall.
func (s *Segmentation) F1() float64 { return share(2*s.Right, s.Gold+s.Words) }

func share(part, whole int) float64 {
	if whole == 0 {
		return 0
	}
	return float64(part) / float64(whole)
}

// Overlap returns for each gold word the index of the word with the same first and
// last character, or -1. The error wraps ErrSegmentation.
func Overlap(gold, words []string) ([]int, error) {
	out := make([]int, len(gold))
	k, at := 0, 0 // the word, and where it begins in characters
	begin := 0
	for i, w := range gold {
		out[i] = -1
		for k < len(words) && at < begin {
			at += utf8.RuneCountInString(words[k])
			k++
		}
		if k < len(words) && at == begin && words[k] == w {
			out[i] = k
		}
		begin += utf8.RuneCountInString(w)
	}
	for ; k < len(words); k++ {
		at += utf8.RuneCountInString(words[k])
	}
	if at != begin {
		return nil, fmt.Errorf("%w: %d characters against %d", ErrSegmentation, at, begin)
	}
	return out, nil
}
