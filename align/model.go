package align

import (
	"cmp"
	"math"
	"slices"

	"github.com/ciyuan-search/ciyuan/internal/order"
)

// A Model is what was learned from parallel text: which words stand for each
// other and how they move, and the lexicon of the words that were linked. It is
// immutable and safe for concurrent use.
type Model struct {
	src, tgt *side
	// forward and backward hold the expected number of times that a word was
	// translated by another, from the source and from the target.
	forward, backward counts
	jumps             [2]jumpTable

	pairs   int // learned from
	entries []entry
	texts   []Example

	// Made from entries by index:
	linked   [2][]uint64 // links of each word of the source, of the target
	byTarget []int       // numbers of entries, by target
}

// entry is a pair of words that was linked.
type entry struct {
	src, tgt uint32
	count    uint32
	examples []uint32 // numbers in texts, at most maxExamples
}

// An Example is a sentence pair of the parallel text.
type Example struct {
	Source string `json:"source"`
	Target string `json:"target"`
}

// side is what a model knows about the words of one language.
type side struct {
	ids   map[string]uint32
	words []string
	seen  []uint32  // occurrences
	null  []float32 // expected occurrences without a counterpart
	total float64   // of seen
	nulls float64   // of null
}

func newSide() *side { return &side{ids: map[string]uint32{}} }

// noWord is the number of a word that the model has not seen.
const noWord = math.MaxUint32

func (s *side) codes(t *Text) []uint32 {
	out := make([]uint32, len(t.Tokens))
	for i := range t.Tokens {
		id, ok := s.ids[t.Tokens[i].Word]
		if !ok {
			id = noWord
		}
		out[i] = id
	}
	return out
}

// add counts a word and returns its number.
func (s *side) add(word string) uint32 {
	id, ok := s.ids[word]
	if !ok {
		id = uint32(len(s.words))
		s.ids[word] = id
		s.words = append(s.words, word)
		s.seen = append(s.seen, 0)
		s.null = append(s.null, 0)
	}
	s.seen[id]++
	s.total++
	return id
}

// frequency is the relative frequency of a word, smoothed so that one that was
// never seen has some.
func (s *side) frequency(id uint32) float64 {
	n := 0.5
	if id != noWord {
		n += float64(s.seen[id])
	}
	return n / (s.total + 0.5*float64(len(s.words)+1))
}

// nullRatio is how much more likely a word stands for nothing than its
// frequency p says.
func (s *side) nullRatio(id uint32, p float64) float64 {
	n := 0.0
	if id != noWord {
		n = float64(s.null[id])
	}
	return (n/p + nullPrior) / (s.nulls + nullPrior)
}

// counts holds for one direction how often each word was translated by which.
type counts struct {
	pairs  map[uint64]float32 // by from<<32 | to
	totals []float64          // by from
}

func newCounts(words int) counts {
	return counts{pairs: map[uint64]float32{}, totals: make([]float64, words)}
}

func pairKey(from, to uint32) uint64 { return uint64(from)<<32 | uint64(to) }

func (c *counts) add(from, to uint32, x float64) {
	c.pairs[pairKey(from, to)] += float32(x)
	c.totals[from] += x
}

// keys returns the pairs in ascending order.
func (c *counts) keys() []uint64 {
	keys := make([]uint64, 0, len(c.pairs))
	for k := range c.pairs {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

const (
	// priorWeight is how many times a word has to be seen for its use to weigh
	// as much as its vector, nullPrior the same for standing for nothing.
	priorWeight = 2
	nullPrior   = 1000
	// discount is taken off each count, so that what was seen once together
	// weighs little: it is what a pair teaches itself.
	discount = 0.5
)

// ratio is how much more likely the word from is translated by the word to than
// the frequency of that says, prior what the vectors say.
func (c *counts) ratio(from, to uint32, frequency, prior float64) float64 {
	if from == noWord {
		return prior
	}
	seen := 0.0
	if to != noWord {
		seen = max(0, float64(c.pairs[pairKey(from, to)])-discount)
	}
	return (seen/frequency + priorWeight*prior) / (c.totals[from] + priorWeight)
}

// combine replaces what the vectors say of each pair of words by what the model
// says, given that. Both matrices have a row for each word of the source.
func (m *Model) combine(forward, backward *Matrix, s, t []uint32) {
	for j, to := range t {
		p := m.tgt.frequency(to)
		null := m.tgt.nullRatio(to, p)
		for i, from := range s {
			k := i*len(t) + j
			forward.Values[k] = m.forward.ratio(from, to, p, forward.Values[k]) / null
		}
	}
	for i, to := range s {
		p := m.src.frequency(to)
		null := m.src.nullRatio(to, p)
		for j, from := range t {
			k := i*len(t) + j
			backward.Values[k] = m.backward.ratio(from, to, p, backward.Values[k]) / null
		}
	}
}

// Pairs returns the number of sentence pairs that the model was learned from.
func (m *Model) Pairs() int { return m.pairs }

// Words returns the number of distinct words of the source and of the target.
func (m *Model) Words() (source, target int) { return len(m.src.words), len(m.tgt.words) }

// Entries returns the number of distinct word pairs of the lexicon.
func (m *Model) Entries() int { return len(m.entries) }

// sortEntries orders entries by word pair.
func sortEntries(e []entry) {
	order.Stable(e, func(a, b *entry) int { return cmp.Or(cmp.Compare(a.src, b.src), cmp.Compare(a.tgt, b.tgt)) })
}
