package subword

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"
)

// piece is a range of bytes of the buffer: a stretch of text, or an added token.
type piece struct {
	lo, hi int
	token  int32 // id of the added token, -1 for text
}

// work is what tokenizing one text needs, kept for the next one.
type work struct {
	raw       []byte // the text
	cur, next buffer
	pieces    []piece
	spare     []piece
	bpe       bpeWork
	lattice   []latticeNode
}

// preTokenizer splits the text pieces of w further. Added tokens stay whole.
type preTokenizer interface {
	split(w *work)
}

// each replaces every text piece by what f appends for it.
func (w *work) each(f func(dst []piece, b []byte, p piece) []piece) {
	w.spare = w.spare[:0]
	for _, p := range w.pieces {
		if p.token >= 0 {
			w.spare = append(w.spare, p)
			continue
		}
		w.spare = f(w.spare, w.cur.b, p)
	}
	w.pieces, w.spare = w.spare, w.pieces
}

// rewrite copies the buffer piece by piece, text through f, so that pieces can
// grow. Bytes between the pieces are left behind.
func (w *work) rewrite(f func(dst, src *buffer, p piece)) {
	w.next.reset()
	for i, p := range w.pieces {
		lo := len(w.next.b)
		if p.token >= 0 {
			w.next.copy(&w.cur, p.lo, p.hi)
		} else {
			f(&w.next, &w.cur, p)
		}
		w.pieces[i].lo, w.pieces[i].hi = lo, len(w.next.b)
	}
	w.cur, w.next = w.next, w.cur
}

// text appends a text piece that is not empty.
func text(dst []piece, lo, hi int) []piece {
	if lo < hi {
		dst = append(dst, piece{lo, hi, -1})
	}
	return dst
}

// parsePreTokenizer returns the steps of a pre_tokenizer block, none for null.
func parsePreTokenizer(raw []byte, depth int) ([]preTokenizer, error) {
	if isNull(raw) {
		return nil, nil
	}
	if depth > maxDepth {
		return nil, fmt.Errorf("%w: pre-tokenizer nested too deeply", ErrFormat)
	}
	var spec struct {
		Type             string            `json:"type"`
		PreTokenizers    []json.RawMessage `json:"pretokenizers"`
		AddPrefixSpace   *bool             `json:"add_prefix_space"`
		UseRegex         *bool             `json:"use_regex"`
		Replacement      string            `json:"replacement"`
		PrependScheme    string            `json:"prepend_scheme"`
		Split            *bool             `json:"split"`
		IndividualDigits bool              `json:"individual_digits"`
		Behavior         string            `json:"behavior"`
		Invert           bool              `json:"invert"`
		Pattern          pattern           `json:"pattern"`
	}
	if err := json.Unmarshal(raw, &spec); err != nil {
		return nil, fmt.Errorf("%w: pre-tokenizer: %w", ErrFormat, err)
	}
	switch spec.Type {
	case "Sequence":
		var out []preTokenizer
		for _, raw := range spec.PreTokenizers {
			p, err := parsePreTokenizer(raw, depth+1)
			if err != nil {
				return nil, err
			}
			out = append(out, p...)
		}
		return out, nil
	case "BertPreTokenizer":
		return []preTokenizer{
			classSplit{unicode.IsSpace, removed},
			classSplit{isPunct, isolated},
		}, nil
	case "WhitespaceSplit":
		return []preTokenizer{classSplit{unicode.IsSpace, removed}}, nil
	case "Whitespace":
		return []preTokenizer{
			classSplit{unicode.IsSpace, removed},
			classSplit{isWord, contiguous},
		}, nil
	case "Punctuation":
		b, err := parseBehavior(spec.Behavior)
		return []preTokenizer{classSplit{isPunct, b}}, err
	case "Digits":
		b := contiguous
		if spec.IndividualDigits {
			b = isolated
		}
		return []preTokenizer{classSplit{unicode.IsNumber, b}}, nil
	case "Split":
		re, err := spec.Pattern.compile()
		if err != nil {
			return nil, err
		}
		b, err := parseBehavior(spec.Behavior)
		return []preTokenizer{patternSplit{re, b, spec.Invert}}, err
	case "ByteLevel":
		return []preTokenizer{byteLevel{
			prefix:  spec.AddPrefixSpace == nil || *spec.AddPrefixSpace,
			pattern: spec.UseRegex == nil || *spec.UseRegex,
		}}, nil
	case "Metaspace":
		m := metaspace{replacement: spec.Replacement, cut: spec.Split == nil || *spec.Split}
		switch {
		case utf8.RuneCountInString(m.replacement) != 1:
			return nil, fmt.Errorf("%w: Metaspace replacement %q", ErrFormat, m.replacement)
		case spec.PrependScheme == "first":
			m.scheme = prependFirst
		case spec.PrependScheme == "never", spec.PrependScheme == "" && spec.AddPrefixSpace != nil && !*spec.AddPrefixSpace:
			m.scheme = prependNever
		case spec.PrependScheme == "always", spec.PrependScheme == "":
			m.scheme = prependAlways
		default:
			return nil, fmt.Errorf("%w: Metaspace prepend_scheme %q", ErrUnsupported, spec.PrependScheme)
		}
		return []preTokenizer{m}, nil
	}
	return nil, fmt.Errorf("%w: pre-tokenizer %q", ErrUnsupported, spec.Type)
}

