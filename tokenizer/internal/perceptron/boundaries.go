package perceptron

import (
	"encoding/binary"
	"fmt"
	"math/bits"
)

// The labels of a character: at the begin, in the middle, at the end of a word,
// or a word by itself.
const (
	begin = iota
	middle
	end
	single
	boundaryLabels
)

const (
	// Context is how many characters around a run features look at.
	Context = 2

	// BoundaryBits is how many bits the hash of a feature has.
	BoundaryBits = 17

	boundaryMagic  = "CYPB\x01\x00\x00\x00"
	boundaryHeader = len(boundaryMagic) + 2*boundaryLabels*boundaryLabels
	boundaryBytes  = boundaryHeader + boundaryLabels<<BoundaryBits

	maxFeatures = 24
	maxLength   = 6 // longer words count as words of so many characters
)

// follows tells which label may stand behind which.
var follows = [boundaryLabels][boundaryLabels]bool{
	begin:  {middle: true, end: true},
	middle: {middle: true, end: true},
	end:    {begin: true, single: true},
	single: {begin: true, single: true},
}

// Boundaries is a model of where words begin and end. It is immutable and safe
// for concurrent use.
type Boundaries struct {
	weights string // boundaryLabels signed bytes a feature
	follow  [boundaryLabels][boundaryLabels]int32
}

// OpenBoundaries returns the model in data, which it keeps. The error wraps
// ErrFormat.
func OpenBoundaries(data string) (*Boundaries, error) {
	if len(data) != boundaryBytes || data[:len(boundaryMagic)] != boundaryMagic {
		return nil, fmt.Errorf("%w of boundaries: %d bytes", ErrFormat, len(data))
	}
	m := &Boundaries{weights: data[boundaryHeader:]}
	at := len(boundaryMagic)
	for from := range m.follow {
		for to := range m.follow[from] {
			m.follow[from][to] = int32(int16(binary.LittleEndian.Uint16([]byte(data[at : at+2]))))
			at += 2
		}
	}
	return m, nil
}

// Word is a word of a dictionary in a run: its characters, To exclusive, how
// frequent it is, and whether it must stay whole.
type Word struct {
	From, To int32
	Freq     uint32
	Keep     bool
}

// Run is a run of Chinese characters to be cut. Its memory is used again by the
// next Set. It is not safe for concurrent use.
type Run struct {
	chars []rune // with Context characters before and behind
	n     int    // characters without these
	begin []reach
	end   []reach
	cross []uint8 // length of the longest word across a character
	keep  []uint8 // 1 + label that a character must have, 0 for any

	back   [][boundaryLabels]uint8
	feats  [maxFeatures]uint32
	bounds []int32
}

// reach is the longest word that begins or ends at a character: its length, 0 if
// there is none, and how frequent it is, in steps of a factor four.
type reach struct{ length, freq uint8 }

// Set makes r the run chars[Context:len(chars)-Context] with the dictionary
// words in it, whose positions count from its start. Characters of the context
// that the text does not have are 0. Of several words that must stay whole and
// overlap, the first in words is kept.
func (r *Run) Set(chars []rune, words []Word) {
	r.chars, r.n = chars, len(chars)-2*Context
	r.begin = cleared(r.begin, r.n)
	r.end = cleared(r.end, r.n)
	r.cross = cleared(r.cross, r.n)
	r.keep = cleared(r.keep, r.n)
	for _, w := range words {
		if w.Keep {
			r.keepWhole(w)
		}
		if w.To == w.From+1 {
			continue
		}
		length := uint8(min(w.To-w.From, maxLength))
		as := reach{length, uint8(bits.Len32(w.Freq)+1) / 2}
		if b := &r.begin[w.From]; length > b.length {
			*b = as
		}
		if e := &r.end[w.To-1]; length > e.length {
			*e = as
		}
		for i := w.From + 1; i < w.To-1; i++ {
			r.cross[i] = max(r.cross[i], length)
		}
	}
}

// keepWhole fixes the labels of a word, unless some are fixed already.
func (r *Run) keepWhole(w Word) {
	for i := w.From; i < w.To; i++ {
		if r.keep[i] != 0 {
			return
		}
	}
	for i := w.From; i < w.To; i++ {
		r.keep[i] = 1 + middle
	}
	r.keep[w.From], r.keep[w.To-1] = 1+begin, 1+end
	if w.To == w.From+1 {
		r.keep[w.From] = 1 + single
	}
}

// cleared returns n zeros, in the memory of s where that is enough.
func cleared[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, 2*n)
	}
	s = s[:n]
	clear(s)
	return s
}

