package kernel

import "math"

// lanes is the number of floats that the vector functions take at once.
const lanes = 8

// softmaxPortable computes Softmax.
func softmaxPortable(x []float32, scale float32) {
	top := float32(math.Inf(-1))
	for _, v := range x {
		top = max(top, v)
	}
	var sum float64
	for i, v := range x {
		e := math.Exp(float64(scale * (v - top)))
		sum += e
		x[i] = float32(e)
	}
	inverse := float32(1 / sum)
	for i := range x {
		x[i] *= inverse
	}
}

// geluPortable computes GELU.
func geluPortable(x []float32) {
	for i, v := range x {
		x[i] = float32(0.5 * float64(v) * (1 + math.Erf(float64(v)*(math.Sqrt2/2))))
	}
}

// geluTanhPortable computes GELUTanh.
func geluTanhPortable(x []float32) {
	root := math.Sqrt(2 / math.Pi)
	for i, v := range x {
		f := float64(v)
		x[i] = float32(0.5 * f * (1 + math.Tanh(root*(f+0.044715*f*f*f))))
	}
}

// addNormPortable computes AddNorm.
func addNormPortable(dst, x, residual, gamma, beta []float32, eps float32) {
	Add(x, residual)
	Norm(dst, x, gamma, beta, eps)
}

// Norm sets dst to gamma * (x - mean) / sqrt(variance + eps) + beta. All have the
// same length; dst may be x.
func Norm(dst, x, gamma, beta []float32, eps float32) {
	var sum, squares float64
	for _, v := range x {
		sum += float64(v)
	}
	mean := sum / float64(len(x))
	for _, v := range x {
		d := float64(v) - mean
		squares += d * d
	}
	inverse := 1 / math.Sqrt(squares/float64(len(x))+float64(eps))
	for i, v := range x {
		dst[i] = float32((float64(v)-mean)*inverse)*gamma[i] + beta[i]
	}
}

// Add adds y to x.
func Add(x, y []float32) {
	for i, v := range y {
		x[i] += v
	}
}

// ReLU replaces negative values by zero. NaN stays.
func ReLU(x []float32) {
	for i, v := range x {
		if v < 0 {
			x[i] = 0
		}
	}
}

// SiLU replaces x by x / (1 + exp(-x)).
func SiLU(x []float32) {
	for i, v := range x {
		x[i] = float32(float64(v) / (1 + math.Exp(-float64(v))))
	}
}
