//go:build !ciyuan_nodefault

package encoder

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/ciyuan-search/ciyuan/encoder/internal/source"
	"github.com/ciyuan-search/ciyuan/internal/testutil"
	"github.com/ciyuan-search/ciyuan/scoring"
)

// openDefault returns the embedded table.
func openDefault(tb testing.TB) *Table {
	tb.Helper()
	table, err := Default()
	if err != nil {
		tb.Fatal(err)
	}
	return table
}

// original reads the vectors that the table was made from.
func original(tb testing.TB) *source.Words {
	tb.Helper()
	words, err := source.Read(testutil.Shared(tb, "models/default"))
	if err != nil {
		tb.Fatal(err)
	}
	return words
}

func TestDefault_Verify(t *testing.T) {
	table := openDefault(t)
	if err := table.Verify(); err != nil {
		t.Fatal(err)
	}
	if table.Len() != 150_000 || table.Dim() != 128 || len(table.Fingerprint()) != 16 || table.Name() == "" {
		t.Errorf("%d words, %d dimensions, fingerprint %q, name %q", table.Len(), table.Dim(), table.Fingerprint(), table.Name())
	}
	if got := table.Params(); got != scoring.DefaultParams() {
		t.Errorf("constants %+v", got)
	}
}

func TestTable_EveryWordIsFound(t *testing.T) {
	table := openDefault(t)
	for row := range uint32(table.Len()) {
		word := table.Word(row)
		if got, ok := table.Row(word); !ok || got != row {
			t.Fatalf("Row(%q) = %d, %v, want %d", word, got, ok, row)
		}
		if _, ok := table.Row(word + "\x00"); ok {
			t.Fatalf("Row(%q and a zero byte) found something", word)
		}
	}
	for _, word := range []string{"", "\x00", "a\x00", "zzzzzz", "\xff", "编程\xff", "\U0010ffff", string(make([]byte, 1000))} {
		if row, ok := table.Row(word); ok {
			t.Errorf("Row(%q) = %d", word, row)
		}
	}
	if got := table.Word(uint32(table.Len())); got != "" {
		t.Errorf("the word behind the last is %q", got)
	}
}

func TestTable_LikeItsSource(t *testing.T) {
	table, words := openDefault(t), original(t)
	if table.Len() != len(words.Word) {
		t.Fatalf("%d words, want %d", table.Len(), len(words.Word))
	}
	for i, word := range words.Word {
		row := uint32(i) // both are sorted by bytes
		if got := table.Word(row); got != word {
			t.Fatalf("word %d is %q, want %q", i, got, word)
		}
		if d := math.Abs(float64(table.Prior(row) - words.Prior[i])); d > 1.0/32+1e-5 {
			t.Fatalf("the prior of %q is off by %v", word, d)
		}
	}
	// Squared error of the vectors, and how far from unit they are.
	var squared float64
	for row := 0; row < table.Len(); row += 37 {
		got, want := table.Vector(nil, uint32(row)), words.Vector(nil, row)
		var n float64
		for i := range got {
			squared += float64(got[i]-want[i]) * float64(got[i]-want[i])
			n += float64(got[i]) * float64(got[i])
		}
		if math.Abs(math.Sqrt(n)-1) > 0.004 {
			t.Fatalf("row %d has the length %v", row, math.Sqrt(n))
		}
	}
	if mean := squared / float64((table.Len()+36)/37); mean > 0.0072 {
		t.Errorf("squared error %.5f of the squared length", mean)
	}
}

// nearest returns the k rows of largest cosine to a row, itself left out.
func nearest(table *Table, row uint32, k int) (rows []uint32, sims []float32) {
	q := table.Query(table.Vector(nil, row))
	all := make([]uint32, table.Len())
	for i := range all {
		all[i] = uint32(i)
	}
	sim := make([]float32, len(all))
	table.DotMany(&q, all, sim)
	top := scoring.NewTopK(k)
	for i, z := range sim {
		if uint32(i) != row {
			top.Push(uint64(i), float64(z))
		}
	}
	for _, h := range top.Hits() {
		rows, sims = append(rows, uint32(h.ID)), append(sims, float32(h.Score))
	}
	return rows, sims
}

