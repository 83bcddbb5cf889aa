package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/eval"
)

// Goals for answers over a whole index, without a transformer.
const (
	minAnswerF1  = 0.35
	minAnswerAUC = 0.75
)

// answerGoals are those for the sentence of the first answer, and how many documents
// of a set that follow one another are of one article.
var answerGoals = []struct {
	set      string
	sentence float64
	article  int
}{{"cmrc2018-dev", 0.72, 1}, {"xquad-zh", 0.78, 5}, {"xquad-en", 0.79, 5}}

// measureAnswers asks the questions of three sets. The weights of package ask were
// chosen on the questions of every second article; those of the others are reported.
func measureAnswers(ctx context.Context, b *bench) error {
	t := table{
		Part: "answers", Title: "Questions answered from a whole index",
		Head: []string{"set", "articles", "questions", "sentence first, %", "F1, %", "exact, %", "AUC", "refused, %", "invented, %", "mean ms"},
		Note: "Weights were chosen on the questions of the even articles, with all documents in the index; those of the odd ones count. " +
			"Sentence first: the first answer stands in a sentence of the relevant document that holds an expected answer, of the questions that have one. F1 and exact match: of the answer, by Chinese characters and by words. " +
			"AUC, refused, invented: the same questions over the half of the documents that has their own and over the other one; what has a score of 0.5 is answered.",
	}
	for _, goal := range answerGoals {
		whole, err := b.set(goal.set)
		if err != nil {
			return err
		}
		for part, name := range []string{"even", "odd"} {
			set := questionsOf(whole, func(document int) bool { return document/goal.article%2 == part })
			res, err := eval.Answers(ctx, set, b.answerIndex, ciyuan.AskOptions{}, func() {})
			if err != nil {
				return err
			}
			m := &res.Metrics
			t.Rows = append(t.Rows, []string{
				goal.set, name, fmt.Sprint(res.Queries), percent(m.Sentence1), percent(m.F1), percent(m.Exact), number(m.AUC), percent(m.Refused), percent(m.Invented), number(res.MsPerQuery),
			})
			if name == "even" {
				continue
			}
			on := fmt.Sprintf("%d questions of %s that no weight was chosen on", res.Queries, goal.set)
			b.report.atLeast("answers", "answering sentence first, "+goal.set, goal.sentence, "", exactly(rounded(m.Sentence1)), on)
			b.report.atLeast("answers", "F1 of the answer, "+goal.set, minAnswerF1, "", exactly(rounded(m.F1)), on)
			b.report.atLeast("answers", "area under the curve, answerable or not, "+goal.set, minAnswerAUC, "", exactly(rounded(m.AUC)), on)
		}
	}
	b.report.table(t)
	return nil
}

// questionsOf returns a set with all its documents and the questions of those that keep
// is true for, by their place.
func questionsOf(set *eval.Set, keep func(document int) bool) *eval.Set {
	place := map[string]int{}
	for i, d := range set.Documents {
		place[d.ID] = i
	}
	out := &eval.Set{Name: set.Name, Documents: set.Documents, Qrels: eval.Qrels{}}
	for _, q := range set.Queries {
		for id := range set.Qrels[q.ID] { // there is one in these sets
			if keep(place[id]) {
				out.Queries = append(out.Queries, q)
				out.Qrels[q.ID] = set.Qrels[q.ID]
				break
			}
		}
	}
	return out
}

// answerIndex makes an index of documents.
func (b *bench) answerIndex(ctx context.Context, docs []eval.Document) (*ciyuan.DB, func(), error) {
	dir, err := os.MkdirTemp(b.dir, "answers-")
	if err != nil {
		return nil, nil, err
	}
	db, err := ciyuan.Open(filepath.Join(dir, "answers.db"), nil)
	if err != nil {
		return nil, nil, err
	}
	_, err = db.AddBatch(ctx, func(yield func(ciyuan.Document, error) bool) {
		for _, d := range docs {
			if !yield(ciyuan.Document{ID: d.ID, Title: d.Title, Text: d.Text}, nil) {
				return
			}
		}
	})
	done := func() { _ = db.Close() } // the folder goes with the others
	if err != nil {
		done()
		return nil, nil, err
	}
	return db, done, nil
}
