package tokenizer

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/go-ego/gse/hmm"
)

const (
	// maxKnown and maxKnownBytes bound the pieces that a worker remembers from
	// one batch to the next.
	maxKnown      = 1 << 16
	maxKnownBytes = 2 << 20
	// maxSingles bounds the runs of single characters that the hidden Markov
	// model gets at once: gse's takes quadratic time.
	maxSingles = 64
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

	run    run // the run of Han characters being looked at
	tokens []Token
	spare  []Token
	buf    []byte
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
	w.tokens = w.tokens[:0]
	scans := make([]scanned, len(texts))
	for i, text := range texts {
		s := scanner{w: w, src: text, folded: FoldMap(text), dst: w.tokens}
		s.text = s.folded.Text
		s.changed = s.text != s.src
		s.run()
		w.tokens = s.dst
		scans[i] = scanned{folded: s.folded, end: len(w.tokens)}
	}
	w.cutNovel()
	start := 0
	for _, s := range scans {
		base := 0
		if ends != nil {
			base = len(dst)
		}
		from := len(dst)
		dst = w.expand(dst, w.tokens[start:s.end], &s.folded, base)
		dst = w.restore(dst, from, base, &s.folded)
		if ends != nil {
			*ends = append(*ends, len(dst))
		}
		start = s.end
	}
	clear(w.tokens)
	return dst
}

// scanned is what the scanner has left of a text: its tokens end at end of all.
type scanned struct {
	folded Folded
	end    int
}

// number returns the number of the piece text, the characters from to to of the
// run. If it is new, the words found in it are gathered for gse.
func (w *worker) number(text string, from, to int) int32 {
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

// expand appends tokens to dst, with the pieces cut into words and with the
// indexes of parents, counted from base.
func (w *worker) expand(dst, tokens []Token, f *Folded, base int) []Token {
	parent := int32(0)
	singles := 0 // how many tokens at the end of dst are single characters of one run
	for i := range tokens {
		tok := &tokens[i]
		chinese := tok.Kind == piece || w.t.mode == HMM && tok.Primary() && isHan(tok.Word)
		if !chinese || len(dst) > 0 && singles > 0 && dst[len(dst)-1].End != tok.Start {
			dst, singles = w.join(dst, singles, f)
		}
		switch {
		case tok.Kind == piece:
			cuts := &w.cuts[tok.Parent]
			start, n := tok.Start, 0
			for at := range tok.Word {
				if n > 0 && cuts.at(n) {
					dst, singles = w.chinese(dst, start, tok.Start+at, f, base, singles)
					start = tok.Start + at
				}
				n++
			}
			dst, singles = w.chinese(dst, start, tok.End, f, base, singles)
		case chinese:
			dst, singles = w.chinese(dst, tok.Start, tok.End, f, base, singles)
		case tok.Primary():
			parent = int32(len(dst) - base)
			dst = append(dst, *tok)
		default:
			dst = append(dst, *tok)
			dst[len(dst)-1].Parent = parent
		}
	}
	dst, _ = w.join(dst, singles, f)
	return dst
}

// chinese appends one Chinese word, in Search mode with the words inside it, and
// counts single characters.
func (w *worker) chinese(dst []Token, start, end int, f *Folded, base, singles int) ([]Token, int) {
	text := f.Text[start:end]
	single := end-start <= 4 && utf8.RuneCountInString(text) == 1
	if !single || singles >= maxSingles {
		dst, singles = w.join(dst, singles, f)
	}
	parent := int32(len(dst) - base)
	dst = append(dst, Token{Word: text, Start: start, End: end, POS: w.t.pos(text, Word), Parent: -1})
	if single && w.t.mode == HMM {
		singles++
	}
	if w.t.mode == Search && end-start > 6 {
		dst = w.inner(dst, start, end, f, parent)
	}
	return dst, singles
}

// inner appends the dictionary words of two characters or more inside a word.
func (w *worker) inner(dst []Token, start, end int, f *Folded, parent int32) []Token {
	r := &w.run
	r.set(w.t, f.Text[start:end])
	r.find(w.t)
	slices.SortFunc(r.found, func(a, b word) int {
		return cmp.Or(cmp.Compare(a.from, b.from), cmp.Compare(b.to, a.to))
	})
	for _, found := range r.found {
		n := found.to - found.from
		if n < 2 || int(n) == len(r.codes) {
			continue
		}
		i, j := start+int(r.at[found.from]), start+int(r.at[found.to])
		text := f.Text[i:j]
		dst = append(dst, Token{Word: text, Start: i, End: j, POS: w.t.pos(text, Word), Parent: parent})
	}
	return dst
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
	for i := 0; i < len(tokens); {
		j, primaries := i, 0
		for {
			last := &tokens[j]
			primaries++
			j++
			for j < len(tokens) && !tokens[j].Primary() {
				j++
			}
			if j == len(tokens) || !f.inside(last.End) {
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
			span := f.Original(start, end)
			dst = append(dst, Token{Word: text, Start: span.Start, End: span.End, Kind: kind, POS: w.t.pos(text, kind), Parent: -1})
		}
		for _, tok := range group {
			if primaries > 1 && !tok.Kind.Counts() {
				continue
			}
			span := f.Original(tok.Start, tok.End)
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

// join replaces the single characters at the end of dst by what the hidden
// Markov model makes of them.
func (w *worker) join(dst []Token, singles int, f *Folded) ([]Token, int) {
	if singles < 2 {
		return dst, 0
	}
	first := len(dst) - singles
	start, end := dst[first].Start, dst[len(dst)-1].End
	text := f.Text[start:end]
	if w.t.known(text) {
		return dst, 0
	}
	loadHMM()
	dst = dst[:first]
	for _, word := range hmm.Cut(text) {
		at := start
		start += len(word)
		word = f.Text[at:start]
		dst = append(dst, Token{Word: word, Start: at, End: start, POS: w.t.pos(word, Word), Parent: -1})
	}
	return dst, 0
}

// loadHMM loads gse's model of Chinese characters, once.
var loadHMM = sync.OnceFunc(func() { hmm.LoadModel() })
