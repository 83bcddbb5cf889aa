package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/eval"
)

// mrr and ndcg are the metrics in which the default score is compared.
const (
	mrr  = "mrr@10"
	ndcg = "ndcg@10"
)

// bm25Params are the usual values of BM25's parameters; the best of them for a
// set, by the sum of MRR@10 and nDCG@10, is what the default score has to beat.
var bm25Params = []struct{ k1, b float64 }{{1.2, 0.75}, {0.9, 0.4}, {0.6, 0.2}}

// sentenceGoals are those for finding the sentence with the answer: MRR@10.
var sentenceGoals = map[string]float64{"cmrc2018-dev": 0.75, "xquad-zh": 0.82, "xquad-en": 0.82}

// minCross is the goal for Chinese questions over English sentences, MRR@10.
const minCross = 0.50

// rankingHead is the head of the tables of metrics.
var rankingHead = []string{
	"set", "documents", "score", "questions", "MRR@10", "nDCG@10", "success@1", "recall@10", "Δ MRR", "p", "Δ nDCG", "p", "mean ms",
}

const rankingNote = "All metrics in per cent. hybrid, the default, and bm25 answer all judged questions; bm25 is over the same tokens and passages, " +
	"with the best (k1, b) of (1.2, 0.75), (0.9, 0.4), (0.6, 0.2) for the set. The other scores answer a sample. " +
	"Δ: hybrid minus the row, over the row's questions; p: two-sided, paired randomisation test of that difference, 10,000 permutations. " +
	"Mean ms: of a search by one of as many threads as there are cores, all at work."

// scored is a run of one score over a set, evaluated.
type scored struct {
	name       string
	run        eval.Run
	evaluation *eval.Evaluation
	mean       time.Duration // of a search
}

// on returns the evaluation of the same hits by other judgements.
func (s scored) on(qrels eval.Qrels) *eval.Evaluation { return eval.Evaluate(qrels, s.run) }

// evaluate searches for all queries of a set.
func evaluate(ctx context.Context, db *ciyuan.DB, set *eval.Set, name string, opts ciyuan.SearchOptions) (scored, error) {
	texts := make([]string, len(set.Queries))
	for i, q := range set.Queries {
		texts[i] = q.Text
	}
	results, err := searchAll(ctx, db, texts, &opts)
	if err != nil {
		return scored{}, err
	}
	run := eval.Run{}
	took := 0.0
	for i, q := range set.Queries {
		took += results[i].Stats.TookMS
		for _, h := range results[i].Hits {
			run[q.ID] = append(run[q.ID], eval.Scored{ID: h.ID, Score: h.Score})
		}
	}
	mean := time.Duration(took / float64(max(len(texts), 1)) * float64(time.Millisecond))
	return scored{name: name, run: run, evaluation: eval.Evaluate(set.Qrels, run), mean: mean}, nil
}

// compareScores evaluates the default score, BM25 at its best and the other
// scores, in this order, and appends their rows to t.
func (b *bench) compareScores(ctx context.Context, c corpus, t *table) (standard, bm25 scored, err error) {
	db, err := b.openIndex(ctx, c, 0)
	if err != nil {
		return standard, bm25, err
	}
	defer func() { _ = db.Close() }()
	if standard, err = evaluate(ctx, db, c.set, "hybrid", ciyuan.SearchOptions{}); err != nil {
		return standard, bm25, err
	}
	best := -1.0
	for _, p := range bm25Params {
		s, err := evaluate(ctx, db, c.set, fmt.Sprintf("bm25 %g/%g", p.k1, p.b),
			ciyuan.SearchOptions{Score: ciyuan.ScoreBM25, K1: p.k1, B: p.b})
		if err != nil {
			return standard, bm25, err
		}
		if m := s.evaluation.Mean; m.MRR10+m.NDCG10 > best {
			best, bm25 = m.MRR10+m.NDCG10, s
		}
	}
	t.Rows = append(t.Rows, rankingRow(c, standard, nil), rankingRow(c, bm25, standard.evaluation))
	few := sampleSet(c.set, b.queries)
	for _, score := range []ciyuan.Score{ciyuan.ScoreSoftmax, ciyuan.ScoreMaxSim, ciyuan.ScoreSum} {
		s, err := evaluate(ctx, db, few, score.String(), ciyuan.SearchOptions{Score: score})
		if err != nil {
			return standard, bm25, err
		}
		t.Rows = append(t.Rows, rankingRow(c, s, standard.on(few.Qrels)))
	}
	return standard, bm25, nil
}

