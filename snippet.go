package ciyuan

import (
	"sort"
	"strings"
	"unicode/utf8"
)

// Span is a half-open range of bytes.
type Span struct {
	Start int `json:"start"`
	End   int `json:"end"`
}

// MarkKind says why a part of a snippet is marked.
type MarkKind string

// The kinds of marks.
const (
	// MarkLiteral is a word of the query or a form of it: a completion, a
	// correction, a synonym.
	MarkLiteral MarkKind = "literal"
	// MarkSemantic is a word with a meaning near to that of one of the query.
	MarkSemantic MarkKind = "semantic"
)

// Mark is a marked part of a snippet.
type Mark struct {
	Start int      `json:"start"` // bytes
	End   int      `json:"end"`
	Kind  MarkKind `json:"kind"`
}

// snippetBytes is how long a snippet may be: about two lines of a terminal,
// one of Chinese.
const snippetBytes = 240

// snippet returns the part of text that holds the weightiest matches, on one
// line, where the matches lie in it, and where in text the first of them (without
// any, the part) begins. spans, kinds and weights run in parallel and
// are in text order. The result is a copy.
func snippet(text string, spans []Span, kinds []MarkKind, weights []float64) (line string, marks []Mark, at int) {
	from, to := 0, len(text)
	if len(text) > snippetBytes {
		from, to = snippetWindow(text, spans, weights)
	}
	var b strings.Builder
	next := sort.Search(len(spans), func(i int) bool { return spans[i].Start >= from })
	write := func(s string) {
		// Line ends and runs of white space become one space, so that a
		// snippet is one line on any terminal.
		for _, r := range s {
			switch {
			case r == '\n' || r == '\r' || r == '\t' || r == ' ' || r == '\u3000':
				if b.Len() > 0 && !strings.HasSuffix(b.String(), " ") {
					b.WriteByte(' ')
				}
			case r == utf8.RuneError || r < 0x20 || r == 0x7f || (r >= 0x80 && r < 0xa0):
				// Control characters could take over a terminal.
				b.WriteRune(utf8.RuneError)
			default:
				b.WriteRune(r)
			}
		}
	}
	if from > 0 {
		b.WriteString("…")
	}
	first := from
	at = from
	for ; next < len(spans) && spans[next].End <= to; next++ {
		s := spans[next]
		if s.Start < at {
			continue
		}
		write(text[at:s.Start])
		start := b.Len()
		write(text[s.Start:s.End])
		if len(marks) == 0 {
			first = s.Start
		}
		marks = append(marks, Mark{start, b.Len(), kinds[next]})
		at = s.End
	}
	write(text[at:to])
	out := strings.TrimRight(b.String(), " ")
	if to < len(text) {
		out += "…"
	}
	return out, marks, first
}

// snippetWindow returns the window of about snippetBytes whose matches weigh
// most; of equal ones the first. It begins and ends between runes, at a
// sentence or word end where one is near.
func snippetWindow(text string, spans []Span, weights []float64) (int, int) {
	best, bestSum := 0, -1.0
	sum, j := 0.0, 0
	for i := range spans {
		for j < len(spans) && spans[j].End-spans[i].Start <= snippetBytes-40 {
			sum += weights[j]
			j++
		}
		if sum > bestSum {
			best, bestSum = spans[i].Start, sum
		}
		if j > i {
			sum -= weights[i]
		} else {
			j = i + 1
		}
	}
	from := 0
	if best > 40 {
		from = runeStart(text, best-40)
		// Begin after the last sentence or clause mark before the match.
		for _, sep := range []string{"。", "！", "？", "\n", ". ", "，", "、", " "} {
			if i := strings.LastIndex(text[from:best], sep); i >= 0 {
				from += i + len(sep)
				break
			}
		}
	}
	to := min(len(text), from+snippetBytes)
	if len(text)-to < 24 {
		return from, len(text)
	}
	to = runeStart(text, to)
	if i := strings.LastIndexAny(text[from:to], " 。，！？；"); i > snippetBytes*3/4 {
		_, n := utf8.DecodeRuneInString(text[from+i:])
		to = from + i + n
	}
	return from, to
}

// runeStart returns the largest rune boundary that is at most i.
func runeStart(s string, i int) int {
	for i > 0 && i < len(s) && !utf8.RuneStart(s[i]) {
		i--
	}
	return i
}
