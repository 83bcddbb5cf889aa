package main

import (
	. "github.com/mmcloughlin/avo/build"
	. "github.com/mmcloughlin/avo/operand"
	"github.com/mmcloughlin/avo/reg"
)

// Sizes in bytes.
const (
	lanes    = 32 // a register: a pair of columns of 8 query rows, or 8 sums
	tileRows = 4

	widenAhead = 2048 // bytes read ahead; half a page
)

// panelDots emits the kernel that compares all query rows with 4 rows at a time.
// Eight sums of a query row each share a register, so nothing is added across.
func panelDots() {
	TEXT("panelDotsAVX2", NOSPLIT, "func(dst *float32, values *int16, levels *int16, scales *float32, queryScales *float32, pairs int, tiles int, stride int)")
	Doc("panelDotsAVX2 sets dst to the dot products of tiles x 4 rows of levels with stride query rows.")
	Pragma("noescape")
	panelTiles(panel.block, false)
}

// panelMax emits the kernel that keeps the largest dot product of each query row only.
func panelMax() {
	TEXT("panelMaxAVX2", NOSPLIT, "func(dst *float32, values *int16, levels *int16, scales *float32, queryScales *float32, pairs int, tiles int, stride int)")
	Doc("panelMaxAVX2 raises dst, of stride query rows, to their largest dot products with tiles x 4 rows of levels.")
	Pragma("noescape")
	panelTiles(panel.block, true)
}

// panelTiles emits the loops over tiles of 4 rows and blocks of query rows.
func panelTiles(block func(p panel, label string, width int), largest bool) {
	p := panel{
		largest:     largest,
		dst:         Load(Param("dst"), GP64()),
		levels:      Load(Param("levels"), GP64()),
		scales:      Load(Param("scales"), GP64()),
		queryScales: GP64(),
		pairs:       Load(Param("pairs"), GP64()),
		stride:      Load(Param("stride"), GP64()),
		values:      GP64(), left: GP64(), cursor: GP64(), out: GP64(), threeRows: GP64(),
	}
	tiles := Load(Param("tiles"), GP64())
	SHLQ(Imm(2), p.stride) // in bytes

	Label("tile")
	Load(Param("values"), p.values)
	Load(Param("queryScales"), p.queryScales)
	MOVQ(p.dst, p.out)
	blocks := GP64()
	MOVQ(p.stride, blocks)

	Label("blocks")
	CMPQ(blocks, Imm(2*lanes))
	JLT(LabelRef("single"))
	block(p, "pair", 2)
	SUBQ(Imm(2*lanes), blocks)
	JMP(LabelRef("blocks"))

	Label("single")
	TESTQ(blocks, blocks)
	JZ(LabelRef("next"))
	block(p, "one", 1)

	Label("next")
	// Four rows of 2 * pairs words, and of stride sums.
	if !largest {
		LEAQ(Mem{Base: p.dst, Index: p.stride, Scale: 4}, p.dst)
	}
	rowBytes := GP64()
	MOVQ(p.pairs, rowBytes)
	SHLQ(Imm(4), rowBytes)
	ADDQ(rowBytes, p.levels)
	ADDQ(Imm(4*tileRows), p.scales)
	DECQ(tiles)
	JNZ(LabelRef("tile"))
	VZEROUPPER()
	RET()
}

// panel holds the registers of panelDots.
type panel struct {
	dst, levels, scales, queryScales, pairs, stride reg.Register
	values, left, cursor, out, threeRows            reg.GPVirtual

	largest bool // of all rows is kept, not each row
}

// finish emits what becomes of the sums of 4 rows with width registers of query rows,
// and moves on to the next query rows.
func (p panel) finish(sums [tileRows][]reg.VecVirtual, register func() reg.VecVirtual) {
	to := GP64()
	MOVQ(p.out, to)
	size := int(sums[0][0].Size())
	var best []reg.VecVirtual
	if p.largest {
		for i := range sums[0] {
			best = append(best, register())
			VMOVUPS(Mem{Base: to, Disp: i * size}, best[i])
		}
	}
	for t := range sums {
		scale := register()
		VBROADCASTSS(Mem{Base: p.scales, Disp: 4 * t}, scale)
		for i, sum := range sums[t] {
			VCVTDQ2PS(sum, sum)
			VMULPS(scale, sum, sum)
			VMULPS(Mem{Base: p.queryScales, Disp: i * size}, sum, sum)
			if p.largest {
				VMAXPS(best[i], sum, best[i]) // of NaN and another, and of equal ones, the second: best
			} else {
				VMOVUPS(sum, Mem{Base: to, Disp: i * size})
			}
		}
		if t < tileRows-1 && !p.largest {
			ADDQ(p.stride, to)
		}
	}
	for i := range best {
		VMOVUPS(best[i], Mem{Base: to, Disp: i * size})
	}
	ADDQ(Imm(uint64(size*len(sums[0]))), p.out)
	ADDQ(Imm(uint64(size*len(sums[0]))), p.queryScales)
}