// rankingRow is the row of a score; base is the evaluation of the default score
// on the same questions, nil for its own row.
func rankingRow(c corpus, s scored, base *eval.Evaluation) []string {
	m := s.evaluation.Mean
	row := []string{
		c.name, fmt.Sprint(len(c.documents)), s.name, fmt.Sprint(len(s.evaluation.Queries)),
		percent(m.MRR10), percent(m.NDCG10), percent(m.Success1), percent(m.Recall10),
	}
	if base == nil {
		row = append(row, "", "", "", "")
	} else {
		row = append(row,
			fmt.Sprintf("%+.2f", 100*(base.Mean.MRR10-m.MRR10)), pValue(base, s.evaluation, mrr),
			fmt.Sprintf("%+.2f", 100*(base.Mean.NDCG10-m.NDCG10)), pValue(base, s.evaluation, ndcg))
	}
	return append(row, number(milliseconds(s.mean)))
}

func pValue(a, b *eval.Evaluation, metric string) string {
	p := eval.RandomizationTest(a.Values(metric), b.Values(metric), eval.Permutations, 1)
	if p < 0.001 {
		return "< 0.001"
	}
	return fmt.Sprintf("%.3f", p)
}

// sampleSet returns a set with at most n of the judged questions, evenly spread.
func sampleSet(set *eval.Set, n int) *eval.Set {
	out := &eval.Set{Name: set.Name, Documents: set.Documents, Qrels: eval.Qrels{}}
	var judged []eval.Query
	for _, q := range set.Queries {
		if len(set.Qrels[q.ID]) > 0 {
			judged = append(judged, q)
		}
	}
	n = min(n, len(judged))
	for i := range n {
		q := judged[i*len(judged)/n]
		out.Queries = append(out.Queries, q)
		out.Qrels[q.ID] = set.Qrels[q.ID]
	}
	return out
}

// measureRanking evaluates the scores on passages and on sentences.
func measureRanking(ctx context.Context, b *bench) error {
	t := table{Part: "ranking", Title: "Quality of the ranking, passages", Head: rankingHead, Note: rankingNote}
	for _, name := range testSets {
		c, err := b.corpus(name)
		if err != nil {
			return err
		}
		standard, bm25, err := b.compareScores(ctx, c, &t)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		s, other := standard.evaluation.Mean, bm25.evaluation.Mean
		b.report.Figures = append(b.report.Figures, figure{
			Part: "ranking", Name: "default score minus BM25, the better of MRR@10 and nDCG@10",
			Goal:  "> 0 points",
			Met:   s.MRR10 > other.MRR10 || s.NDCG10 > other.NDCG10,
			Value: exactly(round(100 * max(s.MRR10-other.MRR10, s.NDCG10-other.NDCG10))), Unit: "points",
			Note: fmt.Sprintf("%s: %s and %s, %s %s and %s", c.name,
				percent(s.MRR10), percent(s.NDCG10), bm25.name, percent(other.MRR10), percent(other.NDCG10)),
		})
	}
	b.report.table(t)
	t = table{Part: "ranking", Title: "Quality of the ranking, the sentence with the answer", Head: rankingHead, Note: rankingNote}
	for _, name := range sentenceSets {
		c, err := b.corpus(name + sentenceMark)
		if err != nil {
			return err
		}
		standard, bm25, err := b.compareScores(ctx, c, &t)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		b.report.atLeast("ranking", "MRR@10 at sentence level", 100*sentenceGoals[name], "",
			exactly(round(100*standard.evaluation.Mean.MRR10)), fmt.Sprintf("%s; BM25 %s", name, percent(bm25.evaluation.Mean.MRR10)))
	}
	b.report.table(t)
	return nil
}

