package index

import (
	"math"
	"math/bits"
	"math/rand/v2"
)

// rotation is a fixed orthogonal map that spreads what a vector has in a few columns
// over all of them: signs, then the Hadamard transform of the first power of two
// of columns, then the same for the last, as often as it takes for every column to
// depend on all. One round does where the number of columns is a power of two.
//
// Every product is rounded to float32 before it is used, so the bits of a result
// do not depend on the machine.
//
// Source: the fast Johnson-Lindenstrauss transform of Ailon and Chazelle (2009).
type rotation struct {
	dim    int // columns, a multiple of 32
	power  int // the largest power of two in it
	factor float32
	signs  [][]float32 // for each step, 1 or -1 for its columns
}

// rotationSeed is part of the format: rows are stored rotated.
const rotationSeed = 0x6369_7975_616e

func newRotation(dim int) *rotation {
	r := &rotation{dim: dim, power: 1 << (bits.Len(uint(dim)) - 1)}
	r.factor = float32(1 / math.Sqrt(float64(r.power)))
	steps := 1
	if r.power < dim {
		steps = 4
	}
	source := rand.NewPCG(rotationSeed, uint64(dim))
	for range steps {
		signs := make([]float32, r.power)
		var word uint64
		for i := range signs {
			if i%64 == 0 {
				word = source.Uint64()
			}
			signs[i] = 1 - 2*float32(word&1)
			word >>= 1
		}
		r.signs = append(r.signs, signs)
	}
	return r
}

// columns returns the part of v that a step works on.
func (r *rotation) columns(v []float32, step int) []float32 {
	if step%2 == 0 {
		return v[:r.power]
	}
	return v[r.dim-r.power:]
}

// apply rotates v, of dim columns, in place.
func (r *rotation) apply(v []float32) {
	for step, signs := range r.signs {
		part := r.columns(v, step)
		for i, s := range signs {
			part[i] = float32(part[i] * s)
		}
		hadamard(part)
		for i, x := range part {
			part[i] = float32(x * r.factor)
		}
	}
}

// undo is the inverse of apply, up to rounding.
func (r *rotation) undo(v []float32) {
	for step := len(r.signs) - 1; step >= 0; step-- {
		part := r.columns(v, step)
		hadamard(part)
		for i, s := range r.signs[step] {
			part[i] = float32(float32(part[i]*r.factor) * s)
		}
	}
}

// hadamard is the transform without its factor of 1/sqrt(len(v)).
func hadamard(v []float32) {
	for half := 1; half < len(v); half *= 2 {
		for start := 0; start < len(v); start += 2 * half {
			low, high := v[start:start+half], v[start+half:start+2*half]
			for i, a := range low {
				b := high[i]
				low[i], high[i] = a+b, a-b
			}
		}
	}
}
