package subword

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"

	"github.com/rivo/uniseg"
)

// charsmap is the Precompiled normalizer, SentencePiece's table of character
// replacements: a double-array trie (Darts) from UTF-8 sequences to places in a
// list of strings that end with a zero byte.
//
//	uint32 LE          size of the trie in bytes
//	n x uint32 LE      units of the trie
//	rest               the strings
//
// A unit holds: bits 0-7 its label, bit 8 whether a key ends at its children,
// bits 10-30 the offset to these, shifted by 8 more if bit 9 is set; bit 31 marks
// a value, which fills the other bits.
type charsmap struct {
	units   []uint32
	strings []byte
}

func parseCharsmap(data []byte) (*charsmap, error) {
	if len(data) < 4 {
		return nil, fmt.Errorf("%w: character map of %d bytes", ErrFormat, len(data))
	}
	size := binary.LittleEndian.Uint32(data)
	if size%4 != 0 || uint64(size) > uint64(len(data)-4) || size == 0 {
		return nil, fmt.Errorf("%w: character map claims a trie of %d bytes in %d", ErrFormat, size, len(data))
	}
	m := &charsmap{units: make([]uint32, size/4), strings: data[4+size:]}
	for i := range m.units {
		m.units[i] = binary.LittleEndian.Uint32(data[4+4*i:])
	}
	return m, nil
}

// find returns what the shortest key that begins key is replaced by. The
// library takes the shortest one too, so a grapheme of a letter with two marks
// is replaced by what stands for the letter with the first.
func (m *charsmap) find(key []byte) ([]byte, bool) {
	node := childrenOf(m.units[0])
	for _, c := range key {
		node ^= uint32(c)
		if c == 0 || uint64(node) >= uint64(len(m.units)) {
			return nil, false
		}
		unit := m.units[node]
		if unit&(1<<31|0xff) != uint32(c) {
			return nil, false
		}
		node ^= childrenOf(unit)
		if unit>>8&1 == 0 {
			continue
		}
		if uint64(node) >= uint64(len(m.units)) {
			return nil, false
		}
		value := m.units[node] &^ (1 << 31)
		if uint64(value) > uint64(len(m.strings)) {
			return nil, false
		}
		s := m.strings[value:]
		for i, c := range s {
			if c == 0 {
				return s[:i], true
			}
		}
		return s, true
	}
	return nil, false
}

func childrenOf(unit uint32) uint32 { return unit >> 10 << (unit & (1 << 9) >> 6) }

// maxGrapheme is the size from which on a grapheme is looked up character by
// character.
const maxGrapheme = 6

// normalize looks each grapheme up, and then its characters.
func (m *charsmap) normalize(dst, src *buffer) bool {
	var text []change
	modified := false
	b := src.b
	for len(b) > 0 {
		n := graphemeLen(b)
		if n < maxGrapheme {
			if s, ok := m.find(b[:n]); ok {
				text = replaceWith(text, utf8.RuneCount(b[:n]), s)
				modified = true
				b = b[n:]
				continue
			}
		}
		for i := 0; i < n; {
			r, size := utf8.DecodeRune(b[i:])
			if s, ok := m.find(b[i : i+size]); ok {
				text = replaceWith(text, 1, s)
				modified = true
			} else {
				text = append(text, change{r: r})
			}
			i += size
		}
		b = b[n:]
	}
	if !modified {
		return false
	}
	w := rewriter{src: src, dst: dst}
	for _, c := range text {
		w.put(c.r, int(c.n))
	}
	return true
}

// replaceWith appends s in the place of n characters. What is dropped counts as
// part of the last character before it, if there is one.
func replaceWith(text []change, n int, s []byte) []change {
	before := len(text)
	for len(s) > 0 {
		r, size := utf8.DecodeRune(s)
		text = append(text, change{r: r})
		s = s[size:]
	}
	added := len(text) - before - n
	for i := len(text) - 1; i >= len(text)-added; i-- {
		text[i].n = 1
	}
	if added < 0 && len(text) > 0 {
		text[len(text)-1].n += int32(added)
	}
	return text
}

// graphemeLen returns the size of the first grapheme cluster of b. Rules about
// clusters are asked only where one of the two characters could join others.
func graphemeLen(b []byte) int {
	r, size := utf8.DecodeRune(b)
	if stands(r) {
		if size == len(b) {
			return size
		}
		if next, _ := utf8.DecodeRune(b[size:]); stands(next) {
			return size
		}
	}
	cluster, _, _, _ := uniseg.FirstGraphemeCluster(b, -1)
	return len(cluster)
}

// stands reports whether r is one of the common characters that form a cluster
// with no neighbour of their own kind.
func stands(r rune) bool {
	return ' ' <= r && r <= '~' || 0x4e00 <= r && r <= 0x9fff || 0x3001 <= r && r <= 0x3029 ||
		0x3041 <= r && r <= 0x3096 || 0x30a1 <= r && r <= 0x30fa || 0xff01 <= r && r <= 0xff5e
}
