package eval

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
)

// Permutations and Samples are the defaults of the two tests: with 10,000 draws
// a p-value of 0.05 has a standard error of 0.002.
const (
	Permutations = 10_000
	Samples      = 10_000
)

// RandomizationTest returns the two-sided p-value of the paired randomisation
// (permutation) test for the difference of the means of a and b, which hold a
// metric of two systems for the same queries in the same order. The signs of
// the differences are drawn at random as often as permutations says, and p is
// (1 + draws at least as extreme as what was observed) / (1 + permutations).
// The same arguments give the same value. It is 1 if nothing differs, and it
// panics if the lengths differ.
//
// Source: Smucker, Allan and Carterette (2007); the added one after Davison and
// Hinkley (1997).
func RandomizationTest(a, b []float64, permutations int, seed uint64) float64 {
	if len(a) != len(b) {
		panic(fmt.Sprintf("eval: %d and %d values are not paired", len(a), len(b)))
	}
	var differences []float64
	observed := 0.0
	for i := range a {
		// Equal pairs add nothing to any permutation.
		if d := a[i] - b[i]; d != 0 {
			differences = append(differences, d)
			observed += d
		}
	}
	if len(differences) == 0 {
		return 1
	}
	// Sums of the same numbers with other signs may differ by rounding where
	// they should be equal.
	observed = math.Abs(observed) * (1 - 1e-12)
	random := rand.New(rand.NewPCG(seed, 0))
	extreme := 0
	for range permutations {
		sum := 0.0
		var bits uint64
		for i, d := range differences {
			if i%64 == 0 {
				bits = random.Uint64()
			}
			// The lowest bit becomes the sign.
			sum += math.Float64frombits(math.Float64bits(d) ^ bits<<63)
			bits >>= 1
		}
		if math.Abs(sum) >= observed {
			extreme++
		}
	}
	return float64(1+extreme) / float64(1+permutations)
}

// BootstrapInterval returns the percentile bootstrap confidence interval of the
// mean of values; level is 0.95 for the 95 % interval. The same arguments give
// the same interval. Without values both ends are NaN.
//
// Source: Efron and Tibshirani (1993), chapter 13; for retrieval Sakai (2006).
func BootstrapInterval(values []float64, level float64, samples int, seed uint64) (low, high float64) {
	if len(values) == 0 || samples < 1 {
		return math.NaN(), math.NaN()
	}
	random := rand.New(rand.NewPCG(seed, 1))
	means := make([]float64, samples)
	for i := range means {
		sum := 0.0
		for range values {
			sum += values[random.IntN(len(values))]
		}
		means[i] = sum / float64(len(values))
	}
	slices.Sort(means)
	at := func(q float64) float64 {
		return means[min(samples-1, max(0, int(math.Round(q*float64(samples-1)))))]
	}
	return at((1 - level) / 2), at((1 + level) / 2)
}
