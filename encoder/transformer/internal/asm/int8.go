package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const shortSize = 2

// tileInt8 emits the product of 6 rows of 16-bit integers with 16 columns of
// 8-bit ones, two steps of the inner dimension at a time: VPMADDWD multiplies 16
// pairs and adds neighbours. With 12 accumulators, two registers for the panel,
// one for a broadcast and one for the products, 16 are in use.
func tileInt8() {
	TEXT("tileInt8AVX2", NOSPLIT, "func(c *float32, ldc int, a *int16, lda int, b *int8, pairs int, columns *float32, rows *float32, bias *float32)")
	Doc("tileInt8AVX2 sets the 6 x 16 floats at c to the product of the 6 x 2*pairs at a and the",
		"2*pairs x 16 at b, times the factor of the row and of the column, plus the 16 of",
		"bias. ldc and lda are the bytes from row to row.")
	Pragma("noescape")
	ldc := Load(Param("ldc"), GP64())
	a := Load(Param("a"), GP64())
	lda := Load(Param("lda"), GP64())
	b := Load(Param("b"), GP64())
	pairs := Load(Param("pairs"), GP64())
	a3 := GP64()
	LEAQ(Mem{Base: lda, Index: lda, Scale: 2}, a3)
	ADDQ(a, a3)
	row := func(base, base3, ld reg.Register, r int) Mem {
		m := Mem{Base: base}
		if r >= 3 {
			m.Base = base3
		}
		if r %= 3; r > 0 {
			m.Index, m.Scale = ld, uint8(r)
		}
		return m
	}
	var acc [tileRows][2]reg.VecVirtual
	for r := range acc {
		for h := range 2 {
			acc[r][h] = YMM()
			VPXOR(acc[r][h], acc[r][h], acc[r][h])
		}
	}
	b0, b1, x, product := YMM(), YMM(), YMM(), YMM()
	step := func(u int) {
		VPMOVSXBW(Mem{Base: b, Disp: u * vector}, b0)
		VPMOVSXBW(Mem{Base: b, Disp: u*vector + vector/2}, b1)
		for r := range tileRows {
			VPBROADCASTD(row(a, a3, lda, r).Offset(u*2*shortSize), x)
			VPMADDWD(b0, x, product)
			VPADDD(product, acc[r][0], acc[r][0])
			VPMADDWD(b1, x, x)
			VPADDD(x, acc[r][1], acc[r][1])
		}
	}
	loop := func(label string, unroll int) {
		Label(label)
		CMPQ(pairs, Imm(uint64(unroll)))
		JL(LabelRef(label + "Done"))
		for u := range unroll {
			step(u)
		}
		ADDQ(Imm(uint64(unroll*2*shortSize)), a)
		ADDQ(Imm(uint64(unroll*2*shortSize)), a3)
		ADDQ(U32(unroll*vector), b)
		SUBQ(Imm(uint64(unroll)), pairs)
		JMP(LabelRef(label))
		Label(label + "Done")
	}
	loop("four", 4)
	loop("one", 1)

	c := Load(Param("c"), GP64())
	columns := Load(Param("columns"), GP64())
	rows := Load(Param("rows"), GP64())
	bias := Load(Param("bias"), GP64())
	c3 := GP64()
	LEAQ(Mem{Base: ldc, Index: ldc, Scale: 2}, c3)
	ADDQ(c, c3)
	VMOVUPS(Mem{Base: columns}, b0)
	VMOVUPS(Mem{Base: columns, Disp: vector}, b1)
	for r := range acc {
		VBROADCASTSS(Mem{Base: rows, Disp: r * floatSize}, x)
		for h, scale := range []reg.VecVirtual{b0, b1} {
			VCVTDQ2PS(acc[r][h], acc[r][h])
			VMULPS(scale, x, product)
			VFMADD213PS(Mem{Base: bias, Disp: h * vector}, product, acc[r][h])
			VMOVUPS(acc[r][h], row(c, c3, ldc, r).Offset(h*vector))
		}
	}
	VZEROUPPER()
	RET()
}

// quantize emits the rounding of a row to 16-bit integers.
func quantize() {
	TEXT("largestAVX2", NOSPLIT, "func(x *float32, n int) float32")
	Doc("largestAVX2 returns the largest absolute value, for n a multiple of 8.")
	Pragma("noescape")
	x := Load(Param("x"), GP64())
	n := Load(Param("n"), GP64())
	mask := YMM()
	VMOVUPS(splatBits(0x7fffffff), mask)
	top := YMM()
	VXORPS(top, top, top)
	each("loop", n, func(at reg.Register) {
		v := YMM()
		VANDPS(element(x, at), mask, v)
		VMAXPS(v, top, top)
	})
	reduce(top, func(ops ...Op) { VMAXPS(ops[0], ops[1], ops[2]) })
	Store(top.AsX(), ReturnIndex(0))
	VZEROUPPER()
	RET()

	TEXT("roundAVX2", NOSPLIT, "func(dst *int16, x *float32, n int, factor float32)")
	Doc("roundAVX2 sets dst[i] to factor * x[i], rounded to the nearest, for n a multiple of 8.")
	Pragma("noescape")
	dst := Load(Param("dst"), GP64())
	x = Load(Param("x"), GP64())
	n = Load(Param("n"), GP64())
	factor := YMM()
	VBROADCASTSS(NewParamAddr("factor", 24), factor)
	high := YMM()
	each("loop", n, func(at reg.Register) {
		v := YMM()
		VMULPS(element(x, at), factor, v)
		VCVTPS2DQ(v, v)
		VEXTRACTI128(Imm(1), v, high.AsX())
		VPACKSSDW(high.AsX(), v.AsX(), v.AsX())
		VMOVDQU(v.AsX(), Mem{Base: dst, Index: at, Scale: shortSize})
	})
	VZEROUPPER()
	RET()
}
