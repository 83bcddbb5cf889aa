package tm

import (
	"strings"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// Span is a range of bytes, End exclusive.
type Span = ciyuan.Span

// What differences cost. A mark of punctuation counts half a word; a word that
// differs in case, width or script alone a tenth.
const (
	wordCost = 10
	markCost = 5
	formCost = 1
)

func cost(t *tokenizer.Token) int {
	if t.Kind == tokenizer.Punct {
		return markCost
	}
	return wordCost
}

// tokensOf returns the tokens of a text but for white space and parts of words.
func tokensOf(tok *tokenizer.Tokenizer, text string) []tokenizer.Token {
	return visible(tok.Tokenize(nil, text))
}

func visible(all []tokenizer.Token) []tokenizer.Token {
	out := all[:0]
	for _, t := range all {
		if t.Primary() && t.Kind != tokenizer.Space {
			out = append(out, t)
		}
	}
	return out
}

// comparison is how two texts differ.
type comparison struct {
	percent  int    // 0 to 100; 100 only for the same text
	edits    int    // tokens put in, left out or replaced
	aChanged []bool // tokens of a that b lacks or has otherwise
	bChanged []bool
}

// compareTexts compares two texts by the edit distance of their tokens.
func compareTexts(a string, x []tokenizer.Token, b string, y []tokenizer.Token) comparison {
	c := comparison{aChanged: make([]bool, len(x)), bChanged: make([]bool, len(y))}
	n, m := len(x), len(y)
	width := m + 1
	dist := make([]int32, (n+1)*width)
	for i := 1; i <= n; i++ {
		dist[i*width] = dist[(i-1)*width] + int32(cost(&x[i-1]))
	}
	for j := 1; j <= m; j++ {
		dist[j] = dist[j-1] + int32(cost(&y[j-1]))
	}
	replace := func(i, j int) int32 {
		s, t := &x[i], &y[j]
		switch {
		case a[s.Start:s.End] == b[t.Start:t.End]:
			return 0
		case s.Word == t.Word:
			return formCost
		}
		return int32(max(cost(s), cost(t)))
	}
	for i := 1; i <= n; i++ {
		for j := 1; j <= m; j++ {
			dist[i*width+j] = min(
				dist[(i-1)*width+j-1]+replace(i-1, j-1),
				dist[(i-1)*width+j]+int32(cost(&x[i-1])),
				dist[i*width+j-1]+int32(cost(&y[j-1])))
		}
	}
	for i, j := n, m; i > 0 || j > 0; {
		here := dist[i*width+j]
		switch {
		case i > 0 && j > 0 && here == dist[(i-1)*width+j-1]+replace(i-1, j-1):
			i, j = i-1, j-1
			if replace(i, j) > 0 {
				c.aChanged[i], c.bChanged[j] = true, true
				c.edits++
			}
		case i > 0 && here == dist[(i-1)*width+j]+int32(cost(&x[i-1])):
			i--
			c.aChanged[i] = true
			c.edits++
		default:
			j--
			c.bChanged[j] = true
			c.edits++
		}
	}
	all := max(dist[n*width], dist[m])
	if all > 0 {
		c.percent = int(100 * (all - dist[n*width+m]) / all)
	}
	same := oneLine(a) == oneLine(b)
	switch {
	case same:
		c.percent = 100
	case c.percent > 99:
		c.percent = 99
	}
	return c
}

// spans returns where the marked tokens stand, neighbours with nothing but white
// space between them as one.
func spans(text string, tokens []tokenizer.Token, marked []bool) []Span {
	out := []Span{}
	for i := range tokens {
		if !marked[i] {
			continue
		}
		t := &tokens[i]
		if n := len(out); n > 0 && i > 0 && marked[i-1] && strings.TrimSpace(text[out[n-1].End:t.Start]) == "" {
			out[n-1].End = t.End
			continue
		}
		out = append(out, Span{Start: t.Start, End: t.End})
	}
	return out
}
