package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestNumber(t *testing.T) {
	for _, test := range []struct {
		v    float64
		want string
	}{
		{0, "0"},
		{7, "7"},
		{0.00123, "0.00123"},
		{0.45678, "0.457"},
		{4.5678, "4.57"},
		{45.678, "45.7"},
		{456.78, "457"},
		{45678.9, "45679"},
		{-4.5678, "-4.57"},
	} {
		if got := number(test.v); got != test.want {
			t.Errorf("number(%v) = %q, want %q", test.v, got, test.want)
		}
	}
}

func TestSpread(t *testing.T) {
	s := spreadOf([]float64{3, 1, 2, 10})
	if want := (spread{Median: 2.5, Min: 1, Max: 10, N: 4}); s != want {
		t.Errorf("got %+v, want %+v", s, want)
	}
	for _, test := range []struct {
		s    spread
		want string
	}{
		{s, "2.50 (1..10)"},
		{spreadOf([]float64{5, 5}), "5"},
		{exactly(round(76.0712)), "76.07"},
	} {
		if got := test.s.String(); got != test.want {
			t.Errorf("%+v prints %q, want %q", test.s, got, test.want)
		}
	}
}

func TestLatencies(t *testing.T) {
	l := latencies{4, 0, 2, 1, 3}
	for q, want := range map[float64]float64{0: 0, 0.5: 2, 0.625: 2.5, 1: 4} {
		if got := l.at(q); got != want {
			t.Errorf("at(%v) = %v, want %v", q, got, want)
		}
	}
	s := quantileSpread(latencies{1, 1, 1, 1, 1, 1, 1, 1, 9, 9}, 0.5)
	if want := (spread{Median: 1, Min: 1, Max: 9, N: 10}); s != want {
		t.Errorf("got %+v, want %+v", s, want)
	}
}

func testReport() report {
	r := report{Machine: machine{CPU: "a processor", Cores: 2, OS: "linux/amd64", Go: "go1.26", Fsync: quantiles{1, 5}}}
	r.atMost("cold", "search", 15, "ms", spreadOf([]float64{12, 14, 20}), "here")
	r.atLeast("recall", "recall@10", 0.99, "", exactly(0.985), "there")
	r.table(table{Part: "warm", Title: "Searches", Head: []string{"corpus", "ms", "score"}, Rows: [][]string{{"a", "1.5", "softmax"}, {"b", "-2", "bm25"}}, Note: "A note."})
	return r
}

func TestReport_Markdown(t *testing.T) {
	r := testReport()
	var out strings.Builder
	if err := r.writeMarkdown(&out); err != nil {
		t.Fatal(err)
	}
	want := `Machine: a processor, 2 cores, linux/amd64, go1.26; fsync of a 4 KiB page on its disk 1 / 5 ms (p50 / p95)

| figure | goal | measured | met | on |
| --- | --- | ---: | --- | --- |
| search | ≤ 15 ms | 14 (12..20) ms | yes | here |
| recall@10 | ≥ 0.990 | 0.985 | **no** | there |

### Searches

| corpus | ms | score |
| --- | ---: | --- |
| a | 1.5 | softmax |
| b | -2 | bm25 |

A note.
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestReport_JSON(t *testing.T) {
	r := testReport()
	var out strings.Builder
	if err := r.writeJSON(&out); err != nil {
		t.Fatal(err)
	}
	var got report
	if err := json.Unmarshal([]byte(out.String()), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(r, got); diff != "" {
		t.Error(diff)
	}
}

func TestReport_Update(t *testing.T) {
	path := filepath.Join(t.TempDir(), "page.md")
	r := report{Machine: machine{CPU: "a processor"}}
	if err := os.WriteFile(path, []byte("before\n"+beginMark+"old\n"+endMark+"after\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := r.update(path); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want := "before\n" + beginMark + "\nMachine: " + r.Machine.String() + "\n\n\n" + endMark + "after\n"
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Error(diff)
	}
	if err := os.WriteFile(path, []byte("no marks"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.update(path); err == nil {
		t.Error("a file without marks was changed")
	}
}
