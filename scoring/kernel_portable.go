//go:build !amd64 || noasm || purego

package scoring

func dotRows4(out []float32, rows []uint32, r *Rows, q *Query) { dotRows4Portable(out, rows, r, q) }

func dotRows8(out []float32, rows []uint32, r *Rows, q *Query) { dotRows8Portable(out, rows, r, q) }

func dotRows16(out []float32, rows []uint32, r *Rows, q *Query) { dotRows16Portable(out, rows, r, q) }

func panelDots(dst []float32, levels []int16, scales []float32, p *Panel) {
	panelDotsPortable(dst, levels, scales, p)
}

func panelMax(best []float32, levels []int16, scales []float32, p *Panel) {
	panelMaxPortable(best, levels, scales, p)
}

func addScaled(z []float32, stride int, factors []float32, slots []uint32, base []float32) {
	addScaledPortable(z, stride, factors, slots, base)
}

func maxColumns(best []float32, arg []int32, z []float32, first int32) {
	maxColumnsPortable(best, arg, z, first)
}

func widen8(levels []int16, data []byte, stride, dim int) {
	widen8Portable(levels, data, stride, dim)
}

func widen4(levels []int16, data []byte, stride, dim int, table *[16]int8) {
	widen4Portable(levels, data, stride, dim, table)
}

func widen2(levels []int16, data []byte, stride, dim int, table *[16]int8) {
	widen2Portable(levels, data, stride, dim, table)
}

func rowSums(sums []int32, values []int16, rows []*byte) { rowSumsPortable(sums, values, rows) }

const hasBytePanel = false

func bytePanelMax([]float32, *BytePanel, []byte, int, int) { panic("scoring: no kernel of bytes") }
