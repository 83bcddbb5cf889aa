package align

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
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
	"github.com/ciyuan-search/ciyuan/internal/testutil"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

func newTokenizer(tb testing.TB) *tokenizer.Tokenizer {
	tb.Helper()
	tok, err := tokenizer.New(tokenizer.Options{})
	if err != nil {
		tb.Fatal(err)
	}
	return tok
}

func defaultTable(tb testing.TB) *encoder.Table {
	tb.Helper()
	table, err := encoder.Default()
	if errors.Is(err, encoder.ErrNoDefault) {
		tb.Skip(err)
	}
	if err != nil {
		tb.Fatal(err)
	}
	return table
}

func readLines(tb testing.TB, path string) []string {
	tb.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
}

// linked reads a set of pairs that were linked by hand.
func linked(tb testing.TB, name string) (pairs []Pair, gold []Gold) {
	tb.Helper()
	tok := newTokenizer(tb)
	base := filepath.Join(testutil.Root(), "testdata", "align", name)
	zh, links := readLines(tb, base+".zh"), readLines(tb, base+".gold")
	for i, en := range readLines(tb, base+".en") {
		g, err := ParseLinks(links[i])
		if err != nil {
			tb.Fatal(err)
		}
		p := Pair{Split(tok, en), Split(tok, zh[i])}
		for l := range g {
			if l.Source >= len(p.Source.Tokens) || l.Target >= len(p.Target.Tokens) {
				tb.Fatalf("%s: pair %d has no link %v", name, i+1, l)
			}
		}
		pairs, gold = append(pairs, p), append(gold, g)
	}
	return pairs, gold
}

func measure(tb testing.TB, a *Aligner, pairs []Pair, gold []Gold) Quality {
	tb.Helper()
	var q Quality
	for i, p := range pairs {
		al, err := a.Align(context.Background(), p.Source, p.Target)
		if err != nil {
			tb.Fatal(err)
		}
		q.Add(gold[i], al.Links)
	}
	return q
}

// The error rates that are promised, and that each part of the method is worth
// having.
func TestAlign_ErrorRate(t *testing.T) {
	vectors := StaticVectors(defaultTable(t))
	pairs, gold := linked(t, "test")
	rate := func(o Options) float64 {
		a, err := New(vectors, &o)
		if err != nil {
			t.Fatal(err)
		}
		q := measure(t, a, pairs, gold)
		t.Logf("%v, %v: precision %.3f, recall %.3f, AER %.4f", o.Method, o.Distortion, q.Precision(), q.Recall(), q.AER())
		return q.AER()
	}
	best := rate(Options{})
	if best > 0.19 {
		t.Errorf("AER %.4f, wanted 0.19 at most", best)
	}
	for _, o := range []Options{{Method: Mutual}, {Method: Assignment}, {Method: Grow}, {Method: Posterior}} {
		if got := rate(o); got > 0.22 {
			t.Errorf("%v: AER %.4f, wanted 0.22 at most", o.Method, got)
		}
	}
	if got := rate(Options{Distortion: Diagonal}); got < best {
		t.Errorf("a diagonal is better than jumps: %.4f", got)
	}
	if got := rate(Options{Distortion: Anywhere}); got < best {
		t.Errorf("no distortion is better than jumps: %.4f", got)
	}
}

func pairsOf(pairs []Pair) iter.Seq2[Pair, error] {
	return func(yield func(Pair, error) bool) {
		for _, p := range pairs {
			if !yield(p, nil) {
				return
			}
		}
	}
}

// parallelText returns the parallel texts at hand: treebank tokens where they
// have them.
func parallelText(tb testing.TB, names ...string) []Pair {
	tb.Helper()
	tok := newTokenizer(tb)
	var out []Pair
	for _, name := range names {
		for _, line := range readLines(tb, testutil.Shared(tb, "data/"+name)) {
			var row struct {
				En, Zh   string
				EnTokens []string `json:"en_tokens"`
				ZhTokens []string `json:"zh_tokens"`
			}
			if err := json.Unmarshal([]byte(line), &row); err != nil {
				tb.Fatal(err)
			}
			if row.EnTokens != nil {
				out = append(out, Pair{Split(tok, strings.Join(row.EnTokens, " ")), Split(tok, strings.Join(row.ZhTokens, " "))})
				continue
			}
			out = append(out, Pair{Cut(tok, row.En), Cut(tok, row.Zh)})
		}
	}
	return out
}

