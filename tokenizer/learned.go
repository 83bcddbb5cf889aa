package tokenizer

import (
	_ "embed"
	"fmt"
	"hash/fnv"
	"sync"
	"unicode/utf8"

	"github.com/ciyuan-search/ciyuan/tokenizer/internal/perceptron"
)

// packedBoundaries is written by internal/gentagger.
//
//go:embed boundaries.bin.gz
var packedBoundaries string

var boundariesData = sync.OnceValue(func() string { return unpack("boundaries.bin.gz", packedBoundaries) })

var boundaryModel = sync.OnceValue(func() *perceptron.Boundaries {
	m, err := perceptron.OpenBoundaries(boundariesData())
	if err != nil {
		panic(fmt.Sprintf("tokenizer: boundaries.bin.gz: %v", err))
	}
	return m
})

// boundaryDigest is a hash of the model, a part of Fingerprint.
var boundaryDigest = sync.OnceValue(func() uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(boundariesData())) // never fails
	return h.Sum64()
})

// learner is what cutting with the model needs to remember.
type learner struct {
	run   perceptron.Run
	chars []rune
	words []perceptron.Word
}

// learned cuts text[start:end] with the model. Words of the user's of two
// characters or more stay whole: of several that overlap the first, of several
// that begin at one place the longest.
func (s *scanner) learned(start, end int) {
	w := s.w
	r := &w.run
	r.set(w.t, s.text[start:end])
	r.find(w.t)
	l := &w.learner
	l.words = l.words[:0]
	for i, m := range r.found {
		word := perceptron.Word{From: m.From, To: m.To}
		if m.Source == fromUser {
			word.Freq = w.t.user.words.Freq(m.Node)
			longest := true
			for _, next := range r.found[i+1:] {
				if next.From != m.From {
					break
				}
				longest = longest && next.Source != fromUser
			}
			word.Keep = longest && m.To > m.From+1
		} else {
			word.Freq = builtin().words.Freq(m.Node)
		}
		l.words = append(l.words, word)
	}
	l.chars = append(l.chars[:0], 0, 0)
	for i, at := perceptron.Context-1, start; i >= 0 && at > 0; i-- {
		before, size := utf8.DecodeLastRuneInString(s.text[:at])
		l.chars[i] = before
		at -= size
	}
	for _, c := range s.text[start:end] {
		l.chars = append(l.chars, c)
	}
	for at, n := end, 0; n < perceptron.Context; n++ {
		if at == len(s.text) {
			l.chars = append(l.chars, 0)
			continue
		}
		behind, size := utf8.DecodeRuneInString(s.text[at:])
		l.chars = append(l.chars, behind)
		at += size
	}
	l.run.Set(l.chars, l.words)
	bounds := boundaryModel().Cut(&l.run)
	for i, from := range bounds[:len(bounds)-1] {
		s.emit(start+int(r.at[from]), start+int(r.at[bounds[i+1]]), Word)
	}
}
