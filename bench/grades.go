package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/viterin/vek/vek32"

	"github.com/ciyuan-search/ciyuan/eval"
	"github.com/ciyuan-search/ciyuan/index"
	"github.com/ciyuan-search/ciyuan/internal/npy"
)

// Goals of the grades, and of the kernel that compares a query with a passage of
// the exact grade.
const (
	maxCompactLoss = 0.005 // nDCG@10 against float32
	maxKernel      = 8     // us for 32 query rows, 80 stored rows, 128 columns
)

// leaderRadius is the cosine within which a vector joins a leader.
const leaderRadius = 0.6

// vectorSet is documents, or queries, as rows of length 1.
type vectorSet struct {
	dim    int
	rows   []float32
	starts []int // of each document in rows, and the end
	ids    []string
}

func (s *vectorSet) len() int { return len(s.starts) - 1 }

// at returns the rows of a document.
func (s *vectorSet) at(i int) []float32 { return s.rows[s.starts[i]*s.dim : s.starts[i+1]*s.dim] }

// errNoVectors is returned where make benchdata has not been run.
var errNoVectors = errors.New("no token vectors")

// readVectors reads a set that make benchdata wrote.
func readVectors(dir, name string) (s *vectorSet, err error) {
	path := filepath.Join(dir, name)
	vectors, err := npy.Open(path + ".vec.npy")
	if errors.Is(err, os.ErrNotExist) {
		return nil, hinted{fmt.Errorf("%w: %w", errNoVectors, err), "make benchdata makes them; -vectors names their folder"}
	}
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, vectors.Close()) }()
	lengths, err := npy.Open(path + ".len.npy")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, lengths.Close()) }()
	if len(vectors.Shape) != 2 || vectors.DType == npy.Int64 || lengths.DType != npy.Int64 {
		return nil, fmt.Errorf("%s: vectors %v of %v, lengths of %v", path, vectors.Shape, vectors.DType, lengths.DType)
	}
	s = &vectorSet{dim: vectors.Shape[1], rows: vectors.AppendFloat32(nil, 0, vectors.Len()), starts: []int{0}}
	for i := range lengths.Len() {
		s.starts = append(s.starts, s.starts[i]+int(lengths.Int64(i)))
	}
	if s.starts[s.len()] != vectors.Shape[0] {
		return nil, fmt.Errorf("%s: %d vectors for %d tokens", path, vectors.Shape[0], s.starts[s.len()])
	}
	if row, err := index.Normalize(s.rows, s.dim); err != nil {
		return nil, fmt.Errorf("%s: row %d: %w", path, row, err)
	}
	f, err := os.Open(path + ".ids.txt")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		s.ids = append(s.ids, lines.Text())
	}
	if len(s.ids) != s.len() {
		return nil, fmt.Errorf("%s: %d names for %d documents", path, len(s.ids), s.len())
	}
	return s, nil
}