// start sets out at the first columns of a tile and returns the bytes of a row of levels.
func (p panel) start() (row reg.GPVirtual) {
	row = GP64()
	MOVQ(p.pairs, row)
	SHLQ(Imm(2), row)
	LEAQ(Mem{Base: row, Index: row, Scale: 2}, p.threeRows)
	MOVQ(p.levels, p.cursor)
	MOVQ(p.pairs, p.left)
	return row
}

// rowsAt returns where the levels of the 4 rows are, u pairs of columns on.
func (p panel) rowsAt(row reg.GPVirtual, u int) [tileRows]Mem {
	return [tileRows]Mem{
		{Base: p.cursor, Disp: 4 * u},
		{Base: p.cursor, Index: row, Scale: 1, Disp: 4 * u},
		{Base: p.cursor, Index: row, Scale: 2, Disp: 4 * u},
		{Base: p.cursor, Index: p.threeRows, Scale: 1, Disp: 4 * u},
	}
}

// advance moves on by some pairs of columns, and back to label while there are more.
func (p panel) advance(label string, pairs, width int) {
	ADDQ(Imm(uint64(pairs*width*lanes)), p.values)
	ADDQ(Imm(uint64(4*pairs)), p.cursor)
	SUBQ(Imm(uint64(pairs)), p.left)
	JNZ(LabelRef(label))
}

// block emits the loop over the columns for 4 rows and width registers of query
// rows, and moves on to the next query rows.
func (p panel) block(label string, width int) {
	var sums [tileRows][]reg.VecVirtual
	for t := range sums {
		sums[t] = make([]reg.VecVirtual, width)
		for i := range sums[t] {
			sums[t][i] = YMM()
			VPXOR(sums[t][i], sums[t][i], sums[t][i])
		}
	}
	row := p.start()
	Label(label)
	query := make([]reg.VecVirtual, width)
	const unroll = 2 // the number of columns is a multiple of 32
	for u := range unroll {
		for i := range query {
			query[i] = YMM()
			VMOVDQU(Mem{Base: p.values, Disp: (u*width + i) * lanes}, query[i])
		}
		for t, at := range p.rowsAt(row, u) {
			levels := YMM()
			VPBROADCASTD(at, levels)
			for i := range query {
				product := YMM()
				VPMADDWD(query[i], levels, product)
				VPADDD(product, sums[t][i], sums[t][i])
			}
		}
	}
	p.advance(label, unroll, width)

	p.finish(sums, YMM)
}

