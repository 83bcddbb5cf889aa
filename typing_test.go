package ciyuan_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/internal/testutil"
)

func typingIndex(t testing.TB) *ciyuan.DB {
	db := open(t, nil)
	addAll(t, db, []ciyuan.Document{
		{ID: "learn", Text: "他每天坚持学习到很晚"},
		{ID: "machine", Text: "自然语言处理离不开计算机"},
		{ID: "oxygen", Text: "Oxygen was discovered by Priestley"},
		{ID: "program", Text: "She writes programs and likes programming"},
		{ID: "weather", Text: "天气很好，适合出门"},
	})
	return db
}

func TestSearch_Typos(t *testing.T) {
	db := typingIndex(t)
	for _, test := range []struct{ query, doc string }{
		{"习学", "learn"},                            // swapped
		{"oxgyen", "oxygen"}, {"oxigen", "oxygen"}, // exchanged
		{"oxyen", "oxygen"}, {"oxyggen", "oxygen"}, // one less, one more
		{"Preistley", "oxygen"},
	} {
		if got := ids(search(t, db, test.query, nil)); len(got) == 0 || got[0] != test.doc {
			t.Errorf("%q finds %v", test.query, got)
		}
		if r := search(t, db, test.query, &ciyuan.SearchOptions{Score: ciyuan.ScoreBM25}); len(r.Hits) == 0 || r.Hits[0].ID != test.doc || r.Hits[0].Marks[0].Kind != ciyuan.MarkLiteral {
			t.Errorf("%q by BM25: %+v", test.query, r.Hits)
		}
		if got := ids(search(t, db, test.query, &ciyuan.SearchOptions{Score: ciyuan.ScoreBM25, Fuzzy: ciyuan.FuzzyNever})); len(got) != 0 {
			t.Errorf("%q without correction finds %v", test.query, got)
		}
	}
	for _, test := range []struct{ query, doc string }{
		{"计机", "machine"}, {"计算几", "machine"}, {"计计算机", "machine"}, {"学刁", "learn"}, {"天汽", "weather"},
	} {
		got := ids(search(t, db, test.query, &ciyuan.SearchOptions{Fuzzy: ciyuan.FuzzyAlways, Score: ciyuan.ScoreBM25}))
		if !slices.Contains(got, test.doc) {
			t.Errorf("%q finds %v", test.query, got)
		}
	}
}

// A number is found however it is written, and shown where it stands.
func TestSearch_Numerals(t *testing.T) {
	db := open(t, nil)
	addAll(t, db, []ciyuan.Document{
		{ID: "characters", Text: "这座城市的人口有三百万，三千五百元，五十人"},
		{ID: "mixed", Text: "收入达到３００萬元，3500元，50人"},
		{ID: "grouped", Text: "A city of 3,000,000 people; 3,500 of them, and 50 others"},
		{ID: "digits", Text: "总数为3000000个样本"},
		{ID: "none", Text: "千万不要忘记3月5日，3000米和三分之一"},
	})
	everywhere := []string{"characters", "digits", "grouped", "mixed"}
	for _, test := range []struct {
		query string
		want  []string
	}{
		{"三百万", everywhere}, {"三百萬", everywhere}, {"300万", everywhere}, {"３００萬", everywhere},
		{"3000000", everywhere}, {"3,000,000", everywhere},
		{"3500", []string{"characters", "grouped", "mixed"}}, {"3,500", []string{"characters", "grouped", "mixed"}},
		{"五十", []string{"characters", "grouped", "mixed"}}, {"50", []string{"characters", "grouped", "mixed"}},
		{"三千", []string{"characters", "none"}}, {"3", []string{"none"}},
	} {
		got := ids(search(t, db, test.query, &ciyuan.SearchOptions{Score: ciyuan.ScoreBM25}))
		slices.Sort(got)
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s finds others (-want +got):\n%s", test.query, diff)
		}
	}
	for query, want := range map[string]map[string]string{
		"3000000": {"characters": "三百万", "mixed": "３００", "grouped": "3,000,000", "digits": "3000000"},
		"三百万":     {"characters": "三百万", "mixed": "３００", "grouped": "3,000,000", "digits": "3000000"},
	} {
		for _, h := range search(t, db, query, &ciyuan.SearchOptions{Explain: true}).Hits {
			if want[h.ID] == "" {
				continue
			}
			i := slices.IndexFunc(h.Matches, func(m ciyuan.Match) bool { return m.Similarity == 1 })
			if i < 0 || h.Matches[i].Token != want[h.ID] {
				t.Errorf("%s in %s: %+v, want %s", query, h.ID, h.Matches, want[h.ID])
			}
			sum, places := 0.0, map[int]bool{}
			for _, word := range h.Explain.Words {
				sum += word.Score
				for _, token := range word.Tokens {
					if places[token.Start] {
						t.Errorf("%s in %s: %s twice", query, h.ID, token.Token)
					}
					places[token.Start] = true
				}
			}
			if math.Abs(sum-h.Score) > 1e-6 {
				t.Errorf("%s in %s: the words give %v of %v", query, h.ID, sum, h.Score)
			}
		}
	}
}

