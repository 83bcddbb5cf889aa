package eval_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ciyuan-search/ciyuan/eval"
)

func TestMisspell(t *testing.T) {
	set := &eval.Set{Name: "s", Documents: []eval.Document{{ID: "d", Text: "x"}}}
	for range 200 {
		set.Queries = append(set.Queries, eval.Query{ID: "q", Text: "hello 自然语言 ab 的 good", Answers: []string{"x"}})
	}
	words := func(text string) []eval.Span {
		var out []eval.Span
		at := 0
		for _, w := range strings.Fields(text) {
			at += strings.Index(text[at:], w)
			out = append(out, eval.Span{Start: at, End: at + len(w)})
		}
		return out
	}
	got, changed := eval.Misspell(set, 3, words)
	again, _ := eval.Misspell(set, 3, words)
	if diff := cmp.Diff(got, again); diff != "" {
		t.Errorf("the same seed gives other slips:\n%s", diff)
	}
	other, _ := eval.Misspell(set, 4, words)
	if cmp.Equal(got, other) {
		t.Error("another seed gives the same slips")
	}
	lengths := map[int]int{}
	different := 0
	for i, q := range got.Queries {
		before, after := strings.Fields(set.Queries[i].Text), strings.Fields(q.Text)
		if len(after) != len(before) || after[2] != "ab" || after[3] != "的" || q.ID != "q" || len(q.Answers) != 1 {
			t.Fatalf("%q becomes %+v", set.Queries[i].Text, q)
		}
		slips := 0
		for j := range after {
			if after[j] != before[j] {
				slips++
				lengths[len([]rune(after[j]))-len([]rune(before[j]))]++
			}
		}
		if slips > 1 {
			t.Errorf("%q has %d slips", q.Text, slips)
		}
		different += slips
	}
	if different != changed || changed < 150 || lengths[-1] < 20 || lengths[0] < 40 || lengths[1] < 20 || set.Queries[0].Text != "hello 自然语言 ab 的 good" {
		t.Errorf("%d changed, %d different, by length %v", changed, different, lengths)
	}
}
