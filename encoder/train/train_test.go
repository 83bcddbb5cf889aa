package train

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/encoder/static"
)

// topics yields n sentences of eight words, each sentence from one of five lists
// of twelve words: words of a list are to become neighbours.
func topics(n int) iter.Seq2[[]string, error] {
	return func(yield func([]string, error) bool) {
		rng := rand.New(rand.NewPCG(1, 2))
		sentence := make([]string, 8)
		for range n {
			topic := rng.IntN(5)
			for i := range sentence {
				sentence[i] = fmt.Sprintf("%c%02d", 'a'+topic, rng.IntN(12))
			}
			if !yield(sentence, nil) {
				return
			}
		}
	}
}

func small(kind Type) Options {
	o := Options{Type: kind, Dim: 20, Epochs: 4, Rate: 0.05, Sample: 1, Seed: 3}
	if kind == FastText {
		o.Grams = encoder.Grams{Min: 2, Max: 3, Buckets: 1000}
	}
	return o
}

func cosine(a, b []float32) float64 {
	var ab, aa, bb float64
	for i := range a {
		ab += float64(a[i]) * float64(b[i])
		aa += float64(a[i]) * float64(a[i])
		bb += float64(b[i]) * float64(b[i])
	}
	return ab / math.Sqrt(aa*bb)
}

// purity returns the share of words whose nearest word is of the same topic.
func purity(m *Model) float64 {
	same := 0
	for i := range m.Len() {
		v := m.Vector(nil, i)
		best, bestSim := -1, -2.0
		for j := range m.Len() {
			if s := cosine(v, m.Vector(nil, j)); j != i && s > bestSim {
				best, bestSim = j, s
			}
		}
		if m.Word(i)[0] == m.Word(best)[0] {
			same++
		}
	}
	return float64(same) / float64(m.Len())
}

func mustTrain(t *testing.T, sentences iter.Seq2[[]string, error], o Options) *Model {
	t.Helper()
	o.TempDir = t.TempDir()
	m, err := Train(context.Background(), sentences, o)
	if err != nil {
		t.Fatal(err)
	}
	left, err := os.ReadDir(o.TempDir)
	if err != nil || len(left) != 0 {
		t.Errorf("left in the temporary folder: %v, %v", left, err)
	}
	return m
}

func TestTrain_FindsTopics(t *testing.T) {
	for _, kind := range []Type{Word2Vec, FastText} {
		for _, workers := range []int{1, 3} {
			o := small(kind)
			o.Workers = workers
			m := mustTrain(t, topics(4000), o)
			if m.Len() != 60 {
				t.Fatalf("%v: %d words", kind, m.Len())
			}
			if got := purity(m); got < 0.95 {
				t.Errorf("%v, %d workers: %.0f %% of nearest words share the topic", kind, workers, 100*got)
			}
		}
	}
}