// behavior says what becomes of the delimiters of a split.
type behavior uint8

const (
	removed            behavior = iota
	isolated                    // each delimiter is a piece
	contiguous                  // neighbouring delimiters are a piece
	mergedWithPrevious          // a delimiter ends the piece before it
	mergedWithNext              // a delimiter begins the piece after it
)

func parseBehavior(s string) (behavior, error) {
	switch s {
	case "Removed":
		return removed, nil
	case "Isolated", "":
		return isolated, nil
	case "Contiguous":
		return contiguous, nil
	case "MergedWithPrevious":
		return mergedWithPrevious, nil
	case "MergedWithNext":
		return mergedWithNext, nil
	}
	return 0, fmt.Errorf("%w: split behavior %q", ErrUnsupported, s)
}

// splitter appends the pieces of a text that is told to it part by part, each
// either a delimiter or the text between two.
type splitter struct {
	dst       []piece
	behavior  behavior
	open      int  // where the piece that is being built begins
	delimiter bool // the part before was a delimiter
}

func (s *splitter) part(lo, hi int, delimiter bool) {
	if lo == hi {
		return
	}
	switch s.behavior {
	case removed:
		if !delimiter {
			s.dst = text(s.dst, lo, hi)
		}
		s.open = hi
	case isolated:
		s.dst = text(s.dst, lo, hi)
		s.open = hi
	case contiguous:
		if delimiter != s.delimiter {
			s.dst = text(s.dst, s.open, lo)
			s.open = lo
		}
	case mergedWithPrevious:
		if delimiter && !s.delimiter {
			s.dst = text(s.dst, s.open, hi)
			s.open = hi
		} else {
			s.dst = text(s.dst, s.open, lo)
			s.open = lo
		}
	case mergedWithNext:
		if delimiter {
			s.dst = text(s.dst, s.open, lo)
			s.open = lo
		}
	}
	s.delimiter = delimiter
}

// classSplit has the characters of a class as delimiters.
type classSplit struct {
	class    func(rune) bool
	behavior behavior
}

func (c classSplit) split(w *work) {
	w.each(func(dst []piece, b []byte, p piece) []piece {
		s := splitter{dst: dst, behavior: c.behavior, open: p.lo}
		from := p.lo
		for i := p.lo; i < p.hi; {
			r, size := rune(b[i]), 1
			if r >= utf8.RuneSelf {
				r, size = utf8.DecodeRune(b[i:p.hi])
			}
			if c.class(r) {
				s.part(from, i, false)
				s.part(i, i+size, true)
				from = i + size
			}
			i += size
		}
		s.part(from, p.hi, false)
		return text(s.dst, s.open, p.hi)
	})
}

// patternSplit has the matches of a pattern as delimiters, or what lies between
// them.
type patternSplit struct {
	re       *regexp.Regexp
	behavior behavior
	invert   bool
}

