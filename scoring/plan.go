package scoring

import (
	"cmp"
	"math/bits"
	"slices"
)

// Term is a distinct query word: its weight and its neighbourhood in the corpus.
type Term struct {
	// IDF weighs the word, see [Scorer.IDF].
	IDF float64
	// Elsewhere is the part of the weight that another plan decides, in [0, 1], see
	// [Shares].
	Elsewhere float64
	// Foreign says that the word is of another language than its neighbours, none of
	// which is the word itself or a form of it: softmax attention is sharper then.
	Foreign bool
	// Neighbors are the word itself, if the corpus has it, and the nearest
	// words. Their order does not matter.
	Neighbors []Neighbor
}

// Posting is a neighbour that takes part in the score of a query word.
type Posting struct {
	Neighbor
	Weight Weight
}

// Match says that a token's word is in the neighbourhood of a query word.
type Match struct {
	Term  int     // index of the query word
	Sim   float32 // their similarity
	Exact bool    // they are the same word
	Form  bool    // the token stands for the query word as it was written

	weight Weight
}

// Plan is a query ready to score documents: per query word its postings with
// weights, for a pass over posting lists, and the inverse, from codes to query
// words, for a pass over the tokens of a document. It is immutable and safe for
// concurrent use.
type Plan struct {
	scorer   *Scorer
	scorers  []*Scorer // of each query word
	idf      []float64
	weights  []float64 // idf without what is decided elsewhere
	idfSum   float64
	postings [][]Posting

	// An open hash table from codes to runs of matches.
	slots   []slot
	shift   uint8 // of the hash, so that it indexes slots
	matches []Match
}

// slot is an entry of the hash table; it is free while from == to.
type slot struct {
	code     uint32
	from, to uint32 // run in matches
}

// NewPlan returns the plan of a query. Neighbours of weight zero are left out; of
// several with the same code in one term the best stays.
func NewPlan(by *Scorer, terms []Term) *Plan {
	p := &Plan{
		scorer: by, scorers: make([]*Scorer, len(terms)),
		idf: make([]float64, len(terms)), weights: make([]float64, len(terms)), postings: make([][]Posting, len(terms)),
	}
	type found struct {
		code  uint32
		match Match
	}
	var all []found
	for i, term := range terms {
		p.idf[i], p.weights[i] = term.IDF, term.IDF*(1-term.Elsewhere)
		p.idfSum += term.IDF
		p.scorers[i] = by
		if term.Foreign {
			p.scorers[i] = by.foreign
		}
		p.postings[i] = postingsOf(p.scorers[i], term.Neighbors)
		for _, o := range p.postings[i] {
			all = append(all, found{o.Code, Match{Term: i, Sim: o.Sim, Exact: o.Exact, Form: o.Form, weight: o.Weight}})
		}
	}
	slices.SortFunc(all, func(a, b found) int {
		return cmp.Or(cmp.Compare(a.code, b.code), cmp.Compare(a.match.Term, b.match.Term))
	})
	size := 2
	for size < 2*len(all) {
		size *= 2
	}
	p.slots = make([]slot, size)
	p.shift = uint8(32 - bits.TrailingZeros(uint(size)))
	p.matches = make([]Match, len(all))
	for from := 0; from < len(all); {
		to := from
		for ; to < len(all) && all[to].code == all[from].code; to++ {
			p.matches[to] = all[to].match
		}
		at := p.slot(all[from].code)
		*at = slot{code: all[from].code, from: uint32(from), to: uint32(to)}
		from = to
	}
	return p
}

// postingsOf returns the neighbours that take part, the best first and each code
// once.
func postingsOf(by *Scorer, neighbors []Neighbor) []Posting {
	postings := make([]Posting, 0, len(neighbors))
	for _, n := range neighbors {
		if n.Exact {
			n.Sim = 1
		}
		if w := by.Weight(n); w != (Weight{}) {
			n.Sim = min(1, n.Sim)
			postings = append(postings, Posting{Neighbor: n, Weight: w})
		}
	}
	slices.SortFunc(postings, func(a, b Posting) int {
		return cmp.Or(cmp.Compare(a.Code, b.Code), comparePostings(a, b))
	})
	postings = slices.CompactFunc(postings, func(a, b Posting) bool { return a.Code == b.Code })
	slices.SortFunc(postings, comparePostings)
	return postings
}

