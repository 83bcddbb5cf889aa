package ciyuan_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// FuzzAdd adds any document. What Get returns is what was added, with or without
// a fold and a compaction, the index is whole, and the document is found by its
// own words.
func FuzzAdd(f *testing.F) {
	for _, s := range []string{"如何提高编程技能", "getUserName(foo_bar) 3.14", "", "\x00\ufeff\u200d", "a\u0301 ﬁ ㈱ 軟體\r\n\r\n", "\xff\xfe", "# h\n\n- x\n"} {
		f.Add("id", s, s, s, uint8(len(s)))
	}
	ctx := context.Background()
	f.Fuzz(func(t *testing.T, id, title, text, meta string, bits uint8) {
		opts := ciyuan.Options{Mode: tokenizer.Mode(bits & 3), Workers: 1, GraphWords: -int(bits >> 2 & 1)}
		db, err := ciyuan.Open(filepath.Join(t.TempDir(), "a.db"), &opts)
		if err != nil {
			t.Fatal(err)
		}
		defer func() {
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		}()
		doc := ciyuan.Document{ID: id, Title: title, Text: text, Meta: map[string]string{"k": meta}}
		if err := db.Add(ctx, doc); err != nil {
			if errors.Is(err, ciyuan.ErrNoID) || errors.Is(err, ciyuan.ErrOption) {
				return
			}
			t.Fatal(err)
		}
		doc.Title = strings.ToValidUTF8(title, "\uFFFD")
		for _, change := range []func(context.Context) error{func(context.Context) error { return nil }, db.Fold, db.Compact} {
			if err := change(ctx); err != nil {
				t.Fatal(err)
			}
			got, err := db.Get(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(doc, got); diff != "" {
				t.Fatalf("(-added +got):\n%s", diff)
			}
			if problems, err := db.Check(ctx); err != nil || len(problems) > 0 {
				t.Fatalf("check: %v, %v", problems, err)
			}
			res, err := db.Search(ctx, text, nil)
			if errors.Is(err, ciyuan.ErrEmptyQuery) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(res.Hits) != 1 || res.Hits[0].ID != id {
				t.Fatalf("%q is not found by its own text: %+v", text, res.Hits)
			}
		}
	})
}

// FuzzDamage puts bytes anywhere into a small index and asks it everything.
func FuzzDamage(f *testing.F) {
	path := damageIndex(f)
	want := soundAnswers(f, path)
	sound, err := os.ReadFile(path)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(uint32(0), []byte{0})
	f.Add(uint32(5*damagePage+16), []byte{1, 0, 0, 0, 9})
	f.Fuzz(func(t *testing.T, at uint32, patch []byte) {
		data := bytes.Clone(sound)
		copy(data[int(at)%len(data):], patch)
		path := filepath.Join(t.TempDir(), "a.db")
		if err := os.WriteFile(path, data, 0o644); err != nil {
			t.Fatal(err)
		}
		if wrong := examine(path, want); len(wrong) > 0 {
			t.Error(wrong[0])
		}
	})
}