// addScaled emits the kernel that adds multiples of scattered rows.
func addScaled() {
	TEXT("addScaledAVX2", NOSPLIT, "func(z *float32, stride int, factors *float32, slots *uint32, n int, base *float32)")
	Doc("addScaledAVX2 adds factors[t] times row slots[t] of base to row t of z, n rows of stride columns.")
	Pragma("noescape")
	z := Load(Param("z"), GP64())
	stride := Load(Param("stride"), GP64())
	factors := Load(Param("factors"), GP64())
	slots := Load(Param("slots"), GP64())
	n := Load(Param("n"), GP64())
	base := Load(Param("base"), GP64())
	SHLQ(Imm(2), stride)
	factor := YMM()
	from, left := GP64(), GP64()

	Label("row")
	MOVL(Mem{Base: slots}, from.As32())
	IMULQ(stride, from)
	ADDQ(base, from)
	VBROADCASTSS(Mem{Base: factors}, factor)
	MOVQ(stride, left)

	Label("columns")
	x := YMM()
	VMULPS(Mem{Base: from}, factor, x)
	VADDPS(Mem{Base: z}, x, x)
	VMOVUPS(x, Mem{Base: z})
	ADDQ(Imm(lanes), from)
	ADDQ(Imm(lanes), z)
	SUBQ(Imm(lanes), left)
	JNZ(LabelRef("columns"))

	ADDQ(Imm(4), slots)
	ADDQ(Imm(4), factors)
	DECQ(n)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// maxColumns emits the kernel that finds the largest of each column and its row.
func maxColumns() {
	TEXT("maxColumnsAVX2", NOSPLIT, "func(best *float32, arg *int32, stride int, z *float32, n int, first int32)")
	Doc("maxColumnsAVX2 updates best and arg, of stride columns, by n rows of z, the first of which is row first.")
	Pragma("noescape")
	best := Load(Param("best"), GP64())
	arg := Load(Param("arg"), GP64())
	stride := Load(Param("stride"), GP64())
	z := Load(Param("z"), GP64())
	n := Load(Param("n"), GP64())
	first := Load(Param("first"), GP32())
	firstRow, one := YMM(), YMM()
	VMOVD(first, firstRow.AsX())
	VPBROADCASTD(firstRow.AsX(), firstRow)
	VPCMPEQD(one, one, one)
	VPSRLD(Imm(31), one, one)
	SHLQ(Imm(2), stride)
	left, cursor, rows := GP64(), GP64(), GP64()
	MOVQ(stride, left)

	Label("columns")
	largest, at, row := YMM(), YMM(), YMM()
	VMOVUPS(Mem{Base: best}, largest)
	VMOVDQU(Mem{Base: arg}, at)
	VMOVDQA(firstRow, row)
	MOVQ(z, cursor)
	MOVQ(n, rows)

	Label("rows")
	x, larger := YMM(), YMM()
	VMOVUPS(Mem{Base: cursor}, x)
	VCMPPS(Imm(0x1e), largest, x, larger) // x > largest, false for NaN
	VBLENDVPS(larger, x, largest, largest)
	VPBLENDVB(larger, row, at, at)
	VPADDD(one, row, row)
	ADDQ(stride, cursor)
	DECQ(rows)
	JNZ(LabelRef("rows"))

	VMOVUPS(largest, Mem{Base: best})
	VMOVDQU(at, Mem{Base: arg})
	ADDQ(Imm(lanes), best)
	ADDQ(Imm(lanes), arg)
	ADDQ(Imm(lanes), z)
	SUBQ(Imm(lanes), left)
	JNZ(LabelRef("columns"))
	VZEROUPPER()
	RET()
}

// widen8 emits the kernel that turns signed bytes into words.
func widen8() {
	TEXT("widen8AVX2", NOSPLIT, "func(levels *int16, data *byte, stride int, n int, dim int)")
	Doc("widen8AVX2 sets levels to the signed bytes of n rows of dim columns, stride bytes apart.")
	Pragma("noescape")
	w := newWidener(1)
	w.rows(func() {
		low, high := YMM(), YMM()
		// The rows of a passage lie one behind the other, over pages that the processor
		// does not look ahead across by itself.
		PREFETCHT0(Mem{Base: w.from, Disp: widenAhead})
		VPMOVSXBW(Mem{Base: w.from}, low)
		VPMOVSXBW(Mem{Base: w.from, Disp: 16}, high)
		VMOVDQU(low, Mem{Base: w.to})
		VMOVDQU(high, Mem{Base: w.to, Disp: 32})
	})
}

// widen4 emits the kernel that looks nibbles up.
func widen4() {
	TEXT("widen4AVX2", NOSPLIT, "func(levels *int16, data *byte, stride int, n int, dim int, table *[16]int8)")
	Doc("widen4AVX2 sets levels to the entries of table that the nibbles of n rows of dim columns name, stride bytes apart.")
	Pragma("noescape")
	w := newWidener(2)
	at := Load(Param("table"), GP64())
	table, nibble := XMM(), XMM()
	VMOVDQU(Mem{Base: at}, table)
	VPCMPEQW(nibble, nibble, nibble)
	VPSRLW(Imm(12), nibble, nibble)
	VPACKUSWB(nibble, nibble, nibble)
	w.rows(func() {
		low, high := XMM(), XMM()
		VMOVDQU(Mem{Base: w.from}, low)
		VPSRLW(Imm(4), low, high)
		VPAND(nibble, low, low)
		VPAND(nibble, high, high)
		VPSHUFB(low, table, low)
		VPSHUFB(high, table, high)
		first, second := YMM(), YMM()
		VPMOVSXBW(low, first)
		VPMOVSXBW(high, second)
		VMOVDQU(first, Mem{Base: w.to})
		VMOVDQU(second, Mem{Base: w.to, Disp: 32})
	})
}

// widen2 emits the kernel that looks pairs of bits up.
func widen2() {
	TEXT("widen2AVX2", NOSPLIT, "func(levels *int16, data *byte, stride int, n int, dim int, table *[16]int8)")
	Doc("widen2AVX2 sets levels to the entries of table that the pairs of bits of n rows of dim columns name, stride bytes apart.")
	Pragma("noescape")
	w := newWidener(4)
	at := Load(Param("table"), GP64())
	shifts := GLOBL("shifts2", RODATA|NOPTR)
	for i := range 4 {
		DATA(8*i, U64(uint64(2*i)))
	}
	shift, table, pair := YMM(), YMM(), YMM()
	VMOVDQU(shifts, shift)
	VBROADCASTI128(Mem{Base: at}, table)
	VPCMPEQW(pair, pair, pair)
	VPSRLW(Imm(14), pair, pair)
	VPACKUSWB(pair, pair, pair)
	w.rows(func() {
		x := YMM()
		VPBROADCASTQ(Mem{Base: w.from}, x)
		VPSRLVQ(shift, x, x)
		VPAND(pair, x, x)
		VPSHUFB(x, table, x)
		upper, first, second := XMM(), YMM(), YMM()
		VEXTRACTI128(Imm(1), x, upper)
		VPMOVSXBW(x.AsX(), first)
		VPMOVSXBW(upper, second)
		VMOVDQU(first, Mem{Base: w.to})
		VMOVDQU(second, Mem{Base: w.to, Disp: 32})
	})
}

// widener holds the registers of a kernel that unpacks rows, 32 columns at a time.
type widener struct {
	to, data, stride, n, dim reg.Register
	from, left               reg.GPVirtual
	perByte                  int // columns in a byte
}

func newWidener(perByte int) widener {
	return widener{
		to:      Load(Param("levels"), GP64()),
		data:    Load(Param("data"), GP64()),
		stride:  Load(Param("stride"), GP64()),
		n:       Load(Param("n"), GP64()),
		dim:     Load(Param("dim"), GP64()),
		from:    GP64(),
		left:    GP64(),
		perByte: perByte,
	}
}

// rows emits the loops around step, which unpacks 32 columns.
func (w widener) rows(step func()) {
	Label("row")
	MOVQ(w.data, w.from)
	MOVQ(w.dim, w.left)

	Label("columns")
	step()
	ADDQ(Imm(uint64(group/w.perByte)), w.from)
	ADDQ(Imm(2*group), w.to)
	SUBQ(Imm(group), w.left)
	JNZ(LabelRef("columns"))

	ADDQ(w.stride, w.data)
	DECQ(w.n)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// rowSums emits the kernel that compares one vector with rows wherever they are.
func rowSums() {
	TEXT("rowSumsAVX2", NOSPLIT, "func(sums *int32, values *int16, dim int, rows **byte, n int)")
	Doc("rowSumsAVX2 sets sums[i] to the sum of the products of values with the signed bytes at rows[i].")
	Pragma("noescape")
	newSums().narrow()
}

// sums holds the registers of rowSums.
type sums struct {
	to, values, dim, rows, n reg.Register
}

func newSums() sums {
	return sums{
		to:     Load(Param("sums"), GP64()),
		values: Load(Param("values"), GP64()),
		dim:    Load(Param("dim"), GP64()),
		rows:   Load(Param("rows"), GP64()),
		n:      Load(Param("n"), GP64()),
	}
}

// narrow emits the loop over rows.
func (w sums) narrow() {
	row, query, left := GP64(), GP64(), GP64()
	first, second := YMM(), YMM()

	Label("row")
	MOVQ(Mem{Base: w.rows}, row)
	MOVQ(w.values, query)
	MOVQ(w.dim, left)
	VPXOR(first, first, first)
	VPXOR(second, second, second)

	Label("columns")
	for i, sum := range []reg.VecVirtual{first, second} {
		x := YMM()
		VPMOVSXBW(Mem{Base: row, Disp: 16 * i}, x)
		VPMADDWD(Mem{Base: query, Disp: 32 * i}, x, x)
		VPADDD(x, sum, sum)
	}
	ADDQ(Imm(group), row)
	ADDQ(Imm(2*group), query)
	SUBQ(Imm(group), left)
	JNZ(LabelRef("columns"))

	VPADDD(second, first, first)
	w.store(first)
	ADDQ(Imm(8), w.rows)
	DECQ(w.n)
	JNZ(LabelRef("row"))
	VZEROUPPER()
	RET()
}

// store emits the addition of the eight sums in y, stores the whole, and moves on.
func (w sums) store(y reg.Register) {
	x := y.(reg.Vec).AsX()
	upper := XMM()
	VEXTRACTI128(Imm(1), y, upper)
	VPADDD(upper, x, x)
	VPSHUFD(Imm(0x4e), x, upper)
	VPADDD(upper, x, x)
	VPSHUFD(Imm(0xb1), x, upper)
	VPADDD(upper, x, x)
	VMOVD(x, Mem{Base: w.to})
	ADDQ(Imm(4), w.to)
}
