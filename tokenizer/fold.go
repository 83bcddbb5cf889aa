package tokenizer

import (
	_ "embed"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// foldData is written by internal/gen. Its first 8,192 bytes are a bit for each
// character below U+10000 outside the Han block: whether folding may change it,
// alone or together with the character before it. Then come two bytes for each
// character of the Han block U+3400 to U+9FFF: 0 if it stays, else what it folds
// to, or, below U+3400, 1 + the index of its entry in hanSpecial.
//
//go:embed fold.bin
var foldData string

const (
	restlessSize = 1 << 16 / 8
	hanFirst     = 0x3400
	hanLast      = 0x9FFF

	// maxMarks is how many marks are normalised together with the character that
	// they stand on. No language needs more; the limit keeps folding linear.
	maxMarks = 30
)

// hanEntry is a Han character that the table alone cannot describe.
type hanEntry struct {
	to       rune         // what it folds to
	contexts []hanContext // unless one of these says otherwise, the longest first
}

// hanContext is what a character folds to between before and after, which are
// compared with the neighbours as they fold without their own neighbours.
type hanContext struct {
	prev, next    rune // the last of before and the first of after, 0 if it is empty
	before, after string
	to            rune
}

// Folded is a text as it is compared: NFKC, lower case, traditional Chinese
// characters as simplified ones, years in Chinese characters in digits (二〇二六 is
// 2026). A typographic apostrophe between letters
// becomes ', and soft hyphens, word joiners and variation selectors behind
// another character are dropped; a byte that is not UTF-8 becomes U+FFFD.
type Folded struct {
	// Text is the folded text, valid UTF-8. It is the original string itself
	// where folding changes nothing.
	Text  string
	edits []edit
}

// edit is a unit whose length or number of characters folding has changed:
// Text[f0:f1] stands for the original bytes [o0:o1).
type edit struct {
	f0, f1, o0, o1 int
}

// Fold returns the folded text, see Folded.
func Fold(text string) string { return FoldMap(text).Text }

// FoldMap returns the folded text with the map back to the original. It takes
// linear time, and allocates nothing if folding changes nothing.
func FoldMap(text string) Folded {
	f := folder{src: text}
	f.run()
	if f.out == nil {
		return Folded{Text: text}
	}
	f.out = append(f.out, text[f.copied:]...)
	return Folded{Text: string(f.out), edits: f.edits}
}

// Original returns the bytes of the original that Text[start:end] stands for.
// Where a boundary lies inside a unit that folding keeps together, such as the
// two characters of one ligature, the whole unit is part of the span.
func (f *Folded) Original(start, end int) Span {
	c := cursor{edits: f.edits, next: sort.Search(len(f.edits), func(i int) bool { return f.edits[i].f1 > start })}
	return c.original(start, end)
}

// cursor maps boundaries of a folded text that lie close together.
type cursor struct {
	edits []edit
	next  int // the first edit that ends behind the last boundary
}

// seek moves to the boundary at and reports whether it lies inside a unit.
func (c *cursor) seek(at int) bool {
	for c.next > 0 && c.edits[c.next-1].f1 > at {
		c.next--
	}
	for c.next < len(c.edits) && c.edits[c.next].f1 <= at {
		c.next++
	}
	return c.next < len(c.edits) && c.edits[c.next].f0 < at
}

// boundary returns the boundary of the original; inside a unit it is the end of
// the unit if up, else its start.
func (c *cursor) boundary(at int, up bool) int {
	switch inside := c.seek(at); {
	case inside && up:
		return c.edits[c.next].o1
	case inside:
		return c.edits[c.next].o0
	case c.next == 0:
		return at
	}
	return at - c.edits[c.next-1].f1 + c.edits[c.next-1].o1
}

func (c *cursor) original(start, end int) Span {
	return Span{c.boundary(start, false), c.boundary(end, true)}
}

// folder walks over a text and copies only what changes.
type folder struct {
	src    string
	out    []byte // nil as long as nothing has changed
	copied int    // src[:copied] is in out
	edits  []edit
	buf    []byte
}

func (f *folder) run() {
	src := f.src
	starts := 0 // where the last character that was passed starts
	for i := 0; i < len(src); {
		c := src[i]
		if c < utf8.RuneSelf {
			if 'A' <= c && c <= 'Z' && (i+1 == len(src) || src[i+1] < utf8.RuneSelf) {
				f.flush(i)
				f.out = append(f.out, c+'a'-'A')
				f.copied = i + 1
			} else if 'A' <= c && c <= 'Z' {
				i = f.unit(i)
				starts = i
				continue
			}
			starts = i
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(src[i:])
		if (r == '一' || r == '二') && isYear(src, i) {
			i = f.year(i)
			starts = i
			continue
		}
		if r >= hanFirst && r <= hanLast {
			if v := hanValue(r); v != 0 {
				if to := hanFold(src, i, r, v); to != r {
					if next, n := utf8.DecodeRuneInString(src[i+size:]); n > 0 && continues(next, src[i+size:i+size+n]) {
						i = f.unit(i)
						starts = i
						continue
					}
					f.replace(i, i+size, to)
				}
			}
			starts = i
			i += size
			continue
		}
		if !isRestless(r, src[i:i+size]) {
			starts = i
			i += size
			continue
		}
		if continues(r, src[i:i+size]) && starts >= f.copied && starts < i {
			i = starts
		}
		i = f.unit(i)
		starts = i
	}
}

// flush copies what has not changed up to at.
func (f *folder) flush(at int) {
	if f.out == nil {
		f.out = make([]byte, 0, len(f.src)+len(f.src)/16+16)
	}
	f.out = append(f.out, f.src[f.copied:at]...)
	f.copied = at
}

// replace writes to for the one character src[start:end].
func (f *folder) replace(start, end int, to rune) {
	f.flush(start)
	at := len(f.out)
	f.out = utf8.AppendRune(f.out, to)
	f.copied = end
	if n := len(f.out) - at; n != end-start {
		f.edits = append(f.edits, edit{at, len(f.out), start, end})
	}
}

// unit folds the character at start together with the marks that follow it, and
// returns where the next one starts.
func (f *folder) unit(start int) int {
	src := f.src
	r, size := utf8.DecodeRuneInString(src[start:])
	end := start + size
	marks := 0
	for ; end < len(src) && marks < maxMarks; marks++ {
		next, n := utf8.DecodeRuneInString(src[end:])
		if next < utf8.RuneSelf || !continues(next, src[end:end+n]) {
			break
		}
		end += n
	}
	if marks == 0 {
		switch {
		case r == utf8.RuneError:
			if size == 1 {
				f.replace(start, end, utf8.RuneError)
			}
			return end
		case r >= '！' && r <= '～': // U+FF01 to U+FF5E, the full-width forms of ASCII
			r -= '！' - '!'
			if 'A' <= r && r <= 'Z' {
				r += 'a' - 'A'
			}
			f.replace(start, end, r)
			return end
		case r == '\u3000':
			f.replace(start, end, ' ')
			return end
		case r == '\u2019':
			if f.betweenLetters(start, end) {
				f.replace(start, end, '\'')
			}
			return end
		case ignorable(r):
			return end
		}
	}
	f.buf = foldUnit(f.buf[:0], src[start:end])
	if len(f.buf) == 0 || string(f.buf) == src[start:end] {
		return end
	}
	f.flush(start)
	at := len(f.out)
	f.out = append(f.out, f.buf...)
	f.copied = end
	one := marks == 0 && utf8.RuneCount(f.buf) == 1
	if !one || len(f.buf) != end-start {
		f.edits = append(f.edits, edit{at, len(f.out), start, end})
	}
	return end
}

// foldUnit appends the folded form of a character with its marks. Lower case
// comes before and after NFKC: it may make a character that composes with a mark
// (H with a macron below exists in lower case only), and NFKC may make a capital
// of a letter-like symbol.
func foldUnit(dst []byte, unit string) []byte {
	unit = strings.Map(func(r rune) rune {
		if ignorable(r) {
			return -1
		}
		return unicode.ToLower(r)
	}, unit)
	unit = norm.NFKC.String(strings.ToLower(norm.NFKC.String(unit)))
	for _, r := range unit {
		dst = utf8.AppendRune(dst, hanDefault(r))
	}
	return dst
}

// betweenLetters reports whether src[start:end] stands between two letters of an
// alphabet.
func (f *folder) betweenLetters(start, end int) bool {
	before, _ := utf8.DecodeLastRuneInString(f.src[:start])
	after, _ := utf8.DecodeRuneInString(f.src[end:])
	return classOf(unicode.ToLower(before)) == letter && classOf(unicode.ToLower(after)) == letter
}

// isRestless reports whether folding may change r, which is not Han.
func isRestless(r rune, s string) bool {
	if r < 1<<16 {
		return foldData[r>>3]>>(r&7)&1 != 0 || r == utf8.RuneError
	}
	return unicode.ToLower(r) != r || continues(r, s) || hanDefault(r) != r || !norm.NFKC.IsNormalString(s)
}

// continues reports whether r belongs to the character before it.
func continues(r rune, s string) bool {
	if r >= hanFirst && r <= hanLast || r == utf8.RuneError {
		return false
	}
	return ignorable(r) || !norm.NFKC.PropertiesString(s).BoundaryBefore()
}

// ignorable reports whether r has no meaning for search: soft hyphen, word
// joiner, byte order mark, variation selectors.
func ignorable(r rune) bool {
	switch {
	case r < 0x2060:
		return r == 0x00AD
	case r == 0x2060, r == 0xFEFF, r >= 0xFE00 && r <= 0xFE0F, r >= 0xE0100 && r <= 0xE01EF:
		return true
	}
	return false
}

// hanValue returns the table's entry of a character of the Han block.
func hanValue(r rune) uint16 {
	i := restlessSize + 2*int(r-hanFirst)
	return uint16(foldData[i]) | uint16(foldData[i+1])<<8
}

// hanDefault returns what r folds to whatever its neighbours are.
func hanDefault(r rune) rune {
	if r >= hanFirst && r <= hanLast {
		switch v := hanValue(r); {
		case v == 0:
			return r
		case v < hanFirst:
			return hanSpecial[v-1].to
		default:
			return rune(v)
		}
	}
	if r < hanFirst {
		return r
	}
	i := sort.Search(len(hanFar), func(i int) bool { return hanFar[i][0] >= r })
	if i < len(hanFar) && hanFar[i][0] == r {
		return hanFar[i][1]
	}
	return r
}

// hanFold returns what the character r at src[at:] folds to, v being its entry.
func hanFold(src string, at int, r rune, v uint16) rune {
	if v >= hanFirst {
		return rune(v)
	}
	entry := &hanSpecial[v-1]
	if len(entry.contexts) == 0 {
		return entry.to
	}
	end := at + utf8.RuneLen(r)
	prev, _ := utf8.DecodeLastRuneInString(src[:at])
	next, _ := utf8.DecodeRuneInString(src[end:])
	prev, next = hanDefault(prev), hanDefault(next)
	for i := range entry.contexts {
		c := &entry.contexts[i]
		if (c.prev == prev || c.prev == 0) && (c.next == next || c.next == 0) && matches(src, at, end, c) {
			return c.to
		}
	}
	return entry.to
}

// matches reports whether src[start:end] stands in the context.
func matches(src string, start, end int, c *hanContext) bool {
	for _, want := range c.after {
		r, size := utf8.DecodeRuneInString(src[end:])
		if size == 0 || hanDefault(r) != want {
			return false
		}
		end += size
	}
	for before := c.before; before != ""; {
		want, n := utf8.DecodeLastRuneInString(before)
		r, size := utf8.DecodeLastRuneInString(src[:start])
		if size == 0 || hanDefault(r) != want {
			return false
		}
		before = before[:len(before)-n]
		start -= size
	}
	return true
}
