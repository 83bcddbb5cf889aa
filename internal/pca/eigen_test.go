package pca

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestEigen checks what defines an eigenvector: A v = value v, and that all are at
// right angles and of length 1.
func TestEigen(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	random := func(n, rank int) [][]float64 {
		a := square(n)
		for range rank {
			x := make([]float64, n)
			for i := range x {
				x[i] = rng.NormFloat64()
			}
			for i := range a {
				for j := range a {
					a[i][j] += x[i] * x[j]
				}
			}
		}
		return a
	}
	diagonal := square(5)
	for i := range diagonal {
		diagonal[i][i] = float64(i % 3)
	}
	for name, a := range map[string][][]float64{
		"none": {}, "one": {{7}}, "two": {{2, 1}, {1, 2}}, "zero": square(6), "diagonal": diagonal,
		"full": random(40, 80), "of rank 3": random(30, 3), "large": random(129, 200),
	} {
		t.Run(name, func(t *testing.T) {
			n := len(a)
			work := square(n)
			scale := 1.0
			for i := range a {
				copy(work[i][i:], a[i][i:]) // below the diagonal nothing is read
				for j := range i {
					work[i][j] = math.NaN()
				}
				scale = max(scale, a[i][i])
			}
			values, vectors, ok := eigen(work)
			if !ok || len(values) != n || len(vectors) != n {
				t.Fatalf("%v, %d values, %d vectors", ok, len(values), len(vectors))
			}
			tolerance := 1e-12 * scale * float64(n)
			for i, v := range vectors {
				for r := range a {
					var dot float64
					for c := range a {
						dot += a[r][c] * v[c]
					}
					if diff := math.Abs(dot - values[i]*v[r]); !(diff <= tolerance) {
						t.Fatalf("vector %d is off by %g in row %d", i, diff, r)
					}
				}
				for j, w := range vectors {
					var dot, want float64
					for c := range v {
						dot += v[c] * w[c]
					}
					if i == j {
						want = 1
					}
					if !(math.Abs(dot-want) <= 1e-12*float64(n)) {
						t.Fatalf("vectors %d and %d: %g", i, j, dot)
					}
				}
			}
		})
	}
}

func TestEigen_NotFinite(t *testing.T) {
	for _, x := range []float64{math.NaN(), math.Inf(1)} {
		if _, _, ok := eigen([][]float64{{1, x, 0}, {0, 1, 0}, {0, 0, 1}}); ok {
			t.Errorf("%v has eigenvalues", x)
		}
	}
}