func TestTrain_ErrorRate(t *testing.T) {
	if testing.Short() {
		t.Skip("learns from 3,000 pairs")
	}
	table := defaultTable(t)
	text := parallelText(t, "pud-en-zh/pairs.jsonl", "xquad-parallel/sentences.jsonl", "xquad-parallel/questions.jsonl")
	m, err := Train(context.Background(), table, pairsOf(text), nil)
	if err != nil {
		t.Fatal(err)
	}
	pairs, gold := linked(t, "test")
	a, err := New(StaticVectors(table), &Options{Model: m})
	if err != nil {
		t.Fatal(err)
	}
	q := measure(t, a, pairs, gold)
	t.Logf("precision %.3f, recall %.3f, AER %.4f", q.Precision(), q.Recall(), q.AER())
	if q.AER() > 0.17 {
		t.Errorf("AER %.4f, wanted 0.17 at most", q.AER())
	}
	for _, want := range []struct{ word, translation string }{{"treaty", "条约"}, {"条约", "treaty"}, {"president", "总统"}, {"Who", "谁"}} {
		found := m.Lookup(want.word)
		if len(found) == 0 || found[0].Source != want.translation && found[0].Target != want.translation {
			t.Errorf("%s: %+v, wanted %s", want.word, found, want.translation)
		}
	}
}

// brute adds up all paths of the hidden Markov model.
func brute(ratio *Matrix, jumps *jumpTable) Matrix {
	n, obs := ratio.Rows, ratio.Cols
	out := NewMatrix(n, obs)
	total := 0.0
	path := make([]int, obs) // state, or -1
	var walk func(j, at int, p float64)
	walk = func(j, at int, p float64) {
		if j == obs {
			total += p
			for k, s := range path {
				if s >= 0 {
					out.Values[s*obs+k] += p
				}
			}
			return
		}
		path[j] = -1
		walk(j+1, at, p*jumps.null)
		sum := 0.0
		for to := 1; to <= n; to++ {
			sum += jumps.weight(to - at)
		}
		for to := 1; to <= n; to++ {
			path[j] = to - 1
			walk(j+1, to, p*(1-jumps.null)*jumps.weight(to-at)/sum*ratio.At(to-1, j))
		}
	}
	walk(0, 0, 1)
	for k := range out.Values {
		out.Values[k] /= total
	}
	return out
}

func TestPosterior(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, size := range [][2]int{{1, 1}, {3, 4}, {5, 3}, {12, 3}, {25, 2}} {
		ratio := NewMatrix(size[0], size[1])
		for k := range ratio.Values {
			ratio.Values[k] = math.Exp(4 * r.NormFloat64())
		}
		jumps := defaultJumps()
		for k := range jumps.weights {
			jumps.weights[k] = 0.01 + r.Float64()
		}
		got, want := posterior(&ratio, &jumps, nil), brute(&ratio, &jumps)
		for k, x := range got.Values {
			if math.Abs(x-want.Values[k]) > 1e-9 {
				t.Fatalf("%v: element %d is %v, wanted %v", size, k, x, want.Values[k])
			}
		}
	}
}

// The expected jumps of a pair and its expected empty tokens sum to its length.
func TestPosterior_Counts(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	ratio := NewMatrix(20, 7)
	for k := range ratio.Values {
		ratio.Values[k] = math.Exp(2 * r.NormFloat64())
	}
	jumps := defaultJumps()
	var counts jumpCounts
	p := posterior(&ratio, &jumps, &counts)
	linked, jumped := 0.0, 0.0
	for _, x := range p.Values {
		linked += x
	}
	for _, x := range counts.weights {
		jumped += x
	}
	if math.Abs(linked-jumped) > 0.01 {
		t.Errorf("%v jumps, but %v tokens were aligned", jumped, linked)
	}
}

