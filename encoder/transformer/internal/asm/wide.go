package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

const (
	wideRows   = 12
	wideVector = 64 // bytes of a ZMM register
)

// spaced is pointers to every third of 12 rows: an address has a scale of 1 or 2 for
// the distance of a row, but none of 3.
type spaced struct {
	base [wideRows / 3]reg.GPVirtual
	ld   reg.Register
}

func newSpaced(first, ld reg.GPVirtual) spaced {
	s := spaced{ld: ld}
	s.base[0] = first
	for i := 1; i < len(s.base); i++ {
		s.base[i] = GP64()
		LEAQ(Mem{Base: s.base[i-1], Index: ld, Scale: 2}, s.base[i])
		ADDQ(ld, s.base[i])
	}
	return s
}

func (s spaced) row(r int) Mem {
	m := Mem{Base: s.base[r/3]}
	if r %= 3; r > 0 {
		m.Index, m.Scale = s.ld, uint8(r)
	}
	return m
}

func (s spaced) advance(bytes int) {
	for _, b := range s.base {
		ADDQ(Imm(uint64(bytes)), b)
	}
}

// wideLoop emits the walk over the inner dimension, four steps at a time, then one.
func wideLoop(count reg.Register, a spaced, aBytes int, b reg.Register, bBytes int, step func(u int)) {
	for _, l := range []struct {
		label  string
		unroll int
	}{{"four", 4}, {"one", 1}} {
		Label(l.label)
		CMPQ(count, Imm(uint64(l.unroll)))
		JL(LabelRef(l.label + "Done"))
		for u := range l.unroll {
			step(u)
		}
		a.advance(l.unroll * aBytes)
		ADDQ(U32(l.unroll*bBytes), b)
		SUBQ(Imm(uint64(l.unroll)), count)
		JMP(LabelRef(l.label))
		Label(l.label + "Done")
	}
}

// wideTile emits the product of 12 rows with 16 columns: 12 accumulators keep both
// multipliers busy for the four cycles that a sum takes, and the broadcasts are part
// of the multiplications.
func wideTile() {
	TEXT("tileAVX512", NOSPLIT, "func(c *float32, ldc int, a *float32, lda int, b *float32, k int, bias *float32)")
	Doc("tileAVX512 sets the 12 x 16 floats at c to the product of the 12 x k at a and the",
		"k x 16 at b, plus the 16 of bias in each row, or plus what is in c if bias is",
		"nil. ldc and lda are the bytes from row to row.")
	Pragma("noescape")
	a := newSpaced(Load(Param("a"), GP64()).(reg.GPVirtual), Load(Param("lda"), GP64()).(reg.GPVirtual))
	b := Load(Param("b"), GP64())
	k := Load(Param("k"), GP64())
	bias := Load(Param("bias"), GP64())
	out := func() spaced {
		return newSpaced(Load(Param("c"), GP64()).(reg.GPVirtual), Load(Param("ldc"), GP64()).(reg.GPVirtual))
	}
	var acc [wideRows]reg.VecVirtual
	for r := range acc {
		acc[r] = ZMM()
	}
	TESTQ(bias, bias)
	JZ(LabelRef("fromC"))
	for r := range acc {
		VMOVUPS(Mem{Base: bias}, acc[r])
	}
	JMP(LabelRef("four"))
	Label("fromC")
	c := out()
	for r := range acc {
		VMOVUPS(c.row(r), acc[r])
	}
	row := ZMM()
	wideLoop(k, a, floatSize, b, wideVector, func(u int) {
		VMOVUPS(Mem{Base: b, Disp: u * wideVector}, row)
		for r := range acc {
			VFMADD231PS_BCST(a.row(r).Offset(u*floatSize), row, acc[r])
		}
	})
	c = out()
	for r := range acc {
		VMOVUPS(acc[r], c.row(r))
	}
	VZEROUPPER()
	RET()
}

// wideTileInt8 emits the same for 16-bit and 8-bit integers: one instruction
// multiplies pairs, adds neighbours, and adds that to the sums.
func wideTileInt8() {
	TEXT("tileInt8VNNI", NOSPLIT, "func(c *float32, ldc int, a *int16, lda int, b *int8, pairs int, columns *float32, rows *float32, bias *float32)")
	Doc("tileInt8VNNI sets the 12 x 16 floats at c to the product of the 12 x 2*pairs at a and the",
		"2*pairs x 16 at b, times the factor of the row and of the column, plus the 16 of",
		"bias. ldc and lda are the bytes from row to row.")
	Pragma("noescape")
	a := newSpaced(Load(Param("a"), GP64()).(reg.GPVirtual), Load(Param("lda"), GP64()).(reg.GPVirtual))
	b := Load(Param("b"), GP64())
	pairs := Load(Param("pairs"), GP64())
	var acc [wideRows]reg.VecVirtual
	for r := range acc {
		acc[r] = ZMM()
		VPXORD(acc[r], acc[r], acc[r])
	}
	row := ZMM()
	wideLoop(pairs, a, 2*shortSize, b, 2*lanes*2, func(u int) {
		VPMOVSXBW(Mem{Base: b, Disp: u * 2 * lanes * 2}, row)
		for r := range acc {
			VPDPWSSD_BCST(a.row(r).Offset(u*2*shortSize), row, acc[r])
		}
	})
	c := newSpaced(Load(Param("c"), GP64()).(reg.GPVirtual), Load(Param("ldc"), GP64()).(reg.GPVirtual))
	columns := Load(Param("columns"), GP64())
	rows := Load(Param("rows"), GP64())
	bias := Load(Param("bias"), GP64())
	scale, offset, factor := ZMM(), ZMM(), ZMM()
	VMOVUPS(Mem{Base: columns}, scale)
	VMOVUPS(Mem{Base: bias}, offset)
	for r := range acc {
		VCVTDQ2PS(acc[r], acc[r])
		VMULPS_BCST(Mem{Base: rows, Disp: r * floatSize}, scale, factor)
		VFMADD213PS(offset, factor, acc[r])
		VMOVUPS(acc[r], c.row(r))
	}
	VZEROUPPER()
	RET()
}
