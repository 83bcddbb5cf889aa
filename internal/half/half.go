// Package half converts between float32 and the 16-bit floating point numbers of
// IEEE 754 (binary16: 1 bit of sign, 5 of exponent, 10 of fraction).
package half

import "math"

// ToFloat32 widens h; every binary16 number has an exact float32. A NaN stays one,
// with its payload.
func ToFloat32(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exponent := uint32(h>>10) & 0x1f
	fraction := uint32(h & 0x3ff)
	switch {
	case exponent == 0x1f: // infinity, or NaN with its payload
		return math.Float32frombits(sign | 0x7f800000 | fraction<<13)
	case exponent != 0:
		return math.Float32frombits(sign | (exponent+112)<<23 | fraction<<13)
	default: // zero and subnormal numbers: fraction * 2^-24
		f := float32(fraction) * (1.0 / (1 << 24))
		return math.Float32frombits(math.Float32bits(f) | sign)
	}
}

// FromFloat32 rounds f to the nearest binary16 number, ties to the even one. What
// is too large becomes infinite; a NaN stays one.
func FromFloat32(f float32) uint16 {
	u := math.Float32bits(f)
	sign := uint16(u >> 16 & 0x8000)
	u &= 0x7fffffff
	switch {
	case u > 0x7f800000:
		return sign | 0x7e00
	case u >= 0x477ff000: // 65520: halfway between the largest number and the next
		return sign | 0x7c00
	case u < 0x38800000: // below 2^-14: subnormal, a multiple of 2^-24
		// Adding 0.5 leaves the multiple in the last bits, rounded by the hardware.
		g := math.Float32frombits(u) + 0.5
		return sign | uint16(math.Float32bits(g)-math.Float32bits(0.5))
	default:
		u += 0xfff + u>>13&1
		return sign | uint16((u-0x38000000)>>13)
	}
}
