package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// TestMulInt8 compares with double precision. What rounding costs is bounded by
// the largest weight of an output and the largest value of a row.
func TestMulInt8(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	s := new(Scratch)
	for _, size := range [][3]int{{1, 1, 1}, {6, 16, 8}, {5, 15, 7}, {13, 33, 31}, {241, 20, 384}, {7, 16, 1537}} {
		m, n, k := size[0], size[1], size[2]
		a := Matrix{random(r, m*(k+3)), m, k, k + 3}
		w := Matrix{random(r, n*(k+5)), n, k, k + 5}
		columns := Matrix{make([]float32, k*(n+2)), k, n, n + 2}
		for j := range n {
			for p, v := range w.Row(j) {
				columns.Row(p)[j] = v
			}
		}
		bias := random(r, n)
		want := naive(a, w, bias)
		for _, q := range []*Int8{Quantize(w, false), Quantize(columns, true)} {
			if q.Outputs() != n {
				t.Fatalf("%d outputs, want %d", q.Outputs(), n)
			}
			const gap = 7
			dst := Matrix{slices.Repeat([]float32{gap}, m*(n+4)), m, n, n + 4}
			s.MulInt8(dst, a, q, bias)
			for i := range m {
				for j, got := range dst.Row(i) {
					// Errors of a product are independent: half a step each, so that
					// their sum grows with the root of k.
					bound := 6 * math.Sqrt(float64(k)) * float64(largestPortable(a.Row(i))*largestPortable(w.Row(j))) / weightMax / 2
					if d := math.Abs(float64(got) - want[i*n+j]); d > bound || math.IsNaN(d) {
						t.Fatalf("%v: element %d, %d is %v, want %v within %v", size, i, j, got, want[i*n+j], bound)
					}
				}
				for _, v := range dst.Data[i*dst.Stride+n : (i+1)*dst.Stride] {
					if v != gap {
						t.Fatalf("%v: written between the rows", size)
					}
				}
			}
		}
	}
}

// TestMulInt8_Extremes has the largest sums that can occur, rows of zeros and NaN.
func TestMulInt8_Extremes(t *testing.T) {
	s := new(Scratch)
	for _, k := range []int{8192, 20000} {
		ones := Of(slices.Repeat([]float32{1}, k), 1, k)
		var dst [1]float32
		s.MulInt8(Of(dst[:], 1, 1), ones, Quantize(ones, false), nil)
		if math.Abs(float64(dst[0])-float64(k)) > 1e-3*float64(k) {
			t.Errorf("%d ones make %v", k, dst[0])
		}
	}
	zero, one := Of(make([]float32, 16), 1, 16), Of(slices.Repeat([]float32{1}, 16), 1, 16)
	var dst [1]float32
	s.MulInt8(Of(dst[:], 1, 1), zero, Quantize(one, false), []float32{3})
	if dst[0] != 3 {
		t.Errorf("a row of zeros makes %v", dst[0])
	}
	s.MulInt8(Of(dst[:], 1, 1), one, Quantize(zero, false), []float32{3})
	if dst[0] != 3 {
		t.Errorf("weights of zero make %v", dst[0])
	}
	for _, bad := range []float64{math.NaN(), math.Inf(1)} {
		s.MulInt8(Of(dst[:], 1, 1), Of(slices.Repeat([]float32{float32(bad)}, 16), 1, 16), Quantize(one, false), nil)
		if !math.IsNaN(float64(dst[0])) && !math.IsInf(float64(dst[0]), 0) {
			t.Errorf("a row of %v makes %v", bad, dst[0])
		}
	}
}

// TestPortableInt8 compares what this machine runs with the portable functions:
// integer sums are equal to the bit.
func TestPortableInt8(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, pairs := range []int{1, 3, 4, 9, 192} {
		const most = 4 * tileRows
		a, b := make([]int16, most*(2*pairs+2)), make([]int8, pairs*2*tileCols)
		for i := range a {
			a[i] = int16(r.IntN(2*activationMax+1) - activationMax)
		}
		for i := range b {
			b[i] = int8(r.IntN(2*weightMax+1) - weightMax)
		}
		columns, factors, bias := (*[tileCols]float32)(random(r, tileCols)), random(r, most), (*[tileCols]float32)(random(r, tileCols))
		got, want := make([]float32, most*tileCols), make([]float32, most*tileCols)
		for _, rows := range []int{tileRows, most} {
			done := tileInt8(got, tileCols, a, 2*pairs+2, b, pairs, columns, factors, bias, rows)
			if done < tileRows || done > rows || done%tileRows != 0 {
				t.Fatalf("%d rows of at most %d", done, rows)
			}
			for i := 0; i < done; {
				i += tileInt8Portable(want[i*tileCols:], tileCols, a[i*(2*pairs+2):], 2*pairs+2, b, pairs, columns, factors[i:], bias)
			}
			for i := range want {
				if d := math.Abs(float64(got[i] - want[i])); d > 1e-6*math.Abs(float64(want[i]))+1e-2 {
					t.Fatalf("%d pairs: element %d is %v, want %v", pairs, i, got[i], want[i])
				}
			}
		}
	}
	for _, n := range []int{0, 1, 8, 21} {
		x := random(r, n)
		if got, want := largest(x), largestPortable(x); got != want {
			t.Errorf("the largest of %v is %v, want %v", x, got, want)
		}
		got, want := make([]int16, n), make([]int16, n)
		round(got, x, 500.5)
		roundPortable(want, x, 500.5)
		if !slices.Equal(got, want) {
			t.Errorf("%v is rounded to %v, want %v", x, got, want)
		}
	}
}

func BenchmarkMulInt8(b *testing.B) {
	r := rand.New(rand.NewPCG(5, 6))
	s := new(Scratch)
	for _, size := range [][3]int{{200, 384, 384}, {200, 1536, 384}, {200, 384, 1536}} {
		m, n, k := size[0], size[1], size[2]
		b.Run(fmt.Sprintf("%dx%dx%d", m, n, k), func(b *testing.B) {
			a, w, dst := Of(random(r, m*k), m, k), Quantize(Of(random(r, n*k), n, k), false), Of(make([]float32, m*n), m, n)
			for b.Loop() {
				s.MulInt8(dst, a, w, nil)
			}
			b.ReportMetric(2*float64(m*n*k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}
