package ciyuan

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// A parsedQuery is a query with operators, taken apart.
type parsedQuery struct {
	text    string   // what documents are ranked by
	clauses []clause // what documents must have and must not have
}

// A clause is a condition on documents.
type clause struct {
	field string // "" for title and text
	value string // words that follow each other; of a field, a part of it
	not   bool
}

// parseQuery takes a query with operators apart:
//
//	"a phrase"      must occur as it stands; also “…”, 「…」, 『…』 and ＂…＂
//	+word           must occur
//	-word           must not occur; -"a phrase" likewise
//	field:value     the field must hold the value, as +word and -word do with
//	                a sign in front; only of fields for which known holds
//
// A sign and a field stand at the start of a word, a sign directly before what
// it is for; signs and colon may be full-width. Whatever does not fit is text:
// a quotation mark without its partner, a lone sign, an unknown field.
func parseQuery(query string, known func(field string) bool) parsedQuery {
	var p parsedQuery
	var quoted quoteReader
	var text strings.Builder
	rank := func(part string) {
		if text.Len() > 0 {
			text.WriteByte(' ')
		}
		text.WriteString(part)
	}
	for rest := query; ; {
		rest = strings.TrimLeftFunc(rest, unicode.IsSpace)
		if rest == "" {
			break
		}
		c, sign, after := clause{}, false, rest
		if not, n := signAt(rest); n > 0 {
			c.not, sign, after = not, true, rest[n:]
		}
		if field, n := fieldAt(after); n > 0 && known(field) {
			c.field, after = field, after[n:]
		}
		if phrase, n := quoted.phrase(after); n > 0 {
			c.value, after = phrase, after[n:]
			if c.field == "" && !c.not {
				rank(phrase)
			}
			p.add(c)
		} else {
			n := quoted.bareEnd(after)
			c.value, after = after[:n], after[n:]
			if c.field == "" && !c.not {
				rank(c.value)
			}
			if sign || c.field != "" {
				p.add(c)
			}
		}
		// What is written close to a phrase belongs to the text, signs and all.
		for rest = after; rest != "" && !startsWithSpace(rest); {
			if phrase, n := quoted.phrase(rest); n > 0 {
				rank(phrase)
				p.add(clause{value: phrase})
				rest = rest[n:]
				continue
			}
			n := quoted.bareEnd(rest)
			rank(rest[:n])
			rest = rest[n:]
		}
	}
	p.text = text.String()
	return p
}

func (p *parsedQuery) add(c clause) {
	if strings.TrimSpace(c.value) != "" {
		p.clauses = append(p.clauses, c)
	}
}

func startsWithSpace(s string) bool {
	r, _ := utf8.DecodeRuneInString(s)
	return unicode.IsSpace(r)
}

// signAt returns whether the sign that s begins with excludes, and its length; 0
// where there is none or nothing that it could be for.
func signAt(s string) (not bool, n int) {
	r, n := utf8.DecodeRuneInString(s)
	switch r {
	case '-', '－':
		not = true
	case '+', '＋':
	default:
		return false, 0
	}
	next, _ := utf8.DecodeRuneInString(s[n:])
	switch {
	case n == len(s), unicode.IsSpace(next), strings.ContainsRune("+-＋－", next):
		return false, 0
	}
	return not, n
}

// fieldAt returns the name of a field that s begins with and the length of it and
// its colon; 0 where no name with a value behind it stands there.
func fieldAt(s string) (name string, n int) {
	for i, r := range s {
		switch {
		case unicode.IsLetter(r), i > 0 && (unicode.IsDigit(r) || r == '_' || r == '-' || r == '.'):
			continue
		case i > 0 && (r == ':' || r == '：'):
			n = i + utf8.RuneLen(r)
			if n == len(s) || startsWithSpace(s[n:]) {
				return "", 0
			}
			return s[:i], n
		}
		break
	}
	return "", 0
}

// quotes are pairs of quotation marks.
var quotes = [...][2]string{{`"`, `"`}, {"“", "”"}, {"「", "」"}, {"『", "』"}, {"＂", "＂"}}

// A quoteReader finds phrases in a text that is read from its start to its end. It
// remembers which marks have no partner any more, so that it looks for each once.
type quoteReader [len(quotes)]bool

// phrase returns the phrase that s begins with and its length with the marks; 0
// where none begins or ends.
func (qr *quoteReader) phrase(s string) (phrase string, n int) {
	for i, q := range quotes {
		if after, ok := strings.CutPrefix(s, q[0]); ok && !qr[i] {
			if end := strings.Index(after, q[1]); end >= 0 {
				return after[:end], len(q[0]) + end + len(q[1])
			}
			qr[i] = true
		}
	}
	return "", 0
}

// bareEnd returns the length of the text that s begins with: up to white space or
// a phrase, at least one character. A straight quotation mark behind a letter or a
// digit begins no phrase: 5" is a length.
func (qr *quoteReader) bareEnd(s string) int {
	before := ' '
	for i, r := range s {
		if i > 0 {
			if unicode.IsSpace(r) {
				return i
			}
			if _, n := qr.phrase(s[i:]); n > 0 && (r != '"' || before >= utf8.RuneSelf || !unicode.IsLetter(before) && !unicode.IsDigit(before)) {
				return i
			}
		}
		before = r
	}
	return len(s)
}
