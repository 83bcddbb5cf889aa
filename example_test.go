package ciyuan_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"github.com/ciyuan-search/ciyuan"
)

func Example() {
	dir, err := os.MkdirTemp("", "ciyuan")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	db, err := ciyuan.Open(filepath.Join(dir, "notes.db"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()

	ctx := context.Background()
	for id, text := range []string{
		"编程是一种技能，需要不断学习和练习",
		"编程需要耐心和毅力",
		"The bakery opens at seven in the morning.",
	} {
		if err := db.Add(ctx, ciyuan.Document{ID: fmt.Sprint(id), Text: text}); err != nil {
			log.Fatal(err)
		}
	}

	for _, query := range []string{"如何提高编程技能", "learning to program", "面包店几点开门"} {
		result, err := db.Search(ctx, query, &ciyuan.SearchOptions{K: 1})
		if err != nil {
			log.Fatal(err)
		}
		for _, hit := range result.Hits {
			fmt.Printf("%s → %s\n", query, hit.Snippet)
		}
	}
	// Output:
	// 如何提高编程技能 → 编程是一种技能，需要不断学习和练习
	// learning to program → 编程是一种技能，需要不断学习和练习
	// 面包店几点开门 → The bakery opens at seven in the morning.
}

// The textbook example of token-level retrieval: which tokens of three
// sentences are nearest to a question?
func ExampleRankTokens() {
	docs := []string{
		"编程是一种技能，需要不断学习和练习",
		"编程需要耐心和毅力",
		"编程需要时间和经验",
	}
	result, err := ciyuan.RankTokens(context.Background(), "如何提高编程技能", docs, &ciyuan.TokensOptions{K: 8})
	if err != nil {
		log.Fatal(err)
	}
	for _, t := range result.Tokens {
		fmt.Printf("%d %.3f %s (%s, sentence %s)\n", t.Rank, t.Score, t.Token, t.Query, t.Doc)
	}
	// Output:
	// 1 1.000 编程 (编程, sentence 1)
	// 2 1.000 技能 (技能, sentence 1)
	// 3 1.000 编程 (编程, sentence 2)
	// 4 1.000 编程 (编程, sentence 3)
	// 5 0.458 不断 (如何, sentence 1)
	// 6 0.422 学习 (提高, sentence 1)
	// 7 0.416 经验 (如何, sentence 3)
	// 8 0.411 一种 (如何, sentence 1)
}

// Attention: each query token spreads a weight of 1 over all tokens of the
// documents.
func ExampleRankTokens_softmax() {
	docs := []string{
		"编程是一种技能，需要不断学习和练习",
		"编程需要耐心和毅力",
		"编程需要时间和经验",
	}
	result, err := ciyuan.RankTokens(context.Background(), "如何提高编程技能", docs,
		&ciyuan.TokensOptions{Score: ciyuan.TokenSoftmax})
	if err != nil {
		log.Fatal(err)
	}
	sum := 0.0
	for i, t := range result.Tokens {
		if i < 5 {
			fmt.Printf("%d %.4f %s (%s, sentence %s)\n", t.Rank, t.Score, t.Token, t.Query, t.Doc)
		}
		sum += t.Score
	}
	fmt.Printf("all %d tokens together: %.4f\n", len(result.Tokens), sum)
	// Output:
	// 1 0.0699 技能 (技能, sentence 1)
	// 2 0.0674 编程 (编程, sentence 1)
	// 3 0.0674 编程 (编程, sentence 2)
	// 4 0.0674 编程 (编程, sentence 3)
	// 5 0.0561 练习 (提高, sentence 1)
	// all 19 tokens together: 1.0000
}

// Why a document is found: what each word of the query gives to the score, and the
// word of the document that it attends to most.
func ExampleDB_Search_explain() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	db, err := ciyuan.Open(filepath.Join(dir, "example.db"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()
	ctx := context.Background()
	if err := db.Add(ctx, ciyuan.Document{ID: "1", Text: "编程是一种技能，需要不断学习和练习"}); err != nil {
		log.Fatal(err)
	}
	// A phrase, and a word that must not occur.
	result, err := db.Search(ctx, `"不断学习" -天气`, &ciyuan.SearchOptions{Operators: true, Explain: true, Score: ciyuan.ScoreSoftmax})
	if err != nil {
		log.Fatal(err)
	}
	for _, hit := range result.Hits {
		sum := 0.0
		for _, word := range hit.Explain.Words {
			sum += word.Score
			for _, t := range word.Tokens {
				if t.Similarity == 1 {
					fmt.Printf("%s attends to %s at byte %d\n", word.Query, t.Token, t.Start)
				}
			}
		}
		fmt.Printf("together %.4f of the score\n", sum/hit.Score)
	}
	// Output:
	// 不断 attends to 不断 at byte 30
	// 学习 attends to 学习 at byte 36
	// together 1.0000 of the score
}

// A question is answered from the documents, by the sentence that answers and the words
// of it that do.
func ExampleDB_Ask() {
	dir, err := os.MkdirTemp("", "ciyuan")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)

	db, err := ciyuan.Open(filepath.Join(dir, "notes.db"), nil)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()

	ctx := context.Background()
	for id, text := range map[string]string{
		"canal":   "The Panama Canal was opened on 15 August 1914. It is 82 kilometres long.",
		"railway": "广三铁路全长49公里，于1903年筑成。",
	} {
		if err := db.Add(ctx, ciyuan.Document{ID: id, Text: text}); err != nil {
			log.Fatal(err)
		}
	}
	for _, question := range []string{"When was the Panama Canal opened?", "广三铁路全长多少公里？", "Who invented the telephone?"} {
		result, err := db.Ask(ctx, question, nil)
		if err != nil {
			log.Fatal(err)
		}
		if len(result.Answers) == 0 {
			fmt.Println(question, "No answer.")
			continue
		}
		a := result.Answers[0]
		fmt.Printf("%s %s (%s: %s)\n", question, a.Text, a.Doc, a.Sentence)
	}
	// Output:
	// When was the Panama Canal opened? 15 August 1914 (canal: The Panama Canal was opened on 15 August 1914.)
	// 广三铁路全长多少公里？ 49公里 (railway: 广三铁路全长49公里，于1903年筑成。)
	// Who invented the telephone? No answer.
}
