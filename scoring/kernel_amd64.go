//go:build amd64 && !noasm && !purego

package scoring

import "golang.org/x/sys/cpu"

//go:generate go run ./internal/asm -out kernel_amd64.s -stubs kernel_stub_amd64.go -pkg scoring

var (
	hasAVX2 = cpu.X86.HasAVX2
	hasVNNI = hasAVX2 && cpu.X86.HasAVX512F && cpu.X86.HasAVX512VL && cpu.X86.HasAVX512VNNI
)

func dotRows4(out []float32, rows []uint32, r *Rows, q *Query) {
	if !hasAVX2 {
		dotRows4Portable(out, rows, r, q)
		return
	}
	dotRows4AVX2(&out[0], &rows[0], len(rows), &r.data[0], r.stride, r.groups, &q.values[0], &q.bias[0], q.scale)
}

func dotRows8(out []float32, rows []uint32, r *Rows, q *Query) {
	if !hasAVX2 {
		dotRows8Portable(out, rows, r, q)
		return
	}
	dotRows8AVX2(&out[0], &rows[0], len(rows), &r.data[0], r.stride, r.groups, &q.values[0], q.scale)
}

func dotRows16(out []float32, rows []uint32, r *Rows, q *Query) {
	if !hasAVX2 {
		dotRows16Portable(out, rows, r, q)
		return
	}
	dotRows16AVX2(&out[0], &rows[0], len(rows), &r.data[0], r.stride, r.groups, &q.values[0], q.scale)
}

func panelDots(dst []float32, levels []int16, scales []float32, p *Panel) {
	if !hasAVX2 {
		panelDotsPortable(dst, levels, scales, p)
		return
	}
	if hasVNNI {
		panelDotsVNNI(&dst[0], &p.values[0], &levels[0], &scales[0], &p.scales[0], p.dim/2, len(scales)/tileRows, p.Stride())
		return
	}
	panelDotsAVX2(&dst[0], &p.values[0], &levels[0], &scales[0], &p.scales[0], p.dim/2, len(scales)/tileRows, p.Stride())
}

func panelMax(best []float32, levels []int16, scales []float32, p *Panel) {
	if !hasAVX2 {
		panelMaxPortable(best, levels, scales, p)
		return
	}
	if hasVNNI {
		panelMaxVNNI(&best[0], &p.values[0], &levels[0], &scales[0], &p.scales[0], p.dim/2, len(scales)/tileRows, len(best))
		return
	}
	panelMaxAVX2(&best[0], &p.values[0], &levels[0], &scales[0], &p.scales[0], p.dim/2, len(scales)/tileRows, len(best))
}

// hasBytePanel reports whether there is a kernel of bytes.
var hasBytePanel = hasVNNI

func bytePanelMax(best []float32, p *BytePanel, rows []byte, stride, n int) {
	bytePanelMaxVNNI(&best[0], &p.values[0], &p.scales[0], len(best), &rows[0], stride, n, p.panel.dim)
}

func addScaled(z []float32, stride int, factors []float32, slots []uint32, base []float32) {
	if !hasAVX2 {
		addScaledPortable(z, stride, factors, slots, base)
		return
	}
	addScaledAVX2(&z[0], stride, &factors[0], &slots[0], len(factors), &base[0])
}

func maxColumns(best []float32, arg []int32, z []float32, first int32) {
	if !hasAVX2 {
		maxColumnsPortable(best, arg, z, first)
		return
	}
	maxColumnsAVX2(&best[0], &arg[0], len(best), &z[0], len(z)/len(best), first)
}

func widen8(levels []int16, data []byte, stride, dim int) {
	if !hasAVX2 {
		widen8Portable(levels, data, stride, dim)
		return
	}
	widen8AVX2(&levels[0], &data[0], stride, len(levels)/dim, dim)
}

func widen4(levels []int16, data []byte, stride, dim int, table *[16]int8) {
	if !hasAVX2 {
		widen4Portable(levels, data, stride, dim, table)
		return
	}
	widen4AVX2(&levels[0], &data[0], stride, len(levels)/dim, dim, table)
}

func widen2(levels []int16, data []byte, stride, dim int, table *[16]int8) {
	if !hasAVX2 {
		widen2Portable(levels, data, stride, dim, table)
		return
	}
	widen2AVX2(&levels[0], &data[0], stride, len(levels)/dim, dim, table)
}

func rowSums(sums []int32, values []int16, rows []*byte) {
	if !hasAVX2 {
		rowSumsPortable(sums, values, rows)
		return
	}
	// Called by name, so that the compiler knows that nothing of rows is kept.
	if hasVNNI {
		rowSumsVNNI(&sums[0], &values[0], len(values), &rows[0], len(rows))
		return
	}
	rowSumsAVX2(&sums[0], &values[0], len(values), &rows[0], len(rows))
}
