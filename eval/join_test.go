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
	got, file := eval.Join(set, 7)
	if again, _ := eval.Join(set, 7); !cmp.Equal(got, again) {
		t.Error("the same seed gives other files")
	}
	if other, _ := eval.Join(set, 8); cmp.Equal(got, other) {
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
	run := eval.Run{"q": {{ID: "d999", Score: 3}, {ID: "d998", Score: 2}, {ID: "d0", Score: 1}}}.Files(file)
	want := []eval.Scored{{ID: file["d999"], Score: 3}, {ID: file["d998"], Score: 2}, {ID: file["d0"], Score: 1}}
	if file["d999"] == file["d998"] {
		want = []eval.Scored{want[0], want[2]}
	}
	if diff := cmp.Diff(want, run["q"]); diff != "" {
		t.Errorf("ranking of files (-want +got):\n%s", diff)
	}
}
