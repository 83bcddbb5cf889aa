package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// panelDotsWide emits panelDots for AVX-512 with VNNI, which multiplies and adds in one
// instruction, with the levels from memory, and holds sixteen sums in a register.
func panelDotsWide() {
	TEXT("panelDotsVNNI", NOSPLIT, "func(dst *float32, values *int16, levels *int16, scales *float32, queryScales *float32, pairs int, tiles int, stride int)")
	Doc("panelDotsVNNI sets dst to the dot products of tiles x 4 rows of levels with stride query rows.")
	Pragma("noescape")
	panelTiles(panel.blockWide)
}

// blockWide is block with one register for all query rows, of eight of them for width 1
// and sixteen for 2. Two sums for each row keep additions from waiting for each other.
func (p panel) blockWide(label string, width int) {
	const unroll = 2 // the number of columns is a multiple of 32
	register := YMM
	if width == 2 {
		register = ZMM
	}
	var sums [tileRows][unroll]reg.VecVirtual
	for t := range sums {
		for u := range sums[t] {
			sums[t][u] = register()
			VPXORD(sums[t][u], sums[t][u], sums[t][u])
		}
	}
	row := p.start()
	Label(label)
	for u := range unroll {
		query := register()
		VMOVDQU32(Mem{Base: p.values, Disp: u * width * lanes}, query)
		for t, at := range p.rowsAt(row, u) {
			VPDPWSSD_BCST(at, query, sums[t][u])
		}
	}
	p.advance(label, unroll, width)

	to := GP64()
	MOVQ(p.out, to)
	for t := range sums {
		sum, scale := sums[t][0], register()
		VPADDD(sums[t][1], sum, sum)
		VBROADCASTSS(Mem{Base: p.scales, Disp: 4 * t}, scale)
		VCVTDQ2PS(sum, sum)
		VMULPS(scale, sum, sum)
		VMULPS(Mem{Base: p.queryScales}, sum, sum)
		VMOVUPS(sum, Mem{Base: to})
		if t < tileRows-1 {
			ADDQ(p.stride, to)
		}
	}
	ADDQ(Imm(uint64(width*lanes)), p.out)
	ADDQ(Imm(uint64(width*lanes)), p.queryScales)
}
