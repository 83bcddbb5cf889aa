//go:build !noasm && !purego

package kernel

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// TestOlder repeats the tests of products as a processor without the newer
// instructions runs them.
func TestOlder(t *testing.T) {
	for _, machine := range []struct {
		name               string
		avx2, avx512, vnni bool
	}{
		{"AVX-512 without VNNI", true, true, false},
		{"AVX2", true, false, false},
		{"neither", false, false, false},
	} {
		if machine.avx2 && !hasAVX2 || machine.avx512 && !hasAVX512 {
			t.Logf("%s: this machine has it not", machine.name)
			continue
		}
		t.Run(machine.name, func(t *testing.T) {
			avx2, avx512, vnni := hasAVX2, hasAVX512, hasVNNI
			defer func() { hasAVX2, hasAVX512, hasVNNI = avx2, avx512, vnni }()
			hasAVX2, hasAVX512, hasVNNI = machine.avx2, machine.avx512, machine.vnni
			t.Run("float32", TestMul)
			t.Run("int8", TestMulInt8)
			t.Run("portable", TestPortable)
			t.Run("portable int8", TestPortableInt8)
		})
	}
}

// TestWide has AVX-512 agree with AVX2 in every bit: both add in the same order.
func TestWide(t *testing.T) {
	if !hasVNNI {
		t.Skip("this machine has no AVX-512 with VNNI")
	}
	r := rand.New(rand.NewPCG(9, 10))
	s := new(Scratch)
	a, w, bias := Of(random(r, 37*900), 37, 900), Of(random(r, 33*900), 33, 900), random(r, 33)
	small := Quantize(w, false)
	product := func() (whole, rounded []float32) {
		whole, rounded = make([]float32, 37*33), make([]float32, 37*33)
		s.MulT(Of(whole, 37, 33), a, w, bias)
		s.MulInt8(Of(rounded, 37, 33), a, small, bias)
		return whole, rounded
	}
	wide, wideRounded := product()
	defer func() { hasAVX512, hasVNNI = true, true }()
	hasAVX512, hasVNNI = false, false
	narrow, narrowRounded := product()
	if !slices.Equal(wide, narrow) || !slices.Equal(wideRounded, narrowRounded) {
		t.Error("the products differ")
	}
}
