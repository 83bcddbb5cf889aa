package subword

import "unicode/utf8"

// buffer is a text on its way through the normalizers, with the place in the
// original that each of its bytes stands for.
//
// The three slices have one length. All bytes of a character carry the same
// span, which covers one or more whole characters of the original.
type buffer struct {
	b          []byte
	start, end []int32
}

func (b *buffer) reset() {
	b.b, b.start, b.end = b.b[:0], b.start[:0], b.end[:0]
}

// load fills the buffer with text, which lies at base in the original. Bytes
// that are no UTF-8 become U+FFFD, one each.
func (b *buffer) load(text string, base int) {
	b.reset()
	for i := 0; i < len(text); {
		if c := text[i]; c < utf8.RuneSelf {
			b.b = append(b.b, c)
			b.start = append(b.start, int32(base+i))
			b.end = append(b.end, int32(base+i+1))
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		b.put(r, int32(base+i), int32(base+i+n))
		i += n
	}
}

// put appends a character that stands for the span from start to end.
func (b *buffer) put(r rune, start, end int32) {
	n := len(b.b)
	b.b = utf8.AppendRune(b.b, r)
	for range len(b.b) - n {
		b.start = append(b.start, start)
		b.end = append(b.end, end)
	}
}

// copy appends the bytes lo to hi of src with their spans.
func (b *buffer) copy(src *buffer, lo, hi int) {
	b.b = append(b.b, src.b[lo:hi]...)
	b.start = append(b.start, src.start[lo:hi]...)
	b.end = append(b.end, src.end[lo:hi]...)
}

// span returns the place in the original of the bytes lo to hi, lo < hi.
func (b *buffer) span(lo, hi int) (start, end int) {
	return int(b.start[lo]), int(b.end[hi-1])
}

// rewriter replaces a text character by character as the library does it: each
// new character says how many old ones it uses up, and takes the span of the
// first of these. The span of a character that comes out of two is therefore
// that of the first alone.
type rewriter struct {
	src, dst *buffer
	at       int // next byte of src
}

// skip uses up n characters without writing any.
func (w *rewriter) skip(n int) {
	for ; n > 0 && w.at < len(w.src.b); n-- {
		_, size := utf8.DecodeRune(w.src.b[w.at:])
		w.at += size
	}
}

// put writes r. change is 0 if r replaces the next character, -n if it replaces
// that and n more, and positive if it was put in between and uses up none.
func (w *rewriter) put(r rune, change int) {
	i := w.at
	if change > 0 {
		i--
	}
	// Neither end is ever passed but by a character map that drops the first
	// character of a text: the library is one off from there on, up to the end.
	i = max(min(i, len(w.src.b)-1), 0)
	w.dst.put(r, w.src.start[i], w.src.end[i])
	if change <= 0 {
		w.skip(1 - change)
	}
}
