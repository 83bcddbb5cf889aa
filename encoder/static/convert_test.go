package static

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/scoring"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// convert writes v to a file and opens it as a table.
func convert(tb testing.TB, v Vectors, o ConvertOptions) (*encoder.Table, Report) {
	tb.Helper()
	path := filepath.Join(tb.TempDir(), "table.bin")
	f, err := os.Create(path)
	if err != nil {
		tb.Fatal(err)
	}
	report, err := Convert(context.Background(), f, v, o)
	if err != nil {
		tb.Fatal(err)
	}
	if err := f.Close(); err != nil {
		tb.Fatal(err)
	}
	table, err := encoder.OpenTable(path)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := table.Close(); err != nil {
			tb.Error(err)
		}
	})
	if err := table.Verify(); err != nil {
		tb.Fatal(err)
	}
	return table, report
}

func open(tb testing.TB, contents string) Source {
	tb.Helper()
	source, err := parse([]byte(contents), io.NopCloser(nil), nil)
	if err != nil {
		tb.Fatal(err)
	}
	return source
}

func cosine(a, b []float32) float64 {
	var ab float64
	for i := range a {
		ab += float64(a[i]) * float64(b[i])
	}
	return ab / lengthOf(a) / lengthOf(b)
}

func TestConvert(t *testing.T) {
	table, report := convert(t, open(t, "词元 3 4 0\nToken 0 1 2\ntoken 9 9 9\n資料 1 1 1\nＡ -1 0 0\nzero 0 0 0\n"), ConvertOptions{Name: "some"})
	if want := (Report{Words: 4, Duplicates: 1, Zeros: 1, Background: report.Background}); report != want {
		t.Errorf("report %+v, want %+v", report, want)
	}
	if table.Name() != "some" || table.Len() != 4 || table.Dim() != 3 {
		t.Errorf("table %q of %d words, %d columns", table.Name(), table.Len(), table.Dim())
	}
	for word, want := range map[string][]float32{"词元": {3, 4, 0}, "token": {0, 1, 2}, "资料": {1, 1, 1}, "a": {-1, 0, 0}} {
		row, ok := table.Row(word)
		if !ok {
			t.Errorf("%s is not in the table", word)
			continue
		}
		if got := cosine(table.Vector(nil, row), want); got < 0.9999 {
			t.Errorf("%s: cosine %g with its own vector", word, got)
		}
	}
	first, _ := table.Row("词元")
	second, _ := table.Row("token")
	if a, b := table.Prior(first), table.Prior(second); !(a < b && a > 3.5 && b < 5) {
		t.Errorf("priors by rank %g, %g", a, b)
	}
	wide, _ := convert(t, open(t, "词元 3 4 0\ntoken 0 1 2\n"), ConvertOptions{Bits: scoring.Bits16})
	if row, ok := wide.Row("词元"); !ok || cosine(wide.Vector(nil, row), []float32{3, 4, 0}) < 0.9999999 || wide.Bits() != scoring.Bits16 {
		t.Errorf("at 16 bits: %v", wide.Vector(nil, row))
	}
	if _, report = convert(t, open(t, "a 1 2\nb 3 4\nc 5 6\n"), ConvertOptions{MaxWords: 2}); report.Words != 2 {
		t.Errorf("%d words with at most 2", report.Words)
	}
}

