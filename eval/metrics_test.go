package eval

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestEvaluate_AgreesWithTrecEval compares with what trec_eval says of 20 runs
// (testdata/trec_eval.py).
func TestEvaluate_AgreesWithTrecEval(t *testing.T) {
	qrels := readFile(t, "testdata/trec/qrels.txt", ReadQrels)
	var expected map[string]map[string]Metrics
	data, err := os.ReadFile("testdata/trec/expected.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &expected); err != nil {
		t.Fatal(err)
	}
	if len(expected) != 20 {
		t.Fatalf("%d runs, want 20", len(expected))
	}
	for _, name := range sortedKeys(expected) {
		file, err := os.Open(filepath.Join("testdata", "trec", name+".txt"))
		if err != nil {
			t.Fatal(err)
		}
		run, tag, err := ReadRun(file)
		_ = file.Close()
		if err != nil {
			t.Fatal(err)
		}
		if tag != name {
			t.Errorf("%s: tag %q", name, tag)
		}
		got := Evaluate(qrels, run)
		if len(got.Queries) != len(qrels) {
			t.Fatalf("%s: %d queries evaluated, want %d", name, len(got.Queries), len(qrels))
		}
		var sum [6]float64
		for i, query := range got.Queries {
			// A query that the run lacks is absent from expected and counts 0.
			want := expected[name][query].values()
			for j, value := range got.PerQuery[i].values() {
				if math.Abs(value-want[j]) > 1e-4 {
					t.Errorf("%s, %s: %s is %.6f, trec_eval says %.6f", name, query, MetricNames[j], value, want[j])
				}
				sum[j] += want[j]
			}
		}
		for j, value := range got.Mean.values() {
			if want := sum[j] / float64(len(qrels)); math.Abs(value-want) > 1e-4 {
				t.Errorf("%s: mean %s is %.6f, want %.6f", name, MetricNames[j], value, want)
			}
		}
		// Written by us and read as trec_eval reads, the ranking stays.
		var text strings.Builder
		if err := WriteRun(&text, run, tag); err != nil {
			t.Fatal(err)
		}
		again, _, err := ReadRun(strings.NewReader(text.String()))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(got, Evaluate(qrels, again)); diff != "" {
			t.Errorf("%s: another evaluation after writing and reading (-before +after):\n%s", name, diff)
		}
	}
}

func readFile[T any](t *testing.T, path string, read func(io.Reader) (T, error)) T {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	v, err := read(file)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestMetrics_ByHand(t *testing.T) {
	grades := map[string]int{"a": 3, "b": 1, "c": 0, "d": -1}
	dcg := func(gains ...float64) float64 {
		sum := 0.0
		for i, g := range gains {
			sum += g / math.Log2(float64(i+2))
		}
		return sum
	}
	tests := []struct {
		name    string
		ranking []string
		k       int
		ndcg    float64
		mrr     float64
		recall  float64
		success float64
	}{
		{"ideal", []string{"a", "b"}, 10, 1, 1, 1, 1},
		{"swapped", []string{"b", "a"}, 10, dcg(1, 3) / dcg(3, 1), 1, 1, 1},
		{"late", []string{"x", "c", "d", "b"}, 10, dcg(0, 0, 0, 1) / dcg(3, 1), 0.25, 0.5, 1},
		{"cut", []string{"x", "c", "d", "b"}, 3, 0, 0, 0, 0},
		{"cut below the number of relevant ones", []string{"a", "b"}, 1, 1, 1, 0.5, 1},
		{"empty", nil, 10, 0, 0, 0, 0},
		{"no cut", []string{"a"}, 0, 0, 0, 0, 0},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got := [4]float64{
				NDCG(test.ranking, grades, test.k), ReciprocalRank(test.ranking, grades, test.k),
				Recall(test.ranking, grades, test.k), Success(test.ranking, grades, test.k),
			}
			want := [4]float64{test.ndcg, test.mrr, test.recall, test.success}
			for i := range got {
				if math.IsNaN(got[i]) || math.Abs(got[i]-want[i]) > 1e-12 {
					t.Errorf("got %v, want %v", got, want)
				}
			}
		})
	}
	if got := NDCG([]string{"c"}, map[string]int{"c": 0}, 10); got != 0 {
		t.Errorf("nothing relevant: nDCG %v, want 0", got)
	}
	if got := Recall([]string{"c"}, nil, 10); got != 0 {
		t.Errorf("nothing judged: recall %v, want 0", got)
	}
}

func TestEvaluate_Empty(t *testing.T) {
	if got := Evaluate(nil, nil); got.Mean != (Metrics{}) || len(got.PerQuery) != 0 {
		t.Errorf("got %+v", got)
	}
	got := Evaluate(Qrels{"q": {"d": 1}}, Run{"other": {{ID: "d", Score: 1}}})
	if got.Mean != (Metrics{}) || len(got.PerQuery) != 1 {
		t.Errorf("a run without the judged query: got %+v", got)
	}
}

