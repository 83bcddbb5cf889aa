package subword

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// normalizer rewrites src into dst, which is empty, and reports whether it did:
// false means that src is to be kept. Implementations keep no state.
type normalizer interface {
	normalize(dst, src *buffer) bool
}

// normalizers is a Sequence without its nesting.
type normalizers []normalizer

// run leaves the normalized text in *cur; *next is scratch.
func (n normalizers) run(cur, next *buffer) {
	for _, step := range n {
		next.reset()
		if len(cur.b) > 0 && step.normalize(next, cur) {
			*cur, *next = *next, *cur
		}
	}
}

// parseNormalizer returns the steps of a normalizer block, none for null.
func parseNormalizer(raw []byte, depth int) (normalizers, error) {
	if isNull(raw) {
		return nil, nil
	}
	if depth > maxDepth {
		return nil, fmt.Errorf("%w: normalizer nested too deeply", ErrFormat)
	}
	var spec struct {
		Type               string            `json:"type"`
		Normalizers        []json.RawMessage `json:"normalizers"`
		CleanText          bool              `json:"clean_text"`
		HandleChineseChars bool              `json:"handle_chinese_chars"`
		StripAccents       *bool             `json:"strip_accents"`
		Lowercase          bool              `json:"lowercase"`
		StripLeft          bool              `json:"strip_left"`
		StripRight         bool              `json:"strip_right"`
		Pattern            pattern           `json:"pattern"`
		Content            string            `json:"content"`
		Prepend            string            `json:"prepend"`
		Charsmap           []byte            `json:"precompiled_charsmap"`
	}
	if err := json.Unmarshal(raw, &spec); err != nil {
		return nil, fmt.Errorf("%w: normalizer: %w", ErrFormat, err)
	}
	switch spec.Type {
	case "Sequence":
		var out normalizers
		for _, raw := range spec.Normalizers {
			n, err := parseNormalizer(raw, depth+1)
			if err != nil {
				return nil, err
			}
			out = append(out, n...)
		}
		return out, nil
	case "BertNormalizer":
		n := bertNormalizer{clean: spec.CleanText, han: spec.HandleChineseChars, lower: spec.Lowercase, accents: spec.Lowercase}
		if spec.StripAccents != nil {
			n.accents = *spec.StripAccents
		}
		return normalizers{n}, nil
	case "NFC":
		return normalizers{normalForm{norm.NFD, true}}, nil
	case "NFD":
		return normalizers{normalForm{norm.NFD, false}}, nil
	case "NFKC":
		return normalizers{normalForm{norm.NFKD, true}}, nil
	case "NFKD":
		return normalizers{normalForm{norm.NFKD, false}}, nil
	case "Lowercase":
		return normalizers{lowercase{}}, nil
	case "StripAccents":
		return normalizers{stripMarks{unicode.IsMark}}, nil
	case "Strip":
		return normalizers{strip{spec.StripLeft, spec.StripRight}}, nil
	case "Replace":
		re, err := spec.Pattern.compile()
		if err != nil {
			return nil, err
		}
		return normalizers{replace{re, spec.Content}}, nil
	case "Prepend":
		return normalizers{prepend{spec.Prepend}}, nil
	case "Precompiled":
		if len(spec.Charsmap) == 0 { // a SentencePiece model with the identity rule
			return nil, nil
		}
		m, err := parseCharsmap(spec.Charsmap)
		if err != nil {
			return nil, err
		}
		return normalizers{m}, nil
	}
	return nil, fmt.Errorf("%w: normalizer %q", ErrUnsupported, spec.Type)
}

func isNull(raw []byte) bool { return len(raw) == 0 || string(raw) == "null" }

// pattern is {"String": …} or {"Regex": …}.
type pattern struct {
	String *string
	Regex  *string
}

func (p pattern) compile() (*regexp.Regexp, error) {
	switch {
	case p.String != nil && *p.String != "":
		return regexp.MustCompile(regexp.QuoteMeta(*p.String)), nil
	case p.Regex != nil:
		// The library uses Oniguruma. Patterns with look-around, which Go
		// cannot run, are refused here.
		re, err := regexp.Compile(*p.Regex)
		if err != nil {
			return nil, fmt.Errorf("%w: pattern: %w", ErrUnsupported, err)
		}
		return re, nil
	}
	return nil, fmt.Errorf("%w: pattern without a String or Regex", ErrFormat)
}

// bertNormalizer cleans, sets Chinese characters off with spaces, strips
// accents and lower-cases, in this order, in one pass: each step looks at one
// character only, and each character keeps the span it came with.
type bertNormalizer struct {
	clean, han, accents, lower bool
}

