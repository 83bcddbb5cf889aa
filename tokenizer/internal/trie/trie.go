// Package trie is a read-only double-array trie over characters that is used in
// place: it is a string of bytes, embedded in the program or built in memory,
// and opening it reads a header of a few hundred bytes and nothing else.
//
// Bytes, all integers little-endian:
//
//	magic    4  "CYT2"
//	slots    4  number of slots
//	words    4  number of words
//	far      4  number of characters outside ASCII and U+4E00..U+9FFF
//	freqs    4  number of distinct frequencies
//	tags     4  bytes of the tag names
//	total    8  sum of the frequencies of the dictionary the words come from
//	digest   8  FNV-1a of words, frequencies and tags
//	42,112      codes (2) of U+0020..U+007F and U+4E00..U+9FFF, 0 for none
//	far    * 8  the other characters (4), ascending, and their codes (4)
//	freqs  * 4  frequencies, ascending; the first is 0 and means "no word"
//	tags        tag names, each ended by a line feed
//	slots  * 5  bits 0 to 21 base or word, 22 to 37 label, 38 set if the node has
//	            no children, 39 set if it is a word
//
// The child of node n by the character with code c is slot base(n)+c modulo
// 2^21 if that slot's label is c: no two nodes have the same base. A word is the
// index of its tag in 6 bits and that of its frequency above; it stands in the node
// itself if that has no children, else in its child by the label 0. Slot 0 is the
// root; an unused slot has the label 65535.
//
// Source: Aoe, An Efficient Digital Search Algorithm by Using a Double-Array
// Structure (1989), with whole characters as labels, so that a Chinese word of
// two characters costs two steps.
package trie

import (
	"errors"
	"fmt"
	"strings"
)

const (
	magic      = "CYT2"
	headerSize = 40
	slotSize   = 5
	farSize    = 8
	linkBits   = 21
	linkMask   = 1<<linkBits - 1
	labelShift = 22
	labelMask  = 1<<16 - 1
	noLabel    = labelMask
	tagBits    = 6
	isLeaf     = 1 << 38
	isWord     = 1 << 39

	asciiFirst = 0x20
	asciiLast  = 0x7F
	hanFirst   = 0x4E00
	hanLast    = 0x9FFF
	nearSize   = 2 * (asciiLast - asciiFirst + 1 + hanLast - hanFirst + 1)
)

// Root is the node where every word starts.
const Root Node = 0

// ErrFormat is returned when the bytes are not a trie of this package.
var ErrFormat = errors.New("trie: not a trie")

// Node is a place in the trie: the characters read so far.
type Node uint32

// Trie is a dictionary of words with a frequency and a tag each. The zero value
// has no words. It is immutable and safe for concurrent use.
type Trie struct {
	slots  string
	freqs  string
	near   string
	far    string
	n      uint32
	words  int
	total  uint64
	digest uint64
	tags   []string
}

// Open returns the trie that data holds. It keeps data and copies nothing but
// the tag names. The error wraps ErrFormat if the header and the length of data
// do not agree; the slots are not checked, and reading damaged ones gives wrong
// words but never leaves data.
func Open(data string) (Trie, error) {
	if len(data) < headerSize || data[:4] != magic {
		return Trie{}, ErrFormat
	}
	slots, words := uint64(u32(data, 4)), u32(data, 8)
	far, freqs, tags := uint64(u32(data, 12)), uint64(u32(data, 16)), uint64(u32(data, 20))
	if want := headerSize + nearSize + far*farSize + freqs*4 + tags + slots*slotSize; want != uint64(len(data)) || slots == 0 || freqs == 0 {
		return Trie{}, fmt.Errorf("%w: %d bytes where the header says %d", ErrFormat, len(data), want)
	}
	t := Trie{n: uint32(slots), words: int(words), total: u64(data, 24), digest: u64(data, 32)}
	rest := data[headerSize:]
	t.near, rest = rest[:nearSize], rest[nearSize:]
	t.far, rest = rest[:far*farSize], rest[far*farSize:]
	t.freqs, rest = rest[:freqs*4], rest[freqs*4:]
	if tags > 0 {
		t.tags = strings.Split(strings.TrimSuffix(rest[:tags], "\n"), "\n")
	}
	t.slots = rest[tags:]
	return t, nil
}

// Len returns the number of words.
func (t *Trie) Len() int { return t.words }

// Total returns the sum of the frequencies of the dictionary that the words
// come from, which may hold more words than the trie.
func (t *Trie) Total() uint64 { return t.total }

// Digest returns a hash of the words with their frequencies and tags.
func (t *Trie) Digest() uint64 { return t.digest }

// Tags returns the tag names, by index. The caller must not change them.
func (t *Trie) Tags() []string { return t.tags }