func TestAssign(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 6))
	for range 300 {
		rows := 1 + r.IntN(5)
		cols := rows + r.IntN(3)
		m := NewMatrix(rows, cols)
		for k := range m.Values {
			m.Values[k] = float64(r.IntN(9))
		}
		best := 0.0
		used := make([]bool, cols)
		var walk func(i int, sum float64)
		walk = func(i int, sum float64) {
			if i == rows {
				best = max(best, sum)
				return
			}
			for j := range cols {
				if !used[j] {
					used[j] = true
					walk(i+1, sum+m.At(i, j))
					used[j] = false
				}
			}
		}
		walk(0, 0)
		got := 0.0
		seen := map[int]bool{}
		for i, j := range assign(&m) {
			if seen[j] {
				t.Fatalf("column %d twice", j)
			}
			seen[j] = true
			got += m.At(i, j)
		}
		if got != best {
			t.Fatalf("%v: %v, wanted %v", m, got, best)
		}
	}
}

func TestMethods(t *testing.T) {
	m := Matrix{Rows: 3, Cols: 4, Values: []float64{
		0.9, 0.8, 0.1, 0.0,
		0.1, 0.2, 0.7, 0.0,
		0.6, 0.1, 0.5, 0.05,
	}}
	for _, c := range []struct {
		name string
		got  []Link
		want string
	}{
		{"mutual", mutual(&m, 0.1), "0-0 1-2"},
		{"mutual, high", mutual(&m, 0.8), "0-0"},
		{"iterative", iterative(&m, 0.1), "0-0 0-1 1-2 2-0"},
		{"assignment", assignment(&m, 0.1), "0-1 1-2 2-0"},
		{"above", above(&m, 0.6), "0-0 0-1 1-2 2-0"},
		{"grow", grow(&m, &m, 0.5), "0-0 0-1 1-2"},
	} {
		sortLinks(c.got)
		if got := FormatLinks(c.got); got != c.want {
			t.Errorf("%s: %s, wanted %s", c.name, got, c.want)
		}
	}
	tall := m.transposed()
	links := assignment(&tall, 0.1)
	sortLinks(links)
	if got := FormatLinks(links); got != "0-2 1-0 2-1" {
		t.Errorf("assignment of more rows than columns: %s", got)
	}
}

func TestAlign_Edges(t *testing.T) {
	tok := newTokenizer(t)
	vectors := StaticVectors(defaultTable(t))
	for _, o := range []Options{{}, {Null: -1}, {Null: -1, Distortion: Anywhere}, {Method: Assignment, Threshold: -1}, {Method: Grow}} {
		a, err := New(vectors, &o)
		if err != nil {
			t.Fatal(err)
		}
		for _, texts := range [][2]string{{"", ""}, {"word", ""}, {"", "词"}, {"\xff\x00", "，"}, {"...", "词 词"}, {"， ，", "a a"}} {
			al, err := a.Align(context.Background(), Cut(tok, texts[0]), Cut(tok, texts[1]))
			if err != nil {
				t.Fatal(err)
			}
			for _, x := range al.Confidence.Values {
				if !(x >= 0 && x <= 1+1e-9) {
					t.Errorf("%+v, %q: confidence %v", o, texts, x)
				}
			}
		}
	}
	a, err := New(vectors, nil)
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("word ", MaxTokens+1)
	if _, err := a.Align(context.Background(), Cut(tok, long), Cut(tok, "词")); !errors.Is(err, ErrTooLong) {
		t.Errorf("a long text: %v", err)
	}
	for _, o := range []Options{{Method: 9}, {Distortion: 9}, {Null: 1}, {Null: math.NaN()}, {Threshold: 2}, {Threshold: math.NaN()}} {
		if _, err := New(vectors, &o); !errors.Is(err, ErrOption) {
			t.Errorf("%+v: %v", o, err)
		}
	}
}

