package main

import (
	"fmt"
	"math"

	"github.com/mmcloughlin/avo/attr"
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	lanes        = vector / floatSize
	nearest      = 8 // rounding mode of VROUNDPS: to nearest, no exceptions
	notLess      = 5 // predicate of VCMPPS: not less than, true for NaN
	mantissaBits = 23
)

var constants = make(map[uint32]Mem)

// splat returns the address of eight copies of v.
func splat(v float64) Mem { return splatBits(math.Float32bits(float32(v))) }

func splatBits(bits uint32) Mem {
	m, ok := constants[bits]
	if !ok {
		m = GLOBL(fmt.Sprintf("f%08x", bits), attr.RODATA|attr.NOPTR)
		for i := range lanes {
			DATA(i*floatSize, U32(bits))
		}
		constants[bits] = m
	}
	return m
}

// load returns a register with eight copies of v.
func load(v float64) reg.VecVirtual {
	r := YMM()
	VMOVUPS(splat(v), r)
	return r
}

// horner returns the polynomial with these coefficients, highest power first.
func horner(x reg.VecVirtual, coefficients ...float64) reg.VecVirtual {
	p := load(coefficients[0])
	for _, c := range coefficients[1:] {
		VFMADD213PS(splat(c), x, p)
	}
	return p
}

// clamp limits x to the range from lo to hi. NaN stays NaN: of two operands of
// which one is NaN, VMINPS and VMAXPS return the one that is written first here.
func clamp(x reg.VecVirtual, lo, hi float64) {
	VMINPS(x, load(hi), x)
	VMAXPS(x, load(lo), x)
}

// each emits a loop over n floats, a multiple of 8, with the offset in a register.
func each(label string, n reg.Register, body func(at reg.Register)) {
	at := GP64()
	XORQ(at, at)
	Label(label)
	CMPQ(at, n)
	JGE(LabelRef(label + "Done"))
	body(at)
	ADDQ(Imm(lanes), at)
	JMP(LabelRef(label))
	Label(label + "Done")
}

func element(base, at reg.Register) Mem { return Mem{Base: base, Index: at, Scale: floatSize} }

// reduce folds the eight lanes of v with op and spreads the result over all.
func reduce(v reg.VecVirtual, op func(ops ...Op)) {
	t := YMM()
	VEXTRACTF128(Imm(1), v, t.AsX())
	op(t.AsX(), v.AsX(), v.AsX())
	VPERMILPS(Imm(0x4e), v.AsX(), t.AsX())
	op(t.AsX(), v.AsX(), v.AsX())
	VPERMILPS(Imm(0xb1), v.AsX(), t.AsX())
	op(t.AsX(), v.AsX(), v.AsX())
	VBROADCASTSS(v.AsX(), v)
}

// exponential returns exp(x) for x <= 0, 0 below -87.3, where results are no
// longer normal numbers. x is lost.
//
// Source: the polynomial of Cephes' expf, whose error is 2 units in the last place.
func exponential(x reg.VecVirtual) reg.VecVirtual {
	const least = -87.3
	lo := load(least)
	keep := YMM()
	VCMPPS(Imm(notLess), lo, x, keep)
	VMAXPS(x, lo, x)
	n := YMM()
	VMULPS(splat(math.Log2E), x, n)
	VROUNDPS(Imm(nearest), n, n)
	// ln 2 in two parts, so that n times the first is exact.
	VFNMADD231PS(splat(0.693359375), n, x)
	VFNMADD231PS(splat(-2.12194440e-4), n, x)
	p := horner(x, 1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1)
	VMULPS(x, p, p)
	VFMADD213PS(x, x, p)
	VADDPS(splat(1), p, p)
	VCVTPS2DQ(n, n)
	VPSLLD(Imm(mantissaBits), n, n)
	VPADDD(n, p, p)
	VANDPS(keep, p, p)
	return p
}

func softmax() {
	TEXT("softmaxAVX2", NOSPLIT, "func(x *float32, n int, scale float32)")
	Doc("softmaxAVX2 replaces x[i] by exp(scale*x[i]) divided by the sum of these, for n a",
		"multiple of 8 and scale > 0.")
	Pragma("noescape")
	x := Load(Param("x"), GP64())
	n := Load(Param("n"), GP64())
	scale := YMM()
	VBROADCASTSS(NewParamAddr("scale", 16), scale)

	top := load(math.Inf(-1))
	each("largest", n, func(at reg.Register) { VMAXPS(element(x, at), top, top) })
	reduce(top, func(ops ...Op) { VMAXPS(ops[0], ops[1], ops[2]) })

	sum := YMM()
	VXORPS(sum, sum, sum)
	each("exp", n, func(at reg.Register) {
		v := YMM()
		VMOVUPS(element(x, at), v)
		VSUBPS(top, v, v)
		VMULPS(scale, v, v)
		e := exponential(v)
		VADDPS(e, sum, sum)
		VMOVUPS(e, element(x, at))
	})
	reduce(sum, func(ops ...Op) { VADDPS(ops[0], ops[1], ops[2]) })
	inverse := load(1)
	VDIVPS(sum, inverse, inverse)
	each("divide", n, func(at reg.Register) {
		v := YMM()
		VMULPS(element(x, at), inverse, v)
		VMOVUPS(v, element(x, at))
	})
	VZEROUPPER()
	RET()
}

