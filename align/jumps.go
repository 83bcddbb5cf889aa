package align

import "math"

// maxJump is the longest jump whose probability is a parameter of its own; all
// longer ones to one side share one.
const maxJump = 8

// jumpTable is what the hidden Markov model knows about order: how likely the
// word after an aligned one is aligned d tokens further on.
type jumpTable struct {
	// weights[d+maxJump+1] is the weight of a jump by d tokens, -maxJump to
	// maxJump; the first and the last are those of each longer one. They need
	// not sum to 1: a jump is chosen among the tokens that are there.
	weights [2*maxJump + 3]float64
	null    float64 // the probability that a token has no counterpart
}

// jumpScale and jumpFloor are flat enough for the long moves between Chinese and
// English.
const (
	jumpScale = 2.0
	jumpFloor = 0.02
)

func defaultJumps() jumpTable {
	var j jumpTable
	for d := -maxJump; d <= maxJump; d++ {
		j.weights[d+maxJump+1] = math.Exp(-math.Abs(float64(d-1))/jumpScale) + jumpFloor
	}
	j.weights[0], j.weights[2*maxJump+2] = jumpFloor, jumpFloor
	j.null = DefaultNull
	return j
}

func (j *jumpTable) weight(d int) float64 {
	return j.weights[max(0, min(d+maxJump+1, len(j.weights)-1))]
}

// chain is the hidden Markov model over one pair: which of n states (tokens of
// one side, positions 1 to n; position 0 is before the first) each of the
// observed tokens of the other side stands for, or none of them.
type chain struct {
	n      int
	jumps  *jumpTable
	share  []float64 // by position: (1 - null) / sum of the weights of all jumps from there
	scaled []float64
	prefix []float64
}

func newChain(n int, jumps *jumpTable) *chain {
	c := &chain{n: n, jumps: jumps, share: make([]float64, n+1)}
	for from := range c.share {
		sum := 0.0
		for to := 1; to <= n; to++ {
			sum += jumps.weight(to - from)
		}
		c.share[from] = (1 - jumps.null) / sum
	}
	c.prefix = make([]float64, n+2)
	c.scaled = make([]float64, n+1)
	return c
}

// spread sets out[to] to the sum over from of in[from] * weight(sign * (to - from)),
// for 0 <= to <= n: near jumps one by one, the far ones of a side at once.
func (c *chain) spread(out, in []float64, sign int) {
	for p, x := range in {
		c.prefix[p+1] = c.prefix[p] + x
	}
	low, high := c.jumps.weights[0], c.jumps.weights[len(c.jumps.weights)-1]
	if sign < 0 {
		low, high = high, low
	}
	for to := range out {
		first, last := max(0, to-maxJump), min(c.n, to+maxJump)
		// from < first: to - from > maxJump.
		sum := c.prefix[first]*high + (c.prefix[c.n+1]-c.prefix[last+1])*low
		for from := first; from <= last; from++ {
			sum += in[from] * c.jumps.weight(sign*(to-from))
		}
		out[to] = sum
	}
}

