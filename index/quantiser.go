package index

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"slices"

	"github.com/ciyuan-search/ciyuan/scoring"
)

var (
	// ErrVector is returned for a row that has no direction: with a column that is
	// NaN or infinite, or of length zero.
	ErrVector = errors.New("index: not a direction")

	// ErrGrade is returned where a storage grade or a dimension does not exist.
	ErrGrade = errors.New("index: no such storage grade")
)

// MaxDim is the largest number of columns of a vector.
const MaxDim = scoring.MaxPanelDim

// Grade says how exactly token vectors are stored.
type Grade uint8

// The grades. Their numbers are stored in files. docs/benchmarks.md has what each
// loses against float32.
const (
	// GradeExact is 8 bits a column of the vector itself: 130 bytes at 128
	// columns.
	GradeExact Grade = 1
	// GradeBalanced is 4 bits a column of what is left when the leader is taken
	// away: 66 bytes at 128 columns.
	GradeBalanced Grade = 2
	// GradeCompact is 2 bits a column of the same: 34 bytes at 128 columns.
	GradeCompact Grade = 3
)

var gradeNames = map[Grade]string{GradeExact: "exact", GradeBalanced: "balanced", GradeCompact: "compact"}

// Grades lists the grades from the largest to the smallest.
func Grades() []Grade { return []Grade{GradeExact, GradeBalanced, GradeCompact} }

// String returns the name that ParseGrade reads.
func (g Grade) String() string {
	if name, ok := gradeNames[g]; ok {
		return name
	}
	return fmt.Sprintf("Grade(%d)", uint8(g))
}

// ParseGrade returns the grade of a name: exact, balanced or compact. Other names
// give [ErrGrade].
func ParseGrade(name string) (Grade, error) {
	for _, g := range Grades() {
		if g.String() == name {
			return g, nil
		}
	}
	return 0, fmt.Errorf("%w: %q, wanted exact, balanced or compact", ErrGrade, name)
}

// Normalize makes the rows of m, row-major with dim columns, of length 1, in
// place. If a row has no direction it returns the number of the first such row, and
// an error that wraps [ErrVector] and says why; rows before it are changed. The
// same input gives the same bits on every machine. It panics if dim does not
// divide len(m).
func Normalize(m []float32, dim int) (row int, err error) {
	if dim <= 0 || len(m)%dim != 0 {
		panic(fmt.Sprintf("index: %d numbers in rows of %d", len(m), dim))
	}
	for row := range len(m) / dim {
		v := m[row*dim : (row+1)*dim]
		var sum float64
		for c, x := range v {
			if x-x != 0 { // NaN and infinities only
				return row, fmt.Errorf("%w: column %d is %v", ErrVector, c, x)
			}
			sum += float64(x) * float64(x) // exact: no machine can round it otherwise
		}
		if sum == 0 {
			return row, fmt.Errorf("%w: every column is 0", ErrVector)
		}
		factor := 1 / math.Sqrt(sum)
		for c, x := range v {
			v[c] = float32(float64(x) * factor)
		}
	}
	return 0, nil
}

// Quantiser turns unit vectors into rows of one [Grade] and back. Nothing in it
// is learnt from vectors: two quantisers of one dimension and grade are equal, on
// every machine and for ever, because rows are kept in files.
//
// All vectors are rotated by a fixed orthogonal map first, which makes their columns
// nearly Gaussian and alike, whatever the encoder. Columns are padded with zeros to
// a multiple of 32.
//
// A row is stored as
//
//	exact     scale (upper half of a float32), a signed byte a column; the scale
//	          comes first, and levels are rounded to what it is after rounding
//	balanced  factor of the leader (signed byte, hundredths), scale (byte,
//	          logarithmic, 0 for none), a nibble a column as scoring.Widen4 reads it
//	compact   the same with 2 bits a column
//
// Leaders are rows of the exact grade, whatever the grade of the vectors is.
//
// A Quantiser is immutable and safe for concurrent use.
type Quantiser struct {
	grade    Grade
	dim      int
	padded   int
	rotation *rotation
	unit     float64 // scale of the levels for a residual of length 1
}

// NewQuantiser returns the quantiser for vectors of dim columns, 1 to [MaxDim].
// Others, and a grade that does not exist, give [ErrGrade].
func NewQuantiser(dim int, grade Grade) (*Quantiser, error) {
	if _, ok := gradeNames[grade]; !ok || dim < 1 || dim > MaxDim {
		return nil, fmt.Errorf("%w: %v of %d dimensions", ErrGrade, grade, dim)
	}
	padded := (dim + 31) / 32 * 32
	return &Quantiser{
		grade: grade, dim: dim, padded: padded, rotation: newRotation(padded),
		unit: 1 / (math.Sqrt(float64(padded)) * levelUnit),
	}, nil
}

