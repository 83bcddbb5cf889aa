package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	tileRows  = 6
	floatSize = 4
	vector    = 32 // bytes of a YMM register
)

// tile emits the product of 6 rows with 16 columns: 12 accumulators, two
// registers for a row of the packed panel and two for broadcasts fill the 16
// that AVX2 has. The broadcasts are loads, so that the shuffle unit stays free.
func tile() {
	TEXT("tileAVX2", NOSPLIT, "func(c *float32, ldc int, a *float32, lda int, b *float32, k int, bias *float32)")
	Doc("tileAVX2 sets the 6 x 16 floats at c to the product of the 6 x k at a and the",
		"k x 16 at b, plus the 16 of bias in each row, or plus what is in c if bias is",
		"nil. ldc and lda are the bytes from row to row.")
	Pragma("noescape")
	c := Load(Param("c"), GP64())
	ldc := Load(Param("ldc"), GP64())
	a := Load(Param("a"), GP64())
	lda := Load(Param("lda"), GP64())
	b := Load(Param("b"), GP64())
	k := Load(Param("k"), GP64())
	bias := Load(Param("bias"), GP64())

	// Rows 3 to 5 have a pointer of their own: an address has a scale of 1 or 2
	// for the distance of a row, but none of 3.
	a3, c3 := GP64(), GP64()
	LEAQ(Mem{Base: lda, Index: lda, Scale: 2}, a3)
	ADDQ(a, a3)
	LEAQ(Mem{Base: ldc, Index: ldc, Scale: 2}, c3)
	ADDQ(c, c3)
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
		acc[r] = [2]reg.VecVirtual{YMM(), YMM()}
	}
	TESTQ(bias, bias)
	JZ(LabelRef("fromC"))
	for h := range 2 {
		VMOVUPS(Mem{Base: bias, Disp: h * vector}, acc[0][h])
		for r := 1; r < tileRows; r++ {
			VMOVAPS(acc[0][h], acc[r][h])
		}
	}
	JMP(LabelRef("start"))
	Label("fromC")
	for r := range acc {
		for h := range 2 {
			VMOVUPS(row(c, c3, ldc, r).Offset(h*vector), acc[r][h])
		}
	}
	Label("start")

	b0, b1, x, y := YMM(), YMM(), YMM(), YMM()
	step := func(u int) {
		VMOVUPS(Mem{Base: b, Disp: u * 2 * vector}, b0)
		VMOVUPS(Mem{Base: b, Disp: u*2*vector + vector}, b1)
		for r := 0; r < tileRows; r += 2 {
			VBROADCASTSS(row(a, a3, lda, r).Offset(u*floatSize), x)
			VBROADCASTSS(row(a, a3, lda, r+1).Offset(u*floatSize), y)
			VFMADD231PS(b0, x, acc[r][0])
			VFMADD231PS(b1, x, acc[r][1])
			VFMADD231PS(b0, y, acc[r+1][0])
			VFMADD231PS(b1, y, acc[r+1][1])
		}
	}
	loop := func(label string, unroll int) {
		Label(label)
		CMPQ(k, Imm(uint64(unroll)))
		JL(LabelRef(label + "Done"))
		for u := range unroll {
			step(u)
		}
		ADDQ(Imm(uint64(unroll*floatSize)), a)
		ADDQ(Imm(uint64(unroll*floatSize)), a3)
		ADDQ(U32(unroll*2*vector), b)
		SUBQ(Imm(uint64(unroll)), k)
		JMP(LabelRef(label))
		Label(label + "Done")
	}
	loop("four", 4)
	loop("one", 1)

	for r := range acc {
		for h := range 2 {
			VMOVUPS(acc[r][h], row(c, c3, ldc, r).Offset(h*vector))
		}
	}
	VZEROUPPER()
	RET()
}

// transpose emits the packing of a panel of weights, which lie row by row in
// the file: 16 rows become 16 columns.
func transpose() {
	TEXT("transposeAVX2", NOSPLIT, "func(dst *float32, src *float32, ld int, k int)")
	Doc("transposeAVX2 writes the transposed of the 16 x k floats at src to dst, for k a",
		"multiple of 8. ld is the bytes from row to row of src.")
	Pragma("noescape")
	dst := Load(Param("dst"), GP64())
	src := Load(Param("src"), GP64())
	ld := Load(Param("ld"), GP64())
	k := Load(Param("k"), GP64())
	ld3, half, out := GP64(), GP64(), YMM()
	var in, mid [4]reg.VecVirtual
	for i := range in {
		in[i], mid[i] = YMM(), YMM()
	}
	LEAQ(Mem{Base: ld, Index: ld, Scale: 2}, ld3)

	Label("block")
	CMPQ(k, Imm(8))
	JL(LabelRef("done"))
	for h := range 2 {
		low := GP64() // row 8h, then row 8h+4 in half
		if h == 0 {
			MOVQ(src, low)
		} else {
			LEAQ(Mem{Base: src, Index: ld, Scale: 8}, low)
		}
		LEAQ(Mem{Base: low, Index: ld, Scale: 4}, half)
		row := func(base reg.Register, r int) Mem {
			switch r {
			case 0:
				return Mem{Base: base}
			case 3:
				return Mem{Base: base, Index: ld3, Scale: 1}
			}
			return Mem{Base: base, Index: ld, Scale: uint8(r)}
		}
		// Columns 0-3 and 4-7 of four rows, with the four rows below beside
		// them in the upper lanes: what is left are 4 x 4 transpositions.
		for q := range 2 {
			for r := range in {
				VMOVUPS(row(low, r).Offset(q*16), in[r].AsX())
				VINSERTF128(Imm(1), row(half, r).Offset(q*16), in[r], in[r])
			}
			VUNPCKLPS(in[1], in[0], mid[0])
			VUNPCKHPS(in[1], in[0], mid[1])
			VUNPCKLPS(in[3], in[2], mid[2])
			VUNPCKHPS(in[3], in[2], mid[3])
			for i := range 4 {
				shuffle := []uint64{0x44, 0xee}[i%2]
				VSHUFPS(Imm(shuffle), mid[2+i/2], mid[i/2], out)
				VMOVUPS(out, Mem{Base: dst, Disp: (q*4+i)*2*vector + h*vector})
			}
		}
	}
	ADDQ(Imm(8*floatSize), src)
	ADDQ(U32(8*2*vector), dst)
	SUBQ(Imm(8), k)
	JMP(LabelRef("block"))
	Label("done")
	VZEROUPPER()
	RET()
}
