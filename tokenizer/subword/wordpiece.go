package subword

import (
	"fmt"
	"unicode/utf8"
)

// model splits one pre-token into pieces.
type model interface {
	// tokens appends the tokens of the bytes lo to hi of the buffer, lo < hi.
	tokens(dst []Token, w *work, lo, hi int) []Token
	// id returns the id of a piece as it is written in the file.
	id(piece string) (uint32, bool)
	vocabulary() *vocab
}

// wordPiece takes the longest piece of the vocabulary again and again. A word
// of which one part is not in the vocabulary is unknown as a whole, and so is
// one of more than maxChars characters.
//
// Source: Schuster and Nakajima (2012), and BERT's tokenization.py.
type wordPiece struct {
	vocab    *vocab
	unknown  uint32
	inner    uint32 // node of the trie where pieces that continue a word begin
	hasInner bool
	maxChars int
}

// parseWordPiece makes the model of a file's vocabulary and settings.
func parseWordPiece(v *vocab, spec modelSpec) (*wordPiece, error) {
	m := &wordPiece{vocab: v, maxChars: 100}
	prefix := "##"
	if spec.Prefix != nil {
		prefix = *spec.Prefix
	}
	if spec.MaxChars != nil {
		m.maxChars = *spec.MaxChars
	}
	unknown := "[UNK]"
	if spec.Unknown != nil {
		unknown = *spec.Unknown
	}
	id := v.trie.find(unknown)
	if id < 0 {
		return nil, fmt.Errorf("%w: the unknown token %q is not in the vocabulary", ErrFormat, unknown)
	}
	m.unknown = uint32(id)
	m.inner, m.hasInner = v.trie.walk(0, prefix)
	return m, nil
}

func (m *wordPiece) vocabulary() *vocab { return m.vocab }

func (m *wordPiece) id(piece string) (uint32, bool) {
	id := m.vocab.trie.find(piece)
	return uint32(max(id, 0)), id >= 0
}

func (m *wordPiece) tokens(dst []Token, w *work, lo, hi int) []Token {
	b := w.cur.b[lo:hi]
	before := len(dst)
	if len(b) <= m.maxChars || utf8.RuneCount(b) <= m.maxChars {
		node, ok := uint32(0), true
		for at := 0; at < len(b) && ok; {
			id, size := m.vocab.trie.longest(node, b[at:])
			if id < 0 {
				ok = false
				break
			}
			start, end := w.cur.span(lo+at, lo+at+size)
			dst = append(dst, Token{uint32(id), start, end})
			at += size
			node, ok = m.inner, m.hasInner || at == len(b)
		}
		if ok {
			return dst
		}
	}
	start, end := w.cur.span(lo, hi)
	return append(dst[:before], Token{m.unknown, start, end})
}
