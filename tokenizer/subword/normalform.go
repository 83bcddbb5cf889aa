package subword

import (
	"slices"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// maxDecomposed is more than the longest decomposition, 18 characters (U+FDFA).
const maxDecomposed = 24

// decompose appends the full decomposition of r, r itself if it has none. form
// is NFD or NFKD.
func decompose(dst []rune, r rune, form norm.Form) []rune {
	const (
		base            = 0xac00
		leads, vs, ts   = 0x1100, 0x1161, 0x11a7
		vowels, trails  = 21, 28
		syllables       = 19 * vowels * trails
		latinSupplement = 0xa0
	)
	if r < latinSupplement {
		return append(dst, r)
	}
	if s := r - base; s >= 0 && s < syllables {
		dst = append(dst, leads+s/(vowels*trails), vs+s%(vowels*trails)/trails)
		if t := s % trails; t != 0 {
			dst = append(dst, ts+t)
		}
		return dst
	}
	if r == newComposite || form == norm.NFKD && newCompat.has(r) {
		return append(dst, r)
	}
	var b [utf8.UTFMax]byte
	d := form.Properties(b[:utf8.EncodeRune(b[:], r)]).Decomposition()
	if d == nil {
		return append(dst, r)
	}
	for len(d) > 0 {
		c, size := utf8.DecodeRune(d)
		dst = append(dst, c)
		d = d[size:]
	}
	return dst
}

// combiningClass returns the canonical combining class of r.
func combiningClass(r rune) uint8 {
	if r < 0x300 {
		return 0
	}
	var b [utf8.UTFMax]byte
	return norm.NFD.Properties(b[:utf8.EncodeRune(b[:], r)]).CCC()
}

// compose returns the canonical composite of two characters.
func compose(a, b rune) (rune, bool) {
	if b < 0x300 {
		return 0, false
	}
	var buf [2 * utf8.UTFMax]byte
	n := utf8.EncodeRune(buf[:], a)
	m := n + utf8.EncodeRune(buf[n:], b)
	if norm.NFC.Properties(buf[n:m]).BoundaryBefore() {
		return 0, false // b never joins the character before it
	}
	c := norm.NFC.Bytes(buf[:m])
	r, size := utf8.DecodeRune(c)
	if size != len(c) || r == newComposite {
		return 0, false
	}
	// The normal form may have taken a apart and put b in between. That is
	// another composite than that of a and b.
	var whole, parts [maxDecomposed]rune
	if !slices.Equal(decompose(whole[:0], r, norm.NFD), decompose(decompose(parts[:0], a, norm.NFD), b, norm.NFD)) {
		return 0, false
	}
	return r, true
}

// change is a character of a rewritten text and how many it replaces, see
// rewriter.
type change struct {
	r     rune
	n     int32
	class uint8
}

// normalForm is one of the four normal forms: what it decomposes to, and
// whether it composes again. Package norm does not say which character came
// from which, so the algorithm is spelled out here.
//
// Source: Unicode Standard Annex 15 and section 3.11 of the standard.
type normalForm struct {
	form    norm.Form
	compose bool
}

func (n normalForm) normalize(dst, src *buffer) bool {
	if isASCII(src.b) {
		return false
	}
	text := n.decomposed(src.b)
	if n.compose {
		text = composed(text)
	}
	w := rewriter{src: src, dst: dst}
	for _, c := range text {
		w.put(c.r, int(c.n))
	}
	return true
}

func isASCII(b []byte) bool {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// decomposed returns the decomposed text in canonical order.
func (n normalForm) decomposed(b []byte) []change {
	text := make([]change, 0, len(b)/2)
	var pieces [maxDecomposed]rune
	ordered := 0 // everything before is in order
	order := func() {
		slices.SortStableFunc(text[ordered:], func(a, b change) int { return int(a.class) - int(b.class) })
		ordered = len(text)
	}
	for i := 0; i < len(b); {
		r, size := utf8.DecodeRune(b[i:])
		i += size
		for k, d := range decompose(pieces[:0], r, n.form) {
			class := combiningClass(d)
			if class == 0 {
				order()
			}
			text = append(text, change{d, int32(min(k, 1)), class})
			if class == 0 {
				ordered = len(text)
			}
		}
	}
	order()
	return text
}

// composed joins what canonical composition joins, in place.
func composed(text []change) []change {
	out := text[:0]
	starter := -1     // index in out of the character that others may join
	last := int16(-1) // class of the last character after it that did not join, -1 for none
	for _, c := range text {
		if starter >= 0 && last < int16(c.class) {
			if r, ok := compose(out[starter].r, c.r); ok {
				out[starter].r = r
				out[starter].n += c.n - 1
				continue
			}
		}
		out = append(out, c)
		if c.class == 0 {
			starter, last = len(out)-1, -1
		} else if starter >= 0 {
			last = int16(c.class)
		}
	}
	return out
}
