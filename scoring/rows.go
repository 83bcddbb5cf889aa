package scoring

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// GroupSize is the number of columns that share one scale.
const GroupSize = 32

// levelBias is added to a 4-bit level before it is stored, so that the levels
// -8..7 become the unsigned nibbles 0..15 that VPMADDUBSW wants.
const levelBias = 8

// scaleBytes is the size of a stored scale: the upper half of a float32
// (bfloat16), because widening it is one shift in Go and in assembly alike.
const scaleBytes = 2

// Bits is the number of bits that a packed column takes.
type Bits uint8

// The widths that Rows can read.
const (
	Bits4  Bits = 4  // levels -8..7, two columns a byte
	Bits8  Bits = 8  // levels -127..127, a byte a column
	Bits16 Bits = 16 // IEEE 754 binary16, no scales
)

// Known reports whether b is a width that Rows can read.
func (b Bits) Known() bool { return b == Bits4 || b == Bits8 || b == Bits16 }

// ErrRows is returned when bytes cannot be packed rows of the given shape.
var ErrRows = errors.New("scoring: not packed rows")

// Rows is a read-only matrix of packed rows inside a byte slice, read in place.
//
// A row of dim columns is padded to groups = 2*ceil(dim/64) groups of 32
// columns and stored as
//
//	groups x uint16   scale of each group, upper half of a float32, little endian
//	4 bits:  groups/2 x 32 bytes; in block b, the low nibble of byte i is column
//	         i of group 2b, the high nibble column i of group 2b+1, level + 8
//	8 bits:  groups x 32 bytes, signed levels
//	16 bits: groups x 32 x uint16, binary16, little endian, and no scales
//
// A column's value is its level times the scale of its group. With 128 columns
// a row takes 72 bytes at 4 bits, 136 at 8 and 256 at 16.
//
// A dot product is scale(q) * sum over groups of scale(g) * I(g), where I(g) is
// the exact int32 sum over the 32 columns; groups are added in fours,
// (0+1)+(2+3), in float32. At 16 bits it is scale(q) times a float32 sum: each of
// the 32 columns of a group has its own, over the groups in their order; these are
// added in the order that the portable kernel has. Every implementation gives the
// same bits.
//
// Rows is immutable and safe for concurrent use as long as nobody writes into
// its bytes. The zero value has no rows.
type Rows struct {
	data   []byte
	count  int
	dim    int
	groups int
	stride int
	bits   Bits
}

// NewRows returns the rows stored in data one after another. It returns an
// error wrapping [ErrRows] if dim is not positive, bits is unknown or data is not
// a whole number of rows. data is kept, not copied.
func NewRows(data []byte, dim int, bits Bits) (Rows, error) {
	if dim <= 0 || dim > maxDim || !bits.Known() {
		return Rows{}, fmt.Errorf("%w: %d dimensions of %d bits", ErrRows, dim, bits)
	}
	stride := RowBytes(dim, bits)
	if len(data)%stride != 0 {
		return Rows{}, fmt.Errorf("%w: %d bytes are no multiple of %d", ErrRows, len(data), stride)
	}
	return Rows{
		data:   data,
		count:  len(data) / stride,
		dim:    dim,
		groups: groupsFor(dim),
		stride: stride,
		bits:   bits,
	}, nil
}

// maxDim keeps every integer sum far inside int32 and every size inside int.
const maxDim = 1 << 16

// RowBytes returns the size in bytes of one packed row of dim columns.
func RowBytes(dim int, bits Bits) int {
	return scalesBytes(groupsFor(dim), bits) + groupsFor(dim)*GroupSize*int(bits)/8
}

// scalesBytes returns the size in bytes of the scales that a packed row of so many
// groups starts with.
func scalesBytes(groups int, bits Bits) int {
	if bits == Bits16 {
		return 0
	}
	return groups * scaleBytes
}

// Finite reports whether all columns of a row are finite numbers, as those that
// AppendRow packs are. It panics if the row does not exist.
func (r Rows) Finite(row uint32) bool {
	p := r.row(row)
	if r.bits == Bits16 {
		for i := 0; i < len(p); i += 2 {
			if binary.LittleEndian.Uint16(p[i:])&halfInfinity == halfInfinity {
				return false
			}
		}
		return true
	}
	for g := range r.groups {
		if s := scaleAt(p, g); s-s != 0 {
			return false
		}
	}
	return true
}

// groupsFor returns the even number of groups that dim columns are padded to.
func groupsFor(dim int) int { return (dim + 2*GroupSize - 1) / (2 * GroupSize) * 2 }

// Len returns the number of rows.
func (r Rows) Len() int { return r.count }

// Dim returns the number of columns.
func (r Rows) Dim() int { return r.dim }

// Dot returns the dot product of q with one row. It panics if the row does not
// exist or q has another number of columns: a bug of the caller.
func (r Rows) Dot(q *Query, row uint32) float32 {
	rows, out := [1]uint32{row}, [1]float32{}
	r.DotMany(q, rows[:], out[:])
	return out[0]
}

// DotMany sets out[i] to the dot product of q with row rows[i]; len(out) must be
// at least len(rows). One call for many rows costs a third of a call a row. It
// allocates nothing and panics where [Rows.Dot] does, or if out is too short.
func (r Rows) DotMany(q *Query, rows []uint32, out []float32) {
	if len(rows) == 0 {
		return
	}
	if q.dim != r.dim {
		panic(fmt.Sprintf("scoring: query of %d dimensions against rows of %d", q.dim, r.dim))
	}
	if len(out) < len(rows) {
		panic(fmt.Sprintf("scoring: %d dot products into %d", len(rows), len(out)))
	}
	largest := rows[0]
	for _, row := range rows {
		largest = max(largest, row)
	}
	if int64(largest) >= int64(r.count) {
		panic(fmt.Sprintf("scoring: row %d of %d", largest, r.count))
	}
	switch r.bits {
	case Bits4:
		dotRows4(out, rows, &r, q)
	case Bits8:
		dotRows8(out, rows, &r, q)
	default:
		dotRows16(out, rows, &r, q)
	}
}

// Vector appends the columns of a row to dst and returns the extended slice. It
// panics if the row does not exist.
func (r Rows) Vector(dst []float32, row uint32) []float32 {
	p := r.row(row)
	for c := range r.dim {
		if r.bits == Bits16 {
			dst = append(dst, widen(binary.LittleEndian.Uint16(p[2*c:]))*halfUnit)
		} else {
			dst = append(dst, float32(r.level(p, c))*scaleAt(p, c/GroupSize))
		}
	}
	return dst
}

// row returns the bytes of one row.
func (r *Rows) row(row uint32) []byte {
	at := int(row) * r.stride
	return r.data[at : at+r.stride : at+r.stride]
}

// level returns the stored level of a column of the row p.
func (r *Rows) level(p []byte, column int) int32 {
	p = p[r.groups*scaleBytes:]
	group, i := column/GroupSize, column%GroupSize
	if r.bits == Bits8 {
		return int32(int8(p[column]))
	}
	b := p[group/2*GroupSize+i]
	if group%2 == 1 {
		b >>= 4
	}
	return int32(b&15) - levelBias
}

// scaleAt returns the scale of a group of the row p.
func scaleAt(p []byte, group int) float32 {
	return math.Float32frombits(uint32(binary.LittleEndian.Uint16(p[group*scaleBytes:])) << 16)
}
