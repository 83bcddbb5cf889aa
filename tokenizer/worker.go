package tokenizer

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// maxKnown and maxKnownBytes bound the pieces that a worker remembers from one
// batch to the next.
const (
	maxKnown      = 1 << 16
	maxKnownBytes = 2 << 20
)

// worker does the work of one call at a time and remembers how it has cut pieces
// of Chinese text.
//
// A piece is what lies between two places that no word of the dictionary crosses.
// The most probable cut of a text is that of its pieces one by one, so each
// distinct piece is cut once.
type worker struct {
	t *Tokenizer

	known      map[string]int32 // number of a piece
	knownBytes int
	cuts       []pieceCuts // by number
	novel      []string    // pieces that gse has still to cut, the last ones of cuts
	words      gathered    // the dictionary words in them

	plan    []planned // the pieces of the texts of a batch, in order
	planned int       // how many of them are emitted

	learner learner // Perceptron

	run   run // the run of Han characters being looked at
	spare []Token
	buf   []byte
}

// planned is one piece of a text: its length in characters and the number of its
// cuts, noCuts if it is one word.
type planned struct {
	chars, cuts int32
}

const noCuts = -1

// oneWord reports whether the run's characters from to to, a piece, are one word
// in every case: one character, or a single word of the dictionary that spans
// the piece and no other of two characters or more. gse counts single characters
// with frequency 2 of some 60 million, so that the rarest word is more probable
// than two of them; only a user's single characters may have more.
func (r *run) oneWord(from, to int) bool {
	if to == from+1 {
		return true
	}
	long := 0
	for _, m := range r.found {
		if m.To > m.From+1 {
			long++
		} else if m.Source == fromUser {
			return false
		}
	}
	return long == 1
}

// pieceCuts says at which characters of a piece a word starts: bit i-1 is
// character i. Longer pieces use the slice.
type pieceCuts struct {
	bits uint64
	long []uint64
}

func (c *pieceCuts) set(i int) {
	if c.long != nil {
		c.long[(i-1)/64] |= 1 << ((i - 1) % 64)
		return
	}
	c.bits |= 1 << (i - 1)
}

func (c *pieceCuts) at(i int) bool {
	if c.long != nil {
		return c.long[(i-1)/64]>>((i-1)%64)&1 != 0
	}
	return c.bits>>(i-1)&1 != 0
}

// newCuts returns the cuts of a piece of n characters.
func newCuts(n int) pieceCuts {
	if n <= 65 {
		return pieceCuts{}
	}
	return pieceCuts{long: make([]uint64, (n+63)/64)}
}

// batch appends the tokens of all texts to dst. If ends is nil, parents count
// from the start of dst; else each text counts for itself, and ends receives
// where it ends in dst.
func (w *worker) batch(dst []Token, texts []string, ends *[]int) []Token {
	if len(w.known) > maxKnown || w.knownBytes > maxKnownBytes {
		w.known, w.cuts, w.knownBytes = nil, nil, 0
	}
	w.plan, w.planned = w.plan[:0], 0
	scans := make([]scanner, len(texts))
	for i, text := range texts {
		s := &scans[i]
		*s = scanner{w: w, src: text, folded: FoldMap(text)}
		s.at.edits = s.folded.edits
		s.text = s.folded.Text
		s.changed = s.text != s.src
		if w.t.usesGSE() && mayHaveHan(s.text) {
			s.dry = true
			s.run()
			s.dry, s.noMail, s.noPath = false, 0, 0
		}
	}
	w.cutNovel()
	for i := range scans {
		s := &scans[i]
		from := len(dst)
		s.dst = slices.Grow(dst, len(s.text)/5+1)
		if ends != nil {
			s.base = from
		}
		s.run()
		dst = w.restore(s.dst, from, s.base, &s.folded)
		if ends != nil {
			*ends = append(*ends, len(dst))
		}
		*s = scanner{}
	}
	return dst
}

// usesGSE reports whether the mode cuts Chinese with gse.
func (t *Tokenizer) usesGSE() bool { return t.mode <= Search }

// mayHaveHan reports whether text has bytes that Han characters start with.
func mayHaveHan(text string) bool {
	for i := range len(text) {
		if c := text[i]; c >= 0xE3 && c <= 0xE9 || c >= 0xEF {
			return true
		}
	}
	return false
}

// number returns the number of the cuts of the characters from to to of the run.
// If the piece is new, the words found in it are gathered for gse.
func (w *worker) number(from, to int) int32 {
	if w.run.oneWord(from, to) {
		return noCuts
	}
	text := w.run.text[w.run.at[from]:w.run.at[to]]
	if i, ok := w.known[text]; ok {
		return i
	}
	if w.known == nil {
		w.known = make(map[string]int32)
	}
	text = strings.Clone(text)
	i := int32(len(w.cuts))
	w.known[text] = i
	w.knownBytes += len(text)
	w.cuts = append(w.cuts, newCuts(to-from))
	w.novel = append(w.novel, text)
	w.words.add(w.t, &w.run)
	return i
}

// cutNovel lets gse cut the new pieces.
func (w *worker) cutNovel() {
	if len(w.novel) == 0 {
		return
	}
	seg := w.words.segmenter(w.t)
	first := len(w.cuts) - len(w.novel)
	for i, text := range w.novel {
		w.buf = append(w.buf[:0], text...)
		char, at := 0, 0
		for _, s := range seg.Segment(w.buf) {
			if s.Start() > 0 {
				char += utf8.RuneCountInString(text[at:s.Start()])
				at = s.Start()
				w.cuts[first+i].set(char)
			}
		}
	}
	w.novel = w.novel[:0]
}

// restore turns the spans of dst[from:], which are those of the folded text, into
// spans of the original. Tokens that meet inside a unit that folding keeps
// together become parts of one token.
func (w *worker) restore(dst []Token, from, base int, f *Folded) []Token {
	if len(f.edits) == 0 {
		return dst
	}
	w.spare = append(w.spare[:0], dst[from:]...)
	dst = dst[:from]
	tokens := w.spare
	c := cursor{edits: f.edits}
	for i := 0; i < len(tokens); {
		j, primaries := i, 0
		for {
			last := &tokens[j]
			primaries++
			j++
			for j < len(tokens) && !tokens[j].Primary() {
				j++
			}
			if j == len(tokens) || !c.seek(last.End) {
				break
			}
		}
		group := tokens[i:j]
		parent := int32(len(dst) - base)
		if primaries > 1 {
			last := i
			for k := i; k < j; k++ {
				if tokens[k].Primary() {
					last = k
				}
			}
			start, end := group[0].Start, tokens[last].End
			text := f.Text[start:end]
			kind := kindOf(text)
			span := c.original(start, end)
			dst = append(dst, Token{Word: text, Start: span.Start, End: span.End, Kind: kind, POS: w.t.pos(text, kind), Parent: -1})
		}
		for _, tok := range group {
			if primaries > 1 && !tok.Kind.Counts() {
				continue
			}
			span := c.original(tok.Start, tok.End)
			tok.Start, tok.End = span.Start, span.End
			if primaries > 1 || !tok.Primary() {
				tok.Parent = parent
			}
			dst = append(dst, tok)
		}
		i = j
	}
	clear(w.spare)
	return dst
}
