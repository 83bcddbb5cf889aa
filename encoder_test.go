package ciyuan_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/encoder/static"
	"github.com/ciyuan-search/ciyuan/scoring"
)

// smallTable is a table in which 狸 is near to 猫 and 车 is not.
func smallTable(t *testing.T, name string) *encoder.Table {
	t.Helper()
	b, err := encoder.NewBuilder(name, 4, scoring.Bits8, scoring.DefaultParams())
	if err != nil {
		t.Fatal(err)
	}
	for _, w := range []struct {
		word string
		vec  []float32
	}{{"猫", []float32{1, 0, 0, 0}}, {"狸", []float32{0.9, 0.3, 0, 0}}, {"车", []float32{0, 0, 1, 0}}} {
		if err := b.Add(w.word, 9, w.vec); err != nil {
			t.Fatal(err)
		}
	}
	var data bytes.Buffer
	if _, err := b.WriteTo(&data); err != nil {
		t.Fatal(err)
	}
	table, err := encoder.NewTable(data.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// cosineOf returns the cosine of two words by a model of fastText.
func cosineOf(t *testing.T, model *static.FastText, a, b string) float64 {
	t.Helper()
	x, okX, errX := model.Vector(nil, a)
	y, okY, errY := model.Vector(nil, b)
	if err := errors.Join(errX, errY); err != nil || !okX || !okY {
		t.Fatalf("%s, %s: %v, %v, %v", a, b, okX, okY, err)
	}
	var xy, xx, yy float64
	for i := range x {
		xy += float64(x[i]) * float64(y[i])
		xx += float64(x[i]) * float64(x[i])
		yy += float64(y[i]) * float64(y[i])
	}
	return xy / math.Sqrt(xx*yy)
}

// TestOpen_EncoderOfGrams searches an index whose words are mostly composed of n-grams,
// as they are with the vectors of fastText.
func TestOpen_EncoderOfGrams(t *testing.T) {
	source, err := static.Open("encoder/static/testdata/grams.bin", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer source.Close() //nolint:errcheck // only read
	var data bytes.Buffer
	if _, err := static.Convert(context.Background(), &data, source, static.ConvertOptions{Name: "grams"}); err != nil {
		t.Fatal(err)
	}
	table, err := encoder.NewTable(data.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	fasttext, ok := source.(*static.FastText)
	if !ok {
		t.Fatalf("opened as %v", source.Info())
	}
	ctx := context.Background()
	for _, graph := range []int{0, -1} { // without and with a graph
		path := filepath.Join(t.TempDir(), "grams.db")
		o := &ciyuan.Options{Encoder: table, GraphWords: graph}
		db := openAt(t, path, o)
		for id, text := range map[string]string{"a": "searching engines", "b": "programmers programming", "c": "图书馆里的书"} {
			if err := db.Add(ctx, ciyuan.Document{ID: id, Text: text}); err != nil {
				t.Fatal(err)
			}
		}
		if err := db.Compact(ctx); err != nil {
			t.Fatal(err)
		}
		matches := 0
		for _, query := range []string{"searchers", "programmable", "图书馆员"} {
			res, err := db.Search(ctx, query, nil)
			if err != nil {
				t.Fatalf("%s: %v", query, err)
			}
			for _, hit := range res.Hits {
				for _, m := range hit.Matches {
					matches++
					if want := cosineOf(t, fasttext, m.Query, m.Token); math.Abs(float64(m.Similarity)-want) > 0.02 {
						t.Errorf("%s and %s: similarity %v, by fastText %v", m.Query, m.Token, m.Similarity, want)
					}
				}
			}
		}
		if matches < 3 {
			t.Errorf("%d matches", matches)
		}
		if problems, err := db.Check(ctx); err != nil || len(problems) > 0 {
			t.Errorf("check: %+v, %v", problems, err)
		}
	}
}

func TestOpen_Encoder(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "small.db")
	db := openAt(t, path, &ciyuan.Options{Encoder: smallTable(t, "small")})
	for id, text := range map[string]string{"cat": "猫。", "car": "车。"} {
		if err := db.Add(ctx, ciyuan.Document{ID: id, Text: text}); err != nil {
			t.Fatal(err)
		}
	}
	res, err := db.Search(ctx, "狸", nil)
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Hits) != 1 || res.Hits[0].ID != "cat" {
		t.Errorf("hits %+v, wanted cat alone", res.Hits)
	}
	stats, err := db.Stats(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if stats.Encoder != "small" || stats.Dim != 4 {
		t.Errorf("the index names %s of %d dimensions", stats.Encoder, stats.Dim)
	}
	if err := db.Compact(ctx); err != nil {
		t.Error(err)
	}
}

func TestOpen_ModelMismatch(t *testing.T) {
	dir := t.TempDir()
	small, other := smallTable(t, "small"), smallTable(t, "other")
	made := map[string]encoder.Static{"default.db": nil, "small.db": small, "other.db": other}
	for name, enc := range made {
		db, err := ciyuan.Open(filepath.Join(dir, name), &ciyuan.Options{Encoder: enc})
		if err != nil {
			t.Fatal(err)
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
	table, err := encoder.Default()
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		file  string
		with  encoder.Static
		names []string
	}{
		{"default.db", small, []string{table.Name(), "small"}},
		{"small.db", nil, []string{table.Name(), "small"}},
		{"small.db", other, []string{"small", "other"}},
	} {
		_, err := ciyuan.Open(filepath.Join(dir, tt.file), &ciyuan.Options{Encoder: tt.with})
		if !errors.Is(err, ciyuan.ErrModelMismatch) {
			t.Errorf("%s: %v", tt.file, err)
			continue
		}
		for _, name := range tt.names {
			if !strings.Contains(err.Error(), name) {
				t.Errorf("%s: %q is not named in %v", tt.file, name, err)
			}
		}
	}
}

func TestOpen_AnyEncoder(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "small.db")
	db, err := ciyuan.Open(path, &ciyuan.Options{Encoder: smallTable(t, "small")})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"a", "b"} {
		if err := db.Add(ctx, ciyuan.Document{ID: id, Text: "猫"}); err != nil {
			t.Fatal(err)
		}
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	db = openAt(t, path, &ciyuan.Options{Encoder: smallTable(t, "other"), AnyEncoder: true, GraphWords: -1})
	if doc, err := db.Get(ctx, "a"); err != nil || doc.Text != "猫" {
		t.Errorf("Get gives %q, %v", doc.Text, err)
	}
	if n, err := db.Delete(ctx, "b"); err != nil || n != 1 {
		t.Errorf("Delete gives %d, %v", n, err)
	}
	if err := db.Fold(ctx); err != nil {
		t.Errorf("Fold: %v", err)
	}
	if err := db.Export(ctx, io.Discard); err != nil {
		t.Errorf("Export: %v", err)
	}
	_, errSearch := db.Search(ctx, "猫", nil)
	_, errTokens := db.Tokens(ctx, "猫", nil)
	for name, err := range map[string]error{
		"Search": errSearch, "Tokens": errTokens, "Compact": db.Compact(ctx),
		"Add": db.Add(ctx, ciyuan.Document{ID: "c", Text: "车"}),
	} {
		if !errors.Is(err, ciyuan.ErrModelMismatch) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRankTokens_Encoder(t *testing.T) {
	res, err := ciyuan.RankTokens(context.Background(), "狸", []string{"车 猫"}, &ciyuan.TokensOptions{Encoder: smallTable(t, "small")})
	if err != nil {
		t.Fatal(err)
	}
	if len(res.Tokens) != 2 || res.Tokens[0].Token != "猫" || res.Tokens[0].Score < 0.9 || res.Tokens[1].Score > 0.1 {
		t.Errorf("tokens %+v", res.Tokens)
	}
}
