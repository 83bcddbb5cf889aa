//go:build !amd64 || noasm || purego

package scoring

func dotRows4(out []float32, rows []uint32, r *Rows, q *Query) { dotRows4Portable(out, rows, r, q) }

func dotRows8(out []float32, rows []uint32, r *Rows, q *Query) { dotRows8Portable(out, rows, r, q) }

func dotRows16(out []float32, rows []uint32, r *Rows, q *Query) { dotRows16Portable(out, rows, r, q) }