func TestTable_Neighbors(t *testing.T) {
	table := openDefault(t)
	for _, tt := range []struct {
		word, neighbor string
		sim            float64
	}{
		{"如何", "怎样", .93}, {"如何", "怎么", .89}, {"如何", "how", .73},
		{"编程", "可编程", .81}, {"编程", "程序设计", .73}, {"编程", "programmer", .72},
		{"computer", "电脑", .83}, {"computer", "计算机", .81},
	} {
		row, ok := table.Row(tt.word)
		other, ok2 := table.Row(tt.neighbor)
		if !ok || !ok2 {
			t.Fatalf("%q or %q is missing", tt.word, tt.neighbor)
		}
		q := table.Query(table.Vector(nil, row))
		if got := float64(table.Dot(&q, other)); math.Abs(got-tt.sim) > 0.02 {
			t.Errorf("%s and %s: %.3f, want %.2f", tt.word, tt.neighbor, got, tt.sim)
		}
	}
	row, _ := table.Row("如何")
	rows, _ := nearest(table, row, 2)
	if a, b := table.Word(rows[0]), table.Word(rows[1]); a != "怎样" || b != "怎么" {
		t.Errorf("nearest to 如何: %s, %s", a, b)
	}
}

// correlation returns Pearson's correlation of two series and the root of their
// mean squared difference.
func correlation(x, y []float64) (r, rmse float64) {
	var sx, sy, sxx, syy, sxy, d float64
	n := float64(len(x))
	for i := range x {
		sx, sy = sx+x[i], sy+y[i]
		sxx, syy, sxy = sxx+x[i]*x[i], syy+y[i]*y[i], sxy+x[i]*y[i]
		d += (x[i] - y[i]) * (x[i] - y[i])
	}
	return (sxy - sx*sy/n) / math.Sqrt((sxx-sx*sx/n)*(syy-sy*sy/n)), math.Sqrt(d / n)
}

func TestTable_DotsLikeTheSource(t *testing.T) {
	table, words := openDefault(t), original(t)
	r := rand.New(rand.NewPCG(1, 1))
	exact := func(a, b uint32) float64 {
		x, y := words.Vector(nil, int(a)), words.Vector(nil, int(b))
		var dot float64
		for i := range x {
			dot += float64(x[i]) * float64(y[i])
		}
		return dot
	}
	var near, nearWant, far, farWant []float64
	for range 60 {
		row := uint32(r.IntN(table.Len()))
		rows, sims := nearest(table, row, 20)
		for i, other := range rows {
			near, nearWant = append(near, float64(sims[i])), append(nearWant, exact(row, other))
		}
		q := table.Query(table.Vector(nil, row))
		for range 100 {
			other := uint32(r.IntN(table.Len()))
			far, farWant = append(far, float64(table.Dot(&q, other))), append(farWant, exact(row, other))
		}
	}
	for _, tt := range []struct {
		name      string
		got, want []float64
		floor     float64
		ceiling   float64
	}{{"near pairs", near, nearWant, 0.990, 0.013}, {"random pairs", far, farWant, 0.990, 0.0145}} {
		r, rmse := correlation(tt.got, tt.want)
		t.Logf("%s: correlation %.5f, rmse %.5f over %d", tt.name, r, rmse, len(tt.got))
		if r < tt.floor || rmse > tt.ceiling {
			t.Errorf("%s: correlation %.5f below %.3f, or rmse %.5f above %.4f", tt.name, r, tt.floor, rmse, tt.ceiling)
		}
	}
}

func TestTable_Background(t *testing.T) {
	// The similarity whose exp(z/T) equals the mean over unrelated pairs. It
	// depends on the words drawn: 0.04 across languages, 0.06 for English, 0.09
	// to 0.12 for Chinese pairs, 0.08 over all; the stored 0.07 lies between.
	table := openDefault(t)
	p := table.Params()
	r := rand.New(rand.NewPCG(2, 2))
	var sum float64
	n := 0
	for range 1000 {
		row := uint32(r.IntN(table.Len()))
		q := table.Query(table.Vector(nil, row))
		for range 200 {
			if other := uint32(r.IntN(table.Len())); other != row {
				sum += math.Exp(float64(table.Dot(&q, other)) / float64(p.Temperature))
				n++
			}
		}
	}
	z := float64(p.Temperature) * math.Log(sum/float64(n))
	t.Logf("background similarity %.4f over %d pairs", z, n)
	if math.Abs(z-float64(p.Background)) > 0.015 {
		t.Errorf("background similarity %.4f, the table says %.4f", z, p.Background)
	}
}

