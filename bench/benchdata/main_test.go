package main

import (
	"go/ast"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/ciyuan-search/ciyuan/internal/npy"
	"github.com/ciyuan-search/ciyuan/internal/testutil"
)

func TestSmallSet(t *testing.T) {
	documents, queries, qrels, err := smallSet(testutil.Shared(t, "data"))
	if err != nil {
		t.Fatal(err)
	}
	if len(documents) != 240+1400+smallSentences || len(queries) != 1190+225 {
		t.Errorf("%d documents, %d questions", len(documents), len(queries))
	}
	ids := map[string]bool{}
	for _, d := range documents {
		ids[d.id] = true
	}
	for query, grades := range qrels {
		for id := range grades {
			if !ids[id] {
				t.Errorf("%s: %s is judged and not there", query, id)
			}
		}
	}
}

func TestParts(t *testing.T) {
	long, short := strings.Repeat("It says what it does. ", 40), "Too short to say much."
	for _, tt := range []struct {
		text string
		want []string
	}{
		{short, nil},
		{"Copyright 2009 " + long, nil},
		{long, []string{strings.TrimSpace(long)}},
		{long + "\n\n" + long + "\n\n" + short, []string{strings.TrimSpace(long), strings.TrimSpace(long)}},
	} {
		group := &ast.CommentGroup{}
		for line := range strings.SplitSeq(tt.text, "\n") {
			group.List = append(group.List, &ast.Comment{Text: "// " + line})
		}
		if got := parts(group); !slices.Equal(got, tt.want) {
			t.Errorf("%.30q: got %d parts, want %d: %q", tt.text, len(got), len(tt.want), got)
		}
	}
}

// TestWriteLarge makes large of a medium of three documents, twice.
func TestWriteLarge(t *testing.T) {
	dir := t.TempDir()
	w, err := newSetWriter(dir, "medium")
	if err != nil {
		t.Fatal(err)
	}
	row := make([]float32, dim)
	for n := range 3 {
		var rows []float32
		for i := range 1 + 30*n {
			clear(row)
			row[n*40+i%40] = 1
			rows = append(rows, row...)
		}
		if err := w.add("id", rows); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.close(); err != nil {
		t.Fatal(err)
	}
	if err := writeLarge(t.Context(), dir, 50); err != nil {
		t.Fatal(err)
	}
	first, err := os.ReadFile(filepath.Join(dir, "large.vec.npy"))
	if err != nil {
		t.Fatal(err)
	}
	if err := writeLarge(t.Context(), dir, 50); err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(filepath.Join(dir, "large.vec.npy"))
	if err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(first, second) {
		t.Error("made twice, the vectors differ")
	}
	vectors, err := npy.Parse(first)
	if err != nil {
		t.Fatal(err)
	}
	lengths, err := npy.Open(filepath.Join(dir, "large.len.npy"))
	if err != nil {
		t.Fatal(err)
	}
	defer lengths.Close()
	tokens := 0
	for i := range lengths.Len() {
		n := int(lengths.Int64(i))
		if n < largeLength/2 || n > 3*largeLength/2 {
			t.Errorf("document %d has %d tokens", i, n)
		}
		tokens += n
	}
	if lengths.Len() != 50 || !slices.Equal(vectors.Shape, []int{tokens, dim}) {
		t.Errorf("%d documents, vectors %v, %d tokens", lengths.Len(), vectors.Shape, tokens)
	}
	for i := range tokens {
		// Every row lies beside an axis, and never on it.
		v := vectors.AppendFloat32(nil, i*dim, (i+1)*dim)
		if largest := slices.Max(v); largest < 0.95 || largest >= 1 {
			t.Errorf("row %d: a cosine of %g to what it was made from", i, largest)
		}
	}
}