// posterior returns for each observed token (columns) the probability of each
// state (rows). ratio(i, j) is how much more likely state i makes token j than
// no state at all does. counts, if not nil, receives the expected jumps.
func posterior(ratio *Matrix, jumps *jumpTable, counts *jumpCounts) Matrix {
	n, obs := ratio.Rows, ratio.Cols
	out := NewMatrix(n, obs)
	if n == 0 || obs == 0 {
		return out
	}
	c := newChain(n, jumps)
	alpha := make([][]float64, obs)   // all of a position, with those that emit nothing
	emitted := make([][]float64, obs) // those that emit
	prev := make([]float64, n+1)
	prev[0] = 1
	for j := range obs {
		for p, x := range prev {
			c.scaled[p] = x * c.share[p]
		}
		row := make([]float64, n+1)
		c.spread(row, c.scaled, 1)
		row[0] = 0
		all := make([]float64, n+1)
		sum := 0.0
		for p := 1; p <= n; p++ {
			row[p] *= ratio.At(p-1, j)
		}
		for p := range all {
			all[p] = row[p] + prev[p]*jumps.null
			sum += all[p]
		}
		if sum == 0 { // only without a share of nothing, and where nothing is possible
			copy(all, prev)
			sum = 1
		}
		for p := range all {
			all[p] /= sum
			row[p] /= sum
		}
		alpha[j], emitted[j], prev = all, row, all
	}
	beta, next, spread := make([]float64, n+1), make([]float64, n+1), make([]float64, n+1)
	for p := range beta {
		beta[p] = 1
	}
	for j := obs - 1; j >= 0; j-- {
		sum := 0.0
		for p := range beta {
			sum += alpha[j][p] * beta[p]
		}
		for p := 1; p <= n && sum > 0; p++ {
			out.Values[(p-1)*obs+j] = emitted[j][p] * beta[p] / sum
		}
		if j == 0 && counts == nil {
			break
		}
		next[0] = 0
		for p := 1; p <= n; p++ {
			next[p] = ratio.At(p-1, j) * beta[p]
		}
		c.spread(spread, next, -1)
		if counts != nil {
			counts.add(c, alpha, j, next, beta, spread)
		}
		sum = 0
		for p := range beta {
			beta[p] = spread[p]*c.share[p] + jumps.null*beta[p]
			sum += beta[p]
		}
		for p := range beta {
			if sum == 0 {
				beta[p] = 1
				continue
			}
			beta[p] /= sum
		}
	}
	return out
}

// minShare is the least probability of a place whose jumps are counted.
const minShare = 1e-5

// jumpCounts are expected numbers of jumps.
type jumpCounts struct {
	weights [2*maxJump + 3]float64
	places  [2*maxJump + 3]float64 // how many places a jump of a kind could go to, weighed by how often it was asked
}

// add counts the step to token j: next and spread are the sums of the backward
// pass there, whose spread has left those of next in c.prefix, beta the
// probabilities of what follows j.
func (k *jumpCounts) add(c *chain, alpha [][]float64, j int, next, beta, spread []float64) {
	at := func(p int) float64 {
		if j > 0 {
			return alpha[j-1][p]
		}
		if p == 0 {
			return 1
		}
		return 0
	}
	total := 0.0
	for p := 0; p <= c.n; p++ {
		total += at(p) * (spread[p]*c.share[p] + c.jumps.null*beta[p])
	}
	if !(total > 0) {
		return
	}
	for p := 0; p <= c.n; p++ {
		a := at(p) / total
		if a < minShare {
			continue
		}
		gone := a * spread[p] * c.share[p] // expected jumps from here
		place := gone * c.share[p] / max(1-c.jumps.null, 1e-9)
		count := func(kind int, reach float64, places int) {
			k.weights[kind] += a * c.share[p] * reach * c.jumps.weights[kind]
			k.places[kind] += place * float64(places)
		}
		// The far jumps of a side at once: c.prefix holds the sums of next.
		first, last := max(1, p-maxJump), min(c.n, p+maxJump)
		count(0, c.prefix[first], first-1)
		count(len(k.weights)-1, c.prefix[c.n+1]-c.prefix[last+1], c.n-last)
		for to := first; to <= last; to++ {
			count(to-p+maxJump+1, next[to], 1)
		}
	}
}

// merge adds the counts of another pair.
func (k *jumpCounts) merge(other *jumpCounts) {
	for i := range k.weights {
		k.weights[i] += other.weights[i]
		k.places[i] += other.places[i]
	}
}

// table returns the weights that the counts make more likely than the old ones,
// smoothed with a tenth of a jump of each kind. The share of nothing stays: left
// to itself it shrinks, because rare words explain anything.
func (k *jumpCounts) table(old *jumpTable) jumpTable {
	out := jumpTable{null: old.null}
	sum := 0.0
	for i, n := range k.weights {
		// What was seen over what the other jumps left for it to be: one step of
		// iterative scaling.
		out.weights[i] = old.weights[i] * (n + 0.1) / (k.places[i]*old.weights[i] + 0.1)
		sum += out.weights[i]
	}
	for i := range out.weights {
		out.weights[i] = max(out.weights[i]/sum, minJump)
	}
	return out
}

// minJump is the least weight of a jump.
const minJump = 1e-6
