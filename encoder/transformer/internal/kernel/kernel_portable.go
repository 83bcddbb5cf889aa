//go:build !amd64 || noasm || purego

package kernel

func tile(c []float32, ldc int, a []float32, lda int, b []float32, k int, init *[tileCols]float32) {
	tilePortable(c, ldc, a, lda, b, k, init)
}

func transpose(dst []float32, rows Matrix) { transposePortable(dst, rows) }

func tileInt8(c []float32, ldc int, a []int16, lda int, b []int8, pairs int, columns *[tileCols]float32, rows *[tileRows]float32, bias *[tileCols]float32) {
	tileInt8Portable(c, ldc, a, lda, b, pairs, columns, rows, bias)
}

func largest(x []float32) float32 { return largestPortable(x) }

func round(dst []int16, x []float32, factor float32) { roundPortable(dst, x, factor) }

// Softmax replaces x by exp(scale*x) over its sum. scale must be positive. An x of
// minus infinity counts for nothing; NaN makes all of x NaN.
func Softmax(x []float32, scale float32) { softmaxPortable(x, scale) }

// GELU replaces x by x/2 * (1 + erf(x / sqrt 2)).
func GELU(x []float32) { geluPortable(x) }

// GELUTanh replaces x by x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3))).
func GELUTanh(x []float32) { geluTanhPortable(x) }

// AddNorm adds residual to x, and sets dst to the Norm of that. All have the
// same length; dst may be residual.
func AddNorm(dst, x, residual, gamma, beta []float32, eps float32) {
	addNormPortable(dst, x, residual, gamma, beta, eps)
}
