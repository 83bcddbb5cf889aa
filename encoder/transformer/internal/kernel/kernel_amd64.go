//go:build amd64 && !noasm && !purego

package kernel

import "golang.org/x/sys/cpu"

//go:generate go run ../asm -out kernel_amd64.s -stubs kernel_stub_amd64.go -pkg kernel
//go:generate go run ../asm -wide -out wide_amd64.s -stubs wide_stub_amd64.go -pkg kernel

const (
	shortSize = 2
	wideRows  = 2 * tileRows // of a tile with AVX-512
)

var (
	hasAVX2   = cpu.X86.HasAVX2 && cpu.X86.HasFMA
	hasAVX512 = hasAVX2 && cpu.X86.HasAVX512F
	hasVNNI   = hasAVX512 && cpu.X86.HasAVX512BW && cpu.X86.HasAVX512VNNI
)

func tile(c []float32, ldc int, a []float32, lda int, b []float32, k int, init *[tileCols]float32, most int) int {
	if !hasAVX2 {
		return tilePortable(c, ldc, a, lda, b, k, init)
	}
	rows := tileRows
	if hasAVX512 && most >= wideRows {
		rows = wideRows
	}
	// The ends of what the assembly reads and writes.
	_, _, _ = c[(rows-1)*ldc+tileCols-1], a[(rows-1)*lda+k-1], b[k*tileCols-1]
	var bias *float32
	if init != nil {
		bias = &init[0]
	}
	if rows == wideRows {
		tileAVX512(&c[0], ldc*floatSize, &a[0], lda*floatSize, &b[0], k, bias)
	} else {
		tileAVX2(&c[0], ldc*floatSize, &a[0], lda*floatSize, &b[0], k, bias)
	}
	return rows
}

func transpose(dst []float32, rows Matrix) {
	whole := rows.Cols &^ (lanes - 1)
	if !hasAVX2 || whole == 0 {
		transposePortable(dst, rows)
		return
	}
	_, _ = dst[whole*tileCols-1], rows.Data[(tileCols-1)*rows.Stride+whole-1]
	transposeAVX2(&dst[0], &rows.Data[0], rows.Stride*floatSize, whole)
	if whole < rows.Cols {
		transposePortable(dst[whole*tileCols:], rows.Columns(whole, rows.Cols-whole))
	}
}

// Softmax replaces x by exp(scale*x) over its sum. scale must be positive. It is
// off by less than 5e-7 of each value plus 1e-37. An x of minus infinity counts
// for nothing; NaN makes all of x NaN. Lengths that are a multiple of 8 are fast.
func Softmax(x []float32, scale float32) {
	if !hasAVX2 || len(x)%lanes != 0 || len(x) == 0 {
		softmaxPortable(x, scale)
		return
	}
	softmaxAVX2(&x[0], len(x), scale)
}

// GELU replaces x by x/2 * (1 + erf(x / sqrt 2)), with an absolute error of less
// than 1e-6 for |x| < 10.
func GELU(x []float32) {
	n := 0
	if hasAVX2 && len(x) >= lanes {
		n = len(x) &^ (lanes - 1)
		geluAVX2(&x[0], n)
	}
	geluPortable(x[n:])
}

// GELUTanh replaces x by x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3))), with
// an absolute error of less than 2e-6 for |x| < 10.
func GELUTanh(x []float32) {
	n := 0
	if hasAVX2 && len(x) >= lanes {
		n = len(x) &^ (lanes - 1)
		geluTanhAVX2(&x[0], n)
	}
	geluTanhPortable(x[n:])
}

// AddNorm adds residual to x, and sets dst to the Norm of that. All have the
// same length; dst may be residual. Lengths that are a multiple of 8 are fast.
func AddNorm(dst, x, residual, gamma, beta []float32, eps float32) {
	n := len(x)
	if !hasAVX2 || n%lanes != 0 || n == 0 {
		addNormPortable(dst, x, residual, gamma, beta, eps)
		return
	}
	_, _, _, _ = dst[n-1], residual[n-1], gamma[n-1], beta[n-1]
	addNormAVX2(&dst[0], &x[0], &residual[0], &gamma[0], &beta[0], n, eps)
}

func tileInt8(c []float32, ldc int, a []int16, lda int, b []int8, pairs int, columns *[tileCols]float32, factors []float32, bias *[tileCols]float32, most int) int {
	if !hasAVX2 {
		return tileInt8Portable(c, ldc, a, lda, b, pairs, columns, factors, bias)
	}
	rows := tileRows
	if hasVNNI && most >= wideRows {
		rows = wideRows
	}
	_, _, _, _ = c[(rows-1)*ldc+tileCols-1], a[(rows-1)*lda+2*pairs-1], b[pairs*2*tileCols-1], factors[rows-1]
	if rows == wideRows {
		tileInt8VNNI(&c[0], ldc*floatSize, &a[0], lda*shortSize, &b[0], pairs, &columns[0], &factors[0], &bias[0])
	} else {
		tileInt8AVX2(&c[0], ldc*floatSize, &a[0], lda*shortSize, &b[0], pairs, &columns[0], &factors[0], &bias[0])
	}
	return rows
}

func largest(x []float32) float32 {
	n := 0
	top := float32(0)
	if hasAVX2 && len(x) >= lanes {
		n = len(x) &^ (lanes - 1)
		top = largestAVX2(&x[0], n)
	}
	return max(top, largestPortable(x[n:]))
}

func round(dst []int16, x []float32, factor float32) {
	n := 0
	if hasAVX2 && len(x) >= lanes {
		n = len(x) &^ (lanes - 1)
		_ = dst[n-1]
		roundAVX2(&dst[0], &x[0], n, factor)
	}
	roundPortable(dst[n:], x[n:], factor)
}
