package perceptron

import (
	"encoding/binary"
	"fmt"
	"unicode/utf8"
)

const (
	// TagBits is how many bits the hash of a feature has.
	TagBits = 15

	// MaxTags is how many tags a model can have.
	MaxTags = 16

	tagMagic  = "CYPT\x01\x00\x00\x00"
	tagHeader = len(tagMagic) + 2*MaxTags*MaxTags
	tagBytes  = tagHeader + MaxTags<<TagBits

	maxTagFeatures = 17
)

// Tags is a model of what words are in a sentence. It is immutable and safe for
// concurrent use.
type Tags struct {
	weights string // MaxTags signed bytes a feature
	follow  [MaxTags][MaxTags]int32
}

// OpenTags returns the model in data, which it keeps. The error wraps ErrFormat.
func OpenTags(data string) (*Tags, error) {
	if len(data) != tagBytes || data[:len(tagMagic)] != tagMagic {
		return nil, fmt.Errorf("%w of tags: %d bytes", ErrFormat, len(data))
	}
	m := &Tags{weights: data[tagHeader:]}
	at := len(tagMagic)
	for from := range m.follow {
		for to := range m.follow[from] {
			m.follow[from][to] = int32(int16(binary.LittleEndian.Uint16([]byte(data[at : at+2]))))
			at += 2
		}
	}
	return m, nil
}

// Item is a word to be tagged.
type Item struct {
	Word string // folded
	Hint uint8  // what a dictionary says of it: any number from 0 to 255
}

// Sentence is a row of words to be tagged. Its memory is used again by the next
// Set. It is not safe for concurrent use.
type Sentence struct {
	items []Item
	parts []parts
	back  [][MaxTags]uint8
	feats [maxTagFeatures]uint32
	tags  []uint8
}

// parts are hashes of a word and of its first and last characters.
type parts struct {
	word, first, last, last2 uint64
	length                   uint64
	hint                     uint64
}

// Set makes s the sentence of the items, which it keeps.
func (s *Sentence) Set(items []Item) {
	s.items = items
	s.parts = cleared(s.parts, len(items)+4)
	for i, item := range items {
		s.parts[i+2] = partsOf(item)
	}
}

func partsOf(item Item) parts {
	w := item.Word
	p := parts{word: spell(w), hint: uint64(item.Hint), length: uint64(min(utf8.RuneCountInString(w), 7))}
	r, _ := utf8.DecodeRuneInString(w)
	p.first = uint64(r)
	r, size := utf8.DecodeLastRuneInString(w)
	p.last = uint64(r)
	_, second := utf8.DecodeLastRuneInString(w[:len(w)-size])
	p.last2 = spell(w[len(w)-size-second:])
	return p
}

// spell returns 29 bits of the hash of a word (FNV-1a).
func spell(w string) uint64 {
	h := uint64(14695981039346656037)
	for i := range len(w) {
		h = (h ^ uint64(w[i])) * 1099511628211
	}
	return (h ^ h>>32) & (1<<29 - 1)
}

// features returns the features of word i, valid until the next call.
func (s *Sentence) features(i int) []uint32 {
	p := s.parts[i : i+5]
	a, b, c, d, e := &p[0], &p[1], &p[2], &p[3], &p[4]
	f := s.feats[:0]
	add := func(kind, x, y uint64) { f = append(f, hash(kind, x, y, TagBits)) }
	add(32, c.word, 0)
	add(33, b.word, 0)
	add(34, d.word, 0)
	add(39, c.first, c.length)
	add(40, c.last, c.length)
	add(41, c.last2, 0)
	add(43, c.length, c.hint)
	add(44, c.hint, b.hint)
	add(45, c.hint, d.hint)
	add(46, b.hint, d.hint)
	add(47, c.hint, d.hint<<8|b.hint)
	add(50, c.hint, a.hint<<8|b.hint)
	add(51, c.hint, d.hint<<8|e.hint)
	add(52, c.hint, d.word)
	add(53, c.hint, b.word)
	add(56, c.hint, 0)
	add(57, c.last, c.hint)
	return f
}

// Tag returns the tag of each word. The result is valid until the next call.
func (m *Tags) Tag(s *Sentence) []uint8 {
	n := len(s.items)
	s.back = cleared(s.back, n)
	var score [MaxTags]int32
	for i := range n {
		var own [MaxTags]int32
		for _, f := range s.features(i) {
			w := m.weights[f*MaxTags:][:MaxTags]
			for t := range own {
				own[t] += int32(int8(w[t]))
			}
		}
		score = s.step(i, &score, &own, &m.follow)
	}
	return s.trace(&score)
}

// step returns the best score of each tag of word i.
func (s *Sentence) step(i int, score, own *[MaxTags]int32, follow *[MaxTags][MaxTags]int32) (next [MaxTags]int32) {
	if i == 0 {
		return *own
	}
	for to := range next {
		best := score[0] + follow[0][to]
		from := 0
		for t := 1; t < MaxTags; t++ {
			if v := score[t] + follow[t][to]; v > best {
				best, from = v, t
			}
		}
		s.back[i][to] = uint8(from)
		next[to] = best + own[to]
	}
	return next
}

// trace returns the tags of the best row that ends with the given scores.
func (s *Sentence) trace(score *[MaxTags]int32) []uint8 {
	n := len(s.items)
	s.tags = cleared(s.tags, n)
	tag := uint8(0)
	for t := range score {
		if score[t] > score[tag] {
			tag = uint8(t)
		}
	}
	for i := n - 1; i >= 0; i-- {
		s.tags[i] = tag
		tag = s.back[i][tag]
	}
	return s.tags
}
