package ciyuan_test

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/encoder"
)

// server is an encoder.Words that answers from a table, or with a vector made of the
// word's letters, and notes what it was asked for.
type server struct {
	name  string
	dim   int
	turn  uint64 // another one gives other vectors under the same name
	err   error
	alike [][2]string // words whose vectors are nearly the same
	asked []string
}

func (s *server) Name() string        { return s.name }
func (s *server) Fingerprint() string { return "fp-" + s.name }
func (s *server) Dim() int            { return 0 }

func (s *server) Vectors(_ context.Context, words []string) ([][]float32, error) {
	if s.err != nil {
		return nil, s.err
	}
	s.asked = append(s.asked, words...)
	out := make([][]float32, len(words))
	for i, word := range words {
		if word == "vectorless" {
			continue
		}
		noise := 0.0
		for _, pair := range s.alike {
			if word == pair[1] {
				word, noise = pair[0], 0.2
			}
		}
		h := fnv.New64a()
		h.Write([]byte(word))
		rng := rand.New(rand.NewPCG(h.Sum64(), s.turn))
		for range s.dim {
			out[i] = append(out[i], float32(7*rng.NormFloat64()+7*noise*rng.NormFloat64()+1))
		}
	}
	return out, nil
}

func newServer() *server {
	return &server{name: "http:tiny", dim: 40, alike: [][2]string{{"编程", "程序"}, {"天气", "晴朗"}}}
}

func openOwn(t *testing.T, path string, enc encoder.Encoder, o ciyuan.Options) *ciyuan.DB {
	t.Helper()
	o.Encoder = enc
	db, err := ciyuan.Open(path, &o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func hitIDs(t *testing.T, db *ciyuan.DB, query string, o *ciyuan.SearchOptions) []string {
	t.Helper()
	res, err := db.Search(context.Background(), query, o)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	var got []string
	for _, h := range res.Hits {
		got = append(got, h.ID)
	}
	return got
}

// TestOwnVectors makes an index with an encoder that has to be asked: once for each
// word, and not at all for a search with words that the index has.
func TestOwnVectors(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "own.db")
	s := newServer()
	db := openOwn(t, path, s, ciyuan.Options{})
	for id, text := range map[string]string{"a": "如何提高编程技能 2026", "b": "天气很好", "c": "vectorless"} {
		if err := db.Add(ctx, ciyuan.Document{ID: id, Text: text}); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]int{}
	for _, word := range s.asked {
		seen[word]++
	}
	if seen["编程"] != 1 || seen["天气"] != 1 || seen["2026"] != 0 {
		t.Errorf("asked for %v", s.asked)
	}
	asked := len(s.asked)
	if got := hitIDs(t, db, "编程", nil); !cmp.Equal(got, []string{"a"}) || len(s.asked) != asked {
		t.Errorf("hits %v, asked for %v", got, s.asked[asked:])
	}
	// A new word is asked for, and found by its neighbour.
	if got := hitIDs(t, db, "晴朗", nil); !cmp.Equal(got, []string{"b"}) {
		t.Errorf("hits %v of a word that the index does not have", got)
	}
	if got := s.asked[len(s.asked)-1]; got != "晴朗" {
		t.Errorf("asked for %q", got)
	}
	if got := hitIDs(t, db, "vectorless", nil); !cmp.Equal(got, []string{"c"}) {
		t.Errorf("hits %v of a word without vector", got)
	}
	tokens, err := db.Tokens(ctx, "程序", &ciyuan.TokensOptions{K: 1})
	if err != nil || len(tokens.Tokens) != 1 || tokens.Tokens[0].Token != "编程" {
		t.Errorf("nearest token %+v, %v", tokens, err)
	}
	if problems, err := db.Check(ctx); err != nil || len(problems) > 0 {
		t.Errorf("check: %v, %v", problems, err)
	}
	if err := db.Compact(ctx); err != nil {
		t.Fatal(err)
	}
	if got := hitIDs(t, db, "晴朗", nil); !cmp.Equal(got, []string{"b"}) {
		t.Errorf("hits %v after compacting", got)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}

	// Without the encoder: words that are there are found, others have no vector.
	db = openOwn(t, path, nil, ciyuan.Options{})
	if got := hitIDs(t, db, "编程", nil); !cmp.Equal(got, []string{"a"}) {
		t.Errorf("hits %v without the encoder", got)
	}
	res, err := db.Search(ctx, "晴朗 天气", nil)
	if err != nil || res.Stats.Unknown != 1 || len(res.Hits) != 1 {
		t.Errorf("without the encoder: %+v, %v", res, err)
	}
	if err := db.Add(ctx, ciyuan.Document{ID: "d", Text: "天气 编程"}); err != nil {
		t.Errorf("a document of known words: %v", err)
	}
	if err := db.Add(ctx, ciyuan.Document{ID: "e", Text: "全新的内容"}); !errors.Is(err, ciyuan.ErrModelMismatch) || !strings.Contains(err.Error(), "http:tiny") {
		t.Errorf("a document of new words: %v", err)
	}
}

func TestOwnVectors_Refused(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "own.db")
	db := openOwn(t, path, newServer(), ciyuan.Options{})
	if err := db.Add(ctx, ciyuan.Document{ID: "a", Text: "如何提高编程技能"}); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	table, err := encoder.Default()
	if err != nil {
		t.Fatal(err)
	}
	other := newServer()
	other.name = "http:other"
	for _, enc := range []encoder.Encoder{other, table} {
		_, err := ciyuan.Open(path, &ciyuan.Options{Encoder: enc})
		if !errors.Is(err, ciyuan.ErrModelMismatch) || !strings.Contains(err.Error(), "http:tiny") || !strings.Contains(err.Error(), enc.Name()) {
			t.Errorf("opened with %s: %v", enc.Name(), err)
		}
	}
	if _, err := ciyuan.Open(filepath.Join(t.TempDir(), "default.db"), &ciyuan.Options{Encoder: broken{}}); !errors.Is(err, ciyuan.ErrOption) {
		t.Errorf("an encoder of no kind: %v", err)
	}
	// The same name, another model: seen by the vector of a word that the index has.
	changed := newServer()
	changed.turn = 1
	db = openOwn(t, path, changed, ciyuan.Options{})
	if _, err := db.Search(ctx, "晴朗", nil); !errors.Is(err, ciyuan.ErrModelMismatch) {
		t.Errorf("a search with another model: %v", err)
	}
	if err := db.Add(ctx, ciyuan.Document{ID: "b", Text: "晴朗"}); !errors.Is(err, ciyuan.ErrModelMismatch) {
		t.Errorf("a document with another model: %v", err)
	}
	changed.turn, changed.dim = 0, 50
	if _, err := db.Search(ctx, "晴朗", nil); !errors.Is(err, ciyuan.ErrModelMismatch) {
		t.Errorf("a search with another dimension: %v", err)
	}
	changed.dim, changed.err = 40, errors.New("out of order")
	if _, err := db.Search(ctx, "晴朗", nil); !errors.Is(err, changed.err) {
		t.Errorf("a search with a server out of order: %v", err)
	}
	if got := hitIDs(t, db, "编程", nil); !cmp.Equal(got, []string{"a"}) {
		t.Errorf("hits %v of known words with a server out of order", got)
	}
	if _, err := ciyuan.Open(filepath.Join(t.TempDir(), "new.db"), &ciyuan.Options{Encoder: changed}); !errors.Is(err, changed.err) {
		t.Errorf("a new index with a server out of order: %v", err)
	}
	changed.err, changed.dim = nil, 5000
	if _, err := ciyuan.Open(filepath.Join(t.TempDir(), "new.db"), &ciyuan.Options{Encoder: changed}); !errors.Is(err, ciyuan.ErrOption) {
		t.Errorf("vectors of 5,000 dimensions: %v", err)
	}
}

