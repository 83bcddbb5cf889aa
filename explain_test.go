package ciyuan_test

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/ciyuan-search/ciyuan"
)

// addsUp fails the test unless an explanation accounts for the score of its hit and
// names what stands in the document.
func addsUp(t interface{ Errorf(string, ...any) }, h *ciyuan.Hit, text, title string) {
	e := h.Explain
	total := 0.0
	for _, w := range e.Words {
		parts := 0.0
		for _, p := range w.Parts {
			parts += p.Value
		}
		if math.Abs(parts-w.Score) > 1e-9 {
			t.Errorf("%s, %q: parts sum to %v, the word has %v", h.ID, w.Query, parts, w.Score)
		}
		total += parts
		attention := 0.0
		for _, a := range w.Tokens {
			attention += a.Attention
			in := text
			if a.Title {
				in = title
			} else if a.Start < e.Start || a.End > e.End {
				t.Errorf("%s, %q: %+v lies outside of the passage, %d to %d", h.ID, w.Query, a, e.Start, e.End)
			}
			if in[a.Start:a.End] != a.Token {
				t.Errorf("%s, %q: %+v stands for %q", h.ID, w.Query, a, in[a.Start:a.End])
			}
			if !(a.Attention > 0) {
				t.Errorf("%s, %q: no attention on %+v", h.ID, w.Query, a)
			}
		}
		if attention > 1+1e-9 {
			t.Errorf("%s, %q: attention of %v", h.ID, w.Query, attention)
		}
		if (len(w.Tokens) > 0) != (w.Score > 0) {
			t.Errorf("%s, %q: scores %v with %d tokens", h.ID, w.Query, w.Score, len(w.Tokens))
		}
	}
	if math.Abs(total-h.Score) > 1e-6 {
		t.Errorf("%s: parts sum to %v, the score is %v", h.ID, total, h.Score)
	}
	if text[e.Start:e.End] != e.Text {
		t.Errorf("%s: the passage is not what stands at %d to %d", h.ID, e.Start, e.End)
	}
}

func TestExplain_AddsUp(t *testing.T) {
	docs, questions := sample(t, "zh")
	texts := map[string]string{}
	for i := range docs {
		docs[i].Title = strings.ReplaceAll(docs[i].ID, "-", " ")
		texts[docs[i].ID] = docs[i].Text
	}
	docs = append(docs, ciyuan.Document{ID: "long", Text: strings.Repeat("氧气是一种气体。天气很好。\n", 200)})
	texts["long"] = docs[len(docs)-1].Text
	db := open(t, nil)
	addAll(t, db, docs)
	for _, score := range allScores {
		for _, q := range append(questions[:20:20], question{Text: "oxygen 氧气"}) {
			for _, o := range []ciyuan.SearchOptions{{}, {NoIDF: true}, {Temperature: 0.5}} {
				o.Score, o.Explain, o.K = score, true, 5
				for _, h := range search(t, db, q.Text, &o).Hits {
					addsUp(t, &h, texts[h.ID], strings.ReplaceAll(h.ID, "-", " "))
				}
			}
		}
	}
	if h := search(t, db, "氧气", nil).Hits[0]; h.Explain != nil {
		t.Error("an explanation that nobody asked for")
	}
}

// Compounds and their parts, titles and tiny documents are where sums go wrong.
func TestExplain_AnyText(t *testing.T) {
	run := 0
	db := open(t, nil)
	synonyms, err := ciyuan.ParseSynonyms(strings.NewReader("编程, program, 软件工程师\n时间，time"))
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(t *rapid.T) {
		run++
		docs := map[string]ciyuan.Document{}
		for i := range rapid.IntRange(1, 4).Draw(t, "documents") {
			d := drawDoc(t)
			d.ID = fmt.Sprintf("%d-%d", run, i)
			docs[d.ID] = d
			if err := db.Add(t.Context(), d); err != nil {
				t.Fatal(err)
			}
		}
		query := strings.Join(rapid.SliceOfN(rapid.SampledFrom(vocabulary[:24]), 1, 5).Draw(t, "query"), " ")
		for _, score := range allScores {
			o := ciyuan.SearchOptions{Score: score, Explain: true, K: 50}
			o.Fuzzy = rapid.SampledFrom([]ciyuan.Fuzzy{ciyuan.FuzzyAuto, ciyuan.FuzzyAlways, ciyuan.FuzzyNever}).Draw(t, "fuzzy")
			o.Prefix = rapid.Bool().Draw(t, "prefix")
			if rapid.Bool().Draw(t, "synonyms") {
				o.Synonyms = synonyms
			}
			if rapid.Bool().Draw(t, "boosted") {
				o.Boost, o.Recency = map[string]float64{"title": 3}, time.Hour
			}
			res, err := db.Search(t.Context(), query, &o)
			if err != nil {
				t.Fatal(err)
			}
			for i := range res.Hits {
				if d, ok := docs[res.Hits[i].ID]; ok {
					addsUp(t, &res.Hits[i], d.Text, d.Title)
				}
			}
		}
	})
}

func TestSearch_MarksSayWhy(t *testing.T) {
	db := open(t, nil)
	addAll(t, db, []ciyuan.Document{{ID: "a", Text: "天气不错，我们学习编程和写程序"}})
	h := search(t, db, "编程", nil).Hits[0]
	var literal, semantic []string
	for _, m := range h.Marks {
		switch m.Kind {
		case ciyuan.MarkLiteral:
			literal = append(literal, h.Snippet[m.Start:m.End])
		case ciyuan.MarkSemantic:
			semantic = append(semantic, h.Snippet[m.Start:m.End])
		}
	}
	if !slices.Equal(literal, []string{"编程"}) || !slices.Contains(semantic, "程序") || len(literal)+len(semantic) != len(h.Marks) {
		t.Errorf("literal %q, semantic %q, %d marks", literal, semantic, len(h.Marks))
	}
}
