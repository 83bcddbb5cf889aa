package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/ciyuan-search/ciyuan/eval"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

func TestSwapped(t *testing.T) {
	file := filepath.Join(t.TempDir(), "synonyms")
	// 图书 has two senses, 书 is too short, and the last group too long.
	if err := os.WriteFile(file, []byte("電腦 计算机\n图书 书籍\n图书 典籍\n书 书本\n苹果 一个 两个 三个 四个 五个 六个\nTree 树木\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	others, err := synonyms(file)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenizer.New(tokenizer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	set := &eval.Set{
		Queries: []eval.Query{{ID: "a", Text: "他的電腦和图书、苹果在哪里？"}, {ID: "b", Text: "谁？"}},
		Qrels:   eval.Qrels{"a": {"d": 1}, "b": {"d": 1}},
	}
	got := swapped(set, tok, others)
	want := &eval.Set{Queries: []eval.Query{{ID: "a", Text: "他的计算机和图书、苹果在哪里？"}}, Qrels: eval.Qrels{"a": {"d": 1}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if len(set.Queries) != 2 || len(set.Qrels) != 2 {
		t.Errorf("the set has changed: %+v", set)
	}
}
