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
	panelTiles(panel.blockWide, false)
}

// panelMaxWide emits panelMax likewise.
func panelMaxWide() {
	TEXT("panelMaxVNNI", NOSPLIT, "func(dst *float32, values *int16, levels *int16, scales *float32, queryScales *float32, pairs int, tiles int, stride int)")
	Doc("panelMaxVNNI raises dst, of stride query rows, to their largest dot products with tiles x 4 rows of levels.")
	Pragma("noescape")
	panelTiles(panel.blockWide, true)
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

	var rows [tileRows][]reg.VecVirtual
	for t, s := range sums {
		VPADDD(s[1], s[0], s[0])
		rows[t] = []reg.VecVirtual{s[0]}
	}
	p.finish(rows, register)
}

// rowSumsWide emits rowSums for AVX-512 with VNNI. Rows lie apart, so those a few further
// on are fetched ahead.
func rowSumsWide() {
	TEXT("rowSumsVNNI", NOSPLIT, "func(sums *int32, values *int16, dim int, rows **byte, n int)")
	Doc("rowSumsVNNI sets sums[i] to the sum of the products of values with the signed bytes at rows[i].")
	Pragma("noescape")
	newSums().wide()
}

// wide emits the loop over rows.
func (w sums) wide() {
	row, query, left := GP64(), GP64(), GP64()
	sum := ZMM()

	const ahead = 6 // rows
	fetched, end := GP64(), GP64()
	MOVQ(w.rows, fetched)
	LEAQ(Mem{Base: w.rows, Index: w.n, Scale: 8}, end)
	first := GP64()
	LEAQ(Mem{Base: w.rows, Disp: 8 * ahead}, first)

	Label("fetch")
	CMPQ(fetched, end)
	JAE(LabelRef("row"))
	MOVQ(Mem{Base: fetched}, row)
	MOVQ(w.dim, left)
	Label("line")
	PREFETCHT0(Mem{Base: row})
	ADDQ(Imm(64), row)
	SUBQ(Imm(64), left)
	JGT(LabelRef("line"))
	PREFETCHT0(Mem{Base: row, Disp: -1})
	ADDQ(Imm(8), fetched)
	CMPQ(fetched, first)
	JB(LabelRef("fetch"))

	Label("row")
	MOVQ(Mem{Base: w.rows}, row)
	MOVQ(w.values, query)
	MOVQ(w.dim, left)
	VPXORD(sum, sum, sum)

	Label("columns")
	x := ZMM()
	VPMOVSXBW(Mem{Base: row}, x)
	VPDPWSSD(Mem{Base: query}, x, sum)
	ADDQ(Imm(group), row)
	ADDQ(Imm(2*group), query)
	SUBQ(Imm(group), left)
	JNZ(LabelRef("columns"))

	half := YMM()
	VEXTRACTI64X4(Imm(1), sum, half)
	VPADDD(half, sum.AsY(), sum.AsY())
	w.store(sum.AsY())
	ADDQ(Imm(8), w.rows)
	ADDQ(Imm(8), first)
	DECQ(w.n)
	JNZ(LabelRef("fetch"))
	VZEROUPPER()
	RET()
}
