package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// bytePanelMax emits the kernel that compares query rows of unsigned bytes with stored
// rows of signed ones where they lie, four at a time, and keeps the largest products.
func bytePanelMax() {
	TEXT("bytePanelMaxVNNI", NOSPLIT, "func(best *float32, values *uint8, scales *float32, lanes int, rows *byte, stride int, n int, dim int)")
	Doc("bytePanelMaxVNNI raises best, of so many lanes, to their largest dot products with n rows.")
	Pragma("noescape")
	p := bytePanel{
		best: Load(Param("best"), GP64()), values: GP64(), scales: GP64(),
		stride: Load(Param("stride"), GP64()), n: Load(Param("n"), GP64()), dim: Load(Param("dim"), GP64()),
		at: GP64(), cursor: GP64(),
	}
	for t := range p.rows {
		p.rows[t] = GP64()
	}
	Load(Param("rows"), p.rows[0])
	lanesLeft := GP64()

	Label("tile")
	// Where fewer than four rows are left the last one is taken again, which changes nothing.
	for t := 1; t < tileRows; t++ {
		LEAQ(Mem{Base: p.rows[t-1], Index: p.stride, Scale: 1}, p.rows[t])
		CMPQ(p.n, Imm(uint64(t)))
		CMOVQLE(p.rows[t-1], p.rows[t])
	}
	for line := range 9 { // four rows of 130 bytes
		PREFETCHT0(Mem{Base: p.rows[0], Disp: widenAhead + 64*line})
	}
	Load(Param("values"), p.values)
	Load(Param("scales"), p.scales)
	Load(Param("lanes"), lanesLeft)
	MOVQ(p.best, p.at)

	Label("blocks")
	CMPQ(lanesLeft, Imm(16))
	JLT(LabelRef("half"))
	p.block("wide", ZMM)
	SUBQ(Imm(16), lanesLeft)
	JMP(LabelRef("blocks"))

	Label("half")
	TESTQ(lanesLeft, lanesLeft)
	JZ(LabelRef("next"))
	p.block("narrow", YMM)

	Label("next")
	LEAQ(Mem{Base: p.rows[3], Index: p.stride, Scale: 1}, p.rows[0])
	SUBQ(Imm(tileRows), p.n)
	JG(LabelRef("tile"))
	VZEROUPPER()
	RET()
}

// bytePanel holds the registers of bytePanelMax.
type bytePanel struct {
	best, stride, n, dim       reg.Register
	values, scales, at, cursor reg.GPVirtual
	rows                       [tileRows]reg.GPVirtual
}

// block emits the comparison of four rows with a register of query rows, of which the
// first is the one that is taken from the others.
func (p bytePanel) block(label string, register func() reg.VecVirtual) {
	const unroll = 4 // the number of columns is a multiple of 32
	var sums [tileRows][2]reg.VecVirtual
	for t := range sums {
		for u := range sums[t] {
			sums[t][u] = register()
			VPXORD(sums[t][u], sums[t][u], sums[t][u])
		}
	}
	size := int(sums[0][0].Size())
	XORQ(p.cursor, p.cursor)
	Label(label)
	for u := range unroll {
		query := register()
		VMOVDQU32(Mem{Base: p.values, Disp: u * size}, query)
		for t, row := range p.rows {
			VPDPBUSD_BCST(Mem{Base: row, Index: p.cursor, Scale: 1, Disp: scaleBytes + 4*u}, query, sums[t][u%2])
		}
	}
	ADDQ(U32(unroll*size), p.values)
	ADDQ(Imm(4*unroll), p.cursor)
	CMPQ(p.cursor, p.dim)
	JLT(LabelRef(label))

	best := register()
	VMOVUPS(Mem{Base: p.at}, best)
	for t, s := range sums {
		sum, bias, scale, word := s[0], register(), register(), GP32()
		VPADDD(s[1], sum, sum)
		VPBROADCASTD(sum.AsX(), bias)
		VPSUBD(bias, sum, sum)
		MOVWLZX(Mem{Base: p.rows[t]}, word)
		SHLL(Imm(16), word)
		VMOVD(word, scale.AsX())
		VBROADCASTSS(scale.AsX(), scale)
		VCVTDQ2PS(sum, sum)
		VMULPS(scale, sum, sum)
		VMULPS(Mem{Base: p.scales}, sum, sum)
		VMAXPS(best, sum, best) // of NaN and another, and of equal ones, the second: best
	}
	VMOVUPS(best, Mem{Base: p.at})
	ADDQ(Imm(uint64(size)), p.at)
	ADDQ(Imm(uint64(size)), p.scales)
}