// measureGrades compares the storage grades of token vectors with float32, each
// document scored, and times the kernels.
func measureGrades(ctx context.Context, b *bench) error {
	documents, err := readVectors(b.vectors, "small")
	if errors.Is(err, errNoVectors) && !b.chosen {
		fmt.Fprintln(os.Stderr, "grades: left out:", err)
		return nil
	}
	if err != nil {
		return err
	}
	queries, err := readVectors(b.vectors, "queries")
	if err != nil {
		return err
	}
	f, err := os.Open(filepath.Join(b.vectors, "qrels.tsv"))
	if err != nil {
		return err
	}
	qrels, err := eval.ReadQrels(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return err
	}
	on := fmt.Sprintf("%d documents, %d token vectors of %d columns, %d queries of %.1f rows",
		documents.len(), documents.starts[documents.len()], documents.dim, queries.len(), float64(queries.starts[queries.len()])/float64(queries.len()))

	truth, err := scoreAll(ctx, queries, func(q int) []float32 { return floatScores(queries.at(q), documents) })
	if err != nil {
		return err
	}
	leaders, joined, err := findLeaders(ctx, documents)
	if err != nil {
		return err
	}
	whole := metricsOf(truth, queries, documents, qrels)
	t := table{
		Part: "grades", Title: "Storage grades of token vectors against float32",
		Head: []string{"grade", "bytes a row", "overlap@10, %", "overlap@100, %", "nDCG@10", "loss", "MRR@10", "encode, us a row", "12 x 80 rows, us", "32 x 80 rows, us"},
		Rows: [][]string{{"float32", fmt.Sprint(4 * documents.dim), "100.00", "100.00", fmt.Sprintf("%.4f", whole.ndcg), "0.0000", fmt.Sprintf("%.4f", whole.mrr), "–", "–", "–"}},
		Note: on + ". MaxSim of every document, so nothing but the grade makes a difference. Overlap: the share of float32's first 10 (100) that are among the first 10 (100). " +
			fmt.Sprintf("Leaders: %d, each vector has one with a cosine of %g or more; 130 bytes each, a row of the grades that need one also has to say which. ", len(leaders)/leaderSize(documents.dim), leaderRadius) +
			"12 x 80: MaxSim of a query of 12 rows and a stored passage of 80, unpacking included, one core.",
	}
	for _, grade := range index.Grades() {
		z, err := index.NewQuantiser(documents.dim, grade)
		if err != nil {
			return err
		}
		rows, perRow := encodeRows(z, documents, leaders, joined)
		got, err := scoreAll(ctx, queries, func(q int) []float32 { return storedScores(z, queries.at(q), documents, rows, leaders, joined) })
		if err != nil {
			return err
		}
		m := metricsOf(got, queries, documents, qrels)
		row := []string{
			grade.String(), fmt.Sprint(z.Bytes()), percent(overlap(truth, got, 10)), percent(overlap(truth, got, 100)),
			fmt.Sprintf("%.4f", m.ndcg), fmt.Sprintf("%.4f", whole.ndcg-m.ndcg), fmt.Sprintf("%.4f", m.mrr), number(perRow),
		}
		for _, n := range []int{12, 32} {
			s := timeMaxSim(z, n, b.runs)
			row = append(row, number(s.Median))
			if n == 32 && grade == index.GradeExact {
				b.report.atMost("grades", "MaxSim of 32 x 80 rows of 128 columns, one core", maxKernel, "us", s, "exact grade, unpacking included")
			}
		}
		if grade == index.GradeCompact {
			b.report.atMost("grades", "nDCG@10 that the compact grade loses", maxCompactLoss, "", exactly(round(whole.ndcg-m.ndcg)), on)
		}
		t.Rows = append(t.Rows, row)
	}
	b.report.table(t)
	return nil
}

func leaderSize(dim int) int {
	z, err := index.NewQuantiser(dim, index.GradeExact)
	if err != nil {
		panic(err) // the dimension was that of a quantiser before
	}
	return z.LeaderBytes()
}

// scoreAll calls score for each query, on all processors.
func scoreAll(ctx context.Context, queries *vectorSet, score func(q int) []float32) ([][]float32, error) {
	out := make([][]float32, queries.len())
	var next atomic.Int64
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for q := int(next.Add(1)) - 1; q < len(out) && ctx.Err() == nil; q = int(next.Add(1)) - 1 {
				out[q] = score(q)
			}
		})
	}
	wg.Wait()
	return out, ctx.Err()
}

// floatScores is MaxSim in float32, written down as it is defined.
func floatScores(query []float32, d *vectorSet) []float32 {
	out := make([]float32, d.len())
	for i := range out {
		for q := query; len(q) > 0; q = q[d.dim:] {
			best := float32(math.Inf(-1))
			for row := d.at(i); len(row) > 0; row = row[d.dim:] {
				best = max(best, vek32.Dot(q[:d.dim], row[:d.dim]))
			}
			out[i] += best
		}
	}
	return out
}

// findLeaders makes a code book in one pass: a vector joins the nearest leader, or
// becomes one. Every leader is looked at, so that no graph has a part in this.
func findLeaders(ctx context.Context, d *vectorSet) (leaders []byte, joined []uint32, err error) {
	z, err := index.NewQuantiser(d.dim, index.GradeCompact)
	if err != nil {
		return nil, nil, err
	}
	coder, probe := z.NewRowCoder(), z.NewLeaderProbe()
	var codes []uint32
	var sims []float32
	for row := d.rows; len(row) > 0; row = row[d.dim:] {
		if err := ctx.Err(); err != nil {
			return nil, nil, err
		}
		probe.Set(row[:d.dim])
		probe.Sims(sims, leaders, codes)
		best := 0
		for i, s := range sims {
			if s > sims[best] {
				best = i
			}
		}
		if len(sims) == 0 || sims[best] < leaderRadius {
			best = len(codes)
			leaders = coder.EncodeLeader(leaders, row[:d.dim])
			codes, sims = append(codes, uint32(best)), append(sims, 0)
		}
		joined = append(joined, uint32(best))
	}
	return leaders, joined, nil
}