func TestTable_NoAllocations(t *testing.T) {
	table := openDefault(t)
	row, _ := table.Row("编程")
	q := table.Query(table.Vector(nil, row))
	rows, out := []uint32{1, 2, 3, row}, make([]float32, 4)
	pieces := table.Compose(nil, "编程技能学")
	norm := table.Norm(pieces)
	dst := make([]uint32, 0, 16)
	for name, f := range map[string]func(){
		"Row":         func() { table.Row("程序设计语言不在") },
		"Prior":       func() { table.Prior(row) },
		"Dot":         func() { table.Dot(&q, row) },
		"DotMany":     func() { table.DotMany(&q, rows, out) },
		"DotComposed": func() { table.DotComposed(&q, pieces, norm) },
		"Compose":     func() { table.Compose(dst, "程序设计语言不在") },
		"Compose en":  func() { table.Compose(dst, "hyperlinkingly") },
	} {
		if n := testing.AllocsPerRun(100, f); n != 0 {
			t.Errorf("%s allocates %v times", name, n)
		}
	}
}

func TestBuilder_DeterministicInAnyOrder(t *testing.T) {
	words := []string{"编程", "编", "程序", "a", "ab", "abc", "é", "zoo", "中", "中国", "中国人", "中间",
		"中心", "中午", "中文", "中学", "中央", "中医", "中年", "中性"}
	build := func(order []int) []byte {
		b, err := NewBuilder("test", 40, scoring.Bits4, scoring.DefaultParams())
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range order {
			r := rand.New(rand.NewPCG(uint64(i), 0))
			vec := make([]float32, 40)
			for c := range vec {
				vec[c] = float32(r.NormFloat64())
			}
			if err := b.Add(words[i], float32(i), vec); err != nil {
				t.Fatal(err)
			}
		}
		var out bytes.Buffer
		if _, err := b.WriteTo(&out); err != nil {
			t.Fatal(err)
		}
		return out.Bytes()
	}
	order := make([]int, len(words))
	for i := range order {
		order[i] = i
	}
	want := build(order)
	slices.Reverse(order)
	if !bytes.Equal(build(order), want) {
		t.Error("another order of the entries gave other bytes")
	}
	table, err := NewTable(want)
	if err != nil {
		t.Fatal(err)
	}
	if err := table.Verify(); err != nil {
		t.Error(err)
	}
	for i, word := range words {
		row, ok := table.Row(word)
		if !ok || table.Word(row) != word || table.Prior(row) != min(float32(i), 255.0/16) {
			t.Errorf("%q: row %d, %v, word %q", word, row, ok, table.Word(row))
		}
	}
}

