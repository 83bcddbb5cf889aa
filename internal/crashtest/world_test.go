package crashtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"iter"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/ciyuan-search/ciyuan"
)

// vocabulary is what the texts are made of: words with vectors in two
// languages, words without, parts.
var vocabulary = strings.Fields(`编程 技能 学习 练习 耐心 毅力 时间 经验 提高 如何 程序 电脑 天气 苹果 水果 城市 音乐 历史 科学 数学 朋友 老师 学生 医院 汽车
	program skill learn time computer weather apple fruit city music history science teacher student hospital car river mountain
	getUserName foo_bar bob@example.com 2026 3.14 軟體 qwxzv`)

// state is what an index should hold: its documents in the order in which each
// was last changed.
type state []ciyuan.Document

func (s state) index(id string) int {
	return slices.IndexFunc(s, func(d ciyuan.Document) bool { return d.ID == id })
}

// with returns the state after a document was added.
func (s state) with(doc ciyuan.Document) state {
	i := s.index(doc.ID)
	switch {
	case i < 0:
		return append(slices.Clone(s), doc)
	case cmp.Equal(s[i], doc):
		return s // left alone, so it keeps its place
	}
	return append(slices.Concat(s[:i], s[i+1:]), doc)
}

// without returns the state after a document was deleted.
func (s state) without(id string) state {
	i := s.index(id)
	if i < 0 {
		return s
	}
	return slices.Concat(s[:i], s[i+1:])
}

// The kinds of operations.
const (
	opAdd = iota
	opBatch
	opDelete
	opFold
	opCompact
	opBackup
	opMigrate
	opReopen
	opKinds
)

var opNames = [opKinds]string{"add", "batch", "delete", "fold", "compact", "backup", "migrate", "reopen"}

// An op is one call of the library. It succeeds as a whole or not at all.
type op struct {
	Kind int
	Docs []ciyuan.Document
	IDs  []string
}

// after returns the state that op leaves.
func (o *op) after(s state) state {
	for _, d := range o.Docs {
		s = s.with(d)
	}
	for _, id := range o.IDs {
		s = s.without(id)
	}
	return s
}

func drawDoc(rng *rand.Rand) ciyuan.Document {
	doc := ciyuan.Document{ID: fmt.Sprintf("d%d", rng.IntN(16)), Meta: map[string]string{"lot": fmt.Sprint(rng.IntN(3))}}
	words := make([]string, rng.IntN(30))
	for i := range words {
		words[i] = vocabulary[rng.IntN(len(vocabulary))]
	}
	doc.Text = strings.Join(words, []string{"", " ", "，", "\n"}[rng.IntN(4)])
	if rng.IntN(2) == 0 {
		doc.Title = vocabulary[rng.IntN(len(vocabulary))]
	}
	return doc
}

// drawOp draws an operation, changes more often than others.
func drawOp(rng *rand.Rand) op {
	switch n := rng.IntN(20); {
	case n < 6:
		return op{Kind: opAdd, Docs: []ciyuan.Document{drawDoc(rng)}}
	case n < 9:
		o := op{Kind: opBatch}
		for range 1 + rng.IntN(6) {
			if d := drawDoc(rng); !slices.ContainsFunc(o.Docs, func(x ciyuan.Document) bool { return x.ID == d.ID }) {
				o.Docs = append(o.Docs, d)
			}
		}
		return o
	case n < 12:
		o := op{Kind: opDelete}
		for range 1 + rng.IntN(3) {
			o.IDs = append(o.IDs, fmt.Sprintf("d%d", rng.IntN(16)))
		}
		return o
	case n < 16:
		return op{Kind: opFold}
	}
	return op{Kind: opCompact + rng.IntN(opKinds-opCompact)}
}

// A world is an index that operations are done to.
type world struct {
	path string
	opts *ciyuan.Options
	db   *ciyuan.DB
}

// backupOf is the name of the backup of the index at path.
func backupOf(path string) string { return path + "-copy" }

func (w *world) open() (err error) {
	w.db, err = ciyuan.Open(w.path, w.opts)
	return err
}