func (c patternSplit) split(w *work) {
	w.each(func(dst []piece, b []byte, p piece) []piece {
		s := splitter{dst: dst, behavior: c.behavior, open: p.lo}
		at := p.lo
		for _, m := range c.re.FindAllIndex(b[p.lo:p.hi], -1) {
			s.part(at, p.lo+m[0], c.invert)
			s.part(p.lo+m[0], p.lo+m[1], !c.invert)
			at = p.lo + m[1]
		}
		s.part(at, p.hi, c.invert)
		return text(s.dst, s.open, p.hi)
	})
}

// byteLevel is the splitting of GPT-2. The library also replaces each byte by a
// printable character here; our BPE works on the bytes themselves.
type byteLevel struct {
	prefix  bool // a text that does not begin with a space gets one
	pattern bool
}

func (l byteLevel) split(w *work) {
	if l.prefix {
		w.rewrite(func(dst, src *buffer, p piece) {
			if src.b[p.lo] != ' ' {
				dst.put(' ', src.start[p.lo], src.end[p.lo])
			}
			dst.copy(src, p.lo, p.hi)
		})
	}
	if !l.pattern {
		return
	}
	w.each(func(dst []piece, b []byte, p piece) []piece {
		for i := p.lo; i < p.hi; {
			n := gptWord(b[i:p.hi])
			dst = append(dst, piece{i, i + n, -1})
			i += n
		}
		return dst
	})
}

// gptWord returns the size of the first match of the pattern of GPT-2,
//
//	's|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+
//
// in b, which is not empty. Every text is a sequence of matches.
func gptWord(b []byte) int {
	if b[0] == '\'' {
		for _, s := range [...]string{"s", "t", "re", "ve", "m", "ll", "d"} {
			if strings.HasPrefix(string(b[1:min(3, len(b))]), s) {
				return 1 + len(s)
			}
		}
	}
	i := 0
	if b[0] == ' ' {
		i = 1
	}
	if i < len(b) {
		r, _ := utf8.DecodeRune(b[i:])
		if c := classOf(r); c != classSpace {
			return i + run(b[i:], c)
		}
	}
	n := run(b, classSpace)
	if n == len(b) {
		return n
	}
	// The last space of several belongs to the word after them.
	if _, last := utf8.DecodeLastRune(b[:n]); last < n {
		return n - last
	}
	return n
}

type class uint8

const (
	classOther class = iota
	classSpace
	classLetter
	classNumber
)

func classOf(r rune) class {
	switch {
	case isLetter(r):
		return classLetter
	case isNumber(r):
		return classNumber
	case unicode.IsSpace(r):
		return classSpace
	}
	return classOther
}

// run returns the size of the characters of class c that b begins with.
func run(b []byte, c class) int {
	i := 0
	for i < len(b) {
		r, size := utf8.DecodeRune(b[i:])
		if classOf(r) != c {
			break
		}
		i += size
	}
	return i
}

// scheme says which texts get a metaspace in front.
type scheme uint8

const (
	prependAlways scheme = iota
	prependFirst         // those at the start of the original text
	prependNever
)

// metaspace makes spaces visible, and splits before each.
type metaspace struct {
	replacement string // usually U+2581
	scheme      scheme
	cut         bool
}

func (m metaspace) split(w *work) {
	w.rewrite(func(dst, src *buffer, p piece) {
		b := src.b[p.lo:p.hi]
		starts := b[0] == ' ' || strings.HasPrefix(string(b[:min(len(b), len(m.replacement))]), m.replacement)
		if !starts && (m.scheme == prependAlways || m.scheme == prependFirst && src.start[p.lo] == 0) {
			dst.insert(m.replacement, src.start[p.lo], src.end[p.lo])
		}
		from := p.lo
		for i := p.lo; i < p.hi; i++ {
			if src.b[i] == ' ' {
				dst.copy(src, from, i)
				dst.insert(m.replacement, src.start[i], src.end[i])
				from = i + 1
			}
		}
		dst.copy(src, from, p.hi)
	})
	if !m.cut {
		return
	}
	w.each(func(dst []piece, b []byte, p piece) []piece {
		from := p.lo
		for i := p.lo; i < p.hi; i++ {
			if b[i] == m.replacement[0] && strings.HasPrefix(string(b[i:min(p.hi, i+len(m.replacement))]), m.replacement) {
				dst = text(dst, from, i)
				from = i
			}
		}
		return text(dst, from, p.hi)
	})
}
