package ciyuan_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/ciyuan-search/ciyuan"
)

const vecDim = 32

// fewer returns n, or a quarter of it under the race detector, which is slow.
func fewer(n int) int {
	if raceEnabled {
		return n / 4
	}
	return n
}

// A vectorMaker makes token vectors that lie in clusters, as those of real tokens do.
type vectorMaker struct {
	rng     *rand.Rand
	centers [][]float32
	dim     int
}

func newVectorMaker(seed uint64, clusters, dim int) *vectorMaker {
	m := &vectorMaker{rng: rand.New(rand.NewPCG(seed, 1)), dim: dim}
	for range clusters {
		c := make([]float32, dim)
		for i := range c {
			c[i] = float32(m.rng.NormFloat64())
		}
		m.centers = append(m.centers, c)
	}
	return m
}

// rows returns n rows, not of length 1, around centers from first on.
func (m *vectorMaker) rows(n, first, last int) []float32 {
	var out []float32
	for range n {
		// Some clusters are much larger than others.
		c := m.centers[first+int(float64(last-first)*m.rng.Float64()*m.rng.Float64())]
		scale := 0.5 + m.rng.Float64()
		for _, x := range c {
			out = append(out, float32(scale*(float64(x)+0.5*m.rng.NormFloat64())))
		}
	}
	return out
}

func (m *vectorMaker) documents(n, first, last int) []ciyuan.Document {
	docs := make([]ciyuan.Document, n)
	for i := range docs {
		docs[i] = ciyuan.Document{
			ID: fmt.Sprintf("d%d-%d", first, i), Meta: map[string]string{
				"half": fmt.Sprint(i % 2), "tenth": fmt.Sprint(i % 10), "hundredth": fmt.Sprint(i % 100), "rare": fmt.Sprint(i % 200), "thousandth": fmt.Sprint(i % 1000),
			},
			Vectors: &ciyuan.TokenVectors{Dim: m.dim, Vectors: m.rows(5+m.rng.IntN(30), first, last)},
		}
	}
	return docs
}

func sequence(docs []ciyuan.Document) iter.Seq2[ciyuan.Document, error] {
	return func(yield func(ciyuan.Document, error) bool) {
		for _, d := range docs {
			if !yield(d, nil) {
				return
			}
		}
	}
}

func namesOf(hits []ciyuan.Hit) []string {
	ids := []string{}
	for _, h := range hits {
		ids = append(ids, h.ID)
	}
	return ids
}

// recallOf returns the share of the exact search's hits that the other finds.
func recallOf(t *testing.T, db *ciyuan.DB, queries [][]float32, o ciyuan.SearchOptions) float64 {
	t.Helper()
	found, all := 0, 0
	for _, q := range queries {
		got, err := db.SearchVectors(context.Background(), q, &o)
		if err != nil {
			t.Fatal(err)
		}
		exact := o
		exact.Exact = true
		want, err := db.SearchVectors(context.Background(), q, &exact)
		if err != nil {
			t.Fatal(err)
		}
		if len(got.Hits) != len(want.Hits) {
			t.Fatalf("%d hits, the exact search has %d", len(got.Hits), len(want.Hits))
		}
		ids := namesOf(got.Hits)
		for _, h := range want.Hits {
			all++
			if i := slices.Index(ids, h.ID); i >= 0 {
				found++
				if score := got.Hits[i].Score; score != h.Score {
					t.Errorf("%s has the score %v, in the exact search %v", h.ID, score, h.Score)
				}
			}
		}
	}
	return float64(found) / float64(all)
}

func (m *vectorMaker) queries(n, first, last int) [][]float32 {
	var out [][]float32
	for range n {
		out = append(out, m.rows(3+m.rng.IntN(6), first, last))
	}
	return out
}