type broken struct{}

func (broken) Name() string        { return "broken" }
func (broken) Fingerprint() string { return "0" }
func (broken) Dim() int            { return 3 }

// TestOwnVectors_Graph compares a walk through the graph with a look at every word.
func TestOwnVectors_Graph(t *testing.T) {
	ctx := context.Background()
	db := openOwn(t, filepath.Join(t.TempDir(), "own.db"), newServer(), ciyuan.Options{GraphWords: -1})
	var docs []ciyuan.Document
	for i := range 60 {
		var text strings.Builder
		for j := range 60 {
			fmt.Fprintf(&text, "w%c%c%c ", 'a'+i%26, 'a'+i/26, 'a'+j%26)
			fmt.Fprintf(&text, "v%c%c ", 'a'+(i*7+j)%26, 'a'+j%26)
		}
		docs = append(docs, ciyuan.Document{ID: fmt.Sprint(i), Text: text.String()})
	}
	_, err := db.AddBatch(ctx, func(yield func(ciyuan.Document, error) bool) {
		for _, d := range docs {
			if !yield(d, nil) {
				return
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, query := range []string{"waab vbc", "wzac", "vqq", "wbbx vaa"} {
		exact := hitIDs(t, db, query, &ciyuan.SearchOptions{Exact: true})
		if got := hitIDs(t, db, query, nil); !cmp.Equal(got, exact) {
			t.Errorf("%s: %v, exact %v", query, got, exact)
		}
	}
}

func TestRankTokens_Words(t *testing.T) {
	res, err := ciyuan.RankTokens(context.Background(), "程序", []string{"天气很好", "学习编程"}, &ciyuan.TokensOptions{Encoder: newServer(), K: 1})
	if err != nil || len(res.Tokens) != 1 || res.Tokens[0].Token != "编程" {
		t.Errorf("%+v, %v", res, err)
	}
}

// An index that holds its vectors knows those of its documents' words without asking.
func TestOwnVectors_Similar(t *testing.T) {
	ctx := context.Background()
	s := newServer()
	db := openOwn(t, filepath.Join(t.TempDir(), "own.db"), s, ciyuan.Options{})
	for id, text := range map[string]string{"a": "编程技能", "b": "天气很好", "c": "程序 很好"} {
		if err := db.Add(ctx, ciyuan.Document{ID: id, Text: text}); err != nil {
			t.Fatal(err)
		}
	}
	asked := len(s.asked)
	res, err := db.Similar(ctx, "a", nil)
	if err != nil || len(res.Hits) != 1 || res.Hits[0].ID != "c" || len(s.asked) != asked {
		t.Errorf("%+v, %v, asked for %v", res, err, s.asked[asked:])
	}
	near, err := db.Expand(ctx, "晴朗", 1)
	if err != nil || len(near) != 1 || near[0].Word != "天气" || len(s.asked) != asked+1 {
		t.Errorf("%+v, %v, asked for %v", near, err, s.asked[asked:])
	}
}
