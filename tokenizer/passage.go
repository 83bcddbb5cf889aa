package tokenizer

import "strings"

// Passages keep long documents comparable with short ones: the softmax score
// of one exact match falls from 0.96 in 20 words to 0.09 in 5,000
// (docs/design.md, section 6). A document is split when it is longer than
// passageMax words, into passages of about passageTarget.
const (
	passageTarget = 200
	passageMax    = 300
	passageMin    = 60
)

// How many words nearer to the target a cut at such a place counts.
var cutBonus = [...]int{cutNone: -1000, cutSentence: 0, cutLine: 40, cutParagraph: 80, cutHeading: 120}

type cutStrength uint8

const (
	cutNone cutStrength = iota
	cutSentence
	cutLine
	cutParagraph
	cutHeading
)

// cutAfter says how well the text may be cut between the primary tokens t and
// next, where text is what they came from.
func cutAfter(text string, t, next *Token) cutStrength {
	switch t.Kind {
	case Space:
		lines := strings.Count(text[t.Start:t.End], "\n")
		switch {
		case lines > 0 && text[next.Start] == '#':
			return cutHeading
		case lines > 1:
			return cutParagraph
		case lines > 0:
			return cutLine
		case t.Start > 0 && strings.IndexByte(".!?;", text[t.Start-1]) >= 0:
			return cutSentence
		}
	case Punct:
		switch text[t.Start:t.End] {
		case "。", "！", "？", "；", "……", "…", "!", "?":
			// A closing quote or bracket stays with its sentence, and the
			// space after it too.
			if next.Kind != Punct && next.Kind != Space {
				return cutSentence
			}
		}
	}
	return cutNone
}

// Passages cuts a text that is longer than 300 words into passages of about 200,
// at headings, paragraphs, lines and sentence marks, and returns the index of the
// first token of each, ascending, beginning with 0. toks are all tokens of text as
// Tokenize gives them; the result never separates a part from its parent. A
// shorter text, and an empty one, is one passage.
func Passages(text string, toks []Token) []int {
	cuts := []int{0}
	left := 0 // words from the start of the current passage to the end
	for i := range toks {
		if toks[i].Parent < 0 && toks[i].Kind.Counts() {
			left++
		}
	}
	for left > passageMax {
		target := min(passageTarget, left/2)
		words, last := 0, -1
		best, bestCost, bestWords := -1, 0, 0
		hard, hardWords := -1, 0
		for i := cuts[len(cuts)-1]; i < len(toks); i++ {
			t := &toks[i]
			if t.Parent >= 0 {
				continue
			}
			if last >= 0 {
				if s := cutAfter(text, &toks[last], t); s != cutNone && words >= passageMin && left-words >= passageMin {
					cost := max(words-target, target-words) - cutBonus[s]
					if best < 0 || cost < bestCost {
						best, bestCost, bestWords = i, cost, words
					}
				}
			}
			if t.Kind.Counts() {
				if words == passageMax {
					break
				}
				if words == target {
					hard, hardWords = i, words
				}
				words++
			}
			last = i
		}
		if best < 0 {
			best, bestWords = hard, hardWords
		}
		cuts = append(cuts, best)
		left -= bestWords
	}
	return cuts
}