// naiveMaxSim is the definition, in float64 over the vectors as they came.
func naiveMaxSim(query, rows []float32, dim int) float64 {
	unit := func(v []float32) []float64 {
		var sum float64
		for _, x := range v {
			sum += float64(x) * float64(x)
		}
		out := make([]float64, len(v))
		for i, x := range v {
			out[i] = float64(x) / math.Sqrt(sum)
		}
		return out
	}
	total := 0.0
	for ; len(query) > 0; query = query[dim:] {
		q, best := unit(query[:dim]), math.Inf(-1)
		for r := rows; len(r) > 0; r = r[dim:] {
			d, dot := unit(r[:dim]), 0.0
			for i := range q {
				dot += q[i] * d[i]
			}
			best = max(best, dot)
		}
		total += best
	}
	return total
}

func TestSearchVectors(t *testing.T) {
	ctx := context.Background()
	for _, grade := range []ciyuan.Grade{ciyuan.GradeExact, ciyuan.GradeBalanced, ciyuan.GradeCompact} {
		t.Run(grade.String(), func(t *testing.T) {
			m := newVectorMaker(1, 300, vecDim)
			docs := m.documents(fewer(1500), 0, 300)
			db := open(t, &ciyuan.Options{Grade: grade})
			if _, err := db.AddBatch(ctx, sequence(docs)); err != nil {
				t.Fatal(err)
			}
			queries := m.queries(fewer(20), 0, 300)
			if r := recallOf(t, db, queries, ciyuan.SearchOptions{}); r < 0.97 {
				t.Errorf("recall@10 is %.3f", r)
			}
			if r := recallOf(t, db, queries, ciyuan.SearchOptions{Quality: ciyuan.QualityBest}); r < 0.995 {
				t.Errorf("recall@10 with the best quality is %.3f", r)
			}
			// The exact scores are those of the definition, but for what the grade loses.
			most := map[ciyuan.Grade]float64{ciyuan.GradeExact: 0.01, ciyuan.GradeBalanced: 0.06, ciyuan.GradeCompact: 0.3}[grade]
			for _, q := range queries[:5] {
				res, err := db.SearchVectors(ctx, q, &ciyuan.SearchOptions{Exact: true})
				if err != nil {
					t.Fatal(err)
				}
				rows := len(q) / vecDim
				for _, h := range res.Hits {
					i := slices.IndexFunc(docs, func(d ciyuan.Document) bool { return d.ID == h.ID })
					if want := naiveMaxSim(q, docs[i].Vectors.Vectors, vecDim); math.Abs(h.Score-want) > most*float64(rows) {
						t.Errorf("%s: score %.4f, wanted %.4f", h.ID, h.Score, want)
					}
				}
			}
		})
	}
}

