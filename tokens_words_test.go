package ciyuan_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/ciyuan-search/ciyuan"
)

func TestDB_Tokens_Words(t *testing.T) {
	db := open(t, nil)
	addAll(t, db, []ciyuan.Document{
		{ID: "a", Text: "A cat and a cat."}, {ID: "b", Title: "cat", Text: "A dog sleeps."}, {ID: "c", Text: "The Cat sleeps."},
	})
	for _, score := range []ciyuan.TokenScore{ciyuan.TokenCosine, ciyuan.TokenSoftmax, ciyuan.TokenSum} {
		got, err := db.Tokens(t.Context(), "cat", &ciyuan.TokensOptions{Words: true, Score: score, K: 3})
		if err != nil || len(got.Words) != 3 || len(got.Tokens) != 0 {
			t.Fatalf("%v: %+v, %v", score, got, err)
		}
		// The title of b does not count.
		w := got.Words[0]
		if w.Rank != 1 || w.Word != "cat" || w.Query != "cat" || w.Count != 3 || w.Documents != 2 || strings.Join(w.Docs, " ") != "a c" {
			t.Errorf("%v: %+v", score, w)
		}
	}
	if _, err := db.Tokens(t.Context(), "cat", &ciyuan.TokensOptions{Words: true, Pairs: true}); !errors.Is(err, ciyuan.ErrOption) {
		t.Errorf("pairs of words: %v", err)
	}
}
