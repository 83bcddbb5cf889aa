package ciyuan_test

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

var update = flag.Bool("update", false, "write the golden rankings anew")

// TestSearch_GoldenRankings holds the default ranking of the sample against what it was
// when somebody last looked at it:
//
//	go test . -run GoldenRankings -update
//
// writes it anew, and the difference shows which questions gain and which lose.
func TestSearch_GoldenRankings(t *testing.T) {
	for _, tt := range []struct{ name, questions, documents string }{
		{"zh", "zh", "zh"}, {"en", "en", "en"}, {"zh-en", "zh", "en"}, {"en-zh", "en", "zh"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			docs, _ := sample(t, tt.documents)
			_, questions := sample(t, tt.questions)
			db := open(t, nil)
			addAll(t, db, sentencesOf(docs))
			got := goldenRankings(t, db, questions)
			path := filepath.Join("testdata", "rankings", tt.name+".tsv")
			if *update {
				if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
				t.Errorf("another ranking than %s has (-file +now); -update accepts it:\n%s", path, diff)
			}
		})
	}
}

// sentencesOf returns the sentences of documents, each a document: whole paragraphs would
// be found too easily to tell one ranking from another.
func sentencesOf(docs []ciyuan.Document) []ciyuan.Document {
	var out []ciyuan.Document
	for _, d := range docs {
		for i, s := range tokenizer.Sentences(d.Text) {
			out = append(out, ciyuan.Document{ID: fmt.Sprintf("%s#%d", d.ID, i), Text: d.Text[s.Start:s.End]})
		}
	}
	return out
}

// goldenRankings returns a line a question: its id, 1 where a sentence of its paragraph
// is among the first ten, the reciprocal of the best one's rank, and the first three
// sentences. The means come first.
func goldenRankings(t *testing.T, db *ciyuan.DB, questions []question) string {
	var lines strings.Builder
	var found, reciprocal float64
	for _, q := range questions {
		recall, rr := 0, 0.0
		ranked := ids(search(t, db, q.Text, &ciyuan.SearchOptions{K: 10}))
		for i, id := range ranked {
			if doc, _, _ := strings.Cut(id, "#"); doc == q.Doc && recall == 0 {
				recall, rr = 1, 1/float64(i+1)
			}
		}
		found += float64(recall)
		reciprocal += rr
		fmt.Fprintf(&lines, "%s\t%d\t%.3f\t%s\n", q.ID, recall, rr, strings.Join(ranked[:min(3, len(ranked))], " "))
	}
	n := float64(len(questions))
	return fmt.Sprintf("question\trecall@10\tmrr@10\tfirst three\nmean of %d\t%.4f\t%.4f\n", len(questions), found/n, reciprocal/n) + lines.String()
}
