package kernel

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func random(r *rand.Rand, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(r.NormFloat64())
	}
	return x
}

// naive returns a times the transposed of w plus bias, in double precision.
func naive(a, w Matrix, bias []float32) []float64 {
	out := make([]float64, a.Rows*w.Rows)
	for i := range a.Rows {
		for j := range w.Rows {
			var sum float64
			for p, v := range a.Row(i) {
				sum += float64(v) * float64(w.Row(j)[p])
			}
			if bias != nil {
				sum += float64(bias[j])
			}
			out[i*w.Rows+j] = sum
		}
	}
	return out
}

// TestMul goes over sizes on both sides of every block, and over views with gaps
// between their rows, in which nothing may be written.
func TestMul(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	s := new(Scratch)
	for _, size := range [][3]int{
		{1, 1, 1}, {6, 16, 8}, {5, 15, 7}, {7, 17, 9}, {12, 32, 36}, {13, 48, 449}, {1, 384, 384},
		{240, 16, 24}, {241, 20, 900}, {500, 33, 12}, {3, 2, 1536},
	} {
		m, n, k := size[0], size[1], size[2]
		a := Matrix{random(r, m*(k+3)), m, k, k + 3}
		w := Matrix{random(r, n*(k+5)), n, k, k + 5}
		bias := random(r, n)
		for _, bias := range [][]float32{nil, bias} {
			want := naive(a, w, bias)
			b := Matrix{make([]float32, k*(n+2)), k, n, n + 2}
			for j := range n {
				for p, v := range w.Row(j) {
					b.Row(p)[j] = v
				}
			}
			for name, f := range map[string]func(dst Matrix){
				"MulT": func(dst Matrix) { s.MulT(dst, a, w, bias) },
				"Mul":  func(dst Matrix) { s.Mul(dst, a, b, bias) },
			} {
				const gap = 7
				dst := Matrix{slices.Repeat([]float32{gap}, m*(n+4)), m, n, n + 4}
				f(dst)
				for i := range m {
					for j, got := range dst.Row(i) {
						if d := math.Abs(float64(got) - want[i*n+j]); d > 1e-5*math.Sqrt(float64(k))*4 || math.IsNaN(d) {
							t.Fatalf("%s %v: element %d, %d is %v, want %v", name, size, i, j, got, want[i*n+j])
						}
					}
					for _, v := range dst.Data[i*dst.Stride+n : (i+1)*dst.Stride] {
						if v != gap {
							t.Fatalf("%s %v: written between the rows", name, size)
						}
					}
				}
			}
		}
	}
}

// TestPortable compares what this machine runs with the portable functions.
func TestPortable(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	near := func(name string, got, want []float32, tolerance float64) {
		t.Helper()
		for i := range want {
			if d := math.Abs(float64(got[i]) - float64(want[i])); d > tolerance || math.IsNaN(d) {
				t.Fatalf("%s of %d: element %d is %v, want %v", name, len(want), i, got[i], want[i])
			}
		}
	}
	for _, n := range []int{1, 7, 8, 9, 32, 40, 200, 384, 385} {
		x := random(r, n)
		for i := range x {
			x[i] *= 4
		}
		got, want := slices.Clone(x), slices.Clone(x)
		Softmax(got, 0.3)
		softmaxPortable(want, 0.3)
		near("Softmax", got, want, 5e-7)

		got, want = slices.Clone(x), slices.Clone(x)
		GELU(got)
		geluPortable(want)
		near("GELU", got, want, 1e-6)

		got, want = slices.Clone(x), slices.Clone(x)
		GELUTanh(got)
		geluTanhPortable(want)
		near("GELUTanh", got, want, 2e-6)

		residual, gamma, beta := random(r, n), random(r, n), random(r, n)
		got, want = slices.Clone(x), slices.Clone(x)
		gotSum, wantSum := slices.Clone(residual), make([]float32, n)
		AddNorm(gotSum, got, gotSum, gamma, beta, 1e-12)
		addNormPortable(wantSum, want, residual, gamma, beta, 1e-12)
		near("sum of AddNorm", got, want, 0)
		if n > 1 { // one value has no variance, and eps is all that is divided by
			near("AddNorm", gotSum, wantSum, 1e-4)
		}

		k, lda := n, n+1
		const most = 4 * tileRows
		a, b := random(r, most*lda), random(r, tileCols*k)
		gotC := random(r, most*tileCols)
		wantC := slices.Clone(gotC)
		for _, init := range []*[tileCols]float32{nil, (*[tileCols]float32)(random(r, tileCols))} {
			for _, rows := range []int{tileRows, most} {
				done := tile(gotC, tileCols, a, lda, b, k, init, rows)
				if done < tileRows || done > rows || done%tileRows != 0 {
					t.Fatalf("%d rows of at most %d", done, rows)
				}
				for i := 0; i < done; {
					i += tilePortable(wantC[i*tileCols:], tileCols, a[i*lda:], lda, b, k, init)
				}
				near("tile", gotC, wantC, 1e-4)
			}
		}
	}
}