func (n bertNormalizer) normalize(dst, src *buffer) bool {
	if n.accents && hasSpacingMark(src.b) {
		steps := normalizers{bertNormalizer{clean: n.clean, han: n.han}, normalForm{norm.NFD, false}, stripMarks{isAccent}}
		if n.lower {
			steps = append(steps, lowercase{})
		}
		steps.run(src, dst)
		return false
	}
	for i := 0; i < len(src.b); {
		r, size := rune(src.b[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRune(src.b[i:])
		}
		start, end := src.start[i], src.end[i]
		i += size
		if n.clean {
			if isDropped(r) {
				continue
			}
			if unicode.IsSpace(r) {
				r = ' '
			}
		}
		switch {
		case n.han && isHan(r):
			dst.put(' ', start, end)
			// The compatibility ideographs among these decompose.
			n.unaccented(dst, r, start, end)
			dst.put(' ', start, end)
		default:
			n.unaccented(dst, r, start, end)
		}
	}
	return true
}

func (n bertNormalizer) unaccented(dst *buffer, r rune, start, end int32) {
	if !n.accents || r < 0xc0 || 0x3400 <= r && r < 0xa66f {
		n.lowered(dst, r, start, end)
		return
	}
	var pieces [maxDecomposed]rune
	for _, d := range decompose(pieces[:0], r, norm.NFD) {
		if !isAccent(d) {
			n.lowered(dst, d, start, end)
		}
	}
}

func (n bertNormalizer) lowered(dst *buffer, r rune, start, end int32) {
	if n.lower {
		first, second := lower(r)
		r = first
		if second != 0 {
			dst.put(first, start, end)
			r = second
		}
	}
	if r < utf8.RuneSelf {
		dst.b = append(dst.b, byte(r))
		dst.start = append(dst.start, start)
		dst.end = append(dst.end, end)
		return
	}
	dst.put(r, start, end)
}

// hasSpacingMark reports whether b holds one of the few marks that are not
// stripped and yet change places with others in canonical order, so that the
// text has to be put in that order: Hangul tone marks, Vietnamese reading
// marks, and the stems and flags of musical notes. All characters of the blocks
// that hold them count.
func hasSpacingMark(b []byte) bool {
	return bytes.Contains(b, []byte("\u302e")) || bytes.Contains(b, []byte("\u302f")) ||
		bytes.Contains(b, []byte("\U00016ff0")[:3]) || bytes.Contains(b, []byte("\U0001d165")[:3])
}

type lowercase struct{}

func (lowercase) normalize(dst, src *buffer) bool {
	bertNormalizer{lower: true}.normalize(dst, src)
	return true
}

// stripMarks drops the characters of a class of marks.
type stripMarks struct{ class func(rune) bool }

func (n stripMarks) normalize(dst, src *buffer) bool {
	for i := 0; i < len(src.b); {
		r, size := utf8.DecodeRune(src.b[i:])
		if !n.class(r) {
			dst.copy(src, i, i+size)
		}
		i += size
	}
	return true
}

// strip drops white space at the ends.
type strip struct{ left, right bool }

func (s strip) normalize(dst, src *buffer) bool {
	lo, hi := 0, len(src.b)
	for s.left && lo < hi {
		r, size := utf8.DecodeRune(src.b[lo:])
		if !unicode.IsSpace(r) {
			break
		}
		lo += size
	}
	for s.right && lo < hi {
		r, size := utf8.DecodeLastRune(src.b[:hi])
		if !unicode.IsSpace(r) {
			break
		}
		hi -= size
	}
	dst.copy(src, lo, hi)
	return true
}

// replace puts content in the place of each match.
type replace struct {
	re      *regexp.Regexp
	content string
}

func (p replace) normalize(dst, src *buffer) bool {
	at := 0
	for _, m := range p.re.FindAllIndex(src.b, -1) {
		if m[0] == m[1] {
			continue // the library's matches are never empty
		}
		dst.copy(src, at, m[0])
		dst.insert(p.content, src.start[m[1]-1], src.end[m[1]-1])
		at = m[1]
	}
	dst.copy(src, at, len(src.b))
	return true
}

// insert appends text whose characters all stand for the span from start to end.
func (b *buffer) insert(text string, start, end int32) {
	for _, r := range text {
		b.put(r, start, end)
	}
}

// prepend puts content before a text that is not empty.
type prepend struct{ content string }

func (p prepend) normalize(dst, src *buffer) bool {
	dst.insert(p.content, src.start[0], src.end[0])
	dst.copy(src, 0, len(src.b))
	return true
}
