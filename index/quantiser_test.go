package index

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// quantiserDims has powers of two, multiples of 32 that are none, and dimensions
// that have to be padded.
var quantiserDims = []int{1, 2, 31, 33, 64, 96, 100, 128, 384, 1000, MaxDim}

func newQuantiser(t testing.TB, dim int, grade Grade) *Quantiser {
	t.Helper()
	z, err := NewQuantiser(dim, grade)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

// unitRows returns n random directions. They are uneven as those of encoders are:
// the first columns are much larger than the last.
func unitRows(r *rand.Rand, n, dim int) []float32 {
	rows := make([]float32, n*dim)
	for i := range rows {
		rows[i] = float32(r.NormFloat64() * math.Exp(-3*float64(i%dim)/float64(dim)))
	}
	if _, err := Normalize(rows, dim); err != nil {
		panic(err)
	}
	return rows
}

// near returns a unit vector with about the given cosine to v.
func near(r *rand.Rand, v []float32, cosine float64) []float32 {
	noise := unitRows(r, 1, len(v))
	out := make([]float32, len(v))
	for i := range out {
		out[i] = float32(cosine*float64(v[i]) + math.Sqrt(1-cosine*cosine)*float64(noise[i]))
	}
	if _, err := Normalize(out, len(v)); err != nil {
		panic(err)
	}
	return out
}

func product(a, b []float32) float64 {
	var sum float64
	for i := range a {
		sum += float64(a[i]) * float64(b[i])
	}
	return sum
}

func distance(a, b []float32) float64 {
	var sum float64
	for i := range a {
		d := float64(a[i]) - float64(b[i])
		sum += d * d
	}
	return math.Sqrt(sum)
}

func TestRotation(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, dim := range []int{32, 64, 96, 128, 160, 384, 992, 1024, MaxDim} {
		rot := newRotation(dim)
		a, b := unitRows(r, 1, dim), unitRows(r, 1, dim)
		want := product(a, b)
		x, y := slices.Clone(a), slices.Clone(b)
		rot.apply(x)
		rot.apply(y)
		if got := product(x, y); math.Abs(got-want) > 1e-5 {
			t.Errorf("%d columns: the product of two vectors is %g after the rotation, %g before", dim, got, want)
		}
		// A vector along one axis is spread over all columns.
		axis := make([]float32, dim)
		axis[dim-1] = 1
		rot.apply(axis)
		for c, v := range axis {
			if dim >= 64 && math.Abs(float64(v)) > 0.7 {
				t.Errorf("%d columns: column %d still has %g", dim, c, v)
			}
		}
		rot.undo(x)
		if d := distance(a, x); d > 1e-5 {
			t.Errorf("%d columns: undone, it is off by %g", dim, d)
		}
	}
}

// residualBound is how far a decoded row may be from its vector, as a share of the
// part that is not along the leader.
var residualBound = map[Grade]float64{GradeBalanced: 0.13, GradeCompact: 0.42}

func TestQuantiser_Decode(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, dim := range quantiserDims {
		for _, grade := range Grades() {
			z := newQuantiser(t, dim, grade)
			c := z.NewRowCoder()
			for _, cosine := range []float64{-0.5, 0, 0.6, 0.95, 1} {
				vec := unitRows(r, 1, dim)
				leader := c.EncodeLeader(nil, near(r, vec, cosine))
				if len(leader) != z.LeaderBytes() {
					t.Fatalf("%d columns: a leader of %d bytes, want %d", dim, len(leader), z.LeaderBytes())
				}
				row := c.Encode(nil, vec, leader)
				if len(row) != z.Bytes() {
					t.Fatalf("%v, %d columns: a row of %d bytes, want %d", grade, dim, len(row), z.Bytes())
				}
				got := c.Decode(nil, row, leader)
				bound := 0.012
				if z.HasLeader() {
					l := c.DecodeLeader(nil, leader)
					along := product(vec, l)
					across := math.Sqrt(max(0, 1-along*along/product(l, l)))
					bound = residualBound[grade]*across + 0.012
					if dim < 32 {
						bound += 0.3 * across // few columns are not Gaussian even when rotated
					}
				}
				if d := distance(vec, got); d > bound {
					t.Errorf("%v, %d columns, leader at %g: off by %.3f, want at most %.3f", grade, dim, cosine, d, bound)
				}
			}
		}
	}
}

// TestQuantiser_Bytes pins the rows: they are kept in files, and must be the same
// on every machine and in every version.
func TestQuantiser_Bytes(t *testing.T) {
	h := map[Grade]string{}
	for _, grade := range Grades() {
		sum := sha256.New()
		for _, dim := range []int{1, 33, 96, 128, 300} {
			r := rand.New(rand.NewPCG(5, uint64(dim)))
			c := newQuantiser(t, dim, grade).NewRowCoder()
			for range 50 {
				// Sums of uniform numbers: NormFloat64 is not pinned by anything.
				v := make([]float32, 2*dim)
				for i := range v {
					v[i] = float32(r.Uint32()>>8) - float32(r.Uint32()>>8)
				}
				for i := range dim {
					v[i] += v[dim+i]
				}
				if _, err := Normalize(v, dim); err != nil {
					t.Fatal(err)
				}
				leader := c.EncodeLeader(nil, v[dim:])
				sum.Write(leader)
				sum.Write(c.Encode(nil, v[:dim], leader))
			}
		}
		h[grade] = hex.EncodeToString(sum.Sum(nil)[:8])
	}
	want := map[Grade]string{GradeExact: "46319cd7c819d05b", GradeBalanced: "b1ac019ce84f8184", GradeCompact: "08cf6f227c92f390"}
	for grade, sum := range h {
		if sum != want[grade] {
			t.Errorf("%v: the rows have the digest %s, want %s", grade, sum, want[grade])
		}
	}
}

// passage is rows of one grade with their leaders.
type passage struct {
	z       *Quantiser
	vectors []float32
	rows    []byte
	slots   []uint32
	leaders []byte
}

func newPassage(t testing.TB, r *rand.Rand, dim, n int, grade Grade) passage {
	p := passage{z: newQuantiser(t, dim, grade)}
	c := p.z.NewRowCoder()
	leaders := max(1, n/3)
	for range leaders {
		p.leaders = c.EncodeLeader(p.leaders, unitRows(r, 1, dim))
	}
	size := p.z.LeaderBytes()
	for range n {
		slot := r.IntN(leaders)
		leader := p.leaders[slot*size : (slot+1)*size]
		v := c.DecodeLeader(nil, leader)
		if _, err := Normalize(v, dim); err != nil {
			t.Fatal(err)
		}
		v = near(r, v, 0.7)
		p.vectors = append(p.vectors, v...)
		p.rows = c.Encode(p.rows, v, leader)
		p.slots = append(p.slots, uint32(slot))
	}
	return p
}

func TestPanel_SimilaritiesAreThoseOfDecodedRows(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	var tile Tile
	for _, dim := range []int{1, 33, 96, 128, 1000} {
		for _, grade := range Grades() {
			for _, n := range []int{1, 3, 32, 33, 77} {
				s := newPassage(t, r, dim, n, grade)
				c := s.z.NewRowCoder()
				query := unitRows(r, 5, dim)
				p := s.z.NewPanel(query)
				stride := p.Stride()
				dots := make([]float32, len(s.leaders)/s.z.LeaderBytes()*stride)
				p.LeaderDots(&tile, dots, s.leaders)
				got := make([]float32, n*stride)
				p.Similarities(&tile, got, s.z, s.rows, s.slots, dots)
				best, arg := make([]float32, p.Len()), make([]int32, p.Len())
				p.MaxSim(&tile, best, arg, s.z, s.rows, s.slots, dots)
				for i := range p.Len() {
					largest, at := float32(math.Inf(-1)), int32(-1)
					for row := range n {
						leader := s.leaders[int(s.slots[row])*s.z.LeaderBytes():][:s.z.LeaderBytes()]
						size := s.z.Bytes()
						want := product(query[i*dim:(i+1)*dim], c.Decode(nil, s.rows[row*size:(row+1)*size], leader))
						sim := got[row*stride+i]
						if dim%32 == 0 && math.Abs(float64(sim)-want) > 2e-4 || math.Abs(float64(sim)-want) > 0.05 {
							t.Fatalf("%v, %d columns, query %d, row %d: similarity %g, decoded %g", grade, dim, i, row, sim, want)
						}
						if sim > largest {
							largest, at = sim, int32(row)
						}
					}
					if best[i] != largest || arg[i] != at {
						t.Fatalf("%v, %d columns: MaxSim %g at %d, want %g at %d", grade, dim, best[i], arg[i], largest, at)
					}
				}
			}
		}
	}
}

func TestPanel_Empty(t *testing.T) {
	z := newQuantiser(t, 64, GradeBalanced)
	var tile Tile
	p := z.NewPanel(unitRows(rand.New(rand.NewPCG(9, 10)), 2, 64))
	best, arg := make([]float32, 2), make([]int32, 2)
	p.MaxSim(&tile, best, arg, z, nil, nil, nil)
	if !math.IsInf(float64(best[1]), -1) || arg[1] != -1 {
		t.Errorf("no rows: %g at %d", best[1], arg[1])
	}
	none := z.NewPanel(nil)
	s := newPassage(t, rand.New(rand.NewPCG(9, 11)), 64, 5, GradeBalanced)
	none.LeaderDots(&tile, nil, s.leaders)
	none.MaxSim(&tile, nil, nil, z, s.rows, s.slots, nil)
	if none.Len() != 0 || none.Stride() != 0 {
		t.Errorf("a query of %d rows", none.Len())
	}
}

func TestPanel_Allocates(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for _, grade := range Grades() {
		s := newPassage(t, r, 128, 80, grade)
		query := unitRows(r, 12, 128)
		p := s.z.NewPanel(query)
		dots := make([]float32, len(s.leaders)/s.z.LeaderBytes()*p.Stride())
		best, arg := make([]float32, 12), make([]int32, 12)
		var tile Tile
		if n := testing.AllocsPerRun(10, func() {
			p.Set(query)
			p.LeaderDots(&tile, dots, s.leaders)
			p.MaxSim(&tile, best, arg, s.z, s.rows, s.slots, dots)
			if grade == GradeExact {
				p.CoarseMaxSim(&tile, best, s.rows)
			}
		}); n > 0 {
			t.Errorf("%v: %g allocations a passage", grade, n)
		}
	}
}

// Coarse similarities are off by no more than rounding explains.
func TestPanel_CoarseMaxSim(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	for _, dim := range []int{32, 100, 128, 384} {
		for _, rows := range []int{1, 12, 15, 32} {
			weights := make([]float64, rows)
			for i := range weights {
				weights[i] = 0.5 + r.Float64()
			}
			var squares float64
			const passages = 20
			for range passages {
				s := newPassage(t, r, dim, 1+r.IntN(90), GradeExact)
				p := s.z.NewPanel(unitRows(r, rows, dim))
				best, coarse := make([]float32, rows), make([]float32, rows)
				var tile Tile
				p.MaxSim(&tile, best, nil, s.z, s.rows, nil, nil)
				p.CoarseMaxSim(&tile, coarse, s.rows)
				sum := 0.0
				for i, weight := range weights {
					sum += weight * float64(coarse[i]-best[i])
				}
				off := sum / p.CoarseDeviation(weights)
				squares += off * off
				if math.Abs(off) > 5 {
					t.Errorf("%d columns, %d rows: off by %.1f deviations", dim, rows, off)
				}
			}
			if mean := math.Sqrt(squares / passages); mean > 2 {
				t.Errorf("%d columns, %d rows: off by %.2f deviations in the mean", dim, rows, mean)
			}
		}
	}
}

func TestLeaderProbe(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	for _, dim := range []int{1, 100, 128, 384} {
		z := newQuantiser(t, dim, GradeCompact)
		c := z.NewRowCoder()
		var leaders []byte
		const n = 150
		for range n {
			leaders = c.EncodeLeader(leaders, unitRows(r, 1, dim))
		}
		codes := make([]uint32, 0, n)
		for i := range n {
			codes = append(codes, uint32(n-1-i))
		}
		size := z.LeaderBytes()
		vec := unitRows(r, 1, dim)
		p := z.NewLeaderProbe()
		p.Set(vec)
		sims := make([]float32, n)
		p.Sims(sims, leaders, codes)
		panel := z.NewPanel(vec)
		dots := make([]float32, n*panel.Stride())
		panel.LeaderDots(new(Tile), dots, leaders)
		for i, code := range codes {
			if want := dots[int(code)*panel.Stride()]; sims[i] != want {
				t.Errorf("%d columns: similarity %g, in a panel %g", dim, sims[i], want)
			}
		}
		p.SetLeader(leaders[size*7 : size*8])
		p.Sims(sims, leaders, []uint32{7, 9})
		a, b := c.DecodeLeader(nil, leaders[size*7:]), c.DecodeLeader(nil, leaders[size*9:])
		if want := product(a, b); math.Abs(float64(sims[1])-want) > 0.03 {
			t.Errorf("%d columns: similarity of two leaders %g, want %g", dim, sims[1], want)
		}
		if math.Abs(float64(sims[0])-product(a, a)) > 0.03 {
			t.Errorf("%d columns: a leader has the similarity %g with itself", dim, sims[0])
		}
	}
}

func TestNormalize(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, tt := range []struct {
		m   []float32
		row int
		bad bool
	}{
		{[]float32{3, 4, 0, 1e-30}, 0, false},
		{[]float32{math.MaxFloat32, math.MaxFloat32}, 0, false},
		{[]float32{math.SmallestNonzeroFloat32, 0}, 0, false},
		{nil, 0, false},
		{[]float32{1, 2, 0, 0}, 1, true},
		{[]float32{1, 2, 3, nan}, 1, true},
		{[]float32{1, 2, 3, 4, -inf, 5}, 2, true},
	} {
		m := slices.Clone(tt.m)
		row, err := Normalize(m, 2)
		if row != tt.row || errors.Is(err, ErrVector) != tt.bad {
			t.Errorf("%v: got row %d, %v", tt.m, row, err)
		}
		if tt.bad {
			continue
		}
		for i := 0; i < len(m); i += 2 {
			if n := product(m[i:i+2], m[i:i+2]); math.Abs(n-1) > 1e-6 {
				t.Errorf("%v: length %g", tt.m, n)
			}
		}
	}
}

func TestGrade(t *testing.T) {
	for _, g := range Grades() {
		if got, err := ParseGrade(g.String()); got != g || err != nil {
			t.Errorf("%v: parsed as %v, %v", g, got, err)
		}
	}
	for _, name := range []string{"", "Exact", "int8"} {
		if _, err := ParseGrade(name); !errors.Is(err, ErrGrade) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, bad := range []struct {
		dim   int
		grade Grade
	}{{0, GradeExact}, {-1, GradeExact}, {MaxDim + 1, GradeExact}, {128, 0}, {128, 99}} {
		if _, err := NewQuantiser(bad.dim, bad.grade); !errors.Is(err, ErrGrade) {
			t.Errorf("%v of %d columns: %v", bad.grade, bad.dim, err)
		}
	}
}

// FuzzQuantiser_Decode decodes bytes that nobody wrote.
func FuzzQuantiser_Decode(f *testing.F) {
	f.Add([]byte("some bytes"), uint16(128))
	f.Fuzz(func(t *testing.T, data []byte, dim uint16) {
		for _, grade := range Grades() {
			z, err := NewQuantiser(int(dim%512)+1, grade)
			if err != nil {
				t.Fatal(err)
			}
			row, leader := make([]byte, z.Bytes()), make([]byte, z.LeaderBytes())
			copy(leader[copy(row, data):], data)
			if got := z.NewRowCoder().Decode(nil, row, leader); len(got) != z.Dim() {
				t.Fatalf("%d columns of %d", len(got), z.Dim())
			}
		}
	})
}

func BenchmarkMaxSim(b *testing.B) {
	r := rand.New(rand.NewPCG(15, 16))
	for _, grade := range Grades() {
		for _, rows := range []int{12, 32} {
			s := newPassage(b, r, 128, 80, grade)
			p := s.z.NewPanel(unitRows(r, rows, 128))
			dots := make([]float32, len(s.leaders)/s.z.LeaderBytes()*p.Stride())
			var tile Tile
			p.LeaderDots(&tile, dots, s.leaders)
			best, arg := make([]float32, rows), make([]int32, rows)
			b.Run(fmt.Sprintf("%v/query=%d", grade, rows), func(b *testing.B) {
				for b.Loop() {
					p.MaxSim(&tile, best, arg, s.z, s.rows, s.slots, dots)
				}
			})
		}
	}
}

func BenchmarkEncode(b *testing.B) {
	r := rand.New(rand.NewPCG(17, 18))
	for _, grade := range Grades() {
		c := newQuantiser(b, 128, grade).NewRowCoder()
		vec := unitRows(r, 1, 128)
		leader := c.EncodeLeader(nil, near(r, vec, 0.7))
		var row []byte
		b.Run(grade.String(), func(b *testing.B) {
			for b.Loop() {
				row = c.Encode(row[:0], vec, leader)
			}
		})
	}
}