func TestSearch_Prefix(t *testing.T) {
	db := typingIndex(t)
	typing := func(query string) []string {
		return ids(search(t, db, query, &ciyuan.SearchOptions{Prefix: true, Score: ciyuan.ScoreBM25}))
	}
	for _, test := range []struct{ query, doc string }{
		{"prog", "program"}, {"weather likes p", "program"}, {"disco", "oxygen"}, {"自然语", "machine"}, {"她在学", "learn"}, {"学", "learn"},
		{"天", "weather"}, {"OXY", "oxygen"},
	} {
		if got := typing(test.query); !slices.Contains(got, test.doc) {
			t.Errorf("%q finds %v", test.query, got)
		}
	}
	addAll(t, db, []ciyuan.Document{{ID: "code", Text: "call getUserName and parse_http_header"}})
	for _, query := range []string{"getUserNa", "parse_http_h", "getus"} {
		if got := typing(query); !slices.Equal(got, []string{"code"}) {
			t.Errorf("%q finds %v", query, got)
		}
	}
	for _, query := range []string{"prog ", "prog,", "xyz"} {
		if got := typing(query); len(got) > 0 {
			t.Errorf("%q finds %v", query, got)
		}
	}
	// The word itself is before those that begin with it.
	addAll(t, db, []ciyuan.Document{{ID: "word", Text: "a program for the evening that runs"}})
	if got := ids(search(t, db, "program", &ciyuan.SearchOptions{Prefix: true, Score: ciyuan.ScoreSoftmax})); got[0] != "word" {
		t.Errorf("program finds %v", got)
	}
}

func TestSearch_Synonyms(t *testing.T) {
	db := typingIndex(t)
	s, err := ciyuan.ParseSynonyms(strings.NewReader("gas, oxygen\nNLP, 自然语言处理\n用功，学习"))
	if err != nil {
		t.Fatal(err)
	}
	for _, score := range []ciyuan.Score{ciyuan.ScoreBM25, ciyuan.ScoreHybrid} {
		for query, doc := range map[string]string{"gas": "oxygen", "nlp": "machine", "用功": "learn"} {
			got := ids(search(t, db, query, &ciyuan.SearchOptions{Score: score, Synonyms: s}))
			if len(got) == 0 || got[0] != doc {
				t.Errorf("%v: %q finds %v", score, query, got)
			}
		}
	}
	if got := ids(search(t, db, "gas", &ciyuan.SearchOptions{Score: ciyuan.ScoreBM25})); len(got) > 0 {
		t.Errorf("without synonyms gas finds %v", got)
	}
}

func TestSearch_StopWords(t *testing.T) {
	db := typingIndex(t)
	o := &ciyuan.SearchOptions{StopWords: []string{"BY", "天气"}, Score: ciyuan.ScoreBM25}
	if got := ids(search(t, db, "天气 by programs", o)); !slices.Equal(got, []string{"program"}) {
		t.Errorf("found %v", got)
	}
	if got := ids(search(t, db, "天气", o)); !slices.Equal(got, []string{"weather"}) {
		t.Errorf("stop words alone find %v", got)
	}
}

