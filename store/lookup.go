package store

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"sort"
)

// Bucket lookup leads from words to codes without holding the words a second
// time: the top 10 bits of a word's hash are the key, the next 8 its tag among
// the words with that key, and candidates are compared with bucket words. A
// value is
//
//	width, a tag for each word, a code for each word (width bytes,
//	little-endian, width the least that holds the greatest), both in the order
//	of (tag, code)
const (
	lookupBits = 10
	tagBits    = 8
)

// hashWord returns the hash of a word: FNV-1a of 32 bits (Fowler, Noll, Vo),
// which is good in its low bits, mixed by the end of MurmurHash3 (Appleby),
// because the high ones are used here. It is part of the format.
func hashWord(word string) uint32 {
	h := uint32(2166136261)
	for i := range len(word) {
		h = (h ^ uint32(word[i])) * 16777619
	}
	h = (h ^ h>>16) * 0x85ebca6b
	h = (h ^ h>>13) * 0xc2b2ae35
	return h ^ h>>16
}

// lookupPlace returns the key and the tag of word.
func lookupPlace(word string) (no uint16, tag byte) {
	h := hashWord(word)
	return uint16(h >> (32 - lookupBits)), byte(h >> (32 - lookupBits - tagBits))
}

func lookupKey(no uint16) (k [2]byte) {
	binary.BigEndian.PutUint16(k[:], no)
	return k
}

// lookupBlock is a view of one value.
type lookupBlock struct {
	width int
	tags  []byte
	codes []byte
}

// parseLookup checks all but the order, which find does not need to be safe.
func parseLookup(value []byte) (lookupBlock, error) {
	if len(value) == 0 || value[0] < 1 || value[0] > 4 {
		return lookupBlock{}, damaged("bad width of codes")
	}
	w := int(value[0])
	n, rest := (len(value)-1)/(1+w), (len(value)-1)%(1+w)
	if n == 0 || rest != 0 {
		return lookupBlock{}, damaged("%d bytes are no list of codes of %d bytes", len(value), w)
	}
	return lookupBlock{width: w, tags: value[1 : 1+n], codes: value[1+n:]}, nil
}

// lookup reads block no, which is empty if it is not there.
func (tx *Tx) lookup(no uint16) (lookupBlock, error) {
	key := lookupKey(no)
	value, err := tx.Get(Lookup, key[:])
	if err != nil || value == nil {
		return lookupBlock{}, err
	}
	b, err := parseLookup(value)
	if err != nil {
		return lookupBlock{}, damagedAt(Lookup, key[:], err)
	}
	return b, nil
}

// find returns the range of entries with the given tag.
func (b *lookupBlock) find(tag byte) (from, to int) {
	from = bytes.IndexByte(b.tags, tag)
	if from < 0 {
		return 0, 0
	}
	for to = from + 1; to < len(b.tags) && b.tags[to] == tag; {
		to++
	}
	return from, to
}

// code returns the code of entry i.
func (b *lookupBlock) code(i int) Code {
	var c [4]byte
	copy(c[:], b.codes[i*b.width:(i+1)*b.width])
	return Code(binary.LittleEndian.Uint32(c[:]))
}

// lookupEntry is an entry of a block being built.
type lookupEntry struct {
	tag  byte
	code Code
}

func encodeLookup(entries []lookupEntry) []byte {
	width, most := 1, Code(0)
	for _, e := range entries {
		most = max(most, e.code)
	}
	for width < 4 && most >= 1<<(8*width) {
		width++
	}
	b := make([]byte, 1, 1+len(entries)*(1+width))
	b[0] = byte(width)
	for _, e := range entries {
		b = append(b, e.tag)
	}
	for _, e := range entries {
		var c [4]byte
		binary.LittleEndian.PutUint32(c[:], uint32(e.code))
		b = append(b, c[:width]...)
	}
	return b
}

// addLookup enters words with the codes from first on.
func (tx *Tx) addLookup(first Code, words []string) error {
	type place struct {
		no  uint16
		tag byte
		at  int // in words
	}
	places := make([]place, len(words))
	for i := range words {
		no, tag := lookupPlace(words[i])
		places[i] = place{no, tag, i}
	}
	slices.SortFunc(places, func(a, b place) int {
		if a.no != b.no {
			return int(a.no) - int(b.no)
		}
		return a.at - b.at
	})
	reader := tx.WordReader()
	for len(places) > 0 {
		no := places[0].no
		n := sort.Search(len(places), func(i int) bool { return places[i].no > no })
		old, err := tx.lookup(no)
		if err != nil {
			return err
		}
		entries := make([]lookupEntry, 0, len(old.tags)+n)
		for i, tag := range old.tags {
			entries = append(entries, lookupEntry{tag, old.code(i)})
		}
		for _, p := range places[:n] {
			word := words[p.at]
			for _, e := range entries {
				if e.tag != p.tag {
					continue
				}
				known := ""
				if e.code >= first {
					known = words[e.code-first]
				} else if text, err := reader.Word(e.code); err != nil {
					return err
				} else {
					known = string(text)
				}
				if known == word {
					return fmt.Errorf("store: word %q already has code %d", word, e.code)
				}
			}
			entries = append(entries, lookupEntry{p.tag, first + Code(p.at)})
		}
		slices.SortFunc(entries, func(a, b lookupEntry) int {
			if a.tag != b.tag {
				return int(a.tag) - int(b.tag)
			}
			return int(int64(a.code) - int64(b.code))
		})
		key := lookupKey(no)
		if err := tx.Put(Lookup, key[:], encodeLookup(entries)); err != nil {
			return err
		}
		places = places[n:]
	}
	return nil
}

// check checks that entries are in order.
func (b *lookupBlock) check() error {
	for i := 1; i < len(b.tags); i++ {
		if b.tags[i-1] > b.tags[i] || b.tags[i-1] == b.tags[i] && b.code(i-1) >= b.code(i) {
			return damaged("entries %d and %d are out of order", i-1, i)
		}
	}
	return nil
}