// comparePostings orders the query word itself before all others, these by
// descending similarity, then by code.
func comparePostings(a, b Posting) int {
	switch {
	case a.Exact == b.Exact:
		return cmp.Or(cmp.Compare(b.Sim, a.Sim), cmp.Compare(a.Code, b.Code))
	case a.Exact:
		return -1
	}
	return 1
}

// slot returns the slot of a code, or the free one where it would go. At least
// half of the slots are free.
func (p *Plan) slot(code uint32) *slot {
	const golden = 0x9e3779b1 // 2^32 over the golden ratio: spreads runs of codes
	mask := uint32(len(p.slots) - 1)
	for i := code * golden >> p.shift; ; i++ {
		if s := &p.slots[i&mask]; s.code == code || s.from == s.to {
			return s
		}
	}
}

// Scorer returns what the plan scores by.
func (p *Plan) Scorer() *Scorer { return p.scorer }

// Len returns the number of query words.
func (p *Plan) Len() int { return len(p.idf) }

// IDF returns the weight of a query word.
func (p *Plan) IDF(term int) float64 { return p.idf[term] }

// Weight returns what of the weight of a query word the plan decides.
func (p *Plan) Weight(term int) float64 { return p.weights[term] }

// Postings returns the neighbours of a query word that take part in its score:
// itself first, then by descending similarity, then by code. The slice belongs
// to the plan.
func (p *Plan) Postings(term int) []Posting { return p.postings[term] }

// Matches returns the query words whose neighbourhood has the code, by
// ascending index; nil if there is none. The slice belongs to the plan.
func (p *Plan) Matches(code uint32) []Match {
	s := p.slot(code)
	if s.code != code || s.from == s.to {
		return nil
	}
	return p.matches[s.from:s.to]
}

// Value returns what the sums of a query word are worth in a document of the given
// length, see [Sums.Value].
func (p *Plan) Value(term int, s Sums[float64], length int) float64 {
	return s.Value(p.scorers[term], length)
}

// Most returns the sum of the idf of all query words: what a score can be at
// most, but for what [Plan.Normalize] cuts off.
func (p *Plan) Most() float64 { return p.idfSum }

// Normalize returns a score divided by the sum of the idf of all query words,
// which makes it comparable between queries and over time; 0 if that sum is 0.
// It is cut at 1, which a softmax score can pass by 0.2 % where sub-tokens make
// a document's words outnumber its length.
func (p *Plan) Normalize(score float64) float64 {
	if p.idfSum == 0 {
		return 0
	}
	return min(1, score/p.idfSum)
}

// Tally is the memory that scoring from tokens needs, for reuse. The zero value
// is ready. It is not safe for concurrent use.
type Tally struct {
	sums  []Sums[float64]
	parts []float64
}

// Parts returns what each query word gave to the last score, weight included. They
// sum to that score. The slice belongs to the tally.
func (t *Tally) Parts() []float64 { return t.parts }

// Score returns the score of a document from the codes of its tokens, in any
// order and each as often as it occurs, sub-tokens included; length is the
// number of its primary word tokens. 0 means that nothing matches: no hit. It
// allocates only until tally has grown to the plan's size.
func (p *Plan) Score(tally *Tally, codes []uint32, length int) float64 {
	tally.sums = slices.Grow(tally.sums[:0], p.Len())[:p.Len()]
	clear(tally.sums)
	for _, code := range codes {
		matches := p.Matches(code)
		for i := range matches {
			tally.sums[matches[i].Term].Add(matches[i].weight, 1)
		}
	}
	tally.parts = tally.parts[:0]
	var score float64
	for i, s := range tally.sums {
		part := float64(p.weights[i] * p.Value(i, s, length))
		tally.parts = append(tally.parts, part)
		score += part
	}
	return score
}