// TestAccuracy measures the functions over a fine grid against double precision.
func TestAccuracy(t *testing.T) {
	const n = 1 << 16
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(i-n/2) / (n / 2) * 10
	}
	erf, tanh := slices.Clone(x), slices.Clone(x)
	GELU(erf)
	GELUTanh(tanh)
	var worstErf, worstTanh, worstExp float64
	for i, v := range x {
		f := float64(v)
		worstErf = max(worstErf, math.Abs(float64(erf[i])-0.5*f*(1+math.Erf(f/math.Sqrt2))))
		worstTanh = max(worstTanh, math.Abs(float64(tanh[i])-0.5*f*(1+math.Tanh(math.Sqrt(2/math.Pi)*(f+0.044715*f*f*f)))))
		// Two values, of which the first is 0: the ratio of the results is exp(v).
		pair := [lanes]float32{0, -float32(math.Abs(f)) * 8, 0, 0, 0, 0, 0, 0}
		inf := float32(math.Inf(-1))
		for j := 2; j < lanes; j++ {
			pair[j] = inf
		}
		Softmax(pair[:], 1)
		want := math.Exp(float64(-float32(math.Abs(f))*8)) / (1 + math.Exp(float64(-float32(math.Abs(f))*8)))
		worstExp = max(worstExp, math.Abs(float64(pair[1])-want)/want)
		if pair[2] != 0 {
			t.Fatalf("minus infinity counts for %v", pair[2])
		}
	}
	t.Logf("largest errors: GELU %.2g, GELUTanh %.2g, Softmax %.2g of the value", worstErf, worstTanh, worstExp)
	if worstErf > 1e-6 || worstTanh > 2e-6 || worstExp > 5e-7 {
		t.Errorf("GELU is off by %v, GELUTanh by %v, Softmax by %v of the value", worstErf, worstTanh, worstExp)
	}
}

// TestNaN checks that a damaged weight does not disappear on its way.
func TestNaN(t *testing.T) {
	nan := float32(math.NaN())
	for _, at := range []int{0, 3, 15} {
		x := make([]float32, 16)
		x[at] = nan
		for name, f := range map[string]func([]float32){
			"Softmax":  func(x []float32) { Softmax(x, 1) },
			"GELU":     GELU,
			"GELUTanh": GELUTanh,
			"ReLU":     ReLU,
			"SiLU":     SiLU,
			"Norm":     func(x []float32) { Norm(x, x, x, x, 1) },
			"AddNorm":  func(x []float32) { AddNorm(x, make([]float32, 16), x, x, x, 1) },
		} {
			y := slices.Clone(x)
			f(y)
			if !math.IsNaN(float64(y[at])) {
				t.Errorf("%s makes %v of NaN", name, y[at])
			}
		}
	}
}

func BenchmarkMulT(b *testing.B) {
	r := rand.New(rand.NewPCG(5, 6))
	s := new(Scratch)
	for _, size := range [][3]int{{200, 384, 384}, {200, 1536, 384}, {200, 384, 1536}, {200, 200, 32}, {10, 384, 384}} {
		m, n, k := size[0], size[1], size[2]
		b.Run(fmt.Sprintf("%dx%dx%d", m, n, k), func(b *testing.B) {
			a, w, dst := Of(random(r, m*k), m, k), Of(random(r, n*k), n, k), Of(make([]float32, m*n), m, n)
			for b.Loop() {
				s.MulT(dst, a, w, nil)
			}
			b.ReportMetric(2*float64(m*n*k)*float64(b.N)/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}

func BenchmarkElementwise(b *testing.B) {
	r := rand.New(rand.NewPCG(7, 8))
	x, residual, gamma := random(r, 1536), random(r, 1536), random(r, 1536)
	for name, f := range map[string]func(){
		"Softmax":  func() { Softmax(x[:200], 1) },
		"GELU":     func() { GELU(x) },
		"GELUTanh": func() { GELUTanh(x) },
		"AddNorm":  func() { AddNorm(residual[:384], x[:384], residual[:384], gamma[:384], gamma[:384], 1e-12) },
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				f()
			}
		})
	}
}
