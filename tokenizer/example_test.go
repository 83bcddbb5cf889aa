package tokenizer_test

import (
	"fmt"
	"log"
	"strings"

	"github.com/ciyuan-search/ciyuan/tokenizer"
)

func Example() {
	t, err := tokenizer.New(tokenizer.Options{})
	if err != nil {
		log.Fatal(err)
	}
	text := "如何用 getUserName 提高編程技能？"
	for _, token := range t.Tokenize(nil, text) {
		if token.Kind == tokenizer.Space {
			continue
		}
		indent := ""
		if !token.Primary() {
			indent = "  "
		}
		fmt.Printf("%s%s %s %d-%d %s\n", indent, token.Word, token.POS, token.Start, token.End, text[token.Start:token.End])
	}
	// Output:
	// 如何 r 0-6 如何
	// 用 p 6-9 用
	// getusername eng 10-21 getUserName
	//   get eng 10-13 get
	//   user eng 13-17 User
	//   name eng 17-21 Name
	// 提高 v 22-28 提高
	// 编程 n 28-34 編程
	// 技能 n 34-40 技能
	// ? w 40-43 ？
}

func ExampleParseDict() {
	dict, err := tokenizer.ParseDict(strings.NewReader("# words of ours\n词元检索\nGPT-4 100 nz\n"))
	if err != nil {
		log.Fatal(err)
	}
	t, err := tokenizer.New(tokenizer.Options{Dict: dict})
	if err != nil {
		log.Fatal(err)
	}
	for _, token := range t.Tokenize(nil, "词元检索和GPT-4") {
		fmt.Print(token.Word, "/", token.POS, " ")
	}
	// Output: 词元检索/n 和/c gpt-4/nz gpt/eng 4/m
}

func ExampleSentences() {
	text := "他说：“你好。”然后走了。Dr. Smith left."
	for _, s := range tokenizer.Sentences(text) {
		fmt.Println(text[s.Start:s.End])
	}
	// Output:
	// 他说：“你好。”
	// 然后走了。
	// Dr. Smith left.
}