func TestSearchVectors_Changes(t *testing.T) {
	ctx := context.Background()
	m := newVectorMaker(2, 200, vecDim)
	path := filepath.Join(t.TempDir(), "v.db")
	db, err := ciyuan.Open(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	closed := false
	defer func() {
		if !closed {
			_ = db.Close()
		}
	}()
	docs := m.documents(fewer(1200), 0, 100)
	if _, err := db.AddBatch(ctx, sequence(docs)); err != nil {
		t.Fatal(err)
	}
	queries := append(m.queries(8, 0, 100), m.queries(8, 100, 200)...)
	live := map[string][]float32{}
	for _, d := range docs {
		live[d.ID] = d.Vectors.Vectors
	}
	// A domain that none of the leaders is from.
	for _, d := range m.documents(fewer(60), 100, 200) {
		if err := db.Add(ctx, d); err != nil {
			t.Fatal(err)
		}
		live[d.ID] = d.Vectors.Vectors
		res, err := db.SearchVectors(ctx, d.Vectors.Vectors, &ciyuan.SearchOptions{K: 1})
		if err != nil || len(res.Hits) != 1 || res.Hits[0].ID != d.ID {
			t.Fatalf("what was just added is not found: %v %v", namesOf(res.Hits), err)
		}
	}
	for i := range fewer(400) {
		id := docs[i].ID
		if i%2 == 0 {
			if n, err := db.Delete(ctx, id); err != nil || n != 1 {
				t.Fatal(n, err)
			}
			delete(live, id)
			continue
		}
		d := ciyuan.Document{ID: id, Vectors: &ciyuan.TokenVectors{Dim: vecDim, Vectors: m.rows(10, 0, 200)}}
		if err := db.Add(ctx, d); err != nil {
			t.Fatal(err)
		}
		live[id] = d.Vectors.Vectors
	}
	verify := func(what string) {
		t.Helper()
		if problems, err := db.Check(ctx); err != nil || len(problems) > 0 {
			t.Fatalf("%s: %v %v", what, problems, err)
		}
		for _, q := range queries {
			res, err := db.SearchVectors(ctx, q, &ciyuan.SearchOptions{Exact: true, K: 5})
			if err != nil {
				t.Fatal(err)
			}
			type scored struct {
				id    string
				score float64
			}
			var want []scored
			for id, rows := range live {
				want = append(want, scored{id, naiveMaxSim(q, rows, vecDim)})
			}
			slices.SortFunc(want, func(a, b scored) int { return -int(math.Copysign(1, a.score-b.score)) })
			if n := float64(len(q) / vecDim); math.Abs(res.Hits[0].Score-want[0].score) > 0.01*n {
				t.Errorf("%s: the best is %s with %.4f, wanted %s with %.4f", what, res.Hits[0].ID, res.Hits[0].Score, want[0].id, want[0].score)
			}
		}
		if r := recallOf(t, db, queries, ciyuan.SearchOptions{}); r < 0.97 {
			t.Errorf("%s: recall@10 is %.3f", what, r)
		}
		s, err := db.Stats(ctx)
		if err != nil {
			t.Fatal(err)
		}
		rows := 0
		for _, v := range live {
			rows += len(v) / vecDim
		}
		if s.Vectors == nil || s.Vectors.Rows != rows {
			t.Errorf("%s: %+v, wanted %d rows", what, s.Vectors, rows)
		}
	}
	verify("changed")
	if err := db.Fold(ctx); err != nil {
		t.Fatal(err)
	}
	verify("folded")
	if err := db.Compact(ctx); err != nil {
		t.Fatal(err)
	}
	verify("compacted")
	first, err := db.Digest(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Compact(ctx); err != nil {
		t.Fatal(err)
	}
	if second, err := db.Digest(ctx); err != nil || second != first {
		t.Errorf("compacting again changes the index: %v", err)
	}
	if err := db.Add(ctx, ciyuan.Document{ID: "late", Vectors: &ciyuan.TokenVectors{Dim: vecDim, Vectors: m.rows(10, 0, 200)}}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	closed = true
	db, err = ciyuan.Open(path, &ciyuan.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	closed = false
	if problems, err := db.Check(ctx); err != nil || len(problems) > 0 {
		t.Fatal(problems, err)
	}
	if r := recallOf(t, db, queries, ciyuan.SearchOptions{}); r < 0.97 {
		t.Errorf("opened again: recall@10 is %.3f", r)
	}
}

func TestSearchVectors_Workers(t *testing.T) {
	ctx := context.Background()
	digests := map[string]bool{}
	var hits [][]ciyuan.Hit
	for _, workers := range []int{1, 2, 7} {
		m := newVectorMaker(3, 150, vecDim)
		db := open(t, &ciyuan.Options{Workers: workers})
		for range 3 {
			if _, err := db.AddBatch(ctx, sequence(m.documents(fewer(400), m.rng.IntN(50), 150))); err != nil {
				t.Fatal(err)
			}
		}
		d, err := db.Digest(ctx)
		if err != nil {
			t.Fatal(err)
		}
		digests[d] = true
		res, err := db.SearchVectors(ctx, m.rows(6, 0, 150), &ciyuan.SearchOptions{Workers: workers})
		if err != nil {
			t.Fatal(err)
		}
		hits = append(hits, res.Hits)
	}
	if len(digests) != 1 {
		t.Error("the number of workers shows in the index")
	}
	for _, h := range hits {
		if !reflect.DeepEqual(h, hits[0]) {
			t.Error("the number of workers shows in the hits")
		}
	}
}

func TestSearchVectors_Filter(t *testing.T) {
	ctx := context.Background()
	m := newVectorMaker(4, 300, vecDim)
	db := open(t, nil)
	if _, err := db.AddBatch(ctx, sequence(m.documents(fewer(2000), 0, 300))); err != nil {
		t.Fatal(err)
	}
	queries := m.queries(fewer(12), 0, 300)
	for _, filter := range []map[string]string{
		{"half": "1"}, {"tenth": "3"}, {"hundredth": "71"}, {"thousandth": "7"}, {"rare": "7"}, {"id": "d0-11"}, {"half": "0", "rare": "7"},
	} {
		if r := recallOf(t, db, queries, ciyuan.SearchOptions{Filter: filter}); r < 0.99 {
			t.Errorf("%v: recall@10 is %.3f", filter, r)
		}
	}
	for quality, least := range map[ciyuan.Quality]float64{ciyuan.QualityDefault: 0.99, ciyuan.QualityBest: 1} {
		if r := recallOf(t, db, queries, ciyuan.SearchOptions{K: fewer(1500), Quality: quality}); r < least {
			t.Errorf("%v: of %d hits %.3f are found", quality, fewer(1500), r)
		}
	}
	// Scores that candidates are not chosen by need all of them to be the exact ones.
	for name, o := range map[string]ciyuan.SearchOptions{
		"boost": {Boost: map[string]float64{"half": 3}, Rerank: 3000}, "softmax": {Score: ciyuan.ScoreSoftmax, Rerank: 3000}, "sum": {Score: ciyuan.ScoreSum, Rerank: 3000},
	} {
		if r := recallOf(t, db, queries, o); r < 1 {
			t.Errorf("%s: recall@10 is %.3f", name, r)
		}
	}
}

// A corpus that is replaced ten times is found as well as one that is new, and takes as
// much room once it is compacted.
func TestAddVectors_Replaced(t *testing.T) {
	ctx := context.Background()
	m := newVectorMaker(21, 200, vecDim)
	made := func(name string, rounds ...[]ciyuan.Document) (db *ciyuan.DB, path string) {
		path = filepath.Join(t.TempDir(), name)
		db, err := ciyuan.Open(path, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = db.Close() })
		for _, docs := range rounds {
			if _, err := db.AddBatch(ctx, sequence(docs)); err != nil {
				t.Fatal(err)
			}
		}
		return db, path
	}
	var rounds [][]ciyuan.Document
	for range 11 {
		rounds = append(rounds, m.documents(fewer(600), 0, 200))
	}
	replaced, path := made("replaced.db", rounds...)
	fresh, freshPath := made("fresh.db", rounds[10])
	queries := m.queries(fewer(60), 0, 200)
	o := ciyuan.SearchOptions{Probes: 24, Rerank: 40} // so few that some are missed
	want := recallOf(t, fresh, queries, o)
	if got := recallOf(t, replaced, queries, o); got < want-0.005 {
		t.Errorf("replaced ten times, recall@10 is %.4f, of a new index %.4f", got, want)
	}
	for _, db := range []*ciyuan.DB{replaced, fresh} {
		if err := db.Compact(ctx); err != nil {
			t.Fatal(err)
		}
	}
	if got := recallOf(t, replaced, queries, o); got < want-0.005 {
		t.Errorf("compacted, recall@10 is %.4f, of a new index %.4f", got, want)
	}
	size := func(path string) float64 {
		info, err := os.Stat(path)
		if err != nil {
			t.Fatal(err)
		}
		return float64(info.Size())
	}
	if got, want := size(path), size(freshPath); got > 1.2*want {
		t.Errorf("compacted, the file has %.0f bytes, a new one %.0f", got, want)
	}
}

func TestAddVectors_Refused(t *testing.T) {
	ctx := context.Background()
	db := open(t, nil)
	good := []float32{1, 0, 2, 3, 0, 0, 4, 5}
	if err := db.AddVectors(ctx, "good", []string{"词元", "token"}, good, 0); err != nil {
		t.Fatal(err)
	}
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	for name, c := range map[string]struct {
		v    ciyuan.TokenVectors
		text string
		want error
	}{
		"NaN":          {ciyuan.TokenVectors{Dim: 4, Vectors: []float32{1, 2, 3, 4, 1, nan, 3, 4}}, "", ciyuan.ErrVector},
		"infinity":     {ciyuan.TokenVectors{Dim: 4, Vectors: []float32{1, 2, 3, inf}}, "", ciyuan.ErrVector},
		"zeros":        {ciyuan.TokenVectors{Dim: 4, Vectors: []float32{1, 2, 3, 4, 0, 0, 0, 0}}, "", ciyuan.ErrVector},
		"dimension":    {ciyuan.TokenVectors{Dim: 3, Vectors: []float32{1, 2, 3}}, "", ciyuan.ErrDimension},
		"no dimension": {ciyuan.TokenVectors{Vectors: []float32{1, 2, 3}}, "", ciyuan.ErrDimension},
		"large":        {ciyuan.TokenVectors{Dim: 5000, Vectors: make([]float32, 5000)}, "", ciyuan.ErrDimension},
		"ragged":       {ciyuan.TokenVectors{Dim: 4, Vectors: []float32{1, 2, 3, 4, 5}}, "", ciyuan.ErrDimension},
		"spans":        {ciyuan.TokenVectors{Dim: 4, Vectors: []float32{1, 2, 3, 4}, Spans: []ciyuan.Span{{0, 1}, {1, 2}}}, "ab", ciyuan.ErrOption},
		"outside":      {ciyuan.TokenVectors{Dim: 4, Vectors: []float32{1, 2, 3, 4}, Spans: []ciyuan.Span{{0, 9}}}, "ab", ciyuan.ErrOption},
		"backwards":    {ciyuan.TokenVectors{Dim: 4, Vectors: []float32{1, 2, 3, 4, 1, 2, 3, 4}, Spans: []ciyuan.Span{{1, 2}, {0, 1}}}, "ab", ciyuan.ErrOption},
		"too many":     {ciyuan.TokenVectors{Dim: 4, Vectors: make([]float32, 4*(ciyuan.MaxRows+1))}, "", ciyuan.ErrOption},
	} {
		err := db.Add(ctx, ciyuan.Document{ID: "bad-" + name, Text: c.text, Vectors: &c.v})
		if !errors.Is(err, c.want) || !strings.Contains(err.Error(), "bad-"+name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := db.Get(ctx, "bad-NaN"); !errors.Is(err, ciyuan.ErrNotFound) {
		t.Error("a document that was refused is there")
	}
	for name, q := range map[string][]float32{"NaN": {1, 2, 3, nan}, "zeros": {0, 0, 0, 0}} {
		if _, err := db.SearchVectors(ctx, q, nil); !errors.Is(err, ciyuan.ErrVector) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := db.SearchVectors(ctx, []float32{1, 2, 3}, nil); !errors.Is(err, ciyuan.ErrDimension) {
		t.Error(err)
	}
	if _, err := db.SearchVectors(ctx, nil, nil); !errors.Is(err, ciyuan.ErrEmptyQuery) {
		t.Error(err)
	}
	res, err := db.SearchVectors(ctx, good[:4], nil)
	if err != nil || len(res.Hits) != 1 {
		t.Fatal(res, err)
	}
	if m := res.Hits[0].Matches; len(m) != 1 || m[0].Token != "词元" || m[0].Start != 0 || m[0].End != 6 || m[0].Similarity < 0.99 {
		t.Errorf("%+v", m)
	}
	if res.Hits[0].Relative < 0.99 {
		t.Errorf("%+v", res.Hits[0])
	}
	if problems, err := db.Check(ctx); err != nil || len(problems) > 0 {
		t.Error(problems, err)
	}
}

// TestSearchVectors_Long adds more and more vectors near to one leader: when its
// postings are long, it leaves what is not very near to it to others.
func TestSearchVectors_Long(t *testing.T) {
	ctx := context.Background()
	if raceEnabled {
		t.Skip("nothing runs side by side here that does not elsewhere, and it takes long")
	}
	m := newVectorMaker(5, 1, vecDim)
	db := open(t, nil)
	for batch := range 7 {
		docs := make([]ciyuan.Document, 1100)
		for i := range docs {
			docs[i] = ciyuan.Document{ID: fmt.Sprintf("%d-%d", batch, i), Vectors: &ciyuan.TokenVectors{Dim: vecDim, Vectors: m.rows(2, 0, 1)}}
		}
		if _, err := db.AddBatch(ctx, sequence(docs)); err != nil {
			t.Fatal(err)
		}
		s, err := db.Stats(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if want := 1; (batch+1)*1100 >= 4096 && s.Vectors.Narrowed < want || (batch+1)*1100 < 4096 && s.Vectors.Narrowed > 0 {
			t.Errorf("%d of %d leaders are narrowed after %d passages", s.Vectors.Narrowed, s.Vectors.Leaders, (batch+1)*1100)
		}
	}
}

// TestRepair_Vectors damages an index and saves what its vectors were.
func TestRepair_Vectors(t *testing.T) {
	ctx := context.Background()
	for _, grade := range []ciyuan.Grade{ciyuan.GradeExact, ciyuan.GradeCompact} {
		m := newVectorMaker(6, 100, vecDim)
		path := filepath.Join(t.TempDir(), "v.db")
		db, err := ciyuan.Open(path, &ciyuan.Options{Grade: grade})
		if err != nil {
			t.Fatal(err)
		}
		docs := m.documents(300, 0, 100)
		if _, err := db.AddBatch(ctx, sequence(docs)); err != nil {
			t.Fatal(err)
		}
		if err := db.AddVectors(ctx, "words", []string{"词元", "向量"}, m.rows(2, 0, 100), vecDim); err != nil {
			t.Fatal(err)
		}
		before, err := db.SearchVectors(ctx, docs[7].Vectors.Vectors, &ciyuan.SearchOptions{Exact: true})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		res, err := ciyuan.Repair(ctx, path, nil)
		if err != nil || res.Saved != 301 || len(res.Lost)+len(res.Notes) > 0 {
			t.Fatalf("%+v %v", res, err)
		}
		db = openAt(t, path, nil)
		after, err := db.SearchVectors(ctx, docs[7].Vectors.Vectors, &ciyuan.SearchOptions{Exact: true})
		if err != nil {
			t.Fatal(err)
		}
		if after.Hits[0].ID != before.Hits[0].ID || math.Abs(after.Hits[0].Score-before.Hits[0].Score) > 0.02*before.Hits[0].Score {
			t.Errorf("%v: %s with %.4f, before %s with %.4f", grade, after.Hits[0].ID, after.Hits[0].Score, before.Hits[0].ID, before.Hits[0].Score)
		}
		s, err := db.Stats(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if s.Vectors.Grade != grade.String() {
			t.Error(s.Vectors.Grade)
		}
	}
}

// TestSearchVectors_Explain checks that the parts of an explanation sum to the score.
func TestSearchVectors_Explain(t *testing.T) {
	ctx := context.Background()
	m := newVectorMaker(7, 50, vecDim)
	db := open(t, nil)
	if _, err := db.AddBatch(ctx, sequence(m.documents(200, 0, 50))); err != nil {
		t.Fatal(err)
	}
	for _, score := range []ciyuan.Score{ciyuan.ScoreMaxSim, ciyuan.ScoreSoftmax, ciyuan.ScoreSum} {
		res, err := db.SearchVectors(ctx, m.rows(5, 0, 50), &ciyuan.SearchOptions{Score: score, Explain: true, Boost: map[string]float64{"id": 2}})
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range res.Hits {
			total := 0.0
			for _, w := range h.Explain.Words {
				total += w.Score
			}
			if math.Abs(total-h.Score) > 1e-6*math.Abs(h.Score) {
				t.Errorf("%v, %s: the parts sum to %.8f, the score is %.8f", score, h.ID, total, h.Score)
			}
		}
	}
}
