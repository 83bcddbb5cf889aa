package encoder

import "math"

// fastText's constants (dictionary.cc): 32-bit FNV-1a, and the marks at both ends
// of a word. The hash of a byte above 127 takes it as a signed char, extended to
// 32 bits, because that is what the compilers of the first models did.
const (
	fnvOffset   = 2166136261
	fnvPrime    = 16777619
	wordBegin   = '<'
	wordEnd     = '>'
	endOfString = "</s>" // the word that stands for the end of a line; it has no sub-words
)

// Grams says how a fastText model cuts words into character n-grams. The zero
// value has none.
type Grams struct {
	// Min and Max are the shortest and longest n-gram, in code points, counting
	// the marks < and > around the word. Max < 1 or Buckets == 0: none.
	Min, Max int
	// Buckets is the number of vectors that n-grams are hashed to.
	Buckets int
}

// maxGramLength bounds the time to cut a word. fastText's own default is 6.
const maxGramLength = 1 << 10

// valid reports whether g is the zero value or can cut words.
func (g Grams) valid() bool {
	return g == Grams{} || g.Min >= 0 && g.Max >= max(1, g.Min) && g.Max <= maxGramLength && g.Buckets > 0 && g.Buckets <= math.MaxInt32
}

// hashGram returns fastText's hash of a byte string.
func hashGram(gram []byte) uint32 {
	h := uint32(fnvOffset)
	for _, c := range gram {
		h = (h ^ uint32(int32(int8(c)))) * fnvPrime
	}
	return h
}

// Append appends the buckets, in 0..Buckets-1, of the n-grams of word to dst in
// fastText's order: by first character, then by length, repetitions kept. The
// marks alone are no n-gram of one character. The word </s> has none.
//
// It equals fastText's in every byte also for text that is not UTF-8: a
// character is a byte and the continuation bytes (10xxxxxx) after it.
func (g Grams) Append(dst []uint32, word string) []uint32 {
	if g.Max < 1 || g.Buckets <= 0 || word == endOfString {
		return dst
	}
	marked := make([]byte, 0, 64)
	marked = append(marked, wordBegin)
	marked = append(marked, word...)
	marked = append(marked, wordEnd)
	for i := range marked {
		if isContinuation(marked[i]) {
			continue
		}
		j := i
		for n := 1; j < len(marked) && n <= g.Max; n++ {
			for j++; j < len(marked) && isContinuation(marked[j]); j++ {
			}
			if n >= g.Min && (n > 1 || i > 0 && j < len(marked)) {
				dst = append(dst, hashGram(marked[i:j])%uint32(g.Buckets))
			}
		}
	}
	return dst
}

func isContinuation(c byte) bool { return c&0xc0 == 0x80 }
