// Package reference says what the scores are, in the plainest code: words are
// strings, everything is computed anew for each document. Tests compare the
// fast implementations with it. It shares no code with them.
package reference

import (
	"math"
	"slices"
	"unicode"
)

// Constants are those of the softmax score.
type Constants struct {
	T, ZMin, ZBackground float64
	// ForeignT takes the place of T for words of another language.
	ForeignT float64
	K        int
	// Prior idf: max(Floor, min(Cap, prior) - Shift).
	Shift, Floor, Cap float64
	// Half is the number of documents at which corpus and prior weigh the same.
	Half float64
	// BM25.
	K1, B float64
}

// Default are the constants of the default table.
var Default = Constants{T: 0.15, ForeignT: 0.12, ZMin: 0.3, ZBackground: 0.07, K: 64, Shift: 4.5, Floor: 0.2, Cap: 12, Half: 1000, K1: 1.2, B: 0.75}

// Document is the words of its tokens and its length in primary word tokens.
type Document struct {
	Words  []string
	Length int
}

// Corpus is all documents and what is known of words.
type Corpus struct {
	Documents []Document
	// Similar returns the cosine of two different words, NaN if one has no vector.
	Similar func(a, b string) float64
	// Prior returns -ln of a word's relative frequency, false if it is in no table.
	Prior func(word string) (float64, bool)
}

// df returns the number of documents that have the word.
func (c *Corpus) df(word string) int {
	n := 0
	for _, d := range c.Documents {
		if slices.Contains(d.Words, word) {
			n++
		}
	}
	return n
}

// Neighborhood returns the similarity of each word of the corpus in N(word), and
// of the word itself, which is 1.
func (c *Corpus) Neighborhood(k Constants, word string) map[string]float64 {
	type neighbor struct {
		word string
		z    float64
	}
	seen := map[string]bool{word: true}
	var all []neighbor
	for _, d := range c.Documents {
		for _, t := range d.Words {
			if seen[t] {
				continue
			}
			seen[t] = true
			if z := c.Similar(word, t); z >= k.ZMin {
				all = append(all, neighbor{t, z})
			}
		}
	}
	slices.SortFunc(all, func(a, b neighbor) int {
		if a.z > b.z || a.z == b.z && a.word < b.word {
			return -1
		}
		return 1
	})
	n := map[string]float64{word: 1}
	for i := 0; i < len(all) && i < k.K; i++ {
		n[all[i].word] = all[i].z
	}
	return n
}

// IDF returns the weight of a query word.
func (c *Corpus) IDF(k Constants, word string) float64 {
	prior, ok := c.Prior(word)
	if !ok {
		prior = k.Cap
	}
	p := math.Max(k.Floor, math.Min(k.Cap, prior)-k.Shift)
	df := c.df(word)
	if df == 0 {
		return p
	}
	n := float64(len(c.Documents))
	l := n / (n + k.Half)
	return math.Pow(c.CorpusIDF(word), l) * math.Pow(p, 1-l)
}

// CorpusIDF returns ln(1 + (N - df + 0.5) / (df + 0.5)).
func (c *Corpus) CorpusIDF(word string) float64 {
	n, df := float64(len(c.Documents)), float64(c.df(word))
	return math.Log(1 + (n-df+0.5)/(df+0.5))
}

// distinct returns the distinct words of a query in order.
func distinct(query []string) []string {
	var out []string
	for _, w := range query {
		if !slices.Contains(out, w) {
			out = append(out, w)
		}
	}
	return out
}

// tf counts the words of a document.
func (d *Document) tf() map[string]float64 {
	tf := map[string]float64{}
	for _, w := range d.Words {
		tf[w]++
	}
	return tf
}

// Softmax returns the softmax score of a document.
func (c *Corpus) Softmax(k Constants, query []string, d Document) float64 {
	tf := d.tf()
	var score float64
	for _, w := range distinct(query) {
		near, temperature := c.Neighborhood(k, w), k.T
		if c.df(w) == 0 && isForeign(w, near) {
			temperature = k.ForeignT
		}
		var num, den, theirs float64
		for t, z := range near {
			num += tf[t] * z * math.Exp((z-1)/temperature)
			den += tf[t] * math.Exp((z-1)/temperature)
			theirs += tf[t]
		}
		den += (float64(d.Length) - theirs) * math.Exp((k.ZBackground-1)/temperature)
		if num > 0 {
			score += c.IDF(k, w) * num / den
		}
	}
	return score
}

// isForeign reports whether the word of its neighbourhood nearest to a word is of
// another script.
func isForeign(word string, near map[string]float64) bool {
	nearest := word
	for t, z := range near {
		if t != word && (nearest == word || z > near[nearest]) {
			nearest = t
		}
	}
	return isHan(nearest) != isHan(word)
}

func isHan(word string) bool {
	for _, r := range word {
		if !unicode.Is(unicode.Han, r) {
			return false
		}
	}
	return true
}

// MaxSim returns the sum over the query's words of idf times the largest
// similarity.
func (c *Corpus) MaxSim(k Constants, query []string, d Document) float64 {
	tf := d.tf()
	var score float64
	for _, w := range distinct(query) {
		best := 0.0
		for t, z := range c.Neighborhood(k, w) {
			if tf[t] > 0 {
				best = math.Max(best, z)
			}
		}
		score += c.IDF(k, w) * best
	}
	return score
}

// Sum returns the sum over the query's words of idf times the mean of the
// similarities weighted by themselves.
func (c *Corpus) Sum(k Constants, query []string, d Document) float64 {
	tf := d.tf()
	var score float64
	for _, w := range distinct(query) {
		var num, den float64
		for t, z := range c.Neighborhood(k, w) {
			num += tf[t] * z * z
			den += tf[t] * z
		}
		if den > 0 {
			score += c.IDF(k, w) * num / den
		}
	}
	return score
}

// BM25 returns the BM25 score without its constant factor K1 + 1.
func (c *Corpus) BM25(k Constants, query []string, d Document) float64 {
	tf := d.tf()
	var score float64
	for _, w := range distinct(query) {
		score += c.CorpusIDF(w) * c.saturation(k, tf[w], d)
	}
	return score
}

// saturation returns what BM25 makes of a word's frequency in a document, 0 to 1.
func (c *Corpus) saturation(k Constants, tf float64, d Document) float64 {
	if tf == 0 {
		return 0
	}
	var mean float64
	for _, other := range c.Documents {
		mean += float64(other.Length)
	}
	mean /= float64(len(c.Documents))
	return tf / (tf + k.K1*(1-k.B+k.B*float64(d.Length)/mean))
}

// Hybrid returns the hybrid score of a document, for words without inflections: the
// mean over the query's words, weighted by idf, of softmax attention for a word that
// the corpus does not have, and of the mean of softmax attention and BM25 for others.
func (c *Corpus) Hybrid(k Constants, query []string, d Document) float64 {
	tf := d.tf()
	var score, most float64
	for _, w := range distinct(query) {
		idf := c.IDF(k, w)
		most += idf
		softmax := c.Softmax(k, []string{w}, d)
		if c.df(w) == 0 {
			score += softmax
			continue
		}
		score += (softmax + idf*c.saturation(k, tf[w], d)) / 2
	}
	if most == 0 {
		return 0
	}
	return score / most
}