func TestSearch_Boost(t *testing.T) {
	now := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	db := open(t, nil)
	addAll(t, db, []ciyuan.Document{
		{ID: "text", Text: "苹果 苹果 苹果 香蕉"},
		{ID: "titled", Title: "苹果", Text: "香蕉 梨 葡萄 西瓜 桃子"},
		{ID: "new", Text: "柠檬汁", Meta: map[string]string{"date": "2026-03-01"}},
		{ID: "month", Text: "柠檬汁", Source: ciyuan.Source{ModTime: now.Add(-30 * 24 * time.Hour)}},
		{ID: "undated", Text: "柠檬汁"},
	})
	if got := ids(search(t, db, "苹果", &ciyuan.SearchOptions{Score: ciyuan.ScoreBM25})); got[0] != "text" {
		t.Fatalf("found %v", got)
	}
	if got := ids(search(t, db, "苹果", &ciyuan.SearchOptions{Score: ciyuan.ScoreBM25, Boost: map[string]float64{"title": 3}})); got[0] != "titled" {
		t.Errorf("boosted titles find %v", got)
	}
	for _, exact := range []bool{false, true} {
		for _, score := range allScores {
			r := search(t, db, "柠檬汁", &ciyuan.SearchOptions{Score: score, Exact: exact, Recency: 30 * 24 * time.Hour, Now: now, Explain: true, K: 3})
			if diff := cmp.Diff([]string{"new", "month", "undated"}, ids(r)); diff != "" {
				t.Fatalf("%v, exact %v (-want +got):\n%s", score, exact, diff)
			}
			for i, want := range []float64{1, 0.75, 0.5} {
				h := r.Hits[i]
				if math.Abs(h.Explain.Boost-want) > 1e-9 || math.Abs(h.Score/r.Hits[0].Score-want) > 1e-9 || h.Relative != r.Hits[0].Relative {
					t.Errorf("%v: %s has boost %v, score %v, relative %v", score, h.ID, h.Explain.Boost, h.Score, h.Relative)
				}
				addsUp(t, &h, "柠檬汁", "")
			}
		}
	}
	for _, bad := range []ciyuan.SearchOptions{{Boost: map[string]float64{"title": -1}}, {Boost: map[string]float64{"title": math.NaN()}}, {Boost: map[string]float64{"": 1}}, {Recency: -1}, {Budget: -1}, {Fuzzy: 9}} {
		if _, err := db.Search(context.Background(), "苹果", &bad); !errors.Is(err, ciyuan.ErrOption) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}

func TestSearch_Budget(t *testing.T) {
	db := typingIndex(t)
	if r := search(t, db, "天气", &ciyuan.SearchOptions{Budget: time.Nanosecond}); !r.Stats.Partial {
		t.Errorf("a nanosecond was enough: %+v", r.Stats)
	}
	want := search(t, db, "天气", nil)
	got := search(t, db, "天气", &ciyuan.SearchOptions{Budget: time.Minute})
	if diff := cmp.Diff(want.Hits, got.Hits); diff != "" || got.Stats.Partial {
		t.Errorf("partial %v, (-want +got):\n%s", got.Stats.Partial, diff)
	}
}

// A search that nobody waits for any more ends soon.
func TestSearch_CancelledWhileSearching(t *testing.T) {
	db := open(t, nil)
	docs := make([]ciyuan.Document, 3000)
	for i := range docs {
		docs[i] = ciyuan.Document{ID: strings.Repeat("x", i%7) + time.Duration(i).String(), Text: "天气 学习 编程 技能 程序 电脑 时间"}
	}
	addAll(t, db, docs)
	for delay := time.Microsecond; delay < 2*time.Millisecond; delay *= 2 {
		ctx, cancel := context.WithTimeout(context.Background(), delay)
		_, err := db.Search(ctx, "如何提高编程技能 天气 电脑", &ciyuan.SearchOptions{Prefix: true})
		cancel()
		if err != nil && !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v: %v", delay, err)
		}
	}
}

func TestDB_Similar(t *testing.T) {
	docs, _ := sample(t, "zh")
	en, _ := sample(t, "en")
	for i := range en {
		en[i].ID = "en-" + en[i].ID
	}
	db := open(t, nil)
	addAll(t, db, append(docs, en...))
	addAll(t, db, []ciyuan.Document{{ID: "copy", Text: docs[3].Text}, {ID: "blank", Text: "。。。"}})
	translated := 0
	for _, d := range docs {
		r, err := db.Similar(context.Background(), d.ID, nil)
		if err != nil {
			t.Fatal(err)
		}
		found := ids(r)
		if slices.Contains(found, d.ID) || len(found) != ciyuan.DefaultK || r.Query != d.ID {
			t.Errorf("like %s are %v", d.ID, found)
		}
		if slices.Contains(found, "en-"+d.ID) {
			translated++
		}
		if d.ID == docs[3].ID && found[0] != "copy" {
			t.Errorf("like %s are %v, its copy not first", d.ID, found)
		}
	}
	if share := float64(translated) / float64(len(docs)); share < 0.8 {
		t.Errorf("%.2f of the translations are among the ten most similar", share)
	}
	if _, err := db.Similar(context.Background(), "nowhere", nil); !errors.Is(err, ciyuan.ErrNotFound) {
		t.Error(err)
	}
	if _, err := db.Similar(context.Background(), "blank", nil); !errors.Is(err, ciyuan.ErrEmptyQuery) {
		t.Error(err)
	}
	if _, err := db.Similar(context.Background(), "copy", &ciyuan.SearchOptions{K: -1}); !errors.Is(err, ciyuan.ErrOption) {
		t.Error(err)
	}
}