func TestConvert_SameBytes(t *testing.T) {
	var first, second bytes.Buffer
	for _, w := range []io.Writer{&first, &second} {
		source, err := Open("testdata/grams.bin", nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Convert(context.Background(), w, source, ConvertOptions{}); err != nil {
			t.Fatal(err)
		}
		if err := source.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if !bytes.Equal(first.Bytes(), second.Bytes()) {
		t.Error("two conversions differ")
	}
}

// TestFingerprint reads a table of each kind twice instead of keeping its vectors: the
// fingerprint is that of the table which Convert writes.
func TestFingerprint(t *testing.T) {
	var binary bytes.Buffer
	binary.WriteString("3 2\n")
	for _, word := range []string{"词元", "Zebra", "apple"} {
		fmt.Fprintf(&binary, "%s \x00\x00\x80\x3f\x00\x00\x00%c\n", word, len(word))
	}
	sources := map[string]Source{
		"text":   open(t, "词元 3 4 0\nToken 0 1 2\ntoken 9 9 9\r\n\nＡ -1 0 0\nzero 0 0 0\nlast 1 1 1"),
		"header": open(t, "\xef\xbb\xbf3 2\nb 1 2\na 2 -1\nc 0.5 0.25\n"),
		"binary": open(t, binary.String()),
	}
	for _, name := range []string{"grams.bin", "plain.bin", "classifier.bin", "model2vec/wordpiece", "model2vec/mapped", "model2vec/unigram"} {
		source, err := Open(filepath.Join("testdata", name), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer source.Close()
		sources[name] = source
	}
	for name, source := range sources {
		if _, ok := source.(rereader); !ok {
			t.Errorf("%s: cannot be read again", name)
		}
		for _, o := range []ConvertOptions{{}, {Name: "some", Bits: scoring.Bits4, License: "MIT"}, {Bits: scoring.Bits16, MaxWords: 2, NoGrams: true}} {
			table, want := convert(t, source, o)
			sum, report, err := Fingerprint(context.Background(), source, o)
			if err != nil || sum != table.Fingerprint() || report != want {
				t.Errorf("%s, %+v: %s, %+v, %v, not %s, %+v", name, o, sum, report, err, table.Fingerprint(), want)
			}
		}
	}
	kept, want := convert(t, generated{n: 100, dim: 8}, ConvertOptions{})
	if sum, report, err := Fingerprint(context.Background(), generated{n: 100, dim: 8}, ConvertOptions{}); err != nil || sum != kept.Fingerprint() || report != want {
		t.Errorf("vectors of another package: %s, %+v, %v", sum, report, err)
	}
}

// TestConvert_Cancelled ends the work while words are read, while n-grams are, and
// while rows are read again.
func TestConvert_Cancelled(t *testing.T) {
	source, err := Open("testdata/grams.bin", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	steps := 0
	count := ConvertOptions{Progress: func(int, int) { steps++ }}
	if _, _, err := Fingerprint(context.Background(), source, count); err != nil || steps < 4 {
		t.Fatalf("%d steps, %v", steps, err)
	}
	for stop := 1; stop <= steps; stop++ {
		ctx, cancel := context.WithCancel(context.Background())
		at := 0
		o := ConvertOptions{Progress: func(int, int) {
			if at++; at == stop {
				cancel()
			}
		}}
		if _, _, err := Fingerprint(ctx, source, o); !errors.Is(err, context.Canceled) || at != stop {
			t.Errorf("cancelled at step %d of %d: %v at step %d", stop, steps, err, at)
		}
	}
}

// TestConvert_Grams compares the vectors that a table composes for unknown words
// with those that the fasttext command printed.
func TestConvert_Grams(t *testing.T) {
	source, err := Open("testdata/grams.bin", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	table, report := convert(t, source, ConvertOptions{})
	if report.Grams == 0 || table.Grams() != (encoder.Grams{Min: 2, Max: 5, Buckets: 1500}) {
		t.Fatalf("report %+v, n-grams %+v", report, table.Grams())
	}
	composed := 0
	for _, want := range expected(t, "grams.expected") {
		rows := table.Compose(nil, want.Word)
		if len(rows) == 0 || lengthOf(want.Vector) == 0 || tokenizer.Fold(want.Word) != want.Word {
			continue // the table has the folded word, fasttext's model has not
		}
		got := table.ComposedVector(nil, rows)
		if _, ok := table.Row(want.Word); !ok {
			composed++
		}
		// Averages of untrained n-grams nearly cancel: what is left is small
		// against the rounding of the parts.
		if c := cosine(got, want.Vector); c < 0.998 {
			t.Errorf("%s: composed vector has cosine %g with fasttext's", want.Word, c)
		}
		q := table.Query(got)
		if d := table.DotComposed(&q, rows, table.Norm(rows)); math.Abs(float64(d)-1) > 0.02 {
			t.Errorf("%s: cosine with itself is %g", want.Word, d)
		}
	}
	if composed < 60 {
		t.Errorf("only %d words were composed", composed)
	}
	if rows := table.Compose(nil, "2024-05-01"); rows != nil {
		t.Errorf("a date is composed of %v", rows)
	}
	if plain, _ := convert(t, source, ConvertOptions{NoGrams: true}); plain.Grams() != (encoder.Grams{}) {
		t.Error("n-grams in spite of NoGrams")
	}
}

func TestConvert_Errors(t *testing.T) {
	var b bytes.Buffer
	if _, err := Convert(context.Background(), &b, open(t, "a 1 2\nb nan 2\n"), ConvertOptions{}); !errors.Is(err, ErrNotFinite) {
		t.Errorf("NaN: %v", err)
	}
	if _, err := Convert(context.Background(), &b, open(t, "a 1 2\n"), ConvertOptions{Bits: 5}); !errors.Is(err, encoder.ErrTable) {
		t.Errorf("5 bits: %v", err)
	}
	if b.Len() != 0 {
		t.Errorf("%d bytes written before an error", b.Len())
	}
}

// TestConvert_Background checks the measured constant on vectors whose cosine is
// known: a common part of length 1 and an own part of length 1 give 0.5.
func TestConvert_Background(t *testing.T) {
	_, report := convert(t, generated{n: 3000, dim: 64, common: 1}, ConvertOptions{})
	if report.Background < 0.45 || report.Background > 0.65 {
		t.Errorf("background %g", report.Background)
	}
}

// generated is a table of n random words.
type generated struct {
	n, dim int
	common float32 // length of what all vectors have in common
}

func (g generated) Info() Info { return Info{Kind: Trained, Dim: g.dim, Rows: g.n} }

func (g generated) Rows() iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		rng := rand.New(rand.NewPCG(3, 4))
		v := make([]float32, g.dim)
		for i := range g.n {
			for c := range v {
				v[c] = float32(rng.NormFloat64() / math.Sqrt(float64(g.dim)))
			}
			v[0] += g.common
			if !yield(Row{Word: fmt.Sprintf("word%07d", i), Vector: v}, nil) {
				return
			}
		}
	}
}

// TestOpenTable_Cost opens a table and counts time and heap: neither may depend
// on its size. Two million words take 200 MB and half a minute to make, so that
// is done where CIYUAN_LARGE is set; otherwise the table is smaller.
func TestOpenTable_Cost(t *testing.T) {
	for _, bits := range []scoring.Bits{scoring.Bits8, scoring.Bits16} {
		t.Run(fmt.Sprintf("%d bits", bits), func(t *testing.T) { openTableCost(t, bits) })
	}
}

func openTableCost(t *testing.T, bits scoring.Bits) {
	n := 20_000
	if os.Getenv("CIYUAN_LARGE") != "" {
		n = 2_000_000
	}
	path := filepath.Join(t.TempDir(), "table.bin")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Convert(context.Background(), f, generated{n: n, dim: 64}, ConvertOptions{Bits: bits}); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	runtime.GC()
	var before, after runtime.MemStats
	var times []time.Duration
	for range 5 {
		runtime.ReadMemStats(&before)
		started := time.Now()
		table, err := encoder.OpenTable(path)
		if err != nil {
			t.Fatal(err)
		}
		row, ok := table.Row("word0012345")
		elapsed := time.Since(started)
		runtime.ReadMemStats(&after)
		if !ok || row != 12345 || table.Len() != n {
			t.Fatalf("row %d, %v, of %d", row, ok, table.Len())
		}
		times = append(times, elapsed)
		if err := table.Close(); err != nil {
			t.Fatal(err)
		}
		if heap := after.TotalAlloc - before.TotalAlloc; heap > 16<<10 {
			t.Errorf("opening took %d bytes of heap", heap)
		}
	}
	slices.Sort(times)
	t.Logf("%d words: opened and first word found in %v (median of 5)", n, times[2])
}

func TestOpenTable_Errors(t *testing.T) {
	dir := t.TempDir()
	if _, err := encoder.OpenTable(filepath.Join(dir, "absent")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("absent: %v", err)
	}
	var b bytes.Buffer
	source, err := Open("testdata/grams.bin", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	if _, err := Convert(context.Background(), &b, source, ConvertOptions{}); err != nil {
		t.Fatal(err)
	}
	good := b.Bytes()
	path := filepath.Join(dir, "table")
	for _, size := range []int{0, 1, 255, 256, len(good) / 2, len(good) - 1, len(good) + 1} {
		data := append(bytes.Clone(good), 0)[:size]
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := encoder.OpenTable(path); !errors.Is(err, encoder.ErrTable) {
			t.Errorf("%d of %d bytes: %v", size, len(good), err)
		}
	}
	for at := 256; at < len(good); at += 97 {
		data := bytes.Clone(good)
		data[at] ^= 0x10
		table, err := encoder.NewTable(data)
		if err != nil {
			t.Fatal(err)
		}
		if err := table.Verify(); !errors.Is(err, encoder.ErrTable) {
			t.Errorf("byte %d changed: %v", at, err)
		}
		// A table that nobody verified must still not panic.
		for _, word := range []string{"搜索", "搜索引", "unknownish"} {
			table.ComposedVector(nil, table.Compose(nil, word))
		}
	}
}
