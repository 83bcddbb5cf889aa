package eval

import (
	"fmt"
	"math"
	"slices"
)

// Metrics are the figures reported for a query or, as means, for a set. All lie
// in [0, 1]; higher is better.
type Metrics struct {
	NDCG10    float64 `json:"ndcg@10"`
	MRR10     float64 `json:"mrr@10"`
	Recall10  float64 `json:"recall@10"`
	Recall100 float64 `json:"recall@100"`
	Success1  float64 `json:"success@1"`
	Success10 float64 `json:"success@10"`
}

// Result is what `ciyuan eval --json` prints.
type Result struct {
	Metrics Metrics `json:"metrics"`
	// Queries counts those with judgements, over which the means are taken.
	Queries   int `json:"queries"`
	Documents int `json:"documents"`
	// Tokens counts the word tokens of the indexed documents.
	Tokens int `json:"tokens"`
	// MsPerQuery is the mean wall time of a search, in milliseconds.
	MsPerQuery float64 `json:"ms_per_query"`
	// BytesPerToken is the index file's size without the text, a token.
	BytesPerToken float64 `json:"bytes_per_token"`
}

// MetricNames lists the metrics in the order in which they are reported.
var MetricNames = []string{"ndcg@10", "mrr@10", "recall@10", "recall@100", "success@1", "success@10"}

// Get returns a metric by its name, false for a name that is not in
// MetricNames.
func (m Metrics) Get(name string) (float64, bool) {
	i := slices.Index(MetricNames, name)
	if i < 0 {
		return 0, false
	}
	return m.values()[i], true
}

// values is in the order of MetricNames.
func (m Metrics) values() [6]float64 {
	return [6]float64{m.NDCG10, m.MRR10, m.Recall10, m.Recall100, m.Success1, m.Success10}
}

// NDCG returns the normalised discounted cumulative gain of the first k
// documents of a ranking: gain is the grade (nothing for grades below 1),
// discount the binary logarithm of rank + 1, and the ideal ranking has all
// judged documents in descending order of grade. It is 0 for a query without a
// relevant document. The ranking must not name a document twice.
//
// Source: Järvelin and Kekäläinen (2002) in the form of trec_eval's ndcg_cut.
func NDCG(ranking []string, grades map[string]int, k int) float64 {
	ideal := make([]int, 0, len(grades))
	for _, grade := range grades {
		if grade > 0 {
			ideal = append(ideal, grade)
		}
	}
	if len(ideal) == 0 || k < 1 {
		return 0
	}
	slices.Sort(ideal)
	slices.Reverse(ideal)
	var got, best float64
	for i, id := range ranking[:min(k, len(ranking))] {
		if grade := grades[id]; grade > 0 {
			got += float64(grade) / math.Log2(float64(i+2))
		}
	}
	for i, grade := range ideal[:min(k, len(ideal))] {
		best += float64(grade) / math.Log2(float64(i+2))
	}
	return got / best
}

// ReciprocalRank returns 1 / the rank of the first relevant document, 0 if none
// is among the first k.
func ReciprocalRank(ranking []string, grades map[string]int, k int) float64 {
	for i, id := range ranking[:min(k, len(ranking))] {
		if grades[id] > 0 {
			return 1 / float64(i+1)
		}
	}
	return 0
}

// Recall returns the share of the relevant documents that are among the first
// k, 0 for a query without a relevant document. The ranking must not name a
// document twice.
func Recall(ranking []string, grades map[string]int, k int) float64 {
	relevant, found := 0, 0
	for _, grade := range grades {
		if grade > 0 {
			relevant++
		}
	}
	for _, id := range ranking[:min(k, len(ranking))] {
		if grades[id] > 0 {
			found++
		}
	}
	if relevant == 0 {
		return 0
	}
	return float64(found) / float64(relevant)
}

// Success returns 1 if a relevant document is among the first k, else 0.
func Success(ranking []string, grades map[string]int, k int) float64 {
	if ReciprocalRank(ranking, grades, k) > 0 {
		return 1
	}
	return 0
}

// Evaluation holds the metrics of a run.
type Evaluation struct {
	// Mean is over all queries with judgements.
	Mean Metrics
	// Queries are the ids of the queries with judgements, sorted.
	Queries []string
	// PerQuery is in the order of Queries.
	PerQuery []Metrics
}

// Evaluate computes the metrics of a run for all queries that qrels judges. A
// query that the run lacks counts as 0 in every metric (trec_eval -c); queries
// without judgements are disregarded. Documents count in the order in which
// they stand in the run, whatever their scores. Without a judged query all
// means are 0.
func Evaluate(qrels Qrels, run Run) *Evaluation {
	e := &Evaluation{Queries: sortedKeys(qrels)}
	var sum [6]float64
	var ranking []string
	for _, query := range e.Queries {
		grades := qrels[query]
		ranking = ranking[:0]
		for _, scored := range run[query] {
			ranking = append(ranking, scored.ID)
		}
		m := Metrics{
			NDCG10:    NDCG(ranking, grades, 10),
			MRR10:     ReciprocalRank(ranking, grades, 10),
			Recall10:  Recall(ranking, grades, 10),
			Recall100: Recall(ranking, grades, 100),
			Success1:  Success(ranking, grades, 1),
			Success10: Success(ranking, grades, 10),
		}
		e.PerQuery = append(e.PerQuery, m)
		for i, v := range m.values() {
			sum[i] += v
		}
	}
	if n := float64(len(e.Queries)); n > 0 {
		e.Mean = Metrics{sum[0] / n, sum[1] / n, sum[2] / n, sum[3] / n, sum[4] / n, sum[5] / n}
	}
	return e
}

// Values returns one metric of each query, in the order of e.Queries. It panics
// for a name that is not in MetricNames.
func (e *Evaluation) Values(name string) []float64 {
	out := make([]float64, len(e.PerQuery))
	for i, m := range e.PerQuery {
		v, ok := m.Get(name)
		if !ok {
			panic(fmt.Sprintf("eval: no metric %q", name))
		}
		out[i] = v
	}
	return out
}
