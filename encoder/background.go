package encoder

import (
	"math"

	"github.com/ciyuan-search/ciyuan/scoring"
)

// thresholdShare is where the least similarity of a neighbour lies between the
// background and 1. With the background of the default table, 0.07, it gives that
// table's 0.3.
const thresholdShare = 0.25

// MeasureParams returns the default constants of the score with the similarity of
// unrelated words as it is among a sample of unit vectors, drawn evenly from all
// words, and with it the least similarity of a neighbour: vectors are seldom
// centred, and those of unrelated words have cosines of 0.2 to 0.8. Each vector is
// compared with the pairs behind it, 1 or more. Fewer than two vectors give the
// default constants.
func MeasureParams(sample [][]float32, pairs int) scoring.Params {
	p := scoring.DefaultParams()
	var sum float64
	n := 0
	for i, a := range sample {
		for step := 1; step <= pairs && step < len(sample); step++ {
			z := 0.0
			for k, x := range sample[(i+step)%len(sample)] {
				z += float64(float64(x) * float64(a[k]))
			}
			sum += math.Exp(z / float64(p.Temperature))
			n++
		}
	}
	if n == 0 {
		return p
	}
	// exp(z/T) of the background is the mean of that of the pairs, as the score
	// has it in its denominator.
	background := float64(p.Temperature) * math.Log(sum/float64(n))
	background = max(-1, min(0.99, background)) // 1 if all vectors are the same
	p.Background = float32(background)
	p.MinSim = max(p.MinSim, float32(background+thresholdShare*(1-background)))
	return p
}
