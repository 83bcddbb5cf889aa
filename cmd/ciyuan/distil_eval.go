package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/encoder/distil"
	"github.com/ciyuan-search/ciyuan/eval"
)

// teacherScore is a line of what distil --eval prints.
type teacherScore struct {
	System string  `json:"system"` // table, teacher or bm25
	MRR    float64 `json:"mrr@10"`
	NDCG   float64 `json:"ndcg@10"`
}

// teacherWords is a teacher as an encoder of an index, which holds its vectors.
type teacherWords struct{ ask distil.Teacher }

func (t teacherWords) Name() string        { return "teacher" }
func (t teacherWords) Fingerprint() string { return "teacher" }
func (t teacherWords) Dim() int            { return 0 }

// Vectors asks for a bounded number of words at a time: a teacher takes them all at once.
func (t teacherWords) Vectors(ctx context.Context, words []string) ([][]float32, error) {
	const batch = 256
	var all [][]float32
	for from := 0; from < len(words); from += batch {
		vectors, err := t.ask(ctx, words[from:min(len(words), from+batch)])
		if err != nil {
			return nil, err
		}
		all = append(all, vectors...)
	}
	return all, nil
}

// compareTeacher measures searches on a test set: by softmax attention with the new
// table and with the teacher's own vectors of the words, and by BM25.
func (c *console) compareTeacher(ctx *cli.Context, set *eval.Set, table string, ask distil.Teacher, pr *progress) ([]teacherScore, error) {
	student, err := c.openTable(ctx.Context, table)
	if err != nil {
		return nil, err
	}
	cut, err := tokenizerOptions(ctx)
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", programName+"-distil-")
	if err != nil {
		return nil, err
	}
	defer func() { _ = os.RemoveAll(dir) }() // a leftover in the system's temporary folder is no failure
	var scores []teacherScore
	measure := func(name string, db *ciyuan.DB, score ciyuan.Score) error {
		pr.enter("searching with "+name, 0, int64(len(set.Queries)), "queries")
		run, _, err := answer(ctx.Context, db, set, &ciyuan.SearchOptions{K: runDepth, Score: score}, pr)
		if err != nil {
			return err
		}
		m := eval.Evaluate(set.Qrels, run).Mean
		mrr, _ := m.Get("mrr@10")
		ndcg, _ := m.Get("ndcg@10")
		scores = append(scores, teacherScore{name, mrr, ndcg})
		return nil
	}
	for _, system := range []struct {
		name string
		enc  encoder.Encoder
	}{{"table", student}, {"teacher", teacherWords{ask}}} {
		pr.enter("indexing with "+system.name, 0, 0, "")
		db, err := ciyuan.Open(filepath.Join(dir, system.name), &ciyuan.Options{Encoder: system.enc, Mode: cut.Mode, Dict: cut.Dict})
		if err != nil {
			return nil, err
		}
		defer discard(db)
		_, err = db.AddBatch(ctx.Context, func(yield func(ciyuan.Document, error) bool) {
			for _, d := range set.Documents {
				if !yield(ciyuan.Document{ID: d.ID, Title: d.Title, Text: d.Text}, nil) {
					return
				}
			}
		})
		if err == nil {
			err = measure(system.name, db, ciyuan.ScoreSoftmax)
		}
		if err == nil && system.name == "teacher" {
			err = measure("bm25", db, ciyuan.ScoreBM25)
		}
		if err != nil {
			return nil, err
		}
	}
	return scores, nil
}

func (c *console) printTeacherScores(scores []teacherScore) error {
	t := newTable(false, true, true)
	t.row("system", "MRR@10", "nDCG@10")
	for _, s := range scores {
		t.row(s.System, fmt.Sprintf("%.4f", s.MRR), fmt.Sprintf("%.4f", s.NDCG))
	}
	return t.write(c.out)
}
