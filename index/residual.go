package index

import (
	"math"
	"slices"
	"sort"

	"github.com/ciyuan-search/ciyuan/scoring"
)

// The leader's factor is stored in hundredths. What its rounding leaves is part of
// the residual, so nothing is lost by it.
const factorUnit = 0.01

// scaleOf holds the lengths of a residual that the scale byte stands for: 0, then
// steps of 2^(1/32), 2 %, up to 1.25. Products alone, so that every machine has the
// same table.
var scaleOf = func() (table [256]float64) {
	const step = 1.0218971486541166
	length := 1.25
	for s := 255; s > 0; s-- {
		table[s] = length
		length /= step
	}
	return table
}()

// nearestScale returns the byte that stands for the length nearest to x.
func nearestScale(x float64) byte {
	s := sort.SearchFloat64s(scaleOf[:], x)
	if s == len(scaleOf) || s > 0 && x-scaleOf[s-1] < scaleOf[s]-x {
		s--
	}
	return byte(s)
}

// The levels of the residual grades: those of least squared error for Gaussian
// columns of variance 1 (Max 1960, table 1), times levelUnit and rounded, so that the
// largest of 4 bits is 127.
const levelUnit = 46.46

var (
	levels4 = [16]int8{-127, -96, -75, -58, -44, -31, -18, -6, 6, 18, 31, 44, 58, 75, 96, 127}
	levels2 = [16]int8{-70, -21, 21, 70}
)

// Columns are divided into steps of 1/32 of their deviation, up to 4 on either
// side, and each step has the level nearest to its middle.
const (
	stepsPerUnit = 32
	steps        = 8 * stepsPerUnit
)

var (
	nearest4 = nearestLevels(levels4[:])
	nearest2 = nearestLevels(levels2[:4])
)

// nearestLevels returns the number of the nearest level for each step.
func nearestLevels(levels []int8) (table [steps]uint8) {
	for s := range table {
		middle := (float64(s-steps/2) + 0.5) / stepsPerUnit * levelUnit
		for i, l := range levels {
			if math.Abs(middle-float64(l)) < math.Abs(middle-float64(levels[table[s]])) {
				table[s] = uint8(i)
			}
		}
	}
	return table
}

// levels returns the levels of the grade, ascending, and the nearest for each step.
func (z *Quantiser) levels() (levels *[16]int8, nearest *[steps]uint8) {
	if z.grade == GradeCompact {
		return &levels2, &nearest2
	}
	return &levels4, &nearest4
}

// appendResidual appends the row of c.vector relative to leader.
func (c *RowCoder) appendResidual(dst []byte, leader []byte) []byte {
	v := c.vector
	// The part along the leader, as a multiple of the leader as it is stored.
	var along, length float64
	scale := exactScale(leader)
	for i, b := range leader[exactHeader:][:len(v)] {
		l := float64(float32(int8(b)) * scale)
		along += float64(l * float64(v[i]))
		length += float64(l * l)
	}
	factor := int8(0)
	if length > 0 {
		factor = int8(max(-127, min(127, math.RoundToEven(along/length/factorUnit))))
	}
	addExact(v, leader, -factorOf(factor))

	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	levels, nearest := c.z.levels()
	inverse := 0.0
	if sum > 0 {
		inverse = stepsPerUnit / math.Sqrt(sum/float64(len(v)))
	}
	var ll int64
	for i, x := range v {
		step := int(float64(float64(x)*inverse) + steps/2)
		index := nearest[max(0, min(steps-1, step))]
		l := int64(levels[index])
		ll += l * l
		c.indexes[i] = index
	}
	// Stretched to the length of the residual: the nearest levels shorten it, and
	// with it every similarity.
	stored := nearestScale(math.Sqrt(sum/float64(ll)) / c.z.unit)
	return c.pack(append(dst, byte(factor), stored))
}

// factorOf returns the multiple of the leader that a row stores.
func factorOf(stored int8) float32 { return float32(float32(stored) * factorUnit) }

// pack appends the indexes of the levels.
func (c *RowCoder) pack(dst []byte) []byte {
	x := c.indexes
	for g := 0; g < len(x); g += 32 {
		if c.z.grade == GradeBalanced {
			for i := range 16 {
				dst = append(dst, x[g+i]|x[g+16+i]<<4)
			}
			continue
		}
		for i := range 8 {
			dst = append(dst, x[g+i]|x[g+8+i]<<2|x[g+16+i]<<4|x[g+24+i]<<6)
		}
	}
	return dst
}

// addResidual adds what a row and its leader stand for to c.vector.
func (c *RowCoder) addResidual(row, leader []byte) {
	addExact(c.vector, leader, factorOf(int8(row[0])))
	scale := c.z.scaleOf(row[1])
	c.levels = slices.Grow(c.levels[:0], len(c.vector))[:len(c.vector)]
	c.z.widen(c.levels, row, 1)
	for i, l := range c.levels {
		c.vector[i] += float32(float32(l) * scale)
	}
}

// scaleOf returns what the levels of a row with the scale byte s are multiplied by.
func (z *Quantiser) scaleOf(s byte) float32 { return float32(scaleOf[s] * z.unit) }

// widen sets levels to those of n rows.
func (z *Quantiser) widen(levels []int16, rows []byte, n int) {
	switch stride := z.Bytes(); z.grade {
	case GradeExact:
		scoring.Widen8(levels, rows[exactHeader:], stride, n, z.padded)
	case GradeBalanced:
		scoring.Widen4(levels, rows[residualHeader:], stride, n, z.padded, &levels4)
	default:
		scoring.Widen2(levels, rows[residualHeader:], stride, n, z.padded, &levels2)
	}
}
