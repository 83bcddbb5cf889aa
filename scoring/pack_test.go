package scoring

import (
	"bytes"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"pgregory.net/rapid"
)

func TestAppendRow_Error(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 9))
	for _, tt := range []struct {
		bits    Bits
		ceiling float64 // mean squared error over the squared length, normal columns
	}{{Bits4, 0.0085}, {Bits8, 0.00003}} {
		var lost, all float64
		for range 200 {
			v := randomVector(r, 128)
			rows, err := NewRows(AppendRow(nil, v, tt.bits), 128, tt.bits)
			if err != nil {
				t.Fatal(err)
			}
			for i, x := range rows.Vector(nil, 0) {
				lost += float64(x-v[i]) * float64(x-v[i])
				all += float64(v[i]) * float64(v[i])
			}
		}
		if got := lost / all; got > tt.ceiling {
			t.Errorf("%d bits: squared error %.6f, above %.6f", tt.bits, got, tt.ceiling)
		}
	}
}

func TestAppendRow_Bits8Bound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := rapid.SliceOfN(rapid.Float32Range(-1e30, 1e30), 1, 200).Draw(t, "v")
		rows, err := NewRows(AppendRow([]byte("before"), v, Bits8)[6:], len(v), Bits8)
		if err != nil {
			t.Fatal(err)
		}
		got := rows.Vector(nil, 0)
		for g := 0; g < len(v); g += GroupSize {
			group := v[g:min(len(v), g+GroupSize)]
			var largest float64
			for _, x := range group {
				largest = max(largest, math.Abs(float64(x)))
			}
			if largest < 1e-35 {
				continue // the scale has fewer digits there
			}
			for i, x := range group {
				// Half a level, and the largest column is cut where its scale
				// was rounded down.
				if d := math.Abs(float64(got[g+i]) - float64(x)); d > largest*(1.0/253+1.0/256) {
					t.Fatalf("column %d: %v, want %v", g+i, got[g+i], x)
				}
			}
		}
	})
}

func TestAppendRow_StrangeNumbers(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, bits := range []Bits{Bits4, Bits8} {
		for _, v := range [][]float32{
			make([]float32, 64), {nan, 1, 2}, {inf, 1}, {-inf, nan}, {math.MaxFloat32, -math.MaxFloat32},
			{math.SmallestNonzeroFloat32}, {1e-39, 1e-39}, {nan},
		} {
			rows, err := NewRows(AppendRow(nil, v, bits), len(v), bits)
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range rows.Vector(nil, 0) {
				if math.IsNaN(float64(x)) {
					t.Errorf("%d bits of %v: NaN", bits, v)
				}
			}
			q := NewQuery(v)
			if z := rows.Dot(&q, 0); math.IsNaN(float64(z)) {
				t.Errorf("%d bits of %v: dot NaN", bits, v)
			}
		}
		if !bytes.Equal(AppendRow(nil, []float32{nan, 3}, bits), AppendRow(nil, []float32{0, 3}, bits)) {
			t.Errorf("%d bits: NaN is not like 0", bits)
		}
	}
}

func TestNewRows_Refuses(t *testing.T) {
	for _, tt := range []struct {
		size, dim int
		bits      Bits
	}{{71, 128, Bits4}, {72, 0, Bits4}, {72, -1, Bits4}, {72, 128, 5}, {72, 128, Bits8}, {0, maxDim + 1, Bits4}} {
		if _, err := NewRows(make([]byte, tt.size), tt.dim, tt.bits); !errors.Is(err, ErrRows) {
			t.Errorf("%+v: %v", tt, err)
		}
	}
	rows, err := NewRows(make([]byte, 144), 128, Bits4)
	if err != nil || rows.Len() != 2 || rows.Dim() != 128 {
		t.Errorf("two rows: %d of %d, %v", rows.Len(), rows.Dim(), err)
	}
}

func TestDotMany_CallersBugsPanic(t *testing.T) {
	rows, err := NewRows(make([]byte, 144), 128, Bits4)
	if err != nil {
		t.Fatal(err)
	}
	q, short := NewQuery(make([]float32, 128)), NewQuery(make([]float32, 127))
	for name, f := range map[string]func(){
		"no such row": func() { rows.Dot(&q, 2) },
		"largest row": func() { rows.Dot(&q, math.MaxUint32) },
		"dimensions":  func() { rows.Dot(&short, 0) },
		"short out":   func() { rows.DotMany(&q, []uint32{0, 1}, make([]float32, 1, 2)) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			f()
		}()
	}
	rows.DotMany(&q, nil, nil) // nothing to do is no bug
}

func TestDot_NoAllocations(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 3))
	for _, bits := range []Bits{Bits4, Bits8} {
		rows, q := randomRows(r, 8, 128, bits), NewQuery(randomVector(r, 128))
		index, out := []uint32{1, 7, 3}, make([]float32, 3)
		if n := testing.AllocsPerRun(100, func() { rows.DotMany(&q, index, out); rows.Dot(&q, 1) }); n != 0 {
			t.Errorf("%d bits: %v allocations", bits, n)
		}
	}
}

func TestAppendRow_Halves(t *testing.T) {
	inf := float32(math.Inf(1))
	for _, c := range []struct{ in, want float32 }{
		{0, 0}, {1, 1}, {-1, -1}, {0.1, 0.099975586}, {1 + 1.0/2048, 1}, {1 + 3.0/2048, 1 + 2.0/1024},
		{65504, 65504}, {1e9, 65504}, {inf, 65504}, {-inf, -65504}, {float32(math.NaN()), 0},
		{1.0 / (1 << 14), 1.0 / (1 << 14)}, {1.6 / (1 << 15), 1.0 / (1 << 14)}, {-0.9 / (1 << 15), 0},
	} {
		r, err := NewRows(AppendRow(nil, []float32{c.in}, Bits16), 1, Bits16)
		if err != nil {
			t.Fatal(err)
		}
		if got := r.Vector(nil, 0)[0]; got != c.want || !r.Finite(0) {
			t.Errorf("%g is stored as %g, want %g; finite: %v", c.in, got, c.want, r.Finite(0))
		}
	}
	damaged := AppendRow(nil, []float32{1}, Bits16)
	damaged[1] = 0x7c
	if r, err := NewRows(damaged, 1, Bits16); err != nil || r.Finite(0) {
		t.Errorf("an infinite column counts as finite; %v", err)
	}
}
