package ciyuan_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"iter"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/internal/failpoint"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// vocabulary is what the texts and queries of the state machine are made of:
// few words, so that documents collide, of several kinds and languages.
var vocabulary = []string{
	"编程", "技能", "学习", "练习", "耐心", "毅力", "时间", "经验", "提高", "如何", "程序", "电脑", "天气",
	"program", "skill", "learn", "time", "computer", "getUserName", "foo_bar", "bob@example.com", "2026", "3.14", "軟體", "。", "\n",
}

// grades are those that token vectors are stored in.
var grades = []ciyuan.Grade{ciyuan.GradeExact, ciyuan.GradeBalanced, ciyuan.GradeCompact}

// machine drives an index and a plain map of documents side by side.
//
// Invariants, checked after every step:
//  1. Get and List give what the map has.
//  2. Exact and approximate searches give the same hits as a new index to which
//     the documents of the map were added in the order of their last change.
//  3. Searches for token vectors give what the definition of the score does for the
//     vectors that the index has stored, which are near to those of the map, and in
//     grade exact what a new index does.
//  4. Check finds nothing.
type machine struct {
	t     *rapid.T
	path  string
	db    *ciyuan.DB
	docs  map[string]ciyuan.Document
	order []string // ids by last change
	opts  ciyuan.Options
}