// encodeRows returns the stored rows, and the microseconds that each took.
func encodeRows(z *index.Quantiser, d *vectorSet, leaders []byte, joined []uint32) (rows []byte, perRow float64) {
	coder := z.NewRowCoder()
	rows = make([]byte, 0, len(joined)*z.Bytes())
	began := time.Now()
	for i, code := range joined {
		rows = coder.Encode(rows, d.rows[i*d.dim:(i+1)*d.dim], leaders[int(code)*z.LeaderBytes():][:z.LeaderBytes()])
	}
	return rows, float64(time.Since(began).Microseconds()) / float64(len(joined))
}

// storedScores is MaxSim of stored rows.
func storedScores(z *index.Quantiser, query []float32, d *vectorSet, rows, leaders []byte, joined []uint32) []float32 {
	panel := z.NewPanel(query)
	var tile index.Tile
	var dots []float32
	if z.HasLeader() {
		dots = make([]float32, len(leaders)/z.LeaderBytes()*panel.Stride())
		panel.LeaderDots(&tile, dots, leaders)
	}
	best := make([]float32, panel.Len())
	out := make([]float32, d.len())
	for i := range out {
		from, to := d.starts[i], d.starts[i+1]
		panel.MaxSim(&tile, best, nil, z, rows[from*z.Bytes():to*z.Bytes()], joined[from:to], dots)
		for _, s := range best {
			out[i] += s
		}
	}
	return out
}

// first returns the k documents with the highest scores, of equal ones the first.
func first(scores []float32, k int) []int {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(i, j int) int { return cmp.Compare(scores[j], scores[i]) })
	return order[:min(k, len(order))]
}

// overlap returns the share of the first k documents of truth that are among the
// first k of got, mean over the queries.
func overlap(truth, got [][]float32, k int) float64 {
	same, all := 0, 0
	for q := range truth {
		found := first(got[q], k)
		for _, d := range first(truth[q], k) {
			all++
			if slices.Contains(found, d) {
				same++
			}
		}
	}
	return float64(same) / float64(all)
}

type ranked struct{ ndcg, mrr float64 }

// metricsOf measures rankings against the judgements.
func metricsOf(scores [][]float32, queries, documents *vectorSet, qrels eval.Qrels) ranked {
	var m ranked
	for q, s := range scores {
		var ranking []string
		for _, d := range first(s, 10) {
			ranking = append(ranking, documents.ids[d])
		}
		grades := qrels[queries.ids[q]]
		m.ndcg += eval.NDCG(ranking, grades, 10) / float64(len(scores))
		m.mrr += eval.ReciprocalRank(ranking, grades, 10) / float64(len(scores))
	}
	return m
}

// timeMaxSim returns the microseconds of MaxSim of n query rows and 80 stored ones
// of 128 columns that lie in the cache.
func timeMaxSim(z *index.Quantiser, n, runs int) spread {
	const dim, stored, leaders, repeat = 128, 80, 40, 5000
	r := rand.New(rand.NewPCG(1, 2))
	random := func(rows int) []float32 {
		m := make([]float32, rows*dim)
		for i := range m {
			m[i] = float32(r.NormFloat64())
		}
		if _, err := index.Normalize(m, dim); err != nil {
			panic(err) // Gaussian numbers are no zeros
		}
		return m
	}
	z, err := index.NewQuantiser(dim, z.Grade())
	if err != nil {
		panic(err)
	}
	coder := z.NewRowCoder()
	var book, rows []byte
	for range leaders {
		book = coder.EncodeLeader(book, random(1))
	}
	joined := make([]uint32, stored)
	for i := range joined {
		joined[i] = uint32(i % leaders)
		rows = coder.Encode(rows, random(1), book[int(joined[i])*z.LeaderBytes():][:z.LeaderBytes()])
	}
	panel := z.NewPanel(random(n))
	var tile index.Tile
	dots, best := make([]float32, leaders*panel.Stride()), make([]float32, n)
	panel.LeaderDots(&tile, dots, book)
	var times []float64
	for range runs {
		began := time.Now()
		for range repeat {
			panel.MaxSim(&tile, best, nil, z, rows, joined, dots)
		}
		times = append(times, float64(time.Since(began).Nanoseconds())/repeat/1000)
	}
	return spreadOf(times)
}
