//go:build amd64 && !noasm && !purego

package scoring

import "golang.org/x/sys/cpu"

//go:generate go run ./internal/asm -out kernel_amd64.s -stubs kernel_stub_amd64.go -pkg scoring

var hasAVX2 = cpu.X86.HasAVX2

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
