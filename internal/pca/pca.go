// Package pca finds the principal components of vectors.
package pca

import (
	"cmp"
	"context"
	"errors"
	"math"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
)

// ErrDegenerate is returned when vectors have no principal components: all are
// the same, or not all numbers are finite.
var ErrDegenerate = errors.New("pca: the principal components cannot be computed")

// Basis is what vectors are projected on. It is safe for concurrent use.
type Basis struct {
	// Kept is the share of the variance about the mean that the components have,
	// 0 to 1.
	Kept float64

	mean       []float64
	components [][]float64 // of length 1, at right angles, by descending variance
}

// blockRows is how many vectors enter the covariance matrix at a time.
const blockRows = 1024

// Fit returns the components drop+1 to drop+keep of vectors, n x dim, row-major.
// drop+keep must be at most dim. The same vectors give the same basis, for any
// number of threads. It takes memory for a matrix of dim x dim. The error is
// that of ctx, or [ErrDegenerate].
func Fit(ctx context.Context, vectors []float32, dim, drop, keep int) (Basis, error) {
	n := len(vectors) / dim
	b := Basis{mean: make([]float64, dim)}
	for i := range n {
		for c, v := range vectors[i*dim : (i+1)*dim] {
			b.mean[c] += float64(v)
		}
	}
	for c := range b.mean {
		b.mean[c] /= float64(n)
	}
	covariance := square(dim)
	centred := make([]float64, blockRows*dim)
	for start := 0; start < n; start += blockRows {
		if err := ctx.Err(); err != nil {
			return Basis{}, err
		}
		rows := min(blockRows, n-start)
		for i := range rows {
			b.centre(centred[i*dim:(i+1)*dim], vectors[(start+i)*dim:(start+i+1)*dim])
		}
		addProducts(covariance, centred[:rows*dim], 1/float64(n))
	}
	values, components, ok := eigen(covariance)
	if !ok {
		return Basis{}, ErrDegenerate
	}
	order := make([]int, dim)
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(values[j], values[i]) })
	var kept, total float64
	for _, v := range values {
		total += max(0, v)
	}
	if total == 0 {
		return Basis{}, ErrDegenerate
	}
	for _, i := range order[drop : drop+keep] {
		kept += max(0, values[i])
		component := components[i]
		sign := signOf(component)
		for c := range component {
			component[c] *= sign
		}
		b.components = append(b.components, component)
	}
	b.Kept = kept / total
	return b, nil
}

// Dim returns the number of components.
func (b *Basis) Dim() int { return len(b.components) }

// Project sets dst, of Dim elements, to the coordinates of vector along the
// components, counted from the mean.
func (b *Basis) Project(dst, vector []float32) {
	for k, component := range b.components {
		var dot float64
		for c, x := range component {
			dot += x * (float64(vector[c]) - b.mean[c])
		}
		dst[k] = float32(dot)
	}
}

// centre sets dst to vector without the mean.
func (b *Basis) centre(dst []float64, vector []float32) {
	for c, v := range vector {
		dst[c] = float64(v) - b.mean[c]
	}
}

// square returns a matrix of zeros.
func square(n int) [][]float64 {
	all := make([]float64, n*n)
	rows := make([][]float64, n)
	for i := range rows {
		rows[i] = all[i*n : (i+1)*n : (i+1)*n]
	}
	return rows
}

// addProducts adds, on and right of the diagonal, the products of the columns of x, a
// row-major matrix with as many columns as sum has, times a factor. Every row of
// sum is one goroutine's, so that the result does not depend on their number.
func addProducts(sum [][]float64, x []float64, factor float64) {
	dim := len(sum)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < dim; i = int(next.Add(1)) - 1 {
				to := sum[i][i:]
				for from := x; len(from) > 0; from = from[dim:] {
					f := from[i] * factor
					for j, y := range from[i:dim] {
						to[j] += f * y
					}
				}
			}
		})
	}
	wg.Wait()
}

// signOf returns 1 or -1 so that the component of largest magnitude is positive:
// an eigenvector's sign is an accident of the algorithm.
func signOf(v []float64) float64 {
	largest := 0.0
	for _, x := range v {
		if math.Abs(x) > math.Abs(largest) {
			largest = x
		}
	}
	return math.Copysign(1, largest)
}
