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
	levels2 = [4]int8{-70, -21, 21, 70}
)

// levels returns the levels of the grade, ascending.
func (z *Quantiser) levels() []int8 {
	if z.grade == GradeCompact {
		return levels2[:]
	}
	return levels4[:]
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
	levels := c.z.levels()
	best, bestScale := -1.0, 0.0
	deviation := math.Sqrt(sum / float64(len(v)))
	for _, stretch := range []float64{1, 0.9, 1.1} {
		if deviation == 0 {
			clear(c.indexes)
			break
		}
		unit := deviation * stretch / levelUnit
		xl, ll := c.round(levels, unit)
		if gain := xl * xl / ll; gain > best {
			best, bestScale = gain, xl/ll
			c.trial, c.indexes = c.indexes, c.trial
		}
	}
	dst = append(dst, byte(factor), nearestScale(bestScale/c.z.unit))
	return c.pack(dst)
}

// round sets c.trial to the nearest levels of c.vector / unit, and returns the
// products of the vector with them and of them with themselves.
func (c *RowCoder) round(levels []int8, unit float64) (xl, ll float64) {
	for i, x := range c.vector {
		y := float64(x) / unit
		index := 0
		for index+1 < len(levels) && y > (float64(levels[index])+float64(levels[index+1]))/2 {
			index++
		}
		l := float64(levels[index])
		xl += float64(float64(x) * l)
		ll += l * l
		c.trial[i] = uint8(index)
	}
	return xl, ll
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
		for t := range n {
			row := rows[t*stride+residualHeader:]
			for g := 0; g < z.padded; g += 32 {
				to := levels[t*z.padded+g:][:32]
				for i, b := range row[g/4 : g/4+8] {
					to[i] = int16(levels2[b&3])
					to[8+i] = int16(levels2[b>>2&3])
					to[16+i] = int16(levels2[b>>4&3])
					to[24+i] = int16(levels2[b>>6])
				}
			}
		}
	}
}
