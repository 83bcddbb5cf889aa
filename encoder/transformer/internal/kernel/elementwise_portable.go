//go:build !amd64 || noasm || purego

package kernel

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
