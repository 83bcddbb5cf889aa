package ciyuan_test

import (
	"testing"

	"github.com/ciyuan-search/ciyuan"
)

// An inflected word counts where literal ones do; what has only the stem in common
// does not.
func TestSearch_Inflections(t *testing.T) {
	for _, tt := range []struct {
		query, text string
		literal     bool
	}{
		{"wing", "The wings of this aircraft are swept.", true},
		{"Wings", "A wing in supersonic flow.", true},
		{"studies", "He studied the flow for years.", true},
		{"policy", "Insurance policies are dear.", true},
		{"organ", "The organization was founded in May.", false},
		{"computer", "电脑很贵。", false},
		{"编程", "程序设计并不难。", false},
	} {
		db := open(t, nil)
		addAll(t, db, []ciyuan.Document{{ID: "a", Text: tt.text}, {ID: "b", Text: "天气很好。 Rain is expected."}})
		for _, score := range []ciyuan.Score{ciyuan.ScoreHybrid, ciyuan.ScoreBM25} {
			hits := search(t, db, tt.query, &ciyuan.SearchOptions{Score: score, Explain: true, Fuzzy: ciyuan.FuzzyNever}).Hits
			if score == ciyuan.ScoreBM25 {
				if len(hits) > 0 {
					t.Errorf("%q: BM25 finds %v, which does not have it", tt.query, hits[0].ID)
				}
				continue
			}
			if len(hits) == 0 || hits[0].ID != "a" {
				t.Errorf("%q: %v", tt.query, hits)
				continue
			}
			addsUp(t, &hits[0], tt.text, "")
			parts := hits[0].Explain.Words[0].Parts
			if parts[1].Score != "bm25" || (parts[1].Value > 0) != tt.literal {
				t.Errorf("%q in %q: %+v, literal %v", tt.query, tt.text, parts, tt.literal)
			}
			if marks := hits[0].Marks; len(marks) != 1 || (marks[0].Kind == ciyuan.MarkLiteral) != tt.literal {
				t.Errorf("%q in %q: marks %+v", tt.query, tt.text, marks)
			}
		}
	}
}
