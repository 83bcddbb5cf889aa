package eval_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ciyuan-search/ciyuan/eval"
)

func TestJoin(t *testing.T) {
	set := &eval.Set{Name: "s", Qrels: eval.Qrels{"q": {"d3": 1, "d4": 3, "d900": 0}, "none": {}}}
	for i := range 1000 {
		set.Documents = append(set.Documents, eval.Document{ID: fmt.Sprintf("d%d", i), Title: fmt.Sprintf("T%d", i), Text: fmt.Sprintf("text %d.", i)})
	}
	set.Queries = []eval.Query{{ID: "q", Text: "x"}, {ID: "none", Text: "y"}}
	got := eval.Join(set, 7)
	if diff := cmp.Diff(got, eval.Join(set, 7)); diff != "" {
		t.Errorf("the same seed gives other files:\n%s", diff)
	}
	if cmp.Equal(got, eval.Join(set, 8)) {
		t.Error("another seed gives the same files")
	}
	sizes := map[int]int{}
	best, at := 0, 0
	for _, d := range got.Documents {
		n := strings.Count(d.Text, "# T")
		if n < 1 || n > 50 {
			t.Errorf("%s has %d documents", d.ID, n)
		}
		sizes[n]++
		for range n {
			if want := fmt.Sprintf("# T%d\n\ntext %d.", at, at); !strings.Contains(d.Text, want) {
				t.Fatalf("%s lacks %q", d.ID, want)
			}
			if at == 4 && got.Qrels["q"][d.ID] != 3 || at == 3 && got.Qrels["q"][d.ID] < 1 {
				t.Errorf("%s has grade %d", d.ID, got.Qrels["q"][d.ID])
			}
			at++
		}
		best = max(best, n)
	}
	if at != 1000 || sizes[1] == 0 || best < 32 {
		t.Errorf("%d documents, sizes %v", at, sizes)
	}
	if len(got.Qrels["q"]) > 3 || len(got.Qrels["none"]) != 0 || len(got.Queries) != 2 {
		t.Errorf("judged %v", got.Qrels)
	}
}
