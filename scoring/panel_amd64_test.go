//go:build amd64 && !noasm && !purego

package scoring

import (
	"math/rand/v2"
	"testing"
)

// TestPanel_AVX2 compares the kernel that machines without AVX-512 have.
func TestPanel_AVX2(t *testing.T) {
	if !hasVNNI {
		t.Skip("this machine has no other")
	}
	defer func() { hasVNNI = true }()
	hasVNNI = false
	r := rand.New(rand.NewPCG(13, 14))
	for _, dim := range panelDims {
		for _, rows := range []int{1, 8, 12, 16, 17, 33} {
			n := 1 + r.IntN(9)
			checkPanel(t, newPanel(randomVector(r, rows*dim), rows, dim), randomLevels(r, n, dim), randomVector(r, n))
		}
	}
	TestVector_EqualsPortableAndPanel(t)
}
