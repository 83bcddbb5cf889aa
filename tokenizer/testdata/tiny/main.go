// Command tiny prints the words of its arguments. The tests build it to see what
// package tokenizer brings into a program.
package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/ciyuan-search/ciyuan/tokenizer"
)

func main() {
	t, err := tokenizer.New(tokenizer.Options{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for _, token := range t.Tokenize(nil, strings.Join(os.Args[1:], " ")) {
		fmt.Println(token.Word)
	}
}