// Dim returns the number of columns of a vector.
func (z *Quantiser) Dim() int { return z.dim }

// Grade returns the grade of the rows.
func (z *Quantiser) Grade() Grade { return z.grade }

// HasLeader reports whether rows are stored relative to a leader. Of the exact
// grade they are not, and every argument about leaders is disregarded.
func (z *Quantiser) HasLeader() bool { return z.grade != GradeExact }

// Sizes of what comes before the levels.
const (
	exactHeader    = 2
	residualHeader = 2
)

// Bytes returns the size of a row.
func (z *Quantiser) Bytes() int {
	switch z.grade {
	case GradeExact:
		return z.LeaderBytes()
	case GradeBalanced:
		return residualHeader + z.padded/2
	default:
		return residualHeader + z.padded/4
	}
}

// LeaderBytes returns the size of a leader, which is that of a row of
// [GradeExact].
func (z *Quantiser) LeaderBytes() int { return exactHeader + z.padded }

// RowCoder encodes and decodes rows of one [Quantiser]. It has memory of its own
// for that, so it is not safe for concurrent use; a Quantiser gives out as many
// as are wanted.
type RowCoder struct {
	z       *Quantiser
	vector  []float32
	indexes []uint8
	levels  []int16
}

// NewRowCoder returns a coder of rows.
func (z *Quantiser) NewRowCoder() *RowCoder {
	return &RowCoder{z: z, vector: make([]float32, z.padded), indexes: make([]uint8, z.padded)}
}

// EncodeLeader appends the row of a leader to dst.
func (c *RowCoder) EncodeLeader(dst []byte, vec []float32) []byte {
	c.rotate(vec)
	return appendExact(dst, c.vector)
}

// DecodeLeader appends the vector of a leader to dst.
func (c *RowCoder) DecodeLeader(dst []float32, leader []byte) []float32 {
	clear(c.vector)
	addExact(c.vector, leader, 1)
	return c.restore(dst)
}

// Encode appends the row of vec, Dim columns, length 1, to dst. leader is the row
// of its leader, LeaderBytes long; nil where rows have no leader. The same
// arguments give the same bytes on every machine.
func (c *RowCoder) Encode(dst []byte, vec []float32, leader []byte) []byte {
	c.rotate(vec)
	if c.z.grade == GradeExact {
		return appendExact(dst, c.vector)
	}
	return c.appendResidual(dst, leader)
}

// Decode appends what is stored of a vector to dst: Dim columns, of a length near
// 1. leader is the row that it was encoded with.
func (c *RowCoder) Decode(dst []float32, row, leader []byte) []float32 {
	clear(c.vector)
	if c.z.grade == GradeExact {
		addExact(c.vector, row, 1)
	} else {
		c.addResidual(row, leader)
	}
	return c.restore(dst)
}

// rotate sets c.vector to vec, padded and rotated.
func (c *RowCoder) rotate(vec []float32) {
	if len(vec) != c.z.dim {
		panic(fmt.Sprintf("index: a vector of %d columns for a quantiser of %d", len(vec), c.z.dim))
	}
	clear(c.vector[copy(c.vector, vec):])
	c.z.rotation.apply(c.vector)
}

// restore appends c.vector to dst as it was before the rotation.
func (c *RowCoder) restore(dst []float32) []float32 {
	c.z.rotation.undo(c.vector)
	return append(dst, c.vector[:c.z.dim]...)
}

// maxByteLevel is the largest level of an exact row.
const maxByteLevel = 127

// appendExact appends a row of the exact grade.
func appendExact(dst []byte, v []float32) []byte {
	var largest float32
	for _, x := range v {
		largest = max(largest, x, -x)
	}
	// Rounded up, so that the largest column is not cut.
	u := math.Float32bits(largest/maxByteLevel) + 0xffff
	scale := math.Float32frombits(u & 0xffff0000)
	dst = binary.LittleEndian.AppendUint16(dst, uint16(u>>16))
	from := len(dst)
	dst = slices.Grow(dst, len(v))[:from+len(v)]
	levels := dst[from:]
	if scale == 0 {
		clear(levels)
		return dst
	}
	factor := 1 / float64(scale)
	for i, x := range v {
		level := scoring.Nearest(max(-maxByteLevel, min(maxByteLevel, float64(float64(x)*factor))))
		levels[i] = byte(int8(level))
	}
	return dst
}

// exactScale returns the scale of a row of the exact grade.
func exactScale(row []byte) float32 {
	return math.Float32frombits(uint32(binary.LittleEndian.Uint16(row)) << 16)
}

// addExact adds factor times a row of the exact grade to v.
func addExact(v []float32, row []byte, factor float32) {
	f := float32(exactScale(row) * factor)
	for i, b := range row[exactHeader:][:len(v)] {
		v[i] += float32(float32(int8(b)) * f)
	}
}