// do does an operation.
func (w *world) do(o *op) error {
	ctx := context.Background()
	switch o.Kind {
	case opAdd:
		return w.db.Add(ctx, vectored(o.Docs[0]))
	case opBatch:
		_, err := w.db.AddBatch(ctx, all(o.Docs))
		return err
	case opDelete:
		_, err := w.db.Delete(ctx, o.IDs...)
		return err
	case opFold:
		return w.db.Fold(ctx)
	case opCompact:
		return w.db.Compact(ctx)
	case opBackup:
		return w.db.ReplaceBackup(ctx, backupOf(w.path))
	}
	if err := w.db.Close(); err != nil {
		return err
	}
	if o.Kind == opMigrate {
		if _, err := ciyuan.Migrate(ctx, w.path, w.opts); err != nil {
			return err
		}
	}
	return w.open()
}

// vectorDim is the number of columns of token vectors.
const vectorDim = 8

// vectored returns the document with token vectors that follow from it, every
// fourth without any. Get does not return them, so a state does not hold them.
func vectored(doc ciyuan.Document) ciyuan.Document {
	h := fnv.New64a()
	fmt.Fprintf(h, "%q %q %q", doc.ID, doc.Title, doc.Text)
	rng := rand.New(rand.NewPCG(h.Sum64(), 5))
	if n := rng.IntN(4); n > 0 {
		doc.Vectors = &ciyuan.TokenVectors{Dim: vectorDim, Vectors: vectors(rng, n)}
	}
	return doc
}

func vectors(rng *rand.Rand, n int) []float32 {
	rows := make([]float32, n*vectorDim)
	for i := range rows {
		rows[i] = float32(rng.NormFloat64())
	}
	return rows
}

func all(docs []ciyuan.Document) iter.Seq2[ciyuan.Document, error] {
	return func(yield func(ciyuan.Document, error) bool) {
		for _, d := range docs {
			if !yield(vectored(d), nil) {
				return
			}
		}
	}
}

// matches returns which of the states an index holds, after checking all of it.
func matches(db *ciyuan.DB, states []state) (int, error) {
	ctx := context.Background()
	problems, err := db.Check(ctx)
	if err != nil || len(problems) > 0 {
		return 0, fmt.Errorf("check: %v, %w", problems, err)
	}
	var got []ciyuan.Document
	for e, err := range db.List(ctx, "") {
		if err != nil {
			return 0, err
		}
		doc, err := db.Get(ctx, e.ID)
		if err != nil {
			return 0, err
		}
		got = append(got, doc)
	}
	byID := func(a, b ciyuan.Document) int { return strings.Compare(a.ID, b.ID) }
	for i, s := range states {
		if reflect.DeepEqual(got, slices.SortedFunc(slices.Values(s), byID)) {
			return i, nil
		}
	}
	diff := cmp.Diff(slices.SortedFunc(slices.Values(states[0]), byID), got, cmpopts.EquateEmpty())
	return 0, fmt.Errorf("%d documents, in none of the %d states that they may be in (-acknowledged +there):\n%s", len(got), len(states), diff)
}

// queries are asked of every index.
var queries = []string{"如何提高编程技能", "learn time 水果", "getUserName bob 2026 qwxzv", "science 历史 teacher"}

// An oracle knows what searches of a state find, from a new index of its own.
type oracle struct {
	dir   string
	known map[string][]*ciyuan.Result
}

func searches(db *ciyuan.DB, opts ciyuan.SearchOptions) ([]*ciyuan.Result, error) {
	var results []*ciyuan.Result
	for i, q := range queries {
		o := opts
		o.K = 20
		o.Score = ciyuan.Score(i % 5)
		if i%2 == 1 {
			o.Filter = map[string]string{"lot": "1"}
		}
		r, err := db.Search(context.Background(), q, &o)
		if err != nil {
			return nil, err
		}
		results = append(results, r)
	}
	if !opts.Exact {
		return results, nil // may miss some, which the exact search of the same index cannot
	}
	for _, score := range []ciyuan.Score{ciyuan.ScoreMaxSim, ciyuan.ScoreSoftmax, ciyuan.ScoreSum} {
		r, err := db.SearchVectors(context.Background(), vectors(rand.New(rand.NewPCG(uint64(score), 6)), 3), &ciyuan.SearchOptions{K: 20, Score: score, Exact: true})
		if errors.Is(err, ciyuan.ErrDimension) {
			r, err = &ciyuan.Result{}, nil // as good as one that has lost all of them
		}
		if err != nil {
			return nil, err
		}
		results = append(results, r)
	}
	return results, nil
}

