package ciyuan_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/ciyuan-search/ciyuan"
)

// A short note with a word that has half to do with the one that is asked for does not
// stand before a long file that has the word itself.
func TestSearch_LongFileBeforeRelatedNote(t *testing.T) {
	const nearest, farthest = 0.8, 0.3
	docs, _ := sample(t, "zh")
	english, _ := sample(t, "en")
	words := open(t, nil)
	addAll(t, words, docs)
	var long strings.Builder
	for _, d := range append(docs, english...) {
		long.WriteString(d.Text + "\n\n")
	}
	tried := 0
	for _, word := range []string{"氧气", "大学", "黑死病", "帝国", "植物", "石油", "法律", "军队", "音乐", "国王", "森林", "公园", "数学", "细胞", "疾病", "经济"} {
		if !strings.Contains(long.String(), word) {
			continue
		}
		near, err := words.Expand(t.Context(), word, 20)
		if err != nil {
			t.Fatal(err)
		}
		db := open(t, nil)
		notes := []ciyuan.Document{{ID: "long", Text: long.String()}}
		for i, e := range near {
			if e.Similarity < nearest && e.Similarity > farthest {
				notes = append(notes, ciyuan.Document{ID: fmt.Sprintf("note %d: %s", i, e.Word), Text: e.Word})
			}
		}
		addAll(t, db, notes)
		tried += len(notes) - 1
		if r := search(t, db, word, &ciyuan.SearchOptions{K: 3}); r.Hits[0].ID != "long" {
			t.Errorf("%s: %v before the long file", word, ids(r))
		}
	}
	if tried < 100 {
		t.Errorf("only %d notes", tried)
	}
}