// Numbers, marks and names are linked without vectors of their own.
func TestAlign_Shapes(t *testing.T) {
	for _, c := range []struct{ src, tgt, want string }{
		{"In 1,200 cases (3.5%) .", "在 1200 例 (3.5%) 中。", "1-1 2-2 3-3 4-4 5-5 7-7"},
		{"We met Xqzzt yesterday.", "我们昨天见了夏克兹特。", ""},
	} {
		al, err := Sentence(context.Background(), c.src, c.tgt)
		if errors.Is(err, encoder.ErrNoDefault) {
			t.Skip(err)
		}
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]string{}
		for _, l := range al.Links {
			s, u := al.Source.Tokens[l.Source], al.Target.Tokens[l.Target]
			got[al.Source.Text[s.Start:s.End]] += al.Target.Text[u.Start:u.End]
		}
		if strings.Contains(c.src, "1,200") && (got["1,200"] != "1200" || got["."] != "。") {
			t.Errorf("%s: %v", c.src, got)
		}
		if strings.Contains(c.src, "yesterday") && got["yesterday"] != "昨天" {
			t.Errorf("%s: %v", c.src, got)
		}
	}
}

func TestParseLinks(t *testing.T) {
	g, err := ParseLinks(" 0-0 1?2\t3p4 5~6  1-2 0?0 ")
	if err != nil {
		t.Fatal(err)
	}
	want := Gold{{0, 0}: true, {1, 2}: true, {3, 4}: false, {5, 6}: false}
	if diff := cmp.Diff(want, g); diff != "" {
		t.Error(diff)
	}
	for _, bad := range []string{"x", "1", "1-", "-1", "1-x", "1--2", "1-2-3", "1=2", "99999999999999999999-1", "1-+2"} {
		if _, err := ParseLinks(bad); !errors.Is(err, ErrLinks) {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func FuzzParseLinks(f *testing.F) {
	f.Add("0-0 1?2 3p4")
	f.Fuzz(func(t *testing.T, line string) {
		g, err := ParseLinks(line)
		if err != nil {
			return
		}
		var links []Link
		for l := range g {
			links = append(links, l)
		}
		sortLinks(links)
		again, err := ParseLinks(FormatLinks(links))
		if err != nil || len(again) != len(g) {
			t.Fatalf("%q: %v, %d links instead of %d", line, err, len(again), len(g))
		}
	})
}

// The example of Och and Ney's definition, by hand.
func TestQuality(t *testing.T) {
	var q Quality
	q.Add(Gold{{0, 0}: true, {1, 1}: true, {1, 2}: false}, []Link{{0, 0}, {1, 2}, {2, 2}})
	if q.Precision() != 2.0/3 || q.Recall() != 0.5 || math.Abs(q.AER()-(1-3.0/5)) > 1e-12 || math.Abs(q.F1()-4.0/7) > 1e-12 {
		t.Errorf("%v %v %v %v", q.Precision(), q.Recall(), q.F1(), q.AER())
	}
	var none Quality
	if none.Precision() != 0 || none.Recall() != 0 || none.F1() != 0 || none.AER() != 0 {
		t.Error("nothing compared is not 0")
	}
}

func TestSplit(t *testing.T) {
	text := " 35000分之一 co-wrote\t， 不是 的\u3000x "
	got := Split(newTokenizer(t), text)
	var words []string
	for _, tok := range got.Tokens {
		words = append(words, text[tok.Start:tok.End])
	}
	if want := strings.Fields(text); !slices.Equal(words, want) {
		t.Errorf("%q, wanted %q", words, want)
	}
	if got.Tokens[2].Kind != tokenizer.Punct || got.Tokens[0].Kind == tokenizer.Punct || got.Tokens[3].Kind != tokenizer.Word {
		t.Errorf("kinds %+v", got.Tokens)
	}
}

func TestPage(t *testing.T) {
	tok := newTokenizer(t)
	a, err := New(StaticVectors(defaultTable(t)), nil)
	if err != nil {
		t.Fatal(err)
	}
	al, err := a.Align(context.Background(), Cut(tok, "<script> & cats"), Cut(tok, "<script> 猫"))
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	p := NewPage(&b)
	if err := errors.Join(p.Add(al), p.Close()); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	if strings.Contains(page, "<script") || strings.Contains(page, "http://") || !strings.Contains(page, "&amp;") || !strings.Contains(page, "●") || !strings.HasSuffix(page, "</html>\n") {
		t.Errorf("the page is\n%s", page)
	}
}