func (o *oracle) results(s state) (results []*ciyuan.Result, err error) {
	key, err := json.Marshal(s)
	if err != nil {
		return nil, err
	}
	if r, ok := o.known[string(key)]; ok {
		return r, nil
	}
	path := filepath.Join(o.dir, "fresh.db")
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, err
	}
	db, err := ciyuan.Open(path, nil)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if _, err := db.AddBatch(context.Background(), all(s)); err != nil {
		return nil, err
	}
	if results, err = searches(db, ciyuan.SearchOptions{Exact: true}); err != nil {
		return nil, err
	}
	if o.known == nil || len(o.known) > 1000 {
		o.known = map[string][]*ciyuan.Result{}
	}
	o.known[string(key)] = results
	return results, nil
}

// agree returns an error unless searches of db find what they should in s, with
// the graph and without.
func (o *oracle) agree(db *ciyuan.DB, s state) error {
	want, err := o.results(s)
	if err != nil {
		return err
	}
	for _, opts := range []ciyuan.SearchOptions{{Exact: true}, {}} {
		got, err := searches(db, opts)
		if err != nil {
			return err
		}
		for i := range got {
			if reflect.DeepEqual(want[i].Hits, got[i].Hits) {
				continue // the usual case, without the cost of a comparison that can explain
			}
			if diff := cmp.Diff(want[i].Hits, got[i].Hits, cmpopts.EquateApprox(0, 1e-9), cmpopts.EquateEmpty()); diff != "" {
				return fmt.Errorf("search %d, exact %v (-fresh +this):\n%s", i, opts.Exact, diff)
			}
		}
	}
	return nil
}

// swept opens an index for writing a day after what lies beside it was left
// there, and returns an error if something of that stays.
func swept(path string) error {
	beside := func() ([]string, error) {
		entries, err := os.ReadDir(filepath.Dir(path))
		var names []string
		for _, e := range entries {
			if name := filepath.Join(filepath.Dir(path), e.Name()); name != path && name != backupOf(path) {
				names = append(names, name)
			}
		}
		return names, err
	}
	left, err := beside()
	if err != nil || len(left) == 0 {
		return err
	}
	then := time.Now().Add(-24 * time.Hour)
	for _, name := range left {
		if err := os.Chtimes(name, then, then); err != nil {
			return err
		}
	}
	// What is beside the backup is found by the next backup.
	db, err := ciyuan.Open(path, nil)
	if err != nil {
		return err
	}
	err = db.ReplaceBackup(context.Background(), backupOf(path))
	if err := errors.Join(err, db.Close(), os.Remove(backupOf(path))); err != nil {
		return err
	}
	if left, err = beside(); err == nil && len(left) > 0 {
		err = fmt.Errorf("left behind for ever: %v", left)
	}
	return err
}

// whole returns an error unless the backup of the index at path is an index in
// one of the states.
func whole(path string, states []state, mayLack bool) (err error) {
	db, err := ciyuan.Open(backupOf(path), &ciyuan.Options{ReadOnly: true})
	if errors.Is(err, ciyuan.ErrNoIndex) && mayLack {
		return nil
	}
	if err == nil {
		_, err = matches(db, states)
		err = errors.Join(err, db.Close())
	}
	if err != nil {
		return fmt.Errorf("the backup: %w", err)
	}
	return nil
}

func counted(m map[string]int) string {
	var b strings.Builder
	for _, k := range slices.Sorted(maps.Keys(m)) {
		fmt.Fprintf(&b, " %s %d", k, m[k])
	}
	return b.String()
}