// memoryDir returns a folder that is removed when the run ends, in memory where
// there is such a thing: an index of a run has to be read, not to be kept.
func memoryDir(t *rapid.T) string {
	parent := "/dev/shm"
	if _, err := os.Stat(parent); err != nil {
		parent = ""
	}
	dir, err := os.MkdirTemp(parent, "ciyuan")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

func (m *machine) put(doc ciyuan.Document) {
	if old, ok := m.docs[doc.ID]; ok && cmp.Equal(old, doc) {
		return // left alone, so it keeps its place
	}
	m.docs[doc.ID] = doc
	m.order = append(slices.DeleteFunc(m.order, func(id string) bool { return id == doc.ID }), doc.ID)
}

func drawDoc(t *rapid.T) ciyuan.Document {
	doc := ciyuan.Document{ID: fmt.Sprintf("d%d", rapid.IntRange(0, 12).Draw(t, "id"))}
	words := rapid.SliceOfN(rapid.SampledFrom(vocabulary), 0, 12).Draw(t, "words")
	sep := rapid.SampledFrom([]string{"", " ", "，"}).Draw(t, "sep")
	doc.Text = strings.Join(words, sep)
	if rapid.Bool().Draw(t, "titled") {
		doc.Title = rapid.SampledFrom(vocabulary).Draw(t, "title")
	}
	return doc
}

// vectored returns the document with token vectors that follow from it, some
// without any. Get does not return them. The vectors are near to one of five, so that
// many of them share a leader.
func vectored(doc ciyuan.Document) ciyuan.Document {
	h := fnv.New64a()
	fmt.Fprintf(h, "%q %q %q", doc.ID, doc.Title, doc.Text)
	if n := int(h.Sum64() % 4); n > 0 {
		rows, noise := []float32(nil), damageVectors(h.Sum64(), n)
		for i := range n {
			rows = append(rows, damageVectors(h.Sum64()>>(8*i+2)%5, 1)...)
		}
		for i, x := range noise {
			rows[i] += 0.4 * x
		}
		doc.Vectors = &ciyuan.TokenVectors{Dim: 8, Vectors: rows}
	}
	return doc
}

func allVectored(docs []ciyuan.Document) iter.Seq2[ciyuan.Document, error] {
	return func(yield func(ciyuan.Document, error) bool) {
		for _, d := range docs {
			if !yield(vectored(d), nil) {
				return
			}
		}
	}
}

func (m *machine) reopen() {
	if err := m.db.Close(); err != nil {
		m.t.Fatal(err)
	}
	var err error
	if m.db, err = ciyuan.Open(m.path, &m.opts); err != nil {
		m.t.Fatal(err)
	}
}

func (m *machine) check() {
	ctx := context.Background()
	problems, err := m.db.Check(ctx)
	if err != nil || len(problems) > 0 {
		m.t.Fatalf("check: %v, %v", problems, err)
	}
	var listed []string
	for e, err := range m.db.List(ctx, "") {
		if err != nil {
			m.t.Fatal(err)
		}
		listed = append(listed, e.ID)
	}
	if want := slices.Sorted(maps.Keys(m.docs)); !slices.Equal(listed, want) {
		m.t.Fatalf("List gives %v, wanted %v", listed, want)
	}
	for id, want := range m.docs {
		got, err := m.db.Get(ctx, id)
		if err != nil {
			m.t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			m.t.Fatalf("%s (-want +got):\n%s", id, diff)
		}
	}
}

func (m *machine) search(query string) {
	ctx := context.Background()
	fresh, err := ciyuan.Open(filepath.Join(memoryDir(m.t), "fresh.db"), &ciyuan.Options{Mode: m.opts.Mode, Grade: m.opts.Grade})
	if err != nil {
		m.t.Fatal(err)
	}
	defer fresh.Close()
	for _, id := range m.order {
		if err := fresh.Add(ctx, vectored(m.docs[id])); err != nil {
			m.t.Fatal(err)
		}
	}
	m.searchVectors(damageVectors(uint64(len(query)), 3), fresh)
	for _, score := range allScores {
		want, errWant := fresh.Search(ctx, query, &ciyuan.SearchOptions{K: 20, Score: score, Exact: true})
		for _, o := range []ciyuan.SearchOptions{{K: 20, Score: score, Exact: true}, {K: 20, Score: score}, {K: 20, Score: score, Graph: ciyuan.GraphFlat}, {K: 20, Score: score, Graph: ciyuan.GraphCoder}} {
			got, err := m.db.Search(ctx, query, &o)
			if errors.Is(errWant, ciyuan.ErrEmptyQuery) && errors.Is(err, ciyuan.ErrEmptyQuery) {
				continue
			}
			if err != nil || errWant != nil {
				m.t.Fatal(err, errWant)
			}
			if diff := cmp.Diff(want.Hits, got.Hits, cmpopts.EquateApprox(0, 1e-9)); diff != "" {
				m.t.Fatalf("%v, exact %v, %v: %q (-fresh +this):\n%s", score, o.Exact, o.Graph, query, diff)
			}
		}
	}
}

// searchVectors is search for token vectors.
func (m *machine) searchVectors(query []float32, fresh *ciyuan.DB) {
	ctx := context.Background()
	stored, order := storedVectors(m.t, m.db)
	for id, doc := range m.docs {
		came := []float32(nil)
		if v := vectored(doc).Vectors; v != nil {
			came = v.Vectors
		}
		if len(came) != len(stored[id]) {
			m.t.Fatalf("%s has %d numbers of token vectors, wanted %d", id, len(stored[id]), len(came))
		}
		for i := 0; i < len(came); i += 8 {
			if z := cosineOfRows(came[i:i+8], stored[id][i:i+8]); z < leastCosine[m.opts.Grade] {
				m.t.Fatalf("%s: row %d is stored with a cosine of %.3f in grade %v", id, i/8, z, m.opts.Grade)
			}
		}
	}
	for _, score := range []ciyuan.Score{ciyuan.ScoreMaxSim, ciyuan.ScoreSoftmax, ciyuan.ScoreSum} {
		o := ciyuan.SearchOptions{K: 20, Score: score, Exact: true}
		hits := func(db *ciyuan.DB) []ciyuan.Hit {
			r, err := db.SearchVectors(ctx, query, &o)
			if errors.Is(err, ciyuan.ErrDimension) {
				return nil // there are none yet
			}
			if err != nil {
				m.t.Fatal(err)
			}
			return r.Hits
		}
		got := hits(m.db)
		if len(got) != len(stored) {
			m.t.Fatalf("token vectors, %v: %d hits, %d documents have some", score, len(got), len(stored))
		}
		for i, h := range got {
			if want := naiveTokenScore(score, query, stored[h.ID], 8); math.Abs(want-h.Score) > 1e-4 {
				m.t.Fatalf("token vectors, %v, grade %v: %s has the score %v, wanted %v", score, m.opts.Grade, h.ID, h.Score, want)
			}
			if i > 0 && (h.Score > got[i-1].Score || h.Score == got[i-1].Score && slices.Index(order, h.ID) < slices.Index(order, got[i-1].ID)) {
				m.t.Fatalf("token vectors, %v: %s with %v comes behind %s with %v", score, h.ID, h.Score, got[i-1].ID, got[i-1].Score)
			}
		}
		if m.opts.Grade != ciyuan.GradeExact {
			continue // what a vector is stored relative to depends on those before it
		}
		if diff := cmp.Diff(hits(fresh), got, cmpopts.EquateApprox(0, 1e-9), cmpopts.EquateEmpty()); diff != "" {
			m.t.Fatalf("token vectors, %v (-fresh +this):\n%s", score, diff)
		}
	}
}

// crash adds a document and goes on with the file as a kill would have left it, at the
// point of that name, or when all is done if it is empty.
func (m *machine) crash(doc ciyuan.Document, point string) {
	after := filepath.Join(memoryDir(m.t), "crashed.db")
	keep := func() {
		data, err := os.ReadFile(m.path)
		if err == nil {
			err = os.WriteFile(after, data, 0o600)
		}
		if err != nil {
			m.t.Fatal(err)
		}
	}
	changes := false
	failpoint.Hook = func(at string, _ ...any) error {
		if at == point && (point == "committed" || !changes) {
			changes = true
			keep()
		}
		return nil
	}
	err := m.db.Add(context.Background(), vectored(doc))
	failpoint.Hook = nil
	if err == nil && !changes {
		keep() // the document is left alone, or it is the point
	}
	if err = errors.Join(err, m.db.Close()); err != nil {
		m.t.Fatal(err)
	}
	m.path = after
	if m.db, err = ciyuan.Open(m.path, &m.opts); err != nil {
		m.t.Fatal(err)
	}
	if point != "commit" {
		m.put(doc)
	}
}

func TestDB_StateMachine(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var err error
		m := &machine{t: t, path: filepath.Join(memoryDir(t), "m.db"), docs: map[string]ciyuan.Document{}}
		m.opts.Workers = rapid.IntRange(1, 3).Draw(t, "workers")
		m.opts.GraphWords = rapid.SampledFrom([]int{0, -1, 5}).Draw(t, "graph words")
		m.opts.Grade = rapid.SampledFrom(grades).Draw(t, "grade")
		m.opts.Mode = rapid.SampledFrom(tokenizer.Modes()).Draw(t, "mode")
		if m.db, err = ciyuan.Open(m.path, &m.opts); err != nil {
			t.Fatal(err)
		}
		defer func() { m.db.Close() }()
		ctx := context.Background()
		t.Repeat(map[string]func(*rapid.T){
			"add": func(t *rapid.T) {
				m.t = t
				doc := drawDoc(t)
				if err := m.db.Add(ctx, vectored(doc)); err != nil {
					t.Fatal(err)
				}
				m.put(doc)
			},
			"batch": func(t *rapid.T) {
				m.t = t
				docs := rapid.SliceOfN(rapid.Custom(drawDoc), 0, 8).Draw(t, "docs")
				slices.SortStableFunc(docs, func(a, b ciyuan.Document) int { return strings.Compare(a.ID, b.ID) })
				docs = slices.CompactFunc(docs, func(a, b ciyuan.Document) bool { return a.ID == b.ID })
				if _, err := m.db.AddBatch(ctx, allVectored(docs)); err != nil {
					t.Fatal(err)
				}
				for _, d := range docs {
					m.put(d)
				}
			},
			"delete": func(t *rapid.T) {
				m.t = t
				id := fmt.Sprintf("d%d", rapid.IntRange(0, 12).Draw(t, "id"))
				n, err := m.db.Delete(ctx, id)
				if _, there := m.docs[id]; err != nil || (n == 1) != there {
					t.Fatalf("deleted %d, %v", n, err)
				}
				delete(m.docs, id)
				m.order = slices.DeleteFunc(m.order, func(o string) bool { return o == id })
			},
			"fold": func(t *rapid.T) {
				m.t = t
				if err := m.db.Fold(ctx); err != nil {
					t.Fatal(err)
				}
			},
			"compact": func(t *rapid.T) {
				m.t = t
				if err := m.db.Compact(ctx); err != nil {
					t.Fatal(err)
				}
			},
			"reopen": func(t *rapid.T) {
				m.t = t
				m.reopen()
			},
			"crash": func(t *rapid.T) {
				m.t = t
				m.crash(drawDoc(t), rapid.SampledFrom([]string{"", "commit", "committed"}).Draw(t, "point"))
			},
			"search": func(t *rapid.T) {
				m.t = t
				m.search(strings.Join(rapid.SliceOfN(rapid.SampledFrom(vocabulary), 1, 5).Draw(t, "query"), " "))
			},
			"": func(t *rapid.T) {
				m.t = t
				m.check()
			},
		})
	})
}
