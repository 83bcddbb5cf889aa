package align_test

import (
	"context"
	"fmt"
	"log"

	"github.com/ciyuan-search/ciyuan/align"
)

func ExampleSentence() {
	a, err := align.Sentence(context.Background(), "Learning programming improves skills.", "学习编程提高技能。")
	if err != nil {
		log.Fatal(err)
	}
	for _, l := range a.Links {
		s, t := a.Source.Tokens[l.Source], a.Target.Tokens[l.Target]
		fmt.Println(a.Source.Text[s.Start:s.End], a.Target.Text[t.Start:t.End])
	}
	// Output:
	// Learning 学习
	// programming 编程
	// improves 提高
	// skills 技能
	// . 。
}