// Slots returns the number of slots: every Node is smaller.
func (t *Trie) Slots() int { return int(t.n) }

// Code returns the label of r, 0 if no word holds r.
func (t *Trie) Code(r rune) uint32 {
	if i, ok := place(r); ok {
		if len(t.near) == 0 {
			return 0
		}
		return uint32(t.near[2*i]) | uint32(t.near[2*i+1])<<8
	}
	lo, hi := 0, len(t.far)/farSize
	for lo < hi {
		m := int(uint(lo+hi) >> 1)
		if u32(t.far, m*farSize) < uint32(r) {
			lo = m + 1
		} else {
			hi = m
		}
	}
	if lo == len(t.far)/farSize || u32(t.far, lo*farSize) != uint32(r) {
		return 0
	}
	return u32(t.far, lo*farSize+4)
}

// place returns where the code of r stands in the table of near characters.
func place(r rune) (int, bool) {
	switch {
	case r >= hanFirst && r <= hanLast:
		return int(r-hanFirst) + asciiLast - asciiFirst + 1, true
	case r >= asciiFirst && r <= asciiLast:
		return int(r - asciiFirst), true
	}
	return 0, false
}

// Next returns the child of n by the character with the code c, which must not
// be 0.
func (t *Trie) Next(n Node, c uint32) (Node, bool) {
	if uint32(n) >= t.n {
		return 0, false
	}
	v := u40(t.slots, int(n)*slotSize)
	to := (uint32(v) + c) & linkMask
	if v&isLeaf != 0 || to >= t.n || uint32(u40(t.slots, int(to)*slotSize)>>labelShift)&labelMask != c {
		return 0, false
	}
	return Node(to), true
}

// Match is a word found in a row of characters.
type Match struct {
	From, To int32 // the characters of the word, To exclusive
	Node     Node
	Source   uint8 // as given to Words
}

// Words appends the words that start at codes[from], the codes of a row of
// characters, from short to long.
func (t *Trie) Words(dst []Match, codes []uint32, from int, source uint8) []Match {
	if t.n == 0 {
		return dst
	}
	v := u40(t.slots, 0)
	for i := from; i < len(codes) && v&isLeaf == 0; i++ {
		to := (uint32(v) + codes[i]) & linkMask
		if codes[i] == 0 || to >= t.n {
			break
		}
		v = u40(t.slots, int(to)*slotSize)
		if uint32(v>>labelShift)&labelMask != codes[i] {
			break
		}
		if v&isWord != 0 {
			dst = append(dst, Match{From: int32(from), To: int32(i + 1), Node: Node(to), Source: source})
		}
	}
	return dst
}

// IsWord reports whether the characters read so far are a word.
func (t *Trie) IsWord(n Node) bool {
	return u40(t.slots, int(n)*slotSize)&isWord != 0
}

// word returns the indices of the frequency and the tag of the word at n, 0 for none.
func (t *Trie) word(n Node) (freq int, tag uint8) {
	v := u40(t.slots, int(n)*slotSize)
	if v&isWord == 0 {
		return 0, 0
	}
	if v&isLeaf == 0 {
		at := uint32(v) & linkMask
		if at >= t.n {
			return 0, 0
		}
		if v = u40(t.slots, int(at)*slotSize); v>>labelShift&labelMask != 0 {
			return 0, 0
		}
	}
	return int(v >> tagBits & (1<<16 - 1)), uint8(v & (1<<tagBits - 1))
}

// Freq returns the frequency of the word at n, 0 if n is no word.
func (t *Trie) Freq(n Node) uint32 {
	i, _ := t.word(n)
	if i*4+4 > len(t.freqs) {
		return 0
	}
	return u32(t.freqs, i*4)
}

// Tag returns the index of the tag of the word at n.
func (t *Trie) Tag(n Node) uint8 {
	_, tag := t.word(n)
	return tag
}

// Find returns the node of word, if it is a word.
func (t *Trie) Find(word string) (Node, bool) {
	if t.n == 0 || word == "" {
		return 0, false
	}
	n := Root
	for _, r := range word {
		c := t.Code(r)
		if c == 0 {
			return 0, false
		}
		var ok bool
		if n, ok = t.Next(n, c); !ok {
			return 0, false
		}
	}
	return n, t.IsWord(n)
}

func u32(s string, i int) uint32 {
	s = s[i : i+4]
	return uint32(s[0]) | uint32(s[1])<<8 | uint32(s[2])<<16 | uint32(s[3])<<24
}

func u40(s string, i int) uint64 {
	s = s[i : i+5]
	return uint64(uint32(s[0])|uint32(s[1])<<8|uint32(s[2])<<16|uint32(s[3])<<24) | uint64(s[4])<<32
}

func u64(s string, i int) uint64 {
	s = s[i : i+8]
	return uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
		uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56
}
