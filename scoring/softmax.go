package scoring

import "math"

// Softmax appends the attention weights exp(z[i]/t) / sum of exp(z[j]/t) to dst
// and returns the extended slice. They lie in [0, 1] and sum to 1; with t = 1
// they are the plain softmax of textbooks.
//
// The largest z is taken off first, so no finite input overflows. -Inf and NaN
// get the weight 0, and where every z is one of these all weights are 0.
// Entries of +Inf share the weight equally. t <= 0 and NaN mean the limit t -> 0:
// the largest entries share the weight equally. An empty z appends nothing.
func Softmax(dst []float64, z []float32, t float64) []float64 {
	largest := math.Inf(-1)
	for _, v := range z {
		if x := float64(v); x > largest {
			largest = x
		}
	}
	start := len(dst)
	var sum float64
	for _, v := range z {
		w := 0.0
		switch x := float64(v); {
		case math.IsNaN(x) || math.IsInf(x, -1):
		case x == largest: // also +Inf, whose difference to itself is NaN
			w = 1
		case t > 0:
			w = math.Exp((x - largest) / t)
		}
		sum += w
		dst = append(dst, w)
	}
	divide(dst[start:], sum)
	return dst
}

// Proportional appends weights proportional to z to dst: z[i] / sum of z[j],
// where negative numbers, infinities and NaN count as 0. They sum to 1, or are
// all 0 where no z is positive.
func Proportional(dst []float64, z []float32) []float64 {
	start := len(dst)
	var sum float64
	for _, v := range z {
		w := float64(v)
		if !(w > 0) || math.IsInf(w, 1) {
			w = 0
		}
		sum += w
		dst = append(dst, w)
	}
	divide(dst[start:], sum)
	return dst
}

// divide divides every weight by sum unless that is 0.
func divide(weights []float64, sum float64) {
	if sum == 0 {
		return
	}
	for i := range weights {
		weights[i] /= sum
	}
}