// features returns the features of character i, valid until the next call.
func (r *Run) features(i int) []uint32 {
	c := r.chars[i : i+2*Context+1]
	c0, c1, c2, c3, c4 := uint64(c[0]), uint64(c[1]), uint64(c[2]), uint64(c[3]), uint64(c[4])
	shape := classOf(c[0])<<16 | classOf(c[1])<<12 | classOf(c[2])<<8 | classOf(c[3])<<4 | classOf(c[4])
	same := one(c2 == c1) | one(c2 == c0)<<1 | one(c2 == c3)<<2 | one(c2 == c4)<<3
	b, e, x := r.begin[i], r.end[i], uint64(r.cross[i])
	bl, el := uint64(b.length), uint64(e.length)
	var before, behind uint64 // the word that ends before, the one that begins behind
	if i > 0 {
		before = uint64(r.end[i-1].length)<<4 | uint64(r.cross[i-1])
	}
	if i+1 < r.n {
		behind = uint64(r.begin[i+1].length)<<4 | uint64(r.cross[i+1])
	}
	f := r.feats[:0]
	add := func(kind, a, b uint64) { f = append(f, hash(kind, a, b, BoundaryBits)) }
	add(1, c1, 0)
	add(2, c2, 0)
	add(3, c3, 0)
	add(4, c0, c1)
	add(5, c1, c2)
	add(6, c2, c3)
	add(7, c3, c4)
	add(8, c1, c3)
	add(9, shape>>4&0xfff, 0)
	add(10, shape, 0)
	add(11, same, 0)
	add(12, bl, 0)
	add(13, el, 0)
	add(14, x, 0)
	add(15, bl<<8|el<<4|x, 0)
	add(16, bl, uint64(b.freq))
	add(17, el, uint64(e.freq))
	add(18, c2, bl)
	add(19, c2, el)
	add(20, c2, x)
	add(21, behind, el)
	add(22, behind>>4, bl<<4|el)
	add(23, before, bl)
	add(24, before>>4, el<<4|bl)
	return f
}

func one(b bool) uint64 {
	if b {
		return 1
	}
	return 0
}

// classOf returns what kind of character c is: ordinary, a numeral, a unit of
// time, a digit, a letter, none, something else.
func classOf(c rune) uint64 {
	switch {
	case c == 0:
		return 6
	case '0' <= c && c <= '9':
		return 3
	case 'a' <= c && c <= 'z':
		return 4
	case c < 0x3400 && c != '〇':
		return 5
	}
	switch c {
	case '〇', '零', '一', '二', '两', '三', '四', '五', '六', '七', '八', '九', '十', '百', '千', '万', '亿':
		return 1
	case '年', '月', '日', '时', '分', '秒':
		return 2
	}
	return 0
}

// impossible is lower than any sum of weights.
const impossible = -1 << 30

// Cut returns where the words of the run begin, in characters, and the length of
// the run at the end. The result is valid until the next call. An empty run has
// no words.
func (m *Boundaries) Cut(r *Run) []int32 {
	r.back = cleared(r.back, r.n)
	score := [boundaryLabels]int32{middle: impossible, end: impossible}
	for i := range r.n {
		var own [boundaryLabels]int32
		for _, f := range r.features(i) {
			w := m.weights[f*boundaryLabels:][:boundaryLabels]
			own[0] += int32(int8(w[0]))
			own[1] += int32(int8(w[1]))
			own[2] += int32(int8(w[2]))
			own[3] += int32(int8(w[3]))
		}
		score = r.step(i, score, &own, &m.follow)
	}
	return r.trace(score)
}

// step returns the best score of each label of character i.
func (r *Run) step(i int, score [boundaryLabels]int32, own *[boundaryLabels]int32, follow *[boundaryLabels][boundaryLabels]int32) (next [boundaryLabels]int32) {
	for to := range next {
		best := int32(impossible)
		switch {
		case r.keep[i] != 0 && int(r.keep[i]-1) != to:
		case i == 0:
			best = score[to]
		default:
			for from := range score {
				if v := score[from] + follow[from][to]; follows[from][to] && v > best {
					best = v
					r.back[i][to] = uint8(from)
				}
			}
		}
		next[to] = max(best+own[to], impossible)
	}
	return next
}

// trace returns the words of the best labelling that ends with the given scores.
func (r *Run) trace(score [boundaryLabels]int32) []int32 {
	r.bounds = r.bounds[:0]
	if r.n == 0 {
		return r.bounds
	}
	label := uint8(end)
	if score[single] > score[end] {
		label = single
	}
	r.bounds = append(r.bounds, int32(r.n))
	for i := r.n - 1; i >= 0; i-- {
		if label == begin || label == single {
			r.bounds = append(r.bounds, int32(i))
		}
		label = r.back[i][label]
	}
	for a, b := 0, len(r.bounds)-1; a < b; a, b = a+1, b-1 {
		r.bounds[a], r.bounds[b] = r.bounds[b], r.bounds[a]
	}
	return r.bounds
}