func TestResult_JSON(t *testing.T) {
	data, err := json.Marshal(Result{Metrics: Metrics{NDCG10: .5}, Queries: 2, Documents: 3, Tokens: 4, MsPerQuery: 1.5, BytesPerToken: 2})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"metrics":{"ndcg@10":0.5,"mrr@10":0,"recall@10":0,"recall@100":0,"success@1":0,"success@10":0},` +
		`"queries":2,"documents":3,"tokens":4,"ms_per_query":1.5,"bytes_per_token":2}`
	if string(data) != want {
		t.Errorf("got  %s\nwant %s", data, want)
	}
	metrics := Metrics{1, 2, 3, 4, 5, 6}
	for i, name := range MetricNames {
		if got, ok := metrics.Get(name); !ok || got != float64(i+1) {
			t.Errorf("%s: %v, %v", name, got, ok)
		}
	}
	if _, ok := metrics.Get("map"); ok {
		t.Error("an unknown metric was found")
	}
}

func TestReadRun_Ties(t *testing.T) {
	const text = "q Q0 a 1 1.0 t\nq Q0 b 2 1.0 t\nq\tQ0\tc\t3\t2\tt\n\nq Q0 d 4 1.00000001 t\n"
	run, _, err := ReadRun(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	got := ""
	for _, scored := range run["q"] {
		got += scored.ID
	}
	// d differs from a and b beyond single precision only.
	if got != "cdba" {
		t.Errorf("order %q, want cdba", got)
	}
}

func TestReadRun_Errors(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"fields", "q Q0 a 1 1.0 t\nq Q0 a 1 1.0\n", "line 2: 5 fields"},
		{"score", "q Q0 a 1 high t\n", `line 1: score "high"`},
		{"too large", "q Q0 a 1 1e300 t\n", `score "1e300"`},
		{"not a number", "q Q0 a 1 NaN t\n", `score "NaN"`},
		{"twice", "q Q0 a 1 2 t\nq Q0 a 2 1 t\n", "line 2: document a occurs twice"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, _, err := ReadRun(strings.NewReader(test.text))
			if !errors.Is(err, ErrSyntax) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
}

func TestWriteRun(t *testing.T) {
	run := Run{
		"b": {{"x", 2}, {"z", 1}, {"a", 1}, {"m", 1}, {"k", -1}},
		"a": {{"x", 1e-30}},
	}
	var text strings.Builder
	if err := WriteRun(&text, run, "ciyuan"); err != nil {
		t.Fatal(err)
	}
	want := "a Q0 x 1 1e-30 ciyuan\nb Q0 x 1 2 ciyuan\nb Q0 z 2 1 ciyuan\n" +
		"b Q0 a 3 0.99999994 ciyuan\nb Q0 m 4 0.9999999 ciyuan\nb Q0 k 5 -1 ciyuan\n"
	if text.String() != want {
		t.Errorf("got\n%swant\n%s", text.String(), want)
	}
	for _, bad := range []Run{{"q": {{"two words", 1}}}, {"": {{"d", 1}}}, {"q": {{" d", 1}}}, {"q": {{"d", math.NaN()}}}, {"q": {{"d", -1e300}}}} {
		if err := WriteRun(&text, bad, "t"); !errors.Is(err, ErrUnwritable) {
			t.Errorf("%v: %v", bad, err)
		}
	}
	if err := WriteRun(&text, nil, ""); !errors.Is(err, ErrUnwritable) {
		t.Errorf("empty tag: %v", err)
	}
}

func TestQrels_RoundTrip(t *testing.T) {
	qrels, err := ReadQrels(strings.NewReader("\ufeffq2 0 d 1\r\nq1\t0\td2\t-1\n\n  q1  0  d1  4"))
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := WriteQrels(&text, qrels); err != nil {
		t.Fatal(err)
	}
	if want := "q1\t0\td1\t4\nq1\t0\td2\t-1\nq2\t0\td\t1\n"; text.String() != want {
		t.Errorf("got\n%swant\n%s", text.String(), want)
	}
	for text, want := range map[string]string{
		"q 0 d":              "line 1: 3 fields",
		"q 0 d 1\nq 0 e one": `line 2: grade "one"`,
		"q 0 d 1\nq 0 d 2":   "line 2: document d is judged twice",
	} {
		if _, err := ReadQrels(strings.NewReader(text)); !errors.Is(err, ErrSyntax) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func FuzzReadRun(f *testing.F) {
	f.Add("q Q0 a 1 1.0 t\nq Q0 b 2 1.0 t\n")
	f.Add("q 0 a 1\n")
	f.Fuzz(func(t *testing.T, text string) {
		if run, tag, err := ReadRun(strings.NewReader(text)); err == nil && len(run) > 0 {
			var b strings.Builder
			if err := WriteRun(&b, run, tag); err != nil {
				t.Fatal(err)
			}
			again, _, err := ReadRun(strings.NewReader(b.String()))
			if err != nil {
				t.Fatalf("%v in\n%s", err, b.String())
			}
			ids := func(r Run) string {
				s := ""
				for _, q := range sortedKeys(r) {
					for _, d := range r[q] {
						s += fmt.Sprintf("%q %q\n", q, d.ID)
					}
				}
				return s
			}
			if ids(run) != ids(again) {
				t.Fatalf("order changed:\n%swas\n%s", ids(again), ids(run))
			}
		}
		_, _ = ReadQrels(strings.NewReader(text))
	})
}