func TestDB_Expand(t *testing.T) {
	db := typingIndex(t)
	expand := func(word string, k int) []ciyuan.Expansion {
		t.Helper()
		e, err := db.Expand(context.Background(), word, k)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	e := expand("計算機", 3)
	if len(e) != 3 || e[0] != (ciyuan.Expansion{Word: "计算机", Similarity: 1, Passages: 1}) || e[1].Similarity > 1 || e[2].Similarity > e[1].Similarity {
		t.Errorf("%+v", e)
	}
	if e := expand("氧气", 1); len(e) != 1 || e[0].Word != "oxygen" {
		t.Errorf("%+v", e)
	}
	if e := expand("writing software", 2); len(e) != 2 {
		t.Errorf("%+v", e)
	}
	if e := expand("31415", 0); len(e) != 0 {
		t.Errorf("%+v", e)
	}
	if _, err := db.Delete(context.Background(), "oxygen"); err != nil {
		t.Fatal(err)
	}
	if e := expand("氧气", 1); e[0].Word == "oxygen" {
		t.Error("a word of no document is listed")
	}
	if _, err := db.Expand(context.Background(), "。", 1); !errors.Is(err, ciyuan.ErrEmptyQuery) {
		t.Error(err)
	}
	if _, err := db.Expand(context.Background(), "a", -1); !errors.Is(err, ciyuan.ErrOption) {
		t.Error(err)
	}
}

func TestSearch_Suggestions(t *testing.T) {
	db := typingIndex(t)
	o := &ciyuan.SearchOptions{Score: ciyuan.ScoreBM25}
	for query, want := range map[string]string{"oxxygenn": "oxygen", "气象": "天气", "codding": "programming"} {
		r := search(t, db, query, o)
		if len(r.Hits) > 0 || len(r.Suggestions) != 1 || r.Suggestions[0].Query != query || !slices.Contains(r.Suggestions[0].Words, want) {
			t.Errorf("%q: %v, suggestions %+v", query, ids(r), r.Suggestions)
		}
	}
	if r := search(t, db, "天气", nil); r.Suggestions != nil {
		t.Errorf("suggestions beside hits: %+v", r.Suggestions)
	}
}

// BenchmarkSearch_Prefix types a question letter by letter over 848 documents of
// several passages.
func BenchmarkSearch_Prefix(b *testing.B) {
	type doc struct{ ID, Title, Text string }
	var docs []ciyuan.Document
	for _, d := range lines[doc](b, testutil.Shared(b, "data/cmrc2018-dev/docs.jsonl")) {
		docs = append(docs, ciyuan.Document{ID: d.ID, Title: d.Title, Text: d.Text})
	}
	db := open(b, nil)
	addAll(b, db, docs)
	query := []rune("战国无双是由哪两个公司合作开发的")
	b.ReportAllocs()
	n := 1
	for b.Loop() {
		search(b, db, string(query[:n]), &ciyuan.SearchOptions{Prefix: true})
		n = n%len(query) + 1
	}
}

// Whatever is typed is answered or refused, and every answer can be explained.
func FuzzSearch(f *testing.F) {
	db := typingIndex(f)
	synonyms, err := ciyuan.ParseSynonyms(strings.NewReader("学习, learn, 用功\nNLP, 自然语言处理, natural language processing"))
	if err != nil {
		f.Fatal(err)
	}
	texts := map[string]string{}
	for e, err := range db.List(context.Background(), "") {
		if err != nil {
			f.Fatal(err)
		}
		doc, err := db.Get(context.Background(), e.ID)
		if err != nil {
			f.Fatal(err)
		}
		texts[e.ID] = doc.Text
	}
	for i, query := range []string{"习学 \"自然语言\"", "+Oxygen -wether prog", "title:x NLP", "oxgyen，天汽", "“语言处理”的计算几", "\xff\"\x00 -", "a b c d e f g h i j"} {
		f.Add(query, uint8(i*37))
	}
	f.Fuzz(func(t *testing.T, query string, bits uint8) {
		o := ciyuan.SearchOptions{
			Operators: bits&1 > 0, Prefix: bits&2 > 0, Exact: bits&4 > 0, Explain: true,
			Fuzzy: ciyuan.Fuzzy(bits >> 3 % 3), Score: ciyuan.Score(bits >> 5 % 5),
		}
		if bits&16 > 0 {
			o.Synonyms, o.StopWords, o.Boost = synonyms, []string{"by", "的"}, map[string]float64{"id": 2}
		}
		res, err := db.Search(context.Background(), query, &o)
		if errors.Is(err, ciyuan.ErrEmptyQuery) || o.Operators && errors.Is(err, ciyuan.ErrOnlyConditions) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		for i := range res.Hits {
			h := &res.Hits[i]
			addsUp(t, h, texts[h.ID], "")
			if i > 0 && h.Score > res.Hits[i-1].Score {
				t.Errorf("hit %d scores %v, the one before %v", i+1, h.Score, res.Hits[i-1].Score)
			}
			for _, m := range h.Marks {
				if m.Start < 0 || m.End > len(h.Snippet) || m.Start >= m.End {
					t.Errorf("mark %+v in %q", m, h.Snippet)
				}
			}
		}
	})
}
