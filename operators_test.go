package ciyuan_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// foundBy returns the documents that a query with operators finds, by id.
func foundBy(t testing.TB, db *ciyuan.DB, query string, exact bool) []string {
	t.Helper()
	got := ids(search(t, db, query, &ciyuan.SearchOptions{Operators: true, Exact: exact, K: 1000}))
	slices.Sort(got)
	return got
}

func TestSearch_Operators(t *testing.T) {
	long := strings.Repeat("天气不错，大家都出门了。\n", 100) + "最后谈谈量子纠缠。\n" + strings.Repeat("街上很热闹，人很多。\n", 100)
	docs := []ciyuan.Document{
		{ID: "nlp", Title: "自然语言处理入门", Text: "我们学习自然语言处理和机器学习。", Meta: map[string]string{"lang": "zh", "author": "Donald Knuth"}},
		{ID: "trad", Text: "他們研究自然語言處理與機器學習", Meta: map[string]string{"lang": "zh-Hant"}, Source: ciyuan.Source{Path: "notes/old/trad.md"}},
		{ID: "apart", Text: "自然界的语言，处理起来很难；机器在学习", Meta: map[string]string{"lang": "zh"}},
		{ID: "en", Text: "Fine weather, they say: machine learning in the fine\nweather of May", Meta: map[string]string{"lang": "en"}, Source: ciyuan.Source{Path: "notes/en.md"}},
		{ID: "reverse", Text: "the weather is fine for machines and learning, getUserName says", Meta: map[string]string{"lang": "en"}},
		{ID: "long", Text: long},
		{ID: "gone", Text: "fine weather 自然语言处理"},
	}
	for _, folded := range []bool{false, true} {
		db := open(t, nil)
		addAll(t, db, docs)
		if folded {
			if err := db.Fold(context.Background()); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := db.Delete(context.Background(), "gone"); err != nil {
			t.Fatal(err)
		}
		for query, want := range map[string][]string{
			`"自然语言处理"`:                      {"nlp", "trad"},
			`“自然語言處理”`:                      {"nlp", "trad"},
			`「语言处理」`:                        {"apart", "nlp", "trad"}, // also where it begins within a word
			`"fine weather"`:                {"en"},
			`"FINE  Weather"`:               {"en"},
			`"weather fine"`:                nil,
			`weather +fine -"fine weather"`: {"reverse"},
			`weather -learning`:             {"apart", "long"}, // found by what is near
			`学习 +lang:zh -apart`:            {"apart", "nlp", "trad"},
			`学习 lang:zh`:                    {"apart", "nlp", "trad"},
			`学习 lang:zh -lang:hant`:         {"apart", "nlp"},
			`学习 author:knuth`:               {"nlp"},
			`学习 author:nut`:                 nil,
			`学习 title:入门`:                   {"nlp"},
			`学习 id:trad`:                    {"trad"},
			`学习 path:notes/old`:             {"trad"},
			`learning path:notes`:           {"en", "trad"},
			`天气 +量子`:                        {"long"},
			`天气 -量子 +热闹`:                    nil,
			`"量子纠缠 街上"`:                     {"long"}, // punctuation between words does not count
			`says +user`:                    {"reverse"},
			`says +getUserName`:             {"reverse"},
			`+机器 +学习`:                       {"apart", "nlp", "trad"},
			`+机器学习`:                         {"nlp", "trad"},
			`fine weather" -nowhere`:        nil,
		} {
			for _, exact := range []bool{false, true} {
				got := foundBy(t, db, query, exact)
				if query == `fine weather" -nowhere` {
					// A lone quotation mark is text.
					if !slices.Contains(got, "reverse") || !slices.Contains(got, "en") {
						t.Errorf("%s finds %v", query, got)
					}
					continue
				}
				if !slices.Equal(got, want) && len(got)+len(want) > 0 {
					t.Errorf("folded %v, exact %v: %s finds %v, wanted %v", folded, exact, query, got, want)
				}
			}
		}
		for _, query := range []string{"-rain", "lang:zh", `-"a b" lang:en`} {
			_, err := db.Search(context.Background(), query, &ciyuan.SearchOptions{Operators: true})
			if !errors.Is(err, ciyuan.ErrOnlyConditions) {
				t.Errorf("%s: %v", query, err)
			}
		}
		if _, err := db.Search(context.Background(), `""`, &ciyuan.SearchOptions{Operators: true}); !errors.Is(err, ciyuan.ErrEmptyQuery) {
			t.Errorf("an empty phrase: %v", err)
		}
		if got := ids(search(t, db, "weather -fine", nil)); !slices.Contains(got, "reverse") {
			t.Errorf("operators were read without being asked for: %v", got)
		}
	}
}

func han(word string) bool { return word[0] >= 0xe4 && word[0] <= 0xe9 }

// spelled returns words one after another, with a mark between two unless both are
// Chinese.
func spelled(words []string) string {
	var b strings.Builder
	for i, w := range words {
		if i > 0 && !(han(words[i-1]) && han(w)) {
			b.WriteByte('|')
		}
		b.WriteString(w)
	}
	return b.String()
}

// A phrase is found wherever its words follow one another, however the text around
// it was cut into words and into passages.
func TestSearch_PhraseIsComplete(t *testing.T) {
	tok, err := tokenizer.New(tokenizer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	cut := func(text string) []string {
		var out []string
		for _, tk := range tok.Tokenize(nil, text) {
			if tk.Primary() && tk.Kind.Counts() {
				out = append(out, tk.Word)
			}
		}
		return out
	}
	pieces := []string{"自然", "语言", "处理", "学习", "机器", "习惯", "机", "hello", "world", "3.14", "，", " ", "。\n"}
	db := open(t, nil)
	run := 0
	rapid.Check(t, func(t *rapid.T) {
		run++
		some := rapid.SliceOfN(rapid.SampledFrom(pieces), 1, 40)
		phrase := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces[:11]), 1, 4).Draw(t, "phrase"), "")
		words := cut(phrase)
		if len(words) == 0 {
			return
		}
		pattern := spelled(words)
		if !han(words[0]) {
			pattern = "|" + pattern
		}
		if !han(words[len(words)-1]) {
			pattern += "|"
		}
		want := map[string]bool{}
		for i := range rapid.IntRange(1, 3).Draw(t, "documents") {
			// More than one passage, with the phrase anywhere.
			d := ciyuan.Document{
				ID:   fmt.Sprintf("%d-%d", run, i),
				Text: strings.Repeat(strings.Join(some.Draw(t, "text"), ""), rapid.IntRange(1, 30).Draw(t, "times")),
			}
			if rapid.Bool().Draw(t, "has it") {
				at := rapid.IntRange(0, len(d.Text)).Draw(t, "at")
				for at < len(d.Text) && d.Text[at]&0xc0 == 0x80 {
					at++
				}
				d.Text = d.Text[:at] + phrase + d.Text[at:]
			}
			if err := db.Add(t.Context(), d); err != nil {
				t.Fatal(err)
			}
			want[d.ID] = strings.Contains("|"+spelled(cut(d.Text))+"|", pattern)
			if len(words) == 1 { // a part of a compound will do
				want[d.ID] = want[d.ID] || slices.ContainsFunc(tok.Tokenize(nil, d.Text), func(tk tokenizer.Token) bool { return tk.Word == words[0] })
			}
		}
		res, err := db.Search(t.Context(), `"`+phrase+`"`, &ciyuan.SearchOptions{Operators: true, K: 1000})
		if err != nil {
			t.Fatal(err)
		}
		found := ids(res)
		for id, w := range want {
			if got := slices.Contains(found, id); got != w {
				t.Errorf("%q in %s: found %v, wanted %v", phrase, id, got, w)
			}
		}
	})
}