func TestBuilder_Refuses(t *testing.T) {
	p := scoring.DefaultParams()
	if _, err := NewBuilder("x", 0, scoring.Bits4, p); !errors.Is(err, ErrTable) {
		t.Errorf("0 dimensions: %v", err)
	}
	if _, err := NewBuilder("x", 8, 5, p); !errors.Is(err, ErrTable) {
		t.Errorf("5 bits: %v", err)
	}
	if _, err := NewBuilder(string(make([]byte, 64)), 8, scoring.Bits8, p); !errors.Is(err, ErrTable) {
		t.Errorf("long name: %v", err)
	}
	bad := p
	bad.Temperature = 0
	if _, err := NewBuilder("x", 8, scoring.Bits8, bad); !errors.Is(err, ErrTable) {
		t.Errorf("temperature 0: %v", err)
	}
	b, err := NewBuilder("x", 2, scoring.Bits8, p)
	if err != nil {
		t.Fatal(err)
	}
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for _, tt := range []struct {
		name, word string
		prior      float32
		vec        []float32
	}{
		{"empty word", "", 1, []float32{1, 0}},
		{"long word", string(bytes.Repeat([]byte("a"), 256)), 1, []float32{1, 0}},
		{"no UTF-8", "\xff", 1, []float32{1, 0}},
		{"NaN prior", "a", nan, []float32{1, 0}},
		{"dimensions", "a", 1, []float32{1}},
		{"zero", "a", 1, []float32{0, 0}},
		{"NaN", "a", 1, []float32{nan, 0}},
		{"infinite", "a", 1, []float32{inf, 0}},
	} {
		if err := b.Add(tt.word, tt.prior, tt.vec); !errors.Is(err, ErrEntry) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	for range 2 {
		if err := b.Add("twice", 1, []float32{1, 0}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := b.WriteTo(&bytes.Buffer{}); !errors.Is(err, ErrEntry) {
		t.Errorf("a word twice: %v", err)
	}
}

// bigTable writes a table of n words to a file.
func bigTable(tb testing.TB, n int) string {
	tb.Helper()
	b, err := NewBuilder("big", 64, scoring.Bits8, scoring.DefaultParams())
	if err != nil {
		tb.Fatal(err)
	}
	r := rand.New(rand.NewPCG(11, 12))
	vec := make([]float32, 64)
	for i := range n {
		for c := range vec {
			vec[c] = r.Float32() - 0.5
		}
		if err := b.Add(fmt.Sprintf("词%07d", i), 10, vec); err != nil {
			tb.Fatal(err)
		}
	}
	path := filepath.Join(tb.TempDir(), "big.vectors")
	f, err := os.Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := b.WriteTo(f); err != nil {
		tb.Fatal(err)
	}
	if err := f.Close(); err != nil {
		tb.Fatal(err)
	}
	return path
}

// openAndUse opens a table, reads a vector, and closes it.
func openAndUse(tb testing.TB, path string) {
	table, err := OpenTable(path)
	if err != nil {
		tb.Fatal(err)
	}
	row, ok := table.Row("词0000999")
	if got := len(table.Vector(nil, row)); !ok || got != 64 {
		tb.Fatalf("%v, %d columns", ok, got)
	}
	if err := table.Close(); err != nil {
		tb.Fatal(err)
	}
}

// TestOpenTable_Size checks that opening costs no more memory for a large table.
func TestOpenTable_Size(t *testing.T) {
	perOpen := func(path string) uint64 {
		const opens = 50
		openAndUse(t, path)
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		for range opens {
			openAndUse(t, path)
		}
		runtime.ReadMemStats(&after)
		return (after.TotalAlloc - before.TotalAlloc) / opens
	}
	small, large := perOpen(bigTable(t, 1000)), perOpen(bigTable(t, 50_000))
	t.Logf("%d bytes for 1,000 words, %d for 50,000", small, large)
	if large > small+2048 {
		t.Errorf("opening allocates %d bytes for 1,000 words and %d for 50,000", small, large)
	}
}

// BenchmarkOpenTable opens a table of two million words, 150 MB.
func BenchmarkOpenTable(b *testing.B) {
	path := bigTable(b, 2_000_000)
	b.ReportAllocs()
	for b.Loop() {
		openAndUse(b, path)
	}
}

func BenchmarkRow(b *testing.B) {
	table := openDefault(b)
	words := []string{"编程", "技能", "computer", "提高", "龙骨", "zoo", "不在表里的词"}
	i := 0
	for b.Loop() {
		table.Row(words[i%len(words)])
		i++
	}
}

func BenchmarkDotMany(b *testing.B) {
	table := openDefault(b)
	q := table.Query(table.Vector(nil, 1234))
	r := rand.New(rand.NewPCG(1, 2))
	rows, out := make([]uint32, 4096), make([]float32, 4096)
	for i := range rows {
		rows[i] = uint32(r.IntN(table.Len()))
	}
	for b.Loop() {
		table.DotMany(&q, rows, out)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(rows)), "ns/row")
}

// changed reads vectors again from a file that is not as it was.
type changed struct {
	columns int
	err     error
}

func (c changed) WordVector(dst []float32, _ int) ([]float32, error) {
	return append(dst, make([]float32, c.columns)...), c.err
}

func (c changed) GramVector(dst []float32, _ uint32) ([]float32, error) {
	return append(dst, make([]float32, c.columns)...), c.err
}

func TestBuilder_ReadAgain_Errors(t *testing.T) {
	gone := errors.New("gone")
	for name, c := range map[string]struct {
		from changed
		want error
	}{
		"other columns": {changed{columns: 3}, ErrEntry},
		"unreadable":    {changed{columns: 2, err: gone}, gone},
	} {
		words, err := NewBuilder("x", 2, 8, scoring.DefaultParams())
		if err != nil {
			t.Fatal(err)
		}
		words.ReadAgain(c.from)
		grams, err := NewBuilder("x", 2, 8, scoring.DefaultParams())
		if err != nil {
			t.Fatal(err)
		}
		grams.ReadAgain(c.from)
		err = errors.Join(words.Add("a", 1, []float32{1, 0}), grams.SetGrams(Grams{Min: 3, Max: 6, Buckets: 10}), grams.AddGram(1, []float32{1, 0}))
		if err != nil {
			t.Fatal(err)
		}
		for _, b := range []*Builder{words, grams} {
			if _, err := b.Fingerprint(); !errors.Is(err, c.want) {
				t.Errorf("%s: %v", name, err)
			}
			if n, err := b.WriteTo(io.Discard); !errors.Is(err, c.want) || n != 0 {
				t.Errorf("%s: %d bytes, %v", name, n, err)
			}
		}
	}
}
