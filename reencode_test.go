package ciyuan_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// reencodable makes an index with the default table: documents with fields and a time,
// one of them replaced and one deleted.
func reencodable(t *testing.T) (path string, docs []ciyuan.Document) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "notes.db")
	dict, err := tokenizer.ParseDict(strings.NewReader("天气很好 100 n\n"))
	if err != nil {
		t.Fatal(err)
	}
	db, err := ciyuan.Open(path, &ciyuan.Options{Mode: tokenizer.Search, Dict: dict})
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range []string{strings.Repeat("how to learn\n", 90_000) + "编程", "天气很好", "gone", "old", "The computer\nwas invented", ""} {
		docs = append(docs, ciyuan.Document{
			ID: fmt.Sprintf("d%d", i), Title: "编程", Text: text, Meta: map[string]string{"n": fmt.Sprint(i)},
			Source: ciyuan.Source{Path: "p", ModTime: time.Unix(1700000000, 5), Size: int64(i)},
		})
	}
	add := func(doc ciyuan.Document) {
		if err := db.Add(context.Background(), doc); err != nil {
			t.Fatal(err)
		}
	}
	for _, doc := range docs {
		add(doc)
	}
	docs[3].Text = "new 2026"
	add(docs[3])
	if _, err := db.Delete(context.Background(), "d2"); err != nil {
		t.Fatal(err)
	}
	docs = append(docs[:2], docs[3:]...)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path, docs
}

// has checks that an index has the documents, and nothing else is in its folder.
func has(t *testing.T, path string, enc encoder.Encoder, docs []ciyuan.Document) *ciyuan.DB {
	t.Helper()
	db := openOwn(t, path, enc, ciyuan.Options{})
	for _, want := range docs {
		got, err := db.Get(context.Background(), want.ID)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Errorf("%s: %v (-want +got):\n%s", want.ID, err, diff)
		}
	}
	stats, err := db.Stats(context.Background())
	if err != nil || stats.Documents != len(docs) || stats.Mode != "search" || stats.Encoder != enc.Name() {
		t.Errorf("%+v, %v", stats, err)
	}
	if problems, err := db.Check(context.Background()); err != nil || len(problems) > 0 {
		t.Errorf("check: %v, %v", problems, err)
	}
	files, err := os.ReadDir(filepath.Dir(path))
	if err != nil || len(files) != 1 {
		t.Errorf("left in the folder: %v, %v", files, err)
	}
	return db
}

func TestReEncode(t *testing.T) {
	ctx := context.Background()
	path, docs := reencodable(t)
	s := newServer()
	res, err := ciyuan.ReEncode(ctx, path, &ciyuan.Options{Encoder: s})
	if err != nil || res.Documents != len(docs) || res.Resumed != 0 {
		t.Fatalf("%+v, %v", res, err)
	}
	db := has(t, path, s, docs)
	if got := hitIDs(t, db, "程序", &ciyuan.SearchOptions{Score: ciyuan.ScoreSoftmax}); len(got) == 0 {
		t.Error("the new vectors find nothing")
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	// And back, with the table.
	table, err := encoder.Default()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := ciyuan.ReEncode(ctx, path, nil); err != nil {
			t.Fatal(err)
		}
		db = has(t, path, table, docs)
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ciyuan.ReEncode(ctx, filepath.Join(t.TempDir(), "absent"), nil); !errors.Is(err, ciyuan.ErrNoIndex) {
		t.Errorf("no index: %v", err)
	}
}

// TestReEncode_Resumed stops runs in the middle, changes the index in between, and
// compares what comes out with a run that nothing has stopped.
func TestReEncode_Resumed(t *testing.T) {
	ctx := context.Background()
	path, docs := reencodable(t)
	s := newServer()
	// The server fails once it has encoded something.
	broken := &failing{server: s, after: 2}
	if _, err := ciyuan.ReEncode(ctx, path, &ciyuan.Options{Encoder: broken}); !errors.Is(err, errOut) {
		t.Fatalf("with a server that breaks down: %v", err)
	}
	if _, err := os.Stat(path + ciyuan.ReEncodeSuffix); err != nil {
		t.Fatalf("nothing was kept: %v", err)
	}
	// The index is as before, and can be searched and changed.
	db := openOwn(t, path, nil, ciyuan.Options{})
	if got := hitIDs(t, db, "电脑", nil); len(got) == 0 {
		t.Error("the index lost its vectors")
	}
	docs[0].Text = "changed 编程"
	if err := db.Add(ctx, docs[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Delete(ctx, docs[1].ID); err != nil {
		t.Fatal(err)
	}
	docs = append(docs[:1], docs[2:]...)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	stopped, cancel := context.WithCancel(ctx)
	_, err := ciyuan.ReEncode(stopped, path, &ciyuan.Options{Encoder: s, Progress: func(ciyuan.Progress) { cancel() }})
	if !errors.Is(err, context.Canceled) {
		t.Fatalf("stopped: %v", err)
	}
	asked := len(s.asked)
	res, err := ciyuan.ReEncode(ctx, path, &ciyuan.Options{Encoder: s})
	if err != nil || res.Documents != len(docs) || res.Resumed == 0 {
		t.Fatalf("%+v, %v", res, err)
	}
	if len(s.asked) > asked+1 { // the one that the index has
		t.Errorf("asked again for %v", s.asked[asked:])
	}
	db = has(t, path, s, docs)
	got, err := db.Digest(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	// Once more, without a break: an equal index.
	if _, err := ciyuan.ReEncode(ctx, path, &ciyuan.Options{Encoder: s}); err != nil {
		t.Fatal(err)
	}
	db = has(t, path, s, docs)
	if again, err := db.Digest(ctx); err != nil || again != got {
		t.Errorf("digest %s after interruptions, %s without; %v", got, again, err)
	}
}

// TestReEncode_OtherBesides begins anew where what lies beside the index is of no use.
func TestReEncode_OtherBesides(t *testing.T) {
	ctx := context.Background()
	path, docs := reencodable(t)
	for _, leave := range []func(string){
		func(name string) {
			if err := os.WriteFile(name, []byte("no index"), 0o600); err != nil {
				t.Fatal(err)
			}
		},
		func(name string) {
			other := newServer()
			other.name = "http:other"
			db := openOwn(t, name, other, ciyuan.Options{})
			if err := errors.Join(db.Add(ctx, ciyuan.Document{ID: "x", Text: "词"}), db.Close()); err != nil {
				t.Fatal(err)
			}
		},
		func(name string) {
			db := openOwn(t, name, newServer(), ciyuan.Options{})
			if err := errors.Join(db.Add(ctx, ciyuan.Document{ID: "x", Text: "词"}), db.Close()); err != nil {
				t.Fatal(err)
			}
		},
	} {
		leave(path + ciyuan.ReEncodeSuffix)
		s := newServer()
		if _, err := ciyuan.ReEncode(ctx, path, &ciyuan.Options{Encoder: s}); err != nil {
			t.Fatal(err)
		}
		if err := has(t, path, s, docs).Close(); err != nil {
			t.Fatal(err)
		}
	}
}

var errOut = errors.New("out of order")

// failing answers a few times.
type failing struct {
	*server
	after int
}

func (f *failing) Vectors(ctx context.Context, words []string) ([][]float32, error) {
	if f.after--; f.after < 0 {
		return nil, errOut
	}
	return f.server.Vectors(ctx, words)
}