// rational returns z*odd(z^2)/even(z^2).
func rational(z reg.VecVirtual, odd, even []float64) reg.VecVirtual {
	z2 := YMM()
	VMULPS(z, z, z2)
	num := horner(z2, odd...)
	VMULPS(z, num, num)
	VDIVPS(horner(z2, even...), num, num)
	return num
}

// erf returns the error function of x/sqrt 2.
//
// Source: the rational approximation of Eigen and XNNPACK.
func erf(x reg.VecVirtual) reg.VecVirtual {
	z := YMM()
	VMULPS(splat(math.Sqrt2/2), x, z)
	clamp(z, -4, 4)
	return rational(z,
		[]float64{-2.72614225801306e-10, 2.77068142495902e-08, -2.10102402082508e-06, -5.69250639462346e-05, -7.34990630326855e-04, -2.95459980854025e-03, -1.60960333262415e-02},
		[]float64{-1.45660718464996e-05, -2.13374055278905e-04, -1.68282697438203e-03, -7.37332916720468e-03, -1.42647390514189e-02})
}

// tanh returns the hyperbolic tangent of sqrt(2/pi)*(x + 0.044715 x^3).
//
// Source: the rational approximation of Eigen.
func tanh(x reg.VecVirtual) reg.VecVirtual {
	z := YMM()
	VMULPS(x, x, z)
	root := math.Sqrt(2 / math.Pi)
	VMULPS(splat(root*0.044715), z, z)
	VADDPS(splat(root), z, z)
	VMULPS(x, z, z)
	clamp(z, -7.90531110763549805, 7.90531110763549805)
	return rational(z,
		[]float64{-2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11, 5.12229709037114e-08, 1.48572235717979e-05, 6.37261928875436e-04, 4.89352455891786e-03},
		[]float64{1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03, 4.89352518554385e-03})
}

func gelu(name, doc string, f func(reg.VecVirtual) reg.VecVirtual) {
	TEXT(name, NOSPLIT, "func(x *float32, n int)")
	Doc(doc)
	Pragma("noescape")
	x := Load(Param("x"), GP64())
	n := Load(Param("n"), GP64())
	each("loop", n, func(at reg.Register) {
		v, h := YMM(), YMM()
		VMOVUPS(element(x, at), v)
		VMULPS(splat(0.5), v, h)
		e := f(v)
		VFMADD213PS(h, h, e)
		VMOVUPS(e, element(x, at))
	})
	VZEROUPPER()
	RET()
}

func addNorm() {
	TEXT("addNormAVX2", NOSPLIT, "func(dst *float32, x *float32, residual *float32, gamma *float32, beta *float32, n int, eps float32)")
	Doc("addNormAVX2 adds residual to x, and sets dst to gamma * (x - mean) / sqrt(variance +",
		"eps) + beta, for n a multiple of 8. dst may be residual.")
	Pragma("noescape")
	dst := Load(Param("dst"), GP64())
	x := Load(Param("x"), GP64())
	residual := Load(Param("residual"), GP64())
	gamma := Load(Param("gamma"), GP64())
	beta := Load(Param("beta"), GP64())
	n := Load(Param("n"), GP64())

	add := func(ops ...Op) { VADDPS(ops[0], ops[1], ops[2]) }
	count := YMM()
	VXORPS(count, count, count)
	VCVTSI2SSQ(n, count.AsX(), count.AsX())
	VBROADCASTSS(count.AsX(), count)

	mean := YMM()
	VXORPS(mean, mean, mean)
	each("sum", n, func(at reg.Register) {
		v := YMM()
		VMOVUPS(element(x, at), v)
		VADDPS(element(residual, at), v, v)
		VADDPS(v, mean, mean)
		VMOVUPS(v, element(x, at))
	})
	reduce(mean, add)
	VDIVPS(count, mean, mean)

	variance := YMM()
	VXORPS(variance, variance, variance)
	each("squares", n, func(at reg.Register) {
		v := YMM()
		VMOVUPS(element(x, at), v)
		VSUBPS(mean, v, v)
		VFMADD231PS(v, v, variance)
	})
	reduce(variance, add)
	VDIVPS(count, variance, variance)
	eps := YMM()
	VBROADCASTSS(NewParamAddr("eps", 48), eps)
	VADDPS(eps, variance, variance)
	VSQRTPS(variance, variance)
	inverse := load(1)
	VDIVPS(variance, inverse, inverse)

	each("scale", n, func(at reg.Register) {
		v, b := YMM(), YMM()
		VMOVUPS(element(x, at), v)
		VSUBPS(mean, v, v)
		VMULPS(inverse, v, v)
		VMOVUPS(element(beta, at), b)
		VFMADD132PS(element(gamma, at), b, v)
		VMOVUPS(v, element(dst, at))
	})
	VZEROUPPER()
	RET()
}
