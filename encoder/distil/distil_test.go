package distil

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/ciyuan-search/ciyuan/encoder"
)

// plane is a teacher whose vectors lie, but for a large mean, a dominating first
// direction and noise, in a space of four dimensions that the test knows.
type plane struct {
	dim    int
	mean   []float32
	axes   [][]float32 // the dominating one first
	coords map[string][]float64
}

func newPlane(dim, n int) (*plane, []Word) {
	rng := rand.New(rand.NewPCG(1, 2))
	p := &plane{dim: dim, coords: map[string][]float64{}}
	p.mean = make([]float32, dim)
	for i := range p.mean {
		p.mean[i] = 5
	}
	for a := range 5 {
		axis := make([]float32, dim)
		axis[2*a], axis[2*a+1] = 0.6, 0.8
		p.axes = append(p.axes, axis)
	}
	var words []Word
	for i := range n {
		word := fmt.Sprintf("w%d", i)
		coords := []float64{20 * rng.NormFloat64()}
		for a := range 4 {
			coords = append(coords, (2-0.2*float64(a))*rng.NormFloat64())
		}
		p.coords[word] = coords
		words = append(words, Word{Text: word, Count: int64(n - i)})
	}
	return p, words
}

func (p *plane) teach(_ context.Context, words []string) ([][]float32, error) {
	var vectors [][]float32
	for _, word := range words {
		v := append([]float32(nil), p.mean...)
		for a, x := range p.coords[word] {
			for c, y := range p.axes[a] {
				v[c] += float32(x) * y
			}
		}
		vectors = append(vectors, v)
	}
	return vectors, nil
}

func cosine(a, b []float64) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab, aa, bb = ab+a[i]*b[i], aa+a[i]*a[i], bb+b[i]*b[i]
	}
	return ab / math.Sqrt(aa*bb)
}

func widen(v []float32) []float64 {
	w := make([]float64, len(v))
	for i, x := range v {
		w[i] = float64(x)
	}
	return w
}

// TestDistil_FindsTheSpace checks that cosines in the table are those in the four
// dimensions that are left when mean and first component are gone.
func TestDistil_FindsTheSpace(t *testing.T) {
	p, words := newPlane(24, 2000)
	var b bytes.Buffer
	report, err := Distil(context.Background(), &b, words, p.teach, Options{Name: "plane", Dim: 4})
	if err != nil {
		t.Fatal(err)
	}
	if report.Words != 2000 || report.TeacherDim != 24 || report.Kept < 0.02 || report.Kept > 0.05 {
		t.Errorf("report %+v", report)
	}
	table, err := encoder.NewTable(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if err := table.Verify(); err != nil {
		t.Fatal(err)
	}
	vector := func(word string) []float64 {
		row, ok := table.Row(word)
		if !ok {
			t.Fatalf("%s is missing", word)
		}
		return widen(table.Vector(nil, row))
	}
	for i := range 500 {
		x, y := fmt.Sprintf("w%d", i), fmt.Sprintf("w%d", i+1000)
		want := cosine(p.coords[x][1:], p.coords[y][1:])
		// The sample's principal components are tilted a little against the axes.
		if got := cosine(vector(x), vector(y)); math.Abs(got-want) > 0.15 {
			t.Errorf("%s, %s: cosine %.3f, want %.3f", x, y, got, want)
		}
	}
	rare, _ := table.Row("w1999")
	frequent, _ := table.Row("w0")
	if r, f := table.Prior(rare), table.Prior(frequent); r <= f {
		t.Errorf("prior of a rare word %g, of a frequent one %g", r, f)
	}
}

func TestDistil_SameBytes(t *testing.T) {
	p, words := newPlane(16, 300)
	var first, second bytes.Buffer
	if _, err := Distil(context.Background(), &first, words, p.teach, Options{Batch: 256}); err != nil {
		t.Fatal(err)
	}
	if _, err := Distil(context.Background(), &second, words, p.teach, Options{Batch: 7}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("the size of the batches changes the table")
	}
	table, err := encoder.NewTable(first.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	if table.Dim() != 15 {
		t.Errorf("%d dimensions of 16 less the first component", table.Dim())
	}
}

func TestDistil_FoldsWords(t *testing.T) {
	p, words := newPlane(12, 50)
	words = append(words, Word{Text: "W7"}, Word{Text: ""}, Word{Text: "w8"})
	report, err := Distil(context.Background(), io.Discard, words, p.teach, Options{Dim: 4})
	if err != nil || report.Words != 50 {
		t.Errorf("%d words, %v", report.Words, err)
	}
}

func TestDistil_Errors(t *testing.T) {
	p, words := newPlane(16, 100)
	broken := errors.New("broken teacher")
	spoil := func(change func([][]float32) [][]float32) Teacher {
		return func(ctx context.Context, words []string) ([][]float32, error) {
			v, err := p.teach(ctx, words)
			return change(v), err
		}
	}
	nan := float32(math.NaN())
	cancelled, cancel := context.WithCancel(context.Background())
	cancel()
	for _, test := range []struct {
		name    string
		ctx     context.Context
		words   []Word
		teacher Teacher
		opts    Options
		want    error
	}{
		{"teacher's own", nil, words, func(context.Context, []string) ([][]float32, error) { return nil, broken }, Options{}, broken},
		{"too few vectors", nil, words, spoil(func(v [][]float32) [][]float32 { return v[1:] }), Options{}, ErrTeacher},
		{"other dimension", nil, words, spoil(func(v [][]float32) [][]float32 { v[3] = v[3][1:]; return v }), Options{}, ErrTeacher},
		{"no dimension", nil, words, spoil(func(v [][]float32) [][]float32 { v[0] = nil; return v }), Options{}, ErrTeacher},
		{"NaN", nil, words, spoil(func(v [][]float32) [][]float32 { v[3][2] = nan; return v }), Options{}, ErrTeacher},
		{"all the same", nil, words, spoil(func(v [][]float32) [][]float32 {
			for i := range v {
				v[i] = p.mean
			}
			return v
		}), Options{}, ErrTeacher},
		{"no words", nil, nil, p.teach, Options{}, ErrWords},
		{"few words", nil, words[:16], p.teach, Options{}, ErrWords},
		{"too many dimensions", nil, words, p.teach, Options{Dim: 16}, ErrOptions},
		{"negative dimensions", nil, words, p.teach, Options{Dim: -1}, ErrOptions},
		{"cancelled", cancelled, words, p.teach, Options{}, context.Canceled},
	} {
		ctx := test.ctx
		if ctx == nil {
			ctx = context.Background()
		}
		var b bytes.Buffer
		if _, err := Distil(ctx, &b, test.words, test.teacher, test.opts); !errors.Is(err, test.want) || b.Len() > 0 {
			t.Errorf("%s: error %v, want %v; %d bytes written", test.name, err, test.want, b.Len())
		}
	}
}
