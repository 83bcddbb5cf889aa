package half

import (
	"math"
	"testing"
)

func TestToFloat32_EveryNumber(t *testing.T) {
	for h := range 1 << 16 {
		sign, exp, frac := 1.0, h>>10&31, float64(h&1023)
		if h&0x8000 != 0 {
			sign = -1
		}
		var want float64
		switch exp {
		case 0:
			want = sign * frac * math.Pow(2, -24)
		case 31:
			want = sign * math.Inf(1)
			if frac != 0 {
				want = math.NaN()
			}
		default:
			want = sign * (1 + frac/1024) * math.Pow(2, float64(exp-15))
		}
		got := float64(ToFloat32(uint16(h)))
		if got != want && !(math.IsNaN(got) && math.IsNaN(want)) || math.Signbit(got) != math.Signbit(want) && !math.IsNaN(want) {
			t.Fatalf("%#04x is %v, want %v", h, got, want)
		}
	}
}

func TestFromFloat32_EveryNumberAndBetween(t *testing.T) {
	for h := range uint16(0x7c00) {
		low, high := float64(ToFloat32(h)), float64(ToFloat32(h+1))
		if h+1 == 0x7c00 {
			high = 65536 // where the next number would be
		}
		even, next := h, h+1
		if h&1 == 1 {
			even = h + 1
		}
		middle := float32((low + high) / 2)
		for _, c := range []struct {
			f    float32
			want uint16
		}{
			{float32(low), h},
			{middle, even},
			{math.Nextafter32(middle, 0), h},
			{math.Nextafter32(middle, math.MaxFloat32), next},
		} {
			if got := FromFloat32(c.f); got != c.want {
				t.Fatalf("%g: got %#04x, want %#04x", c.f, got, c.want)
			}
			if got := FromFloat32(-c.f); got != c.want|0x8000 {
				t.Fatalf("%g: got %#04x, want %#04x", -c.f, got, c.want|0x8000)
			}
		}
	}
}

func TestFromFloat32_NotFinite(t *testing.T) {
	for f, want := range map[float32]uint16{
		math.MaxFloat32:             0x7c00,
		float32(math.Inf(1)):        0x7c00,
		float32(math.Inf(-1)):       0xfc00,
		-math.MaxFloat32:            0xfc00,
		math.SmallestNonzeroFloat32: 0,
	} {
		if got := FromFloat32(f); got != want {
			t.Errorf("%g: got %#04x, want %#04x", f, got, want)
		}
	}
	for _, h := range []uint16{FromFloat32(float32(math.NaN())), 0x7c01, 0xffff} {
		if f := ToFloat32(h); f == f {
			t.Errorf("%#04x: got %g, want NaN", h, f)
		}
	}
}