// maxLoss is what the ranking of long files may lose in points of MRR@10.
const maxLoss = 2

// lengthDepth is how many documents are ranked: those of the first ten files, mostly.
const lengthDepth = 200

// measureLength joins documents into files of different length and compares how these
// are ranked with how their best documents are ranked by themselves.
func measureLength(ctx context.Context, b *bench) error {
	t := table{
		Part: "length", Title: "Ranking of files of 1 to 50 documents",
		Head: []string{"set", "documents", "files", "questions", "MRR@10 by documents", "by files", "Δ", "95 %", "p"},
		Note: "By documents: each file where its best document stands in the ranking of the documents by themselves. By files: as they are ranked when they are indexed as files. In per cent.",
	}
	names := append([]string(nil), testSets...)
	for _, name := range sentenceSets {
		names = append(names, name+sentenceMark)
	}
	for _, name := range names {
		c, err := b.corpus(name)
		if err != nil {
			return err
		}
		few := sampleSet(c.set, b.queries)
		joined, file := eval.Join(few, 1)
		var runs [2]eval.Run
		for i, c := range []corpus{{name: name, documents: c.documents, queries: c.queries, set: few}, corpusOf(name+", joined", joined)} {
			db, err := b.openIndex(ctx, c, 0)
			if err != nil {
				return err
			}
			s, err := evaluate(ctx, db, c.set, c.name, ciyuan.SearchOptions{K: lengthDepth})
			if err = errors.Join(err, db.Close()); err != nil {
				return fmt.Errorf("%s: %w", c.name, err)
			}
			runs[i] = s.run
		}
		documents, files := eval.Evaluate(joined.Qrels, runs[0].Files(file)), eval.Evaluate(joined.Qrels, runs[1])
		d, err := eval.Compare(files, documents, mrr)
		if err != nil {
			return err
		}
		t.Rows = append(t.Rows, []string{
			name, fmt.Sprint(len(c.documents)), fmt.Sprint(len(joined.Documents)), fmt.Sprint(len(files.Queries)),
			percent(documents.Mean.MRR10), percent(files.Mean.MRR10), fmt.Sprintf("%+.2f", 100*d.Difference),
			fmt.Sprintf("%+.2f..%+.2f", 100*d.Low, 100*d.High), pValue(files, documents, mrr),
		})
		b.report.atMost("length", "MRR@10 lost by joining documents", maxLoss, "points", exactly(round(-100*d.Difference)), name)
	}
	b.report.table(t)
	return nil
}

// measureCross evaluates questions in one language about texts in the other.
func measureCross(ctx context.Context, b *bench) error {
	t := table{Part: "cross", Title: "Quality of the ranking across languages", Head: rankingHead, Note: rankingNote}
	crossed, err := b.crossCorpora()
	if err != nil {
		return err
	}
	for i, c := range crossed {
		standard, bm25, err := b.compareScores(ctx, c, &t)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		if i == 0 {
			b.report.atLeast("cross", "Chinese questions over English sentences, MRR@10", 100*minCross, "",
				exactly(round(100*standard.evaluation.Mean.MRR10)), fmt.Sprintf("xquad; BM25 %s", percent(bm25.evaluation.Mean.MRR10)))
		}
	}
	b.report.table(t)
	return nil
}

// crossCorpora returns the sets with questions in one language and texts in the
// other: Chinese over English sentences first.
func (b *bench) crossCorpora() ([]corpus, error) {
	zh, err := b.set("xquad-zh")
	if err != nil {
		return nil, err
	}
	en, err := b.set("xquad-en")
	if err != nil {
		return nil, err
	}
	var out []corpus
	for _, pair := range []struct {
		name                 string
		questions, documents *eval.Set
	}{
		{"xquad zh→en", zh, en},
		{"xquad en→zh", en, zh},
	} {
		set, err := eval.Cross(pair.questions, pair.documents)
		if err != nil {
			return nil, err
		}
		sentences, _ := eval.SplitSentences(set, sentencesOf)
		out = append(out, corpusOf(pair.name+sentenceMark, sentences), corpusOf(pair.name, set))
	}
	return out, nil
}
