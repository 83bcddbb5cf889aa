// Command asm generates the kernels of package kernel for AVX2, or with -wide those for
// AVX-512. The portable functions there say what they compute.
package main

import (
	"flag"

	. "github.com/mmcloughlin/avo/build"
)

func main() {
	wide := flag.Bool("wide", false, "for AVX-512")
	flag.Parse()
	ConstraintExpr("amd64,!noasm,!purego")
	if *wide {
		wideTile()
		wideTileInt8()
	} else {
		tile()
		transpose()
		softmax()
		gelu("geluAVX2", "geluAVX2 replaces x[i] by x/2 * (1 + erf(x/sqrt 2)), for n a multiple of 8.", erf)
		gelu("geluTanhAVX2", "geluTanhAVX2 replaces x[i] by x/2 * (1 + tanh(sqrt(2/pi) * (x + 0.044715 x^3))), for n a multiple of 8.", tanh)
		addNorm()
		tileInt8()
		quantize()
	}
	Generate()
}
