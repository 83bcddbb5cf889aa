// Command asm generates the AVX2 kernels of package kernel. The portable
// functions there say what they compute.
package main

import . "github.com/mmcloughlin/avo/build"

func main() {
	ConstraintExpr("amd64,!noasm,!purego")
	tile()
	transpose()
	softmax()
	gelu("geluAVX2", "geluAVX2 replaces x[i] by x/2 * (1 + erf(x/sqrt 2)), for n a multiple of 8.", erf)
	gelu("geluTanhAVX2", "geluTanhAVX2 replaces x[i] by x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3))), for n a multiple of 8.", tanh)
	addNorm()
	tileInt8()
	quantize()
	Generate()
}
