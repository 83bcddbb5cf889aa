package scoring

import (
	"encoding/binary"
	"math"
)

const (
	// halfInfinity is the exponent of a binary16 number that is not finite.
	halfInfinity = 0x7c00

	// halfLeast is the least number of a row of 16 bits. Smaller ones are subnormal
	// in binary16, and so, once widened, in float32, where a processor may take a
	// hundred times as long for them.
	halfLeast = 1.0 / (1 << 14)

	// halfLargest is the largest finite binary16 number.
	halfLargest = 65504

	// halfUnit is what a widened number has to be multiplied by.
	halfUnit = 1 << 112
)

// widen returns a binary16 number times 2^-112: sign and fraction are put where
// float32 has them, and the exponent is not corrected, which a sum of products does
// once for all of them.
func widen(h uint16) float32 {
	return math.Float32frombits(uint32(int32(int16(h))) << 13 & 0x8fffe000)
}

// narrow returns the nearest number of a row of 16 bits, ties to even.
func narrow(v float32) uint16 {
	x := finite(v)
	magnitude := min(math.Abs(x), halfLargest)
	if magnitude < halfLeast {
		magnitude = math.RoundToEven(magnitude/halfLeast) * halfLeast
	}
	u := math.Float32bits(float32(magnitude))
	sign := uint16(0)
	if x < 0 {
		sign = 0x8000
	}
	if u == 0 {
		return sign
	}
	u += 0xfff + u>>13&1
	return sign | uint16((u-112<<23)>>13)
}

// appendHalves appends vec as a row of 16 bits.
func appendHalves(dst []byte, vec []float32) []byte {
	for _, v := range vec {
		dst = binary.LittleEndian.AppendUint16(dst, narrow(v))
	}
	return append(dst, make([]byte, RowBytes(len(vec), Bits16)-2*len(vec))...)
}
