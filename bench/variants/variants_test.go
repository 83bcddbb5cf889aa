package main

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/eval"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// sample is the sample set of testdata in a language.
func sample(t *testing.T, lang string) *eval.Set {
	t.Helper()
	root := filepath.Join("..", "..", "testdata")
	files, err := filepath.Glob(filepath.Join(root, "paragraphs", lang, "*.txt"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no paragraphs: %v", err)
	}
	set := &eval.Set{Name: lang, Qrels: eval.Qrels{}}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		set.Documents = append(set.Documents, eval.Document{ID: strings.TrimSuffix(filepath.Base(f), ".txt"), Title: "title", Text: string(text)})
	}
	file, err := os.Open(filepath.Join(root, "questions", lang+".jsonl"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for in := json.NewDecoder(file); in.More(); {
		var q struct{ ID, Doc, Text string }
		if err := in.Decode(&q); err != nil {
			t.Fatal(err)
		}
		set.Queries = append(set.Queries, eval.Query{ID: q.ID, Text: q.Text})
		set.Qrels[q.ID] = map[string]int{q.Doc: 1}
	}
	return set
}

// The program scores as the plain formulas do, inflections and other languages included.
func TestVariants_AgreeWithTheProgram(t *testing.T) {
	enc, err := encoder.Default()
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenizer.New(tokenizer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	english := sample(t, "en")
	crossed, err := eval.Cross(sample(t, "zh"), english)
	if err != nil {
		t.Fatal(err)
	}
	for _, set := range []*eval.Set{english, crossed} {
		s := newSet(set, enc, tok, false)
		db, err := ciyuan.Open(filepath.Join(t.TempDir(), "a.db"), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer db.Close()
		for _, d := range set.Documents {
			if err := db.Add(t.Context(), ciyuan.Document{ID: d.ID, Title: d.Title, Text: d.Text}); err != nil {
				t.Fatal(err)
			}
		}
		for _, tt := range []struct {
			variant string
			score   ciyuan.Score
		}{{standard, ciyuan.ScoreHybrid}, {"softmax", ciyuan.ScoreSoftmax}, {"BM25 1.2/0.75", ciyuan.ScoreBM25}} {
			var score Score
			for _, v := range variants(s, s) {
				if v.name == tt.variant {
					score = v.score()
				}
			}
			for i := range s.Questions[:20] {
				q := &s.Questions[i]
				want := make([]float64, len(s.Passages))
				score(q, want)
				res, err := db.Search(t.Context(), q.Text, &ciyuan.SearchOptions{Score: tt.score, K: len(want), Fuzzy: ciyuan.FuzzyNever})
				if err != nil {
					t.Fatal(err)
				}
				most := 1.0
				if tt.score == ciyuan.ScoreHybrid {
					most = 0
					for j := range q.Terms {
						most += s.inflectedIDF(minInflected, s.IDF)(&q.Terms[j])
					}
				}
				got := map[string]float64{}
				for _, h := range res.Hits {
					got[h.ID] = h.Score
				}
				for p, v := range want {
					if id := s.documents[s.Passages[p].Document]; math.Abs(got[id]-v/most) > 1e-5 {
						t.Fatalf("%s, %s, %q: %s scores %v, the formula says %v", set.Name, tt.variant, q.Text, id, got[id], v/most)
					}
				}
			}
		}
	}
}
