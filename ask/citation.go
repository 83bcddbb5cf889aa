package ask

import (
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// Statement is a sentence of an answer that somebody has written from numbered
// passages.
type Statement struct {
	Text  string // without the citations, and without white space around it
	Cites []int  // the numbers that it names in brackets, ascending, each once
}

// A StatementReader cuts an answer that comes in pieces into statements. The zero value
// is ready.
type StatementReader struct{ text string }

// Read returns the statements that are complete with one more piece of the text.
func (r *StatementReader) Read(piece string) []Statement {
	r.text += piece
	var out []Statement
	for {
		spans := tokenizer.Sentences(r.text)
		if len(spans) < 2 {
			return out
		}
		// Citations behind the full stop belong to the sentence in front of it, and
		// more of them may come.
		end := spans[0].End
		rest := withoutCitations(r.text[end:])
		if rest == "" || rest[0] == '[' || strings.HasPrefix(rest, "【") {
			return out
		}
		end = len(r.text) - len(rest)
		out = appendStatement(out, r.text[:end])
		r.text = rest
	}
}

// Rest returns what is left at the end of the text, if it is anything.
func (r *StatementReader) Rest() []Statement {
	text := r.text
	r.text = ""
	var out []Statement
	for text != "" {
		spans := tokenizer.Sentences(text)
		rest := withoutCitations(text[spans[0].End:])
		out = appendStatement(out, text[:len(text)-len(rest)])
		text = rest
	}
	return out
}

// withoutCitations returns a text without the citations and the white space that it
// begins with.
func withoutCitations(text string) string {
	for {
		text = strings.TrimLeftFunc(text, unicode.IsSpace)
		_, n := citation(text)
		if n == 0 {
			return text
		}
		text = text[n:]
	}
}

// appendStatement appends a sentence with its citations taken out, unless nothing else
// is in it.
func appendStatement(out []Statement, text string) []Statement {
	var s Statement
	var b strings.Builder
	for len(text) > 0 {
		if cites, n := citation(text); n > 0 {
			s.Cites = append(s.Cites, cites...)
			text = text[n:]
			// "Paris [1]." without the space that stood in front of the bracket.
			if body := strings.TrimRight(b.String(), " "); text == "" || !isWordStart(text) {
				b.Reset()
				b.WriteString(body)
			}
			continue
		}
		next := 1 + strings.IndexAny(text[1:], "[【")
		if next == 0 {
			next = len(text)
		}
		b.WriteString(text[:next])
		text = text[next:]
	}
	slices.Sort(s.Cites)
	s.Cites = slices.Compact(s.Cites)
	if s.Text = strings.TrimSpace(b.String()); s.Text != "" {
		out = append(out, s)
	}
	return out
}

func isWordStart(text string) bool {
	return text[0] == ' ' || text[0] >= 0x80 || text[0] >= '0' && text[0] <= '9' || text[0] >= 'A'
}

// citation returns the numbers in brackets that a text begins with, as [1], [1, 2] or
// 【1】, and the length; 0 if it begins with none.
func citation(text string) (cites []int, n int) {
	body, ok := strings.CutPrefix(text, "[")
	closing := "]"
	if !ok {
		if body, ok = strings.CutPrefix(text, "【"); !ok {
			return nil, 0
		}
		closing = "】"
	}
	inside, _, ok := strings.Cut(body, closing)
	if !ok || len(inside) > 40 {
		return nil, 0
	}
	for _, part := range strings.FieldsFunc(inside, func(r rune) bool { return strings.ContainsRune(",，、; ", r) }) {
		number := 0
		for _, r := range part {
			if r < '0' || r > '9' || number > 1e6 {
				return nil, 0
			}
			number = 10*number + int(r-'0')
		}
		cites = append(cites, number)
	}
	if len(cites) == 0 {
		return nil, 0
	}
	return cites, len(text) - len(body) + len(inside) + len(closing)
}

// Supported is the [Support] from which on a statement counts as supported.
const Supported = 0.5

// Support returns the share of the content words of a statement that evidence has, 0 to
// 1: literally or, where near is not nil, as near tells for a folded word that is not
// there. A number that evidence lacks makes it 0, as does a statement without content
// words.
func Support(statement, evidence []tokenizer.Token, near func(word string) bool) float64 {
	have := map[string]bool{}
	var all strings.Builder
	for i := range evidence {
		t := &evidence[i]
		have[t.Word] = true
		if t.Primary() {
			all.WriteString(t.Word)
		}
	}
	text := all.String()
	words, found := 0, 0
	for i := range statement {
		t := &statement[i]
		if !t.Primary() || !t.Kind.Counts() || bound(t.POS) || function[t.Word] || linking(t.Word) {
			continue
		}
		words++
		switch {
		// A Chinese word may be cut in another way there.
		case have[t.Word], t.Kind == tokenizer.Word && chinese(t.Word) && strings.Contains(text, t.Word):
			found++
		case t.Kind == tokenizer.Number && i+1 < len(statement) && statement[i+1].Word == "月" && have[monthName(t.Word)]:
			found++
		case t.Kind == tokenizer.Number:
			return 0
		case near != nil && t.Kind == tokenizer.Word && near(t.Word):
			found++
		}
	}
	if words == 0 {
		return 0
	}
	return float64(found) / float64(words)
}

// monthName returns the English name of month "1" to "12", "" for anything else.
func monthName(number string) string {
	n, err := strconv.Atoi(number)
	if err != nil || n < 1 || n > 12 {
		return ""
	}
	return strings.ToLower(time.Month(n).String())
}
