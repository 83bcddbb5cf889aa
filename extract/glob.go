package extract

import "strings"

// pattern is a compiled pattern of an ignore file, matched byte by byte with
// the meaning that git gives it (gitignore(5), git's wildmatch.c). Matching
// takes time in the order of len(pattern) * len(path) squared at worst,
// whatever the pattern: ignore files come with folders of strangers.
type pattern struct {
	segments []segment
	// base: the pattern has no slash and is compared with the last element of
	// the path alone.
	base bool
}

// segment is what stands between two slashes.
type segment struct {
	any     bool // "**": any number of path elements
	literal string
	items   []item // nil if literal is the whole segment
}

type itemKind uint8

const (
	itemByte  itemKind = iota
	itemOne            // ?
	itemStar           // *
	itemClass          // [...]
)

type item struct {
	kind  itemKind
	char  byte
	class *[256]bool
}

// compile reads a pattern without its leading ! and its trailing slash. It
// returns false for one that can match nothing.
func compile(text string) (pattern, bool) {
	p := pattern{base: !strings.Contains(text, "/")}
	text = strings.TrimPrefix(text, "/")
	if text == "" {
		return p, false
	}
	var items []item
	end := func() {
		p.segments = append(p.segments, newSegment(items))
		items = nil
	}
	for i := 0; i < len(text); i++ {
		switch c := text[i]; c {
		case '/':
			end()
		case '?':
			items = append(items, item{kind: itemOne})
		case '*':
			items = append(items, item{kind: itemStar})
		case '[':
			class, n := parseClass(text[i:])
			if class == nil {
				return p, false
			}
			items = append(items, item{kind: itemClass, class: class})
			i += n - 1
		case '\\':
			i++
			if i == len(text) {
				return p, false
			}
			if text[i] == '/' {
				end()
				continue
			}
			c = text[i]
			fallthrough
		default:
			items = append(items, item{kind: itemByte, char: c})
		}
	}
	end()
	return p, true
}

func newSegment(items []item) segment {
	stars, bytes := 0, 0
	for _, it := range items {
		switch it.kind {
		case itemStar:
			stars++
		case itemByte:
			bytes++
		}
	}
	switch {
	case stars == len(items) && stars >= 2:
		return segment{any: true}
	case bytes == len(items):
		literal := make([]byte, len(items))
		for i, it := range items {
			literal[i] = it.char
		}
		return segment{literal: string(literal)}
	}
	return segment{items: items}
}

// parseClass reads a bracket expression at the start of text and returns its
// set and length; nil if it is not closed or names an unknown class, in which
// case git lets the whole pattern match nothing.
func parseClass(text string) (*[256]bool, int) {
	var set [256]bool
	i, negated := 1, false
	if i < len(text) && (text[i] == '!' || text[i] == '^') {
		negated = true
		i++
	}
	prev := -1 // the last single byte, which a range may start from
	for first := true; ; first = false {
		if i >= len(text) {
			return nil, 0
		}
		c := text[i]
		switch {
		case c == ']' && !first:
			if negated {
				for b := range set {
					set[b] = !set[b]
				}
			}
			return &set, i + 1
		case c == '-' && prev >= 0 && i+1 < len(text) && text[i+1] != ']':
			i++
			if text[i] == '\\' {
				if i++; i == len(text) {
					return nil, 0
				}
			}
			for b := prev; b <= int(text[i]); b++ {
				set[b] = true
			}
			prev = -1
			i++
		case c == '[' && i+1 < len(text) && text[i+1] == ':':
			closing := strings.IndexByte(text[i+2:], ']')
			if closing < 0 {
				return nil, 0
			}
			name, ok := strings.CutSuffix(text[i+2:i+2+closing], ":")
			if !ok { // not [:name:]; the bracket is a member
				set['['] = true
				prev = '['
				i++
				continue
			}
			member := namedClass(name)
			if member == nil {
				return nil, 0
			}
			for b := range 128 {
				set[b] = set[b] || member(byte(b))
			}
			prev = -1
			i += 2 + closing + 1
		default:
			if c == '\\' {
				if i++; i == len(text) {
					return nil, 0
				}
				c = text[i]
			}
			set[c] = true
			prev = int(c)
			i++
		}
	}
}

// namedClass returns the membership test of a POSIX class for ASCII bytes, nil
// for an unknown name.
func namedClass(name string) func(byte) bool {
	lower := func(b byte) bool { return b >= 'a' && b <= 'z' }
	upper := func(b byte) bool { return b >= 'A' && b <= 'Z' }
	digit := func(b byte) bool { return b >= '0' && b <= '9' }
	alnum := func(b byte) bool { return lower(b) || upper(b) || digit(b) }
	graph := func(b byte) bool { return b > ' ' && b < 0x7f }
	switch name {
	case "lower":
		return lower
	case "upper":
		return upper
	case "digit":
		return digit
	case "alnum":
		return alnum
	case "graph":
		return graph
	case "alpha":
		return func(b byte) bool { return lower(b) || upper(b) }
	case "blank":
		return func(b byte) bool { return b == ' ' || b == '\t' }
	case "cntrl":
		return func(b byte) bool { return b < ' ' || b == 0x7f }
	case "print":
		return func(b byte) bool { return b == ' ' || graph(b) }
	case "punct":
		return func(b byte) bool { return graph(b) && !alnum(b) }
	case "space":
		return func(b byte) bool { return b == ' ' || b >= '\t' && b <= '\r' }
	case "xdigit":
		return func(b byte) bool { return digit(b) || b >= 'a' && b <= 'f' || b >= 'A' && b <= 'F' }
	}
	return nil
}

// match tells whether the pattern matches a path relative to its ignore file.
func (p *pattern) match(path string) bool {
	if p.base {
		name := path[strings.LastIndexByte(path, '/')+1:]
		return p.segments[0].any || p.segments[0].match(name)
	}
	// As in the usual matching of one star, only the last "**" is ever tried
	// again: what an earlier one could still gain, the last one can too.
	segments, pos := p.segments, 0
	i, retry, retryPos := 0, -1, 0
	for {
		switch {
		case i < len(segments) && segments[i].any:
			if i == len(segments)-1 {
				if pos <= len(path) {
					return true
				}
				break
			}
			retry, retryPos = i, pos
			i++
			continue
		case i == len(segments) && pos > len(path):
			return true
		case i < len(segments) && pos <= len(path):
			next := elementEnd(path, pos)
			if segments[i].match(path[pos:next]) {
				pos = next + 1
				i++
				continue
			}
		}
		if retry < 0 || retryPos > len(path) {
			return false
		}
		retryPos = elementEnd(path, retryPos) + 1
		i, pos = retry+1, retryPos
	}
}

func elementEnd(path string, pos int) int {
	if n := strings.IndexByte(path[pos:], '/'); n >= 0 {
		return pos + n
	}
	return len(path)
}

// match tells whether a segment other than "**" matches one path element.
func (s *segment) match(name string) bool {
	if s.items == nil {
		return s.literal == name
	}
	i, pos, star, starPos := 0, 0, -1, 0
	for pos < len(name) {
		if i < len(s.items) {
			it := s.items[i]
			if it.kind == itemStar {
				star, starPos = i, pos
				i++
				continue
			}
			if it.kind == itemOne || it.kind == itemByte && it.char == name[pos] ||
				it.kind == itemClass && it.class[name[pos]] {
				i++
				pos++
				continue
			}
		}
		if star < 0 {
			return false
		}
		starPos++
		i, pos = star+1, starPos
	}
	for i < len(s.items) && s.items[i].kind == itemStar {
		i++
	}
	return i == len(s.items)
}
