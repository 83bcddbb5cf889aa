package align

import (
	"cmp"
	"iter"
	"math"
	"slices"
	"unicode"

	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/internal/order"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// index prepares look-ups by the words of either side.
func (m *Model) index() {
	m.linked = [2][]uint64{make([]uint64, len(m.src.words)), make([]uint64, len(m.tgt.words))}
	m.byTarget = make([]int, len(m.entries))
	for i, e := range m.entries {
		m.linked[0][e.src] += uint64(e.count)
		m.linked[1][e.tgt] += uint64(e.count)
		m.byTarget[i] = i
	}
	slices.SortStableFunc(m.byTarget, func(a, b int) int {
		return cmp.Or(cmp.Compare(m.entries[a].tgt, m.entries[b].tgt), cmp.Compare(m.entries[a].src, m.entries[b].src))
	})
}

// A WordPair is a word of the parallel text with one that it was linked to.
type WordPair struct {
	Source   string    `json:"source"`
	Target   string    `json:"target"`
	Count    int       `json:"count"`    // how often they were linked
	Forward  float64   `json:"forward"`  // share of Target among the links of Source
	Backward float64   `json:"backward"` // share of Source among the links of Target
	Examples []Example `json:"examples"` // the shortest sentence pairs, at most three
}

func (m *Model) pair(e *entry) WordPair {
	p := WordPair{
		Source: m.src.words[e.src], Target: m.tgt.words[e.tgt], Count: int(e.count),
		Forward:  float64(e.count) / float64(m.linked[0][e.src]),
		Backward: float64(e.count) / float64(m.linked[1][e.tgt]),
		Examples: []Example{},
	}
	for _, k := range e.examples {
		p.Examples = append(p.Examples, m.texts[k])
	}
	return p
}

// Lexicon yields the word pairs that were linked at least minCount times, by
// descending count, then by source and target. Words are folded. Marks of
// punctuation are left out.
func (m *Model) Lexicon(minCount int) iter.Seq[WordPair] {
	return func(yield func(WordPair) bool) {
		var numbers []int
		for i, e := range m.entries {
			if int64(e.count) >= int64(minCount) {
				numbers = append(numbers, i)
			}
		}
		slices.SortStableFunc(numbers, func(a, b int) int {
			x, y := &m.entries[a], &m.entries[b]
			return cmp.Or(cmp.Compare(y.count, x.count), cmp.Compare(m.src.words[x.src], m.src.words[y.src]), cmp.Compare(m.tgt.words[x.tgt], m.tgt.words[y.tgt]))
		})
		for _, i := range numbers {
			if !yield(m.pair(&m.entries[i])) {
				return
			}
		}
	}
}

// Lookup returns the word pairs of a word of either side, by descending count.
// The word is folded first.
func (m *Model) Lookup(word string) []WordPair {
	word = tokenizer.Fold(word)
	var out []WordPair
	if id, ok := m.src.ids[word]; ok {
		at, _ := slices.BinarySearchFunc(m.entries, id, func(e entry, id uint32) int { return cmp.Compare(e.src, id) })
		for ; at < len(m.entries) && m.entries[at].src == id; at++ {
			out = append(out, m.pair(&m.entries[at]))
		}
	}
	if id, ok := m.tgt.ids[word]; ok {
		at, _ := slices.BinarySearchFunc(m.byTarget, id, func(i int, id uint32) int { return cmp.Compare(m.entries[i].tgt, id) })
		for ; at < len(m.byTarget) && m.entries[m.byTarget[at]].tgt == id; at++ {
			// A word that is its own translation is there already.
			if e := &m.entries[m.byTarget[at]]; m.src.words[e.src] != word {
				out = append(out, m.pair(e))
			}
		}
	}
	order.Stable(out, func(a, b *WordPair) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Source, b.Source), cmp.Compare(a.Target, b.Target))
	})
	return out
}

// A Candidate is a word of the other language that a word may be translated by.
type Candidate struct {
	Word string `json:"word"`
	// Score is the probability of the candidate among all of them: the share of
	// the links of the parallel text, with what the vectors say worth two links.
	Score      float64   `json:"score"`
	Similarity float64   `json:"similarity"` // cosine; 0 where one has no vector
	Count      int       `json:"count"`      // links in the parallel text
	Examples   []Example `json:"examples"`
}

// A Translator finds words of the other language: Chinese for what is not
// Chinese, and the reverse. It is safe for concurrent use.
type Translator struct {
	vectors *staticVectors
	model   *Model
}

// NewTranslator returns a Translator that takes words from a table whose vectors
// are comparable between the languages and, if it is not nil, from a model.
func NewTranslator(table encoder.Static, model *Model) *Translator {
	return &Translator{vectors: newStaticVectors(table), model: model}
}

// nearby is how many neighbours of a word are weighed.
const nearby = 50

// Candidates returns the at most k words of the other language that are most
// likely to translate a token, best first. Punctuation, numbers and words that
// neither the table nor the model knows have none.
func (t *Translator) Candidates(token *tokenizer.Token, k int) []Candidate {
	if token.Kind == tokenizer.Punct || token.Kind == tokenizer.Space || token.Kind == tokenizer.Number {
		return nil
	}
	word, han := token.Word, isHan(token.Word)
	var out []Candidate
	byWord := map[string]int{}
	v := t.vectors.vector(token)
	sum := 0.0
	if v.Values != nil {
		for _, hit := range neighbors(t.vectors.table, v.Values, !han, nearby) {
			row := uint32(hit.ID)
			c := Candidate{Word: t.vectors.table.Word(row), Similarity: min(hit.Score, 1), Examples: []Example{}}
			near := t.vectors.vector(&tokenizer.Token{Word: c.Word})
			// By Bayes' rule: how frequent the candidate is, times how much more
			// likely than by chance the vectors make it. The root keeps the nearest
			// word in front of its more frequent relatives.
			c.Score = math.Exp((c.Similarity-near.Background)/temperature - float64(t.vectors.table.Prior(row))/4)
			sum += c.Score
			byWord[c.Word] = len(out)
			out = append(out, c)
		}
	}
	links := 0.0
	if t.model != nil {
		for _, p := range t.model.Lookup(word) {
			other := p.Target
			if other == word {
				other = p.Source
			}
			if isHan(other) == han && hasLetter(other) {
				continue
			}
			i, ok := byWord[other]
			if !ok {
				i = len(out)
				byWord[other] = i
				out = append(out, Candidate{Word: other})
				if w := t.vectors.vector(&tokenizer.Token{Word: other}); v.Values != nil && w.Values != nil {
					out[i].Similarity = dot(v.Values, w.Values)
				}
			}
			out[i].Count += p.Count
			out[i].Examples = append(out[i].Examples, p.Examples...)
			links += float64(p.Count)
		}
	}
	for i := range out {
		share := 0.0
		if sum > 0 {
			share = out[i].Score / sum
		}
		weight := 0.0
		if sum > 0 {
			weight = priorWeight
		}
		out[i].Score = (float64(out[i].Count) + weight*share) / (links + weight)
	}
	order.Stable(out, func(a, b *Candidate) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Word, b.Word))
	})
	return out[:min(len(out), max(k, 0))]
}

func hasLetter(word string) bool {
	for _, r := range word {
		if unicode.IsLetter(r) {
			return true
		}
	}
	return false
}
