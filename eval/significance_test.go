package eval

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

func TestRandomizationTest_Exact(t *testing.T) {
	// Ten pairs that all differ by 1: of the 1,024 sign patterns two are as
	// extreme as what was observed, so p is close to 2/1024.
	ones, zeros := make([]float64, 10), make([]float64, 10)
	for i := range ones {
		ones[i] = 1
	}
	p := RandomizationTest(ones, zeros, 200_000, 1)
	if want := 2.0 / 1024; math.Abs(p-want) > 0.0004 {
		t.Errorf("p = %.5f, want about %.5f", p, want)
	}
	if back := RandomizationTest(zeros, ones, 200_000, 1); back != p {
		t.Errorf("not symmetric: %v and %v", p, back)
	}
	if again := RandomizationTest(ones, zeros, 200_000, 1); again != p {
		t.Errorf("not deterministic: %v and %v", p, again)
	}
	if got := RandomizationTest(ones, ones, 1000, 1); got != 1 {
		t.Errorf("equal values: p = %v, want 1", got)
	}
	if got := RandomizationTest(nil, nil, 1000, 1); got != 1 {
		t.Errorf("no values: p = %v, want 1", got)
	}
	// One pair tells nothing: both signs are equally extreme. 0.1+0.2 is not
	// 0.3 in floating point, and must not count as less extreme.
	if got := RandomizationTest([]float64{.1, .2, .3}, []float64{0, 0, 0}, 1000, 1); got < 0.2 || got > 0.3 {
		t.Errorf("three pairs: p = %v, want about 0.25", got)
	}
}

// TestRandomizationTest_Null draws pairs without a difference: p must be
// distributed evenly.
func TestRandomizationTest_Null(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	const trials = 400
	below := 0
	for range trials {
		a, b := make([]float64, 60), make([]float64, 60)
		for i := range a {
			a[i], b[i] = random.Float64(), random.Float64()
		}
		if RandomizationTest(a, b, 500, 1) < 0.05 {
			below++
		}
	}
	// 20 are expected; more than 36 would happen once in 10,000.
	if below > 36 || below < 7 {
		t.Errorf("%d of %d tests below 0.05, want about 20", below, trials)
	}
}

func TestBootstrapInterval(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 3))
	values := make([]float64, 400)
	sum, squares := 0.0, 0.0
	for i := range values {
		values[i] = random.NormFloat64()
		sum += values[i]
	}
	mean := sum / 400
	for _, v := range values {
		squares += (v - mean) * (v - mean)
	}
	low, high := BootstrapInterval(values, 0.95, 10_000, 1)
	half := 1.96 * math.Sqrt(squares/399/400)
	if math.Abs(low-(mean-half)) > 0.01 || math.Abs(high-(mean+half)) > 0.01 {
		t.Errorf("interval %.4f..%.4f, the normal one is %.4f..%.4f", low, high, mean-half, mean+half)
	}
	if low, high := BootstrapInterval([]float64{2}, 0.95, 100, 1); low != 2 || high != 2 {
		t.Errorf("one value: %v..%v", low, high)
	}
	if low, high := BootstrapInterval(nil, 0.95, 100, 1); !math.IsNaN(low) || !math.IsNaN(high) {
		t.Errorf("no value: %v..%v", low, high)
	}
}

func evaluation(values ...float64) *Evaluation {
	e := &Evaluation{}
	sum := 0.0
	for i, v := range values {
		e.Queries = append(e.Queries, string(rune('a'+i)))
		e.PerQuery = append(e.PerQuery, Metrics{v, v, v, v, v, v})
		sum += v
	}
	mean := sum / float64(len(values))
	e.Mean = Metrics{mean, mean, mean, mean, mean, mean}
	return e
}

func TestTable(t *testing.T) {
	base := evaluation(0, 0, 0, 0, 0, 0, 0, 0)
	better := evaluation(1, 1, 1, 1, 1, 1, 1, 0)
	got, err := Table([]System{{"bm25", base}, {"softmax", better}, {"相同", base}}, "mrr@10")
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(got, "\n")
	if len(lines) != 5 || lines[4] != "" {
		t.Fatalf("%d lines:\n%s", len(lines), got)
	}
	for i, want := range []string{
		"system ndcg@10 mrr@10 recall@10 recall@100 success@1 success@10 Δ mrr@10 95 % p",
		"bm25 0.00 0.00 0.00 0.00 0.00 0.00",
		"softmax 87.50+ 87.50+ 87.50+ 87.50+ 87.50+ 87.50+ +87.50 +62.50..+100.00 0.0",
		"相同 0.00 0.00 0.00 0.00 0.00 0.00 +0.00 +0.00..+0.00 1.000",
	} {
		if line := strings.Join(strings.Fields(lines[i]), " "); !strings.HasPrefix(line, want) {
			t.Errorf("line %d is %q, want %q", i, line, want)
		}
	}
	got, err = Table([]System{{"softmax", better}, {"bm25", base}}, "ndcg@10")
	if err != nil || !strings.Contains(got, "0.00-") {
		t.Errorf("a worse system is not marked: %v\n%s", err, got)
	}
	if _, err := Table([]System{{"x", base}}, "map"); err == nil {
		t.Error("an unknown metric was taken")
	}
	if got, err := Table(nil, "mrr@10"); got != "" || err != nil {
		t.Errorf("no systems: %q, %v", got, err)
	}
	if _, err := Table([]System{{"x", base}, {"y", evaluation(1)}}, "mrr@10"); !errors.Is(err, ErrMismatch) {
		t.Errorf("different queries: %v", err)
	}
}

func TestCompare(t *testing.T) {
	c, err := Compare(evaluation(1, 1, 0, 1), evaluation(0, 0, 1, 0), "success@1")
	if err != nil {
		t.Fatal(err)
	}
	if c.Difference != 0.5 || c.Significant() || !(c.Low <= c.Difference && c.Difference <= c.High) {
		t.Errorf("got %+v", c)
	}
}

func BenchmarkRandomizationTest(b *testing.B) {
	random := rand.New(rand.NewPCG(1, 1))
	x, y := make([]float64, 3219), make([]float64, 3219)
	for i := range x {
		x[i], y[i] = random.Float64(), random.Float64()
	}
	for b.Loop() {
		RandomizationTest(x, y, Permutations, 1)
	}
}

func BenchmarkBootstrapInterval(b *testing.B) {
	x := make([]float64, 3219)
	for i := range x {
		x[i] = float64(i)
	}
	for b.Loop() {
		BootstrapInterval(x, .95, Samples, 1)
	}
}
