// Command asm generates the AVX2 and AVX-512 kernels of package scoring. The portable
// kernels there say what they compute; both must agree in every bit.
package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Sizes in bytes of what the kernels step over; Rows documents the layout.
const (
	scaleBytes = 2
	group      = 32 // a group of 8-bit columns, and a block of two groups of 4-bit ones
)

func main() {
	ConstraintExpr("amd64,!noasm,!purego")
	rows(4)
	rows(8)
	halves()
	panelDots()
	panelDotsWide()
	panelMax()
	panelMaxWide()
	bytePanelMax()
	addScaled()
	maxColumns()
	rowSums()
	rowSumsWide()
	widen8()
	widen4()
	widen2()
	Generate()
}

// rows emits the kernel for rows of the given number of bits.
func rows(bits int) {
	if bits == 4 {
		TEXT("dotRows4AVX2", NOSPLIT, "func(out *float32, rows *uint32, n int, data *byte, stride int, groups int, values *int8, bias *int32, scale float32)")
		Doc("dotRows4AVX2 sets out[i] to the dot product of the query with row rows[i], for n rows of 4 bits.")
	} else {
		TEXT("dotRows8AVX2", NOSPLIT, "func(out *float32, rows *uint32, n int, data *byte, stride int, groups int, values *int8, scale float32)")
		Doc("dotRows8AVX2 sets out[i] to the dot product of the query with row rows[i], for n rows of 8 bits.")
	}
	Pragma("noescape")

	out := Load(Param("out"), GP64())
	index := Load(Param("rows"), GP64())
	n := Load(Param("n"), GP64())
	data := Load(Param("data"), GP64())
	stride := Load(Param("stride"), GP64())
	groups := Load(Param("groups"), GP64())
	values := Load(Param("values"), GP64())
	var bias reg.Register
	if bits == 4 {
		bias = Load(Param("bias"), GP64())
	}
	scale := Load(Param("scale"), XMM())

	k := kernel{bits: bits}
	if bits == 4 {
		k.nibble, k.ones = YMM(), YMM()
		// All bits set, shifted down: 0x000f in each word, packed to 0x0f in
		// each byte; then 0x0001 in each word.
		VPCMPEQW(k.nibble, k.nibble, k.nibble)
		VPSRLW(Imm(15), k.nibble, k.ones)
		VPSRLW(Imm(12), k.nibble, k.nibble)
		VPACKUSWB(k.nibble, k.nibble, k.nibble)
	}

	row, scales, body, query, offsets, left := GP64(), GP64(), GP64(), GP64(), GP64(), GP64()
	total := XMM()

	Label("row")
	MOVL(Mem{Base: index}, row.As32())
	IMULQ(stride, row)
	LEAQ(Mem{Base: data, Index: row, Scale: 1}, scales)
	LEAQ(Mem{Base: scales, Index: groups, Scale: scaleBytes}, body)
	MOVQ(values, query)
	if bits == 4 {
		MOVQ(bias, offsets)
	}
	MOVQ(groups, left)
	VXORPS(total, total, total)

	Label("quad")
	CMPQ(left, Imm(4))
	JLT(LabelRef("pair"))
	k.step(4, body, query, offsets, scales, total)
	ADDQ(Imm(4*scaleBytes), scales)
	ADDQ(Imm(uint64(4*group*bits/8)), body)
	ADDQ(Imm(4*group), query)
	if bits == 4 {
		ADDQ(Imm(4*4), offsets)
	}
	SUBQ(Imm(4), left)
	JMP(LabelRef("quad"))

	Label("pair")
	TESTQ(left, left)
	JZ(LabelRef("store"))
	k.step(2, body, query, offsets, scales, total)

	Label("store")
	VMULSS(scale, total, total)
	VMOVSS(total, Mem{Base: out})
	ADDQ(Imm(4), index)
	ADDQ(Imm(4), out)
	DECQ(n)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// kernel holds the constants of one function.
type kernel struct {
	bits         int
	nibble, ones reg.VecVirtual // 0x0f in each byte, 1 in each word
}

// step adds the part of four or two groups to total.
func (k kernel) step(groups int, body, query, offsets, scales, total reg.Register) {
	// Eight partial sums for each group.
	partial := make([]reg.VecVirtual, groups)
	if k.bits == 4 {
		for g := 0; g < groups; g += 2 {
			partial[g], partial[g+1] = k.block(
				Mem{Base: body, Disp: g / 2 * group},
				Mem{Base: query, Disp: g * group},
				Mem{Base: query, Disp: (g + 1) * group})
		}
	} else {
		for g := range groups {
			partial[g] = bytes(body, query, g*group)
		}
	}

	// Lanes of four: [a b c d] after two rounds of pairwise sums and the sum of
	// the two halves; [a b a b] with two groups, of which the second half meets
	// offsets and scales of zero.
	sums := YMM()
	VPHADDD(partial[1], partial[0], sums)
	if groups == 4 {
		VPHADDD(partial[3], partial[2], partial[2])
		VPHADDD(partial[2], sums, sums)
	} else {
		VPHADDD(sums, sums, sums)
	}
	upper := XMM()
	VEXTRACTI128(Imm(1), sums, upper)
	x := sums.AsX()
	VPADDD(upper, x, x)
	if k.bits == 4 {
		VPSUBD(Mem{Base: offsets}, x, x)
	}
	VCVTDQ2PS(x, x)

	s := XMM()
	if groups == 4 {
		VPMOVZXWD(Mem{Base: scales}, s)
	} else {
		VMOVD(Mem{Base: scales}, s)
		VPMOVZXWD(s, s)
	}
	VPSLLD(Imm(16), s, s)
	VMULPS(s, x, x)
	VHADDPS(x, x, x)
	VHADDPS(x, x, x)
	VADDSS(x, total, total)
}

// block returns the partial sums of the two groups of a block of 4-bit columns.
func (k kernel) block(packed, first, second Mem) (a, b reg.VecVirtual) {
	a, b = YMM(), YMM()
	VMOVDQU(packed, a)
	VPSRLW(Imm(4), a, b)
	VPAND(k.nibble, a, a)
	VPAND(k.nibble, b, b)
	// At most 2 * 15 * 128 in a word: far from saturation.
	VPMADDUBSW(first, a, a)
	VPMADDUBSW(second, b, b)
	VPMADDWD(k.ones, a, a)
	VPMADDWD(k.ones, b, b)
	return a, b
}

// bytes returns the partial sums of a group of 8-bit columns.
func bytes(body, query reg.Register, disp int) reg.VecVirtual {
	sum := half(body, query, disp)
	VPADDD(half(body, query, disp+group/2), sum, sum)
	return sum
}

// half returns the partial sums of 16 8-bit columns, widened to words because
// VPMADDUBSW would saturate.
func half(body, query reg.Register, disp int) reg.VecVirtual {
	x, y := YMM(), YMM()
	VPMOVSXBW(Mem{Base: body, Disp: disp}, x)
	VPMOVSXBW(Mem{Base: query, Disp: disp}, y)
	VPMADDWD(y, x, x)
	return x
}

// halves emits the kernel for rows of 16 bits: 32 sums, one for each column of a
// group.
func halves() {
	TEXT("dotRows16AVX2", NOSPLIT, "func(out *float32, rows *uint32, n int, data *byte, stride int, groups int, values *int8, scale float32)")
	Doc("dotRows16AVX2 sets out[i] to the dot product of the query with row rows[i], for n rows of 16 bits.")
	Pragma("noescape")

	out := Load(Param("out"), GP64())
	index := Load(Param("rows"), GP64())
	n := Load(Param("n"), GP64())
	data := Load(Param("data"), GP64())
	stride := Load(Param("stride"), GP64())
	groups := Load(Param("groups"), GP64())
	values := Load(Param("values"), GP64())
	scale := Load(Param("scale"), XMM())

	// The bits that stay of a number that is widened with its sign and shifted:
	// 0x8fffe000; and 2^112.
	mask, unit := YMM(), XMM()
	bits := GP32()
	MOVL(U32(0x8fffe000), bits)
	VMOVD(bits, mask.AsX())
	VPBROADCASTD(mask.AsX(), mask)
	MOVL(U32((127+112)<<23), bits)
	VMOVD(bits, unit)

	row, body, query, left := GP64(), GP64(), GP64(), GP64()
	Label("row")
	MOVL(Mem{Base: index}, row.As32())
	IMULQ(stride, row)
	LEAQ(Mem{Base: data, Index: row, Scale: 1}, body)
	MOVQ(values, query)
	MOVQ(groups, left)
	var sums [4]reg.VecVirtual
	for i := range sums {
		sums[i] = YMM()
		VXORPS(sums[i], sums[i], sums[i])
	}

	Label("group")
	for i := range sums {
		x, y := YMM(), YMM()
		VPMOVSXWD(Mem{Base: body, Disp: 16 * i}, x)
		VPSLLD(Imm(13), x, x)
		VPAND(mask, x, x)
		VPMOVSXBD(Mem{Base: query, Disp: 8 * i}, y)
		VCVTDQ2PS(y, y)
		VMULPS(y, x, x)
		VADDPS(x, sums[i], sums[i])
	}
	ADDQ(Imm(2*group), body)
	ADDQ(Imm(group), query)
	DECQ(left)
	JNZ(LabelRef("group"))

	VADDPS(sums[1], sums[0], sums[0])
	VADDPS(sums[3], sums[2], sums[2])
	VADDPS(sums[2], sums[0], sums[0])
	upper, x := XMM(), sums[0].AsX()
	VEXTRACTF128(Imm(1), sums[0], upper)
	VADDPS(upper, x, x)
	VHADDPS(x, x, x)
	VHADDPS(x, x, x)
	VMULSS(unit, x, x)
	VMULSS(scale, x, x)
	VMOVSS(x, Mem{Base: out})
	ADDQ(Imm(4), index)
	ADDQ(Imm(4), out)
	DECQ(n)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}
