package ciyuan_test

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/internal/reference"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

var allScores = []ciyuan.Score{ciyuan.ScoreSoftmax, ciyuan.ScoreMaxSim, ciyuan.ScoreSum, ciyuan.ScoreBM25, ciyuan.ScoreHybrid}

// corpusOf cuts documents the way the reference implementation wants them.
func corpusOf(t *testing.T, docs []ciyuan.Document) *reference.Corpus {
	t.Helper()
	table, err := encoder.Default()
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenizer.New(tokenizer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	c := &reference.Corpus{
		Prior: func(word string) (float64, bool) {
			row, ok := table.Row(word)
			if !ok {
				return 0, false
			}
			return float64(table.Prior(row)), true
		},
		Similar: func(a, b string) float64 {
			ra, rb := table.Compose(nil, a), table.Compose(nil, b)
			if len(ra) == 0 || len(rb) == 0 {
				return math.Inf(-1)
			}
			vector := func(rows []uint32) []float32 {
				if len(rows) == 1 {
					return table.Vector(nil, rows[0])
				}
				return table.ComposedVector(nil, rows)
			}
			q := table.Query(vector(ra))
			if len(rb) == 1 {
				return float64(table.Dot(&q, rb[0]))
			}
			return float64(table.DotComposed(&q, rb, table.Norm(rb)))
		},
	}
	for _, d := range docs {
		var doc reference.Document
		for _, tk := range tok.Tokenize(nil, d.Text) {
			if !tk.Kind.Counts() {
				continue
			}
			doc.Words = append(doc.Words, tk.Word)
			if tk.Primary() {
				doc.Length++
			}
		}
		c.Documents = append(c.Documents, doc)
	}
	return c
}

func TestSearch_AgreesWithReference(t *testing.T) {
	docs, questions := sample(t, "zh")
	docs = docs[:12]
	for i := range docs {
		docs[i].Text = docs[i].Text[:strings.Index(docs[i].Text, "。")+len("。")]
	}
	corpus := corpusOf(t, docs)
	tok, err := tokenizer.New(tokenizer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	db := open(t, nil)
	addAll(t, db, docs)
	for _, q := range questions[:12] {
		var words []string
		for _, tk := range tok.Tokenize(nil, q.Text) {
			if tk.Kind.Counts() && tk.Primary() {
				words = append(words, tk.Word)
			}
		}
		for _, tt := range []struct {
			score ciyuan.Score
			naive func(reference.Constants, []string, reference.Document) float64
		}{
			{ciyuan.ScoreSoftmax, corpus.Softmax}, {ciyuan.ScoreMaxSim, corpus.MaxSim}, {ciyuan.ScoreSum, corpus.Sum},
			{ciyuan.ScoreBM25, corpus.BM25}, {ciyuan.ScoreHybrid, corpus.Hybrid},
		} {
			want := map[string]float64{}
			for i, d := range corpus.Documents {
				if s := tt.naive(reference.Default, words, d); s > 0 {
					want[docs[i].ID] = s
				}
			}
			for _, exact := range []bool{false, true} {
				r := search(t, db, q.Text, &ciyuan.SearchOptions{K: 100, Exact: exact, Score: tt.score})
				if len(r.Hits) != len(want) {
					t.Fatalf("%v, %q, exact %v: %d hits, the reference has %d", tt.score, q.Text, exact, len(r.Hits), len(want))
				}
				for _, h := range r.Hits {
					if math.Abs(h.Score-want[h.ID]) > 1e-5 {
						t.Errorf("%v, %q, exact %v: %s scores %v, the reference says %v", tt.score, q.Text, exact, h.ID, h.Score, want[h.ID])
					}
				}
			}
		}
	}
}

// The postings and the stored tokens must give the same ranking when the
// neighbourhoods are the same.
func TestSearch_PostingsAgreeWithTokens(t *testing.T) {
	docs, questions := sample(t, "zh")
	en, enQuestions := sample(t, "en")
	for i := range en {
		en[i].ID = "en-" + en[i].ID
	}
	docs = append(docs, en...)
	db := open(t, nil)
	addAll(t, db, docs[:50])
	if err := db.Fold(context.Background()); err != nil {
		t.Fatal(err)
	}
	addAll(t, db, docs[50:]) // pending
	if _, err := db.Delete(context.Background(), docs[3].ID, docs[60].ID); err != nil {
		t.Fatal(err)
	}
	for _, q := range slices.Concat(questions[:40], enQuestions[:40]) {
		for _, score := range allScores {
			o := ciyuan.SearchOptions{Score: score, Graph: ciyuan.GraphFlat}
			a := search(t, db, q.Text, &o)
			o.Exact = true
			b := search(t, db, q.Text, &o)
			if diff := cmp.Diff(b.Hits, a.Hits); diff != "" {
				t.Fatalf("%v %q: exact and not (-exact +flat):\n%s", score, q.Text, diff)
			}
		}
	}
}

// The approximation that the graph makes has a floor.
func TestSearch_GraphRecall(t *testing.T) {
	for _, lang := range []string{"zh", "en"} {
		docs, questions := sample(t, lang)
		db := open(t, &ciyuan.Options{GraphWords: -1})
		addAll(t, db, docs)
		if s, err := db.Stats(context.Background()); err != nil || s.GraphWords != s.Words {
			t.Fatalf("the graph has %d of %d words, %v", s.GraphWords, s.Words, err)
		}
		for _, graph := range []ciyuan.GraphKind{ciyuan.GraphHNSW, ciyuan.GraphCoder, ciyuan.GraphFlat} {
			found, wanted := 0, 0
			for _, q := range questions {
				want := ids(search(t, db, q.Text, &ciyuan.SearchOptions{Exact: true}))
				got := ids(search(t, db, q.Text, &ciyuan.SearchOptions{Graph: graph}))
				wanted += len(want)
				for _, id := range want {
					if slices.Contains(got, id) {
						found++
					}
				}
			}
			recall := float64(found) / float64(wanted)
			t.Logf("%s, %v: recall@10 %.4f", lang, graph, recall)
			floor := map[ciyuan.GraphKind]float64{ciyuan.GraphHNSW: 0.99, ciyuan.GraphCoder: 0.9, ciyuan.GraphFlat: 1}[graph]
			if recall < floor {
				t.Errorf("%s, %v: recall@10 is %.4f, the floor %.4f", lang, graph, recall, floor)
			}
		}
	}
}

func TestSearch_FindsAcrossLanguages(t *testing.T) {
	docs, _ := sample(t, "en")
	_, questions := sample(t, "zh")
	db := open(t, nil)
	addAll(t, db, docs)
	found := 0
	for _, q := range questions {
		if slices.Contains(ids(search(t, db, q.Text, nil)), q.Doc) {
			found++
		}
	}
	// 40 documents: ten picked blindly hold the right one in a quarter of the cases.
	if share := float64(found) / float64(len(questions)); share < 0.8 {
		t.Errorf("%.2f of the Chinese questions find their English paragraph among ten", share)
	}
}

func TestSearch_Matches(t *testing.T) {
	db := open(t, nil)
	text := "第一行没有什么。\n第二行：编程是一种技能，需要不断学习。\n"
	addAll(t, db, []ciyuan.Document{{ID: "a", Title: "笔记", Text: text, Source: ciyuan.Source{Path: "notes/a.md"}}})
	r := search(t, db, "编程技能", nil)
	if len(r.Hits) != 1 {
		t.Fatalf("%d hits", len(r.Hits))
	}
	h := r.Hits[0]
	if h.Rank != 1 || h.ID != "a" || h.Title != "笔记" || h.Path != "notes/a.md" || h.Line != 2 {
		t.Errorf("hit %+v", h)
	}
	for _, m := range h.Matches {
		if text[m.Start:m.End] != m.Token {
			t.Errorf("match %+v stands for %q", m, text[m.Start:m.End])
		}
	}
	var exact []string
	for _, m := range h.Matches {
		if m.Similarity == 1 {
			exact = append(exact, m.Token)
		}
	}
	if diff := cmp.Diff([]string{"编程", "技能"}, exact); diff != "" {
		t.Errorf("exact matches (-want +got):\n%s", diff)
	}
	for _, m := range h.Marks {
		if s := h.Snippet[m.Start:m.End]; !strings.Contains(text, s) {
			t.Errorf("mark %+v stands for %q", m, s)
		}
	}
}

func TestSearch_Parts(t *testing.T) {
	db := open(t, nil)
	addAll(t, db, []ciyuan.Document{
		{ID: "code", Text: "call getUserName() and parse_http_header before you reply to bob.smith@example.com"},
		{ID: "prose", Text: "the weather was mild and the streets were empty"},
	})
	for _, q := range []string{"getUserName", "username getusername", "user", "HTTP header", "example.com", "smith", "bob.smith@example.com"} {
		if got := ids(search(t, db, q, nil)); len(got) == 0 || got[0] != "code" {
			t.Errorf("%q finds %v", q, got)
		}
	}
	// A compound that the index does not have is searched for by its parts.
	if got := ids(search(t, db, "setUserAddress", nil)); len(got) == 0 || got[0] != "code" {
		t.Errorf("a foreign compound finds %v", got)
	}
}

func TestSearch_Traditional(t *testing.T) {
	db := open(t, nil)
	addAll(t, db, []ciyuan.Document{{ID: "s", Text: "软件开发需要经验"}, {ID: "t", Text: "軟體開發與測試需要經驗"}, {ID: "x", Text: "今天天气很好"}})
	for _, q := range []string{"经验", "經驗", "ＥＸＰＥＲＩＥＮＣＥ"} {
		got := ids(search(t, db, q, nil))
		if !slices.Contains(got, "s") || !slices.Contains(got, "t") {
			t.Errorf("%q finds %v", q, got)
		}
	}
}

func TestSearch_Options(t *testing.T) {
	db := open(t, nil)
	var docs []ciyuan.Document
	for i := range 30 {
		docs = append(docs, ciyuan.Document{
			ID: fmt.Sprintf("d%02d", i), Text: strings.Repeat("苹果 ", i%5+1) + "香蕉",
			Meta: map[string]string{"shelf": fmt.Sprint(i % 3)},
		})
	}
	addAll(t, db, docs)
	full := ids(search(t, db, "苹果", &ciyuan.SearchOptions{K: 30}))
	if len(full) != 30 {
		t.Fatalf("%d of 30 documents", len(full))
	}
	page := search(t, db, "苹果", &ciyuan.SearchOptions{K: 5, Offset: 10})
	if diff := cmp.Diff(full[10:15], ids(page)); diff != "" {
		t.Errorf("offset 10 (-want +got):\n%s", diff)
	}
	if page.Hits[0].Rank != 11 {
		t.Errorf("first rank of the page is %d", page.Hits[0].Rank)
	}
	r := search(t, db, "苹果", &ciyuan.SearchOptions{K: 30, Filter: map[string]string{"shelf": "1"}})
	if len(r.Hits) != 10 {
		t.Errorf("filter keeps %d documents, wanted 10", len(r.Hits))
	}
	if got := ids(search(t, db, "苹果", &ciyuan.SearchOptions{Filter: map[string]string{"id": "d07"}})); !slices.Equal(got, []string{"d07"}) {
		t.Errorf("filter by id gives %v", got)
	}
	for _, h := range search(t, db, "苹果 橘子", &ciyuan.SearchOptions{K: 30, MinScore: 0.3}).Hits {
		if h.Relative < 0.3 {
			t.Errorf("%s has relative score %v", h.ID, h.Relative)
		}
	}
	for _, bad := range []ciyuan.SearchOptions{{K: -1}, {Offset: -1}, {K: ciyuan.MaxK + 1}, {Temperature: -1}, {Temperature: math.NaN()}, {MinScore: 2}, {B: 2}, {K1: -1}, {Score: 99}, {Graph: 99}} {
		if _, err := db.Search(context.Background(), "苹果", &bad); !errors.Is(err, ciyuan.ErrOption) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func TestSearch_EmptyQuery(t *testing.T) {
	db := open(t, nil)
	for _, q := range []string{"", " ", "。，！", "\x00", "\xff\xfe"} {
		if _, err := db.Search(context.Background(), q, nil); !errors.Is(err, ciyuan.ErrEmptyQuery) {
			t.Errorf("%q: %v", q, err)
		}
	}
	if r := search(t, db, "什么都没有", nil); len(r.Hits) != 0 {
		t.Errorf("an empty index has hits: %v", ids(r))
	}
}

func TestSearch_Cancelled(t *testing.T) {
	db := open(t, nil)
	addAll(t, db, []ciyuan.Document{{ID: "a", Text: "编程"}})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := db.Search(ctx, "编程", nil); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := db.Add(ctx, ciyuan.Document{ID: "b", Text: "b"}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// Two documents that are equally good come in the order in which they were
// added, on every page.
func TestSearch_Ties(t *testing.T) {
	db := open(t, nil)
	var docs []ciyuan.Document
	for i := range 40 {
		docs = append(docs, ciyuan.Document{ID: fmt.Sprintf("%02d", (i*7)%40), Text: "同样的内容"})
	}
	addAll(t, db, docs)
	for i, h := range search(t, db, "内容", &ciyuan.SearchOptions{K: 40}).Hits {
		if h.ID != docs[i].ID {
			t.Fatalf("rank %d is %s, wanted %s", i+1, h.ID, docs[i].ID)
		}
	}
}

// A long document scores by its best passage, and its spans count from its own
// beginning.
func TestSearch_Passages(t *testing.T) {
	db := open(t, nil)
	var b strings.Builder
	for i := range 400 {
		fmt.Fprintf(&b, "这是第%d段关于天气和交通的普通文字，没有别的内容。\n", i)
		if i == 300 {
			b.WriteString("量子纠缠是一种物理现象。\n")
		}
	}
	long := b.String()
	addAll(t, db, []ciyuan.Document{
		{ID: "long", Text: long},
		{ID: "short", Text: "物理是一门学科"},
	})
	r := search(t, db, "量子纠缠", nil)
	if len(r.Hits) == 0 || r.Hits[0].ID != "long" {
		t.Fatalf("found %v", ids(r))
	}
	h := r.Hits[0]
	if h.Line != 302 || !strings.Contains(h.Snippet, "量子纠缠") {
		t.Errorf("line %d, snippet %q", h.Line, h.Snippet)
	}
	for _, m := range h.Matches {
		if long[m.Start:m.End] != m.Token {
			t.Errorf("match %+v stands for %q", m, long[m.Start:m.End])
		}
	}
	doc, err := db.Get(context.Background(), "long")
	if err != nil || doc.Text != long {
		t.Errorf("the text did not come back: %v", err)
	}
	for e, err := range db.List(context.Background(), "long") {
		if err != nil || e.Passages < 10 || e.Bytes != int64(len(long)) {
			t.Errorf("entry %+v, %v", e, err)
		}
	}
}
