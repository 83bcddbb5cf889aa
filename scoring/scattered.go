package scoring

import (
	"fmt"
	"math"
	"unsafe"
)

// Vector is one vector prepared for exact dot products with scattered rows of signed
// bytes; see [Panel] for many vectors and rows side by side. It is quantised as a
// query row of a Panel is, so both give the same sums.
//
// A Vector is safe for concurrent use as long as nobody calls Set. The zero value
// has no columns.
type Vector struct {
	values []int16
	scale  float32
}

// Set makes q the vector v, whose length must be a multiple of 32 up to
// [MaxPanelDim]; anything else is a bug of the caller and panics. Columns that are
// NaN or infinite count as 0. Memory of an earlier Set is used again.
func (q *Vector) Set(v []float32) {
	if len(v) == 0 || len(v)%GroupSize != 0 || len(v) > MaxPanelDim {
		panic(fmt.Sprintf("scoring: a vector of %d columns", len(v)))
	}
	q.values = grown(q.values, len(v))
	q.scale = quantise(q.values, v, math.MaxInt16)
}

// SetLevels makes q what a row of signed bytes, times scale, stands for; nothing is
// rounded. Lengths are those that Set takes.
func (q *Vector) SetLevels(levels []byte, scale float32) {
	if len(levels) == 0 || len(levels)%GroupSize != 0 || len(levels) > MaxPanelDim {
		panic(fmt.Sprintf("scoring: a vector of %d columns", len(levels)))
	}
	q.values = grown(q.values, len(levels))
	for c, b := range levels {
		q.values[c] = int16(int8(b))
	}
	q.scale = scale
}

// Dim returns the number of columns.
func (q *Vector) Dim() int { return len(q.values) }

// Scale returns what a sum has to be multiplied by for the dot product with the
// levels.
func (q *Vector) Scale() float32 { return q.scale }

// Sums sets sums[i] to the exact sum of the products of q with the signed bytes of
// row rows[i]; row r starts at data[r*stride]. sums is as long as rows. It
// allocates nothing, and panics if a row is not inside data.
func (q *Vector) Sums(sums []int32, data []byte, stride int, rows []uint32) {
	if len(rows) == 0 {
		return
	}
	var largest uint32
	for _, r := range rows {
		largest = max(largest, r)
	}
	if stride < 0 || int64(largest)*int64(stride)+int64(len(q.values)) > int64(len(data)) || len(q.values) == 0 {
		panic(fmt.Sprintf("scoring: row %d of %d columns, a stride of %d, in %d bytes", largest, len(q.values), stride, len(data)))
	}
	const piece = 64
	var at [piece]*byte
	sums = sums[:len(rows)]
	for len(rows) > 0 {
		n := min(piece, len(rows))
		for i, r := range rows[:n] {
			at[i] = &data[int(r)*stride]
		}
		rowSums(sums[:n], q.values, at[:n])
		sums, rows = sums[n:], rows[n:]
	}
}

// RowSums sets sums[i] to the exact sum of the products of q with the signed bytes from
// rows[i] on, Dim of them: rows that lie in different places, such as pages of a mapped
// file. It allocates nothing. It panics if sums is too short, and cannot know whether
// there is a row at each of the addresses.
func (q *Vector) RowSums(sums []int32, rows []*byte) {
	if len(rows) == 0 || len(q.values) == 0 {
		clear(sums[:len(rows)])
		return
	}
	rowSums(sums[:len(rows)], q.values, rows)
}

// rowSumsPortable is the reference kernel.
func rowSumsPortable(sums []int32, values []int16, rows []*byte) {
	for i, row := range rows {
		var sum int32
		for c, b := range unsafe.Slice(row, len(values)) {
			sum += int32(int8(b)) * int32(values[c])
		}
		sums[i] = sum
	}
}
