package subword

import (
	"encoding/json"
	"fmt"
	"strconv"
	"unicode/utf8"
)

// maxDepth bounds the nesting of a tokenizer.json; real ones stay below 10.
const maxDepth = 64

// lexer walks a JSON text once, without building a tree. A vocabulary of
// 250,000 pieces is 9 to 17 MB of JSON: encoding/json needs most of a second
// for it, twice over, since it checks the text before it decodes it.
//
// The first error stays: all later calls do nothing and return zero values.
type lexer struct {
	data []byte
	at   int
	err  error
}

func (l *lexer) fail(what string) {
	if l.err == nil {
		l.err = fmt.Errorf("%w: byte %d: %s", ErrFormat, l.at, what)
	}
}

// peek skips white space and returns the next byte, 0 at the end.
func (l *lexer) peek() byte {
	if l.err != nil {
		return 0
	}
	for l.at < len(l.data) {
		switch c := l.data[l.at]; c {
		case ' ', '\t', '\n', '\r':
			l.at++
		default:
			return c
		}
	}
	return 0
}

func (l *lexer) expect(c byte) {
	if l.peek() != c || l.err != nil {
		l.fail("expected " + strconv.QuoteRune(rune(c)))
		return
	}
	l.at++
}

// next steps to the next element of a list or object that ends with last. first
// says that none was read yet.
func (l *lexer) next(first bool, last byte) bool {
	c := l.peek()
	if l.err != nil {
		return false
	}
	if c == last {
		l.at++
		return false
	}
	if !first {
		l.expect(',')
	}
	return l.err == nil
}

// object calls f for each key, which must read the value.
func (l *lexer) object(f func(key string)) {
	l.expect('{')
	for first := true; l.next(first, '}'); first = false {
		key := l.string()
		l.expect(':')
		if l.err == nil {
			f(key)
		}
	}
}

// array calls f for each element, which must read it.
func (l *lexer) array(f func(i int)) {
	l.expect('[')
	for i := 0; l.next(i == 0, ']'); i++ {
		f(i)
	}
}

// string reads a string. The result owns its memory.
func (l *lexer) string() string {
	l.expect('"')
	if l.err != nil {
		return ""
	}
	start := l.at
	for l.at < len(l.data) {
		switch c := l.data[l.at]; {
		case c == '"':
			s := string(l.data[start:l.at])
			l.at++
			if !utf8.ValidString(s) {
				l.fail("invalid UTF-8 in a string")
			}
			return s
		case c == '\\':
			return l.escaped(start)
		case c < ' ':
			l.fail("control character in a string")
			return ""
		default:
			l.at++
		}
	}
	l.fail("string without an end")
	return ""
}

// escaped reads a string that has an escape in it.
func (l *lexer) escaped(start int) string {
	for l.at < len(l.data) && l.data[l.at] != '"' {
		if l.data[l.at] == '\\' {
			l.at++
		}
		l.at++
	}
	if l.at >= len(l.data) {
		l.fail("string without an end")
		return ""
	}
	l.at++
	var s string
	if err := json.Unmarshal(l.data[start-1:l.at], &s); err != nil {
		l.fail(err.Error())
	}
	return s
}

// number reads a number.
func (l *lexer) number() float64 {
	start := l.numberBytes()
	if l.err != nil {
		return 0
	}
	f, err := strconv.ParseFloat(string(l.data[start:l.at]), 64)
	if err != nil {
		l.fail("expected a number")
	}
	return f
}

// id reads a number that is an id: at most 2^31-1.
func (l *lexer) id() uint32 {
	start := l.numberBytes()
	if l.err != nil {
		return 0
	}
	var n uint32
	for _, c := range l.data[start:l.at] {
		if c < '0' || c > '9' || n > (1<<31-1-9)/10 {
			l.fail("expected an id")
			return 0
		}
		n = n*10 + uint32(c-'0')
	}
	return n
}

func (l *lexer) numberBytes() (start int) {
	l.peek()
	start = l.at
	for l.err == nil && l.at < len(l.data) {
		switch c := l.data[l.at]; {
		case c >= '0' && c <= '9', c == '-', c == '+', c == '.', c == 'e', c == 'E':
			l.at++
			continue
		}
		break
	}
	if l.at == start {
		l.fail("expected a number")
	}
	return start
}

// raw reads any value and returns its bytes, a view of the data.
func (l *lexer) raw() []byte {
	l.peek()
	start := l.at
	l.skip(0)
	if l.err != nil {
		return nil
	}
	return l.data[start:l.at]
}

func (l *lexer) skip(depth int) {
	if depth > maxDepth {
		l.fail("nested too deeply")
		return
	}
	switch c := l.peek(); c {
	case '{':
		l.object(func(string) { l.skip(depth + 1) })
	case '[':
		l.array(func(int) { l.skip(depth + 1) })
	case '"':
		l.string()
	case 't', 'f', 'n':
		for l.at < len(l.data) && l.data[l.at] >= 'a' && l.data[l.at] <= 'z' {
			l.at++
		}
	default:
		l.number()
	}
}
