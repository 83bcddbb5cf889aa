package encoder

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestGrams_Append(t *testing.T) {
	g := Grams{Min: 1, Max: 2, Buckets: 1 << 30}
	want := []string{"<中", "中", "中a", "a", "a>"}
	var buckets []uint32
	for _, s := range want {
		buckets = append(buckets, hashGram([]byte(s))%(1<<30))
	}
	if diff := cmp.Diff(buckets, g.Append(nil, "中a")); diff != "" {
		t.Errorf("n-grams (-want +got):\n%s", diff)
	}
	for _, none := range []Grams{{}, {Min: 1, Max: 3}, {Buckets: 5}, {Min: 9, Max: 9, Buckets: 5}} {
		if got := none.Append(nil, "word"); got != nil {
			t.Errorf("%+v: %v", none, got)
		}
	}
	if got := g.Append(nil, "</s>"); got != nil {
		t.Errorf("end of line has n-grams %v", got)
	}
	// (2166136261 ^ 0xffffff80) * 16777619 mod 2^32: a byte above 127 is negative.
	if got, want := hashGram([]byte{0x80}), uint32(35716716188381855&0xffffffff); got != want {
		t.Errorf("hash of 0x80 is %#x, want %#x", got, want)
	}
}