func vecFile(t *testing.T, m *Model) string {
	t.Helper()
	var b bytes.Buffer
	if err := m.WriteText(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestTrain_SameSeedSameVectors(t *testing.T) {
	for _, kind := range []Type{Word2Vec, FastText} {
		o := small(kind)
		o.Sample = 0.01
		first := vecFile(t, mustTrain(t, topics(500), o))
		if second := vecFile(t, mustTrain(t, topics(500), o)); first != second {
			t.Errorf("%v: two runs with one seed differ", kind)
		}
		o.Seed++
		if other := vecFile(t, mustTrain(t, topics(500), o)); first == other {
			t.Errorf("%v: the seed changes nothing", kind)
		}
	}
}

func TestTrain_Vocabulary(t *testing.T) {
	sentences := func(yield func([]string, error) bool) {
		for _, s := range []string{"b b b a a a c c", "c d  一", "一 e"} {
			if !yield(strings.Split(s, " "), nil) {
				return
			}
		}
	}
	for _, test := range []struct {
		minCount, maxWords int
		want               []string
	}{
		{1, 0, []string{"a", "b", "c", "一", "d", "e"}},
		{2, 0, []string{"a", "b", "c", "一"}},
		{2, 3, []string{"a", "b", "c"}},
	} {
		m := mustTrain(t, sentences, Options{MinCount: test.minCount, MaxWords: test.maxWords, Dim: 3, Epochs: 1})
		var words []string
		for i := range m.Len() {
			words = append(words, m.Word(i))
		}
		if diff := cmp.Diff(test.want, words); diff != "" {
			t.Errorf("least count %d, most words %d (-want +got):\n%s", test.minCount, test.maxWords, diff)
		}
		if m.Count(0) != 3 || m.Count(2) != 3 {
			t.Errorf("counts %d, %d", m.Count(0), m.Count(2))
		}
	}
}

func TestTrain_LongSentence(t *testing.T) {
	words := make([]string, 3*maxSentence+17)
	for i := range words {
		words[i] = string(rune('a' + i%7))
	}
	var last Progress
	o := Options{Dim: 4, Epochs: 2, Progress: func(p Progress) { last = p }}
	m := mustTrain(t, func(yield func([]string, error) bool) { yield(words, nil) }, o)
	want := Progress{Words: 7, Epoch: 2, Epochs: 2, Done: 2 * int64(len(words)), Total: 2 * int64(len(words)), Rate: last.Rate}
	if m.Len() != 7 || last != want {
		t.Errorf("%d words, last progress %+v, want %+v", m.Len(), last, want)
	}
}

func TestTrain_Errors(t *testing.T) {
	broken := errors.New("broken text")
	failing := func(yield func([]string, error) bool) {
		if yield([]string{"a", "b"}, nil) {
			yield(nil, broken)
		}
	}
	empty := func(func([]string, error) bool) {}
	for _, test := range []struct {
		name      string
		sentences iter.Seq2[[]string, error]
		opts      Options
		want      error
	}{
		{"the text's own error", failing, Options{}, broken},
		{"no text", empty, Options{}, ErrVocabulary},
		{"only rare words", topics(1), Options{}, ErrVocabulary},
		{"type", topics(9), Options{Type: 9}, ErrOptions},
		{"dimension", topics(9), Options{Dim: -1}, ErrOptions},
		{"huge dimension", topics(9), Options{Dim: 1 << 20}, ErrOptions},
		{"workers", topics(9), Options{Workers: -1}, ErrOptions},
		{"rate", topics(9), Options{Rate: math.NaN()}, ErrOptions},
		{"sample", topics(9), Options{Sample: 2}, ErrOptions},
		{"n-grams for word2vec", topics(9), Options{Grams: encoder.Grams{Min: 1, Max: 2, Buckets: 3}}, ErrOptions},
		{"n-grams without buckets", topics(9), Options{Type: FastText, Grams: encoder.Grams{Min: 1, Max: 2}}, ErrOptions},
		{"no folder", topics(9), Options{TempDir: filepath.Join(t.TempDir(), "absent")}, os.ErrNotExist},
	} {
		if _, err := Train(context.Background(), test.sentences, test.opts); !errors.Is(err, test.want) {
			t.Errorf("%s: error %v, want %v", test.name, err, test.want)
		}
	}
}

func TestTrain_Cancel(t *testing.T) {
	dir := t.TempDir()
	for _, when := range []int{0, 1} { // while the text is read, and in the first epoch
		ctx, cancel := context.WithCancel(context.Background())
		o := Options{Dim: 8, Epochs: 1000, Workers: 2, TempDir: dir, Progress: func(p Progress) {
			if p.Epoch == when {
				cancel()
			}
		}}
		if _, err := Train(ctx, topics(5000), o); !errors.Is(err, context.Canceled) {
			t.Errorf("cancelled in epoch %d: %v", when, err)
		}
		cancel()
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("left in the temporary folder: %v, %v", left, err)
	}
}

// TestModel_WriteText reads the file back with the reader of foreign tables.
func TestModel_WriteText(t *testing.T) {
	m := mustTrain(t, topics(300), small(FastText))
	path := filepath.Join(t.TempDir(), "model.vec")
	if err := os.WriteFile(path, []byte(vecFile(t, m)), 0o600); err != nil {
		t.Fatal(err)
	}
	source, err := static.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close()
	rank := 0
	for row, err := range source.Rows() {
		if err != nil {
			t.Fatal(err)
		}
		if row.Word != m.Word(rank) || !slices.Equal(row.Vector, m.Vector(nil, rank)) {
			t.Errorf("row %d is %q %v", rank, row.Word, row.Vector)
		}
		rank++
	}
	if rank != m.Len() {
		t.Errorf("%d rows of %d", rank, m.Len())
	}
}

// TestModel_Grams composes each word from what the model tells of it, as a table
// made from it does for unknown words.
func TestModel_Grams(t *testing.T) {
	m := mustTrain(t, topics(300), small(FastText))
	for rank := range m.Len() {
		sum := slices.Clone(m.input.row(int32(rank))[:m.dim])
		buckets := m.Grams().Append(nil, m.Word(rank))
		for _, b := range buckets {
			v, err := m.GramVector(nil, b)
			if err != nil {
				t.Fatal(err)
			}
			for i := range sum {
				sum[i] += v[i]
			}
		}
		if len(buckets) != 7 {
			t.Fatalf("%s has %d n-grams", m.Word(rank), len(buckets))
		}
		if got := cosine(sum, m.Vector(nil, rank)); got < 0.99999 {
			t.Errorf("%s: composed vector has cosine %g", m.Word(rank), got)
		}
	}
	unused := uint32(0)
	for slices.Contains(m.grams.buckets, unused) {
		unused++
	}
	if v, err := m.GramVector(nil, unused); err != nil || slices.Max(v) != 0 || len(v) != m.dim {
		t.Errorf("unused bucket: %v, %v", v, err)
	}
}

func TestSampler_Distribution(t *testing.T) {
	counts := []int64{1000, 500, 100, 100, 10, 1, 1}
	s := newSampler(counts, 0.75)
	var sum float64
	for _, c := range counts {
		sum += math.Pow(float64(c), 0.75)
	}
	const draws = 1_000_000
	var got [7]int
	rng := rand.NewPCG(5, 6)
	for range draws {
		got[s.draw(rng)]++
	}
	for i, c := range counts {
		want := math.Pow(float64(c), 0.75) / sum * draws
		if math.Abs(float64(got[i])-want) > 5*math.Sqrt(want) {
			t.Errorf("count %d drawn %d times, expected %.0f", c, got[i], want)
		}
	}
}

func TestKernels_EqualPortable(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	random := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = rng.Float32()*2 - 1
		}
		return v
	}
	near := func(a, b []float32) bool {
		return slices.EqualFunc(a, b, func(x, y float32) bool { return math.Abs(float64(x-y)) < 1e-5 })
	}
	for n := lanes; n <= 200; n += lanes {
		a, b, c := random(n), random(n), random(n)
		if got, want := dot(a, b), dotPortable(a, b); math.Abs(float64(got-want)) > 1e-4 {
			t.Errorf("dot of %d: %g, want %g", n, got, want)
		}
		e1, o1, e2, o2 := slices.Clone(a), slices.Clone(b), slices.Clone(a), slices.Clone(b)
		step(e1, o1, c, 0.37)
		stepPortable(e2, o2, c, 0.37)
		if !near(e1, e2) || !near(o1, o2) {
			t.Errorf("step of %d differs", n)
		}
		e1, e2 = slices.Clone(a), slices.Clone(a)
		axpy(e1, b, -1.5)
		axpyPortable(e2, b, -1.5)
		if !near(e1, e2) {
			t.Errorf("axpy of %d differs", n)
		}
	}
}

func BenchmarkTrain(b *testing.B) {
	for _, kind := range []Type{Word2Vec, FastText} {
		b.Run(kind.String(), func(b *testing.B) {
			for b.Loop() {
				if _, err := Train(context.Background(), topics(5000), Options{Type: kind, Sample: 1, Epochs: 1, TempDir: b.TempDir()}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.N)*40_000/b.Elapsed().Seconds(), "words/s")
		})
	}
}
