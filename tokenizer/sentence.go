package tokenizer

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Sentences cuts text into sentences. They tile the text: white space belongs to
// the sentence before it, at the start of the text to the first one. The empty
// text has none.
//
// A sentence ends
//   - behind 。！？； and behind ……, whatever follows but a comma,
//   - behind !, ? and ; before white space, Chinese or the end,
//   - behind a full stop before white space and anything but a small letter, but
//     not behind an abbreviation (Dr., e.g.), an initial (J. Smith) or the number
//     of an item (1. Introduction),
//   - at the end of a line, unless the next one goes on with a small letter as
//     wrapped lines do.
//
// Closing quotes and brackets behind the mark stay with their sentence.
func Sentences(text string) []Span {
	var out []Span
	c := sentenceCutter{text: text}
	for i := c.spaces(0); i < len(text); {
		end := c.next(i)
		if end == 0 {
			_, size := utf8.DecodeRuneInString(text[i:])
			i += size
			continue
		}
		out = append(out, Span{c.start, end})
		c = sentenceCutter{text: text, start: end}
		i = end
	}
	if c.start < len(text) {
		out = append(out, Span{c.start, len(text)})
	}
	return out
}

// sentenceCutter looks for the end of the sentence that starts at start.
type sentenceCutter struct {
	text   string
	start  int
	quotes int // straight double quotes in text[start:quoted]
	quoted int
}

// next returns where the sentence ends if the character at i ends it, else 0.
func (c *sentenceCutter) next(i int) int {
	text := c.text
	r, size := utf8.DecodeRuneInString(text[i:])
	after := i + size
	switch r {
	case '。', '！', '？', '；', '｡', '．':
		if r == '．' && i > 0 && isASCIIAlnum(text[i-1]) {
			return 0
		}
		return c.close(after)
	case '…':
		if !strings.HasPrefix(text[after:], "…") {
			return 0
		}
		return c.close(after)
	case '!', '?', ';':
		end, next := c.behind(after)
		if next == 0 || unicode.IsSpace(next) || next >= utf8.RuneSelf && !isComma(next) {
			return c.spaces(end)
		}
	case '.':
		return c.stop(i)
	case '\n', '\r', '\u2028', '\u2029', '\u0085':
		return c.line(i)
	}
	return 0
}

// close ends the sentence behind the marks and closing quotes at i, unless a
// comma goes on with it.
func (c *sentenceCutter) close(i int) int {
	end, next := c.behind(i)
	if isComma(next) {
		return 0
	}
	return c.spaces(end)
}

// behind returns the end of the marks and closing quotes at i, and the character
// there, 0 at the end of the text.
func (c *sentenceCutter) behind(i int) (int, rune) {
	for i < len(c.text) {
		r, size := utf8.DecodeRuneInString(c.text[i:])
		if !isEndMark(r) && !isCloser(r) && !(r == '"' && c.openQuote(i)) {
			return i, r
		}
		i += size
	}
	return i, 0
}

// openQuote reports whether an odd number of straight quotes stands in the
// sentence before i.
func (c *sentenceCutter) openQuote(i int) bool {
	from := max(c.start, c.quoted)
	if i > from {
		c.quotes += strings.Count(c.text[from:i], `"`)
		c.quoted = i
	}
	return c.quotes%2 == 1
}

// spaces returns the end of the white space at i.
func (c *sentenceCutter) spaces(i int) int {
	rest := strings.TrimLeftFunc(c.text[i:], unicode.IsSpace)
	return len(c.text) - len(rest)
}

// line ends the sentence at the line end at i, unless the next line goes on with
// a small letter.
func (c *sentenceCutter) line(i int) int {
	end := c.spaces(i)
	if next, _ := utf8.DecodeRuneInString(c.text[end:]); unicode.IsLower(next) && strings.Count(c.text[i:end], "\n") == 1 {
		return 0
	}
	return end
}

// stop ends the sentence at the full stop at i, if it is one.
func (c *sentenceCutter) stop(i int) int {
	text := c.text
	end, next := c.behind(i + 1)
	if next >= utf8.RuneSelf && classOf(next) == han {
		before, _ := utf8.DecodeLastRuneInString(text[:i])
		if classOf(before) == han || end > i+1 {
			return c.spaces(end)
		}
		return 0
	}
	if next != 0 && !unicode.IsSpace(next) {
		return 0
	}
	spaces := c.spaces(end)
	if spaces == len(text) {
		return spaces
	}
	if following, _ := utf8.DecodeRuneInString(text[spaces:]); unicode.IsLower(following) {
		return 0
	}
	if end > i+1 { // a quote or bracket closes behind the stop
		return spaces
	}
	word := lastWord(text[c.start:i])
	if strings.Count(text[end:spaces], "\n") > 1 {
		return spaces
	}
	switch {
	case strings.TrimSpace(text[c.start:i]) == word && isItem(word):
		return 0
	case isInitial(word), strings.Contains(strings.Trim(word, "."), "."), isAbbreviation(word):
		return 0
	}
	return spaces
}

// lastWord returns what stands behind the last white space or opening bracket,
// at most 64 bytes.
func lastWord(s string) string {
	if len(s) > 64 {
		s = s[len(s)-64:]
	}
	if i := strings.LastIndexAny(s, " \t\n\r([\"'"); i >= 0 {
		s = s[i+1:]
	}
	return s
}

// isItem reports whether word is the number of an item of a list: 1, 12, a, iv.
func isItem(word string) bool {
	if word == "" || len(word) > 4 {
		return false
	}
	return isAllDigits(word) || len(word) == 1 && isASCIIAlnum(word[0]) || strings.Trim(word, "ivx") == ""
}

// isInitial reports whether word is one capital, as in J. Smith.
func isInitial(word string) bool {
	return len(word) == 1 && 'A' <= word[0] && word[0] <= 'Z' && word != "I"
}

// isAbbreviation reports whether a full stop behind word is mostly part of it
// where a capital or a digit follows.
func isAbbreviation(word string) bool {
	switch strings.ToLower(word) {
	case "mr", "mrs", "ms", "dr", "prof", "sr", "jr", "st", "mt", "ft",
		"gen", "col", "maj", "capt", "cmdr", "lt", "sgt", "adm", "rev", "hon", "pres", "gov", "sen", "rep",
		"vs", "cf", "ca", "approx", "al", "fig", "figs", "no", "nos", "vol", "vols", "pp", "ch", "sec", "eq", "eqs", "ref", "refs", "ed", "eds", "dept", "univ",
		"jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec":
		return true
	}
	return false
}

func isASCIIAlnum(c byte) bool { return isAlnum(c) || 'A' <= c && c <= 'Z' }

// isEndMark reports whether r may follow the mark that ends a sentence and
// belongs to it: ?! and ！！！.
func isEndMark(r rune) bool {
	switch r {
	case '。', '！', '？', '!', '?', '…', '.', '～':
		return true
	}
	return false
}

// isCloser reports whether r closes a quotation or a bracket.
func isCloser(r rune) bool {
	switch r {
	case '”', '’', '」', '』', '）', ')', ']', '】', '》', '〉', '}', '〕', '»', '﹂', '﹄', '＂', '］', '｝', '*', '_':
		return true
	}
	return false
}

// isComma reports whether r goes on with the sentence behind a quotation.
func isComma(r rune) bool {
	switch r {
	case '，', '、', ',', '：', '；':
		return true
	}
	return false
}
