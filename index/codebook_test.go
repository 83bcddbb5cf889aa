package index

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// nearRows returns n unit rows with about the given cosine with the first unit vector.
func nearRows(n, dim int, cosine float64, seed uint64) []float32 {
	rng := rand.New(rand.NewPCG(seed, 3))
	out := make([]float32, n*dim)
	for i := range n {
		row := out[i*dim:][:dim]
		for c := 1; c < dim; c++ {
			row[c] = float32(rng.NormFloat64())
		}
		normalizeTo(row[1:], math.Sqrt(1-cosine*cosine))
		row[0] = float32(cosine)
	}
	return out
}

func normalizeTo(v []float32, length float64) {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	for i := range v {
		v[i] *= float32(length / math.Sqrt(sum))
	}
}

func newBook(t *testing.T, dim int) *CodeBook {
	t.Helper()
	z, err := NewQuantiser(dim, GradeExact)
	if err != nil {
		t.Fatal(err)
	}
	g, err := NewHNSW(HNSWOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return &CodeBook{Leaders: NewLeaders(z, 0, 31, nil), Graph: g}
}

func assign(t *testing.T, b *CodeBook, rows []float32, workers int) []uint32 {
	t.Helper()
	codes := make([]uint32, len(rows)/b.Leaders.z.Dim())
	if err := b.Assign(context.Background(), b.Leaders.z.Rotate(nil, rows), codes, workers); err != nil {
		t.Fatal(err)
	}
	return codes
}

// TestCodeBook_Radius checks that each vector is within the radius of its leader, that
// every leader is far from those before it, and that workers make no difference.
func TestCodeBook_Radius(t *testing.T) {
	const dim, n = testDim, 6000
	rows := clusteredVectors(n, 11)
	b := newBook(t, dim)
	codes := assign(t, b, rows, 1)
	if b.Graph.Len() == 0 || b.Outside() >= BookStep {
		t.Fatalf("%d leaders, %d of them in the graph", b.Leaders.Len(), b.Graph.Len())
	}
	if err := b.Graph.Verify(); err != nil {
		t.Error(err)
	}
	probe, founded := b.Leaders.z.NewLeaderProbe(), uint32(0)
	for i, code := range codes {
		probe.Set(rows[i*dim:][:dim])
		var sim [1]float32
		b.Leaders.sims(probe, []uint32{code}, sim[:])
		if code == founded {
			founded++
		}
		if sim[0] < LeaderRadius {
			t.Fatalf("vector %d has the leader %d at a cosine of %.3f", i, code, sim[0])
		}
	}
	if int(founded) != b.Leaders.Len() {
		t.Errorf("%d leaders, the vectors found %d in order", b.Leaders.Len(), founded)
	}
	other := newBook(t, dim)
	if !slices.Equal(codes, assign(t, other, rows, 7)) || !slices.Equal(b.Graph.Header(), other.Graph.Header()) {
		t.Error("the number of workers makes a difference")
	}
}

// TestCodeBook_Narrow gives a leader a state in which it takes less.
func TestCodeBook_Narrow(t *testing.T) {
	const dim = 64
	first := make([]float32, dim)
	first[0] = 1
	for state := range byte(MaxLeaderState + 1) {
		for _, above := range []bool{false, true} {
			b := newBook(t, dim)
			assign(t, b, first, 1)
			b.State = func(code uint32) (byte, error) {
				if code == 0 {
					return state, nil
				}
				return 0, nil
			}
			cosine := float64(radii[state]) - 0.02
			if above {
				cosine += 0.04
			}
			codes := assign(t, b, nearRows(1, dim, cosine, 4), 1)
			if (codes[0] == 0) != above {
				t.Errorf("state %d: a vector at a cosine of %.3f has leader %d", state, cosine, codes[0])
			}
		}
	}
}

// TestLeaders_Truncate takes leaders away that nobody has seen.
func TestLeaders_Truncate(t *testing.T) {
	const dim = 32
	b := newBook(t, dim)
	assign(t, b, nearRows(100, dim, 0.1, 5), 1)
	n := b.Leaders.Len()
	if n < 40 {
		t.Fatal(n, "leaders")
	}
	kept := slices.Clone(b.Leaders.Row(30))
	b.Leaders.Truncate(31)
	if b.Leaders.Len() != 31 || b.Leaders.Row(31) != nil {
		t.Error("leaders are left")
	}
	row := slices.Clone(kept)
	row[5]++
	if code := b.Leaders.Append(row); code != 31 || !slices.Equal(b.Leaders.Row(31), row) {
		t.Errorf("leader %d", code)
	}
	if !slices.Equal(b.Leaders.Row(30), kept) {
		t.Error("an earlier leader has changed")
	}
}

// blocksOf are leaders in memory as blocks of a file.
type blocksOf struct {
	rows []byte
	size int // of a block
	err  error
}

func (b blocksOf) LeaderBlock(n uint32) ([]byte, error) {
	from := int(n) * b.size
	return b.rows[from:min(from+b.size, len(b.rows))], b.err
}

// Leaders are the same where they are copied and where they are.
func TestMapLeaders(t *testing.T) {
	const dim, n, per = 96, 100, 31
	z, err := NewQuantiser(dim, GradeExact)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(61, 62))
	source := blocksOf{size: per * z.LeaderBytes()}
	for range n {
		source.rows = appendExact(source.rows, z.Rotate(nil, unitRow(r, dim)))
	}
	copied, mapped := NewLeaders(z, n, per, source), MapLeaders(z, n, per, source)
	probe := z.NewLeaderProbe()
	probe.Set(unitRow(r, dim))
	codes := make([]uint32, 150)
	for i := range codes {
		codes[i] = r.Uint32N(n)
	}
	want, got := make([]float32, len(codes)), make([]float32, len(codes))
	copied.sims(probe, codes, want)
	mapped.sims(probe, codes, got)
	if !slices.Equal(got, want) || mapped.Err() != nil || mapped.Len() != n {
		t.Errorf("similarities differ (%v)", mapped.Err())
	}
	for _, l := range []*Leaders{copied, mapped} {
		if n := testing.AllocsPerRun(10, func() { l.sims(probe, codes, got) }); n > 0 {
			t.Errorf("%v allocations", n)
		}
	}
	for code := range uint32(n) {
		if !slices.Equal(mapped.Row(code), copied.Row(code)) {
			t.Errorf("leader %d differs", code)
		}
	}
	if mapped.Row(n) != nil {
		t.Error("there is a leader too many")
	}
	codes = []uint32{1, n, 2, n + 50, 3}
	mapped.sims(probe, codes, got)
	copied.sims(probe, codes, want)
	if !slices.Equal(got[:5], want[:5]) || got[1] != NoSim || got[3] != NoSim {
		t.Errorf("of leaders that are not there: %v, want %v", got[:5], want[:5])
	}

	broken := errors.New("broken")
	for name, source := range map[string]blocksOf{
		"error": {source.rows, source.size, broken},
		"short": {source.rows[:len(source.rows)-1], source.size, nil},
	} {
		mapped := MapLeaders(z, n, per, source)
		codes := []uint32{n - 1, n - 2}
		mapped.sims(probe, codes, got)
		if mapped.Err() == nil || got[0] != NoSim || got[1] != NoSim || mapped.Row(n-1) != nil {
			t.Errorf("%s: %v, similarities %v", name, mapped.Err(), got[:2])
		}
		if name == "error" && !errors.Is(mapped.Err(), broken) {
			t.Error(mapped.Err())
		}
	}
}
