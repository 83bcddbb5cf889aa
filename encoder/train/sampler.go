package train

import (
	"math"
	"math/rand/v2"
	"sync"
)

// sampler draws words with probability proportional to count^power in constant
// time and eight bytes a word, by Walker's alias method (Vose 1991).
type sampler struct {
	threshold []uint32 // of 2^32: below it the slot's own word is drawn
	alias     []int32
}

func newSampler(counts []int64, power float64) *sampler {
	n := len(counts)
	s := &sampler{threshold: make([]uint32, n), alias: make([]int32, n)}
	weights := make([]float64, n)
	var sum float64
	for i, c := range counts {
		weights[i] = math.Pow(float64(c), power)
		sum += weights[i]
	}
	var small, large []int32
	for i := range weights {
		weights[i] *= float64(n) / sum
		if weights[i] < 1 {
			small = append(small, int32(i))
		} else {
			large = append(large, int32(i))
		}
	}
	for len(small) > 0 && len(large) > 0 {
		a, b := small[len(small)-1], large[len(large)-1]
		small = small[:len(small)-1]
		s.threshold[a], s.alias[a] = uint32(min(weights[a]*(1<<32), math.MaxUint32)), b
		if weights[b] -= 1 - weights[a]; weights[b] < 1 {
			large = large[:len(large)-1]
			small = append(small, b)
		}
	}
	for _, i := range append(small, large...) { // what rounding has left over
		s.threshold[i], s.alias[i] = math.MaxUint32, i
	}
	return s
}

func (s *sampler) draw(rng *rand.PCG) int32 {
	r := rng.Uint64()
	slot := int32(uint64(uint32(r)) * uint64(len(s.alias)) >> 32)
	if uint32(r>>32) < s.threshold[slot] {
		return slot
	}
	return s.alias[slot]
}

// keepThresholds returns, for each word, of 2^32 the chance that an occurrence is
// kept: sqrt(t/f) + t/f for the relative frequency f, as word2vec.c and fastText
// have it (the paper has 1 - sqrt(t/f)).
func keepThresholds(counts []int64, total int64, sample float64) []uint32 {
	keep := make([]uint32, len(counts))
	for i, c := range counts {
		r := sample * float64(total) / float64(c)
		keep[i] = uint32(min((math.Sqrt(r)+r)*(1<<32), math.MaxUint32))
	}
	if sample == 1 {
		for i := range keep {
			keep[i] = math.MaxUint32
		}
	}
	return keep
}

// The logistic function is read from a table: 1/512 between entries moves a
// gradient by at most 0.0005.
const (
	sigmoidLimit = 8 // beyond, it is 0 or 1 to within 0.0004
	sigmoidSteps = 512
)

type sigmoidTable [2*sigmoidLimit*sigmoidSteps + 1]float32

// sigmoids is made when it is first needed: programs that train nothing import this
// package, too.
var sigmoids = sync.OnceValue(func() *sigmoidTable {
	t := new(sigmoidTable)
	for i := range t {
		x := float64(i)/sigmoidSteps - sigmoidLimit
		t[i] = float32(1 / (1 + math.Exp(-x)))
	}
	return t
})

func (t *sigmoidTable) at(x float32) float32 {
	switch {
	case x >= sigmoidLimit:
		return 1
	case x > -sigmoidLimit:
		return t[int((x+sigmoidLimit)*sigmoidSteps)]
	default: // NaN cannot happen: rates are bounded and gradients are below 1
		return 0
	}
}
