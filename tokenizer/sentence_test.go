package tokenizer

import (
	"strings"
	"testing"
)

func TestSentences(t *testing.T) {
	for _, c := range []struct{ text, want string }{ // | between sentences
		{"", ""},
		{"  \n ", "  \n "},
		{"一句话", "一句话"},
		{"你好。再见！真的？是；的", "你好。|再见！|真的？|是；|的"},
		{"他说：“你好。”然后走了。", "他说：“你好。”|然后走了。"},
		{"“你好。”，他说。", "“你好。”，他说。"},
		{"真的吗？！！好。。。完", "真的吗？！！|好。。。|完"},
		{"（他来了。）她走了", "（他来了。）|她走了"},
		{"他想……后来忘了", "他想……|后来忘了"},
		{"他说\"好。\"我说\"不。\"", "他说\"好。\"|我说\"不。\""},
		{"第一行\n第二行\r\n\r\n第三行", "第一行\n|第二行\r\n\r\n|第三行"},
		{"\n\n标题\n正文", "\n\n标题\n|正文"},
		{"This is one. This is two.", "This is one. |This is two."},
		{"Dr. Smith saw J. Doe at 3.14 p.m. He left.", "Dr. Smith saw J. Doe at 3.14 p.m. He left."},
		{"It costs 5. Then 6. 7 more. ok", "It costs 5. |Then 6. |7 more. ok"},
		{"See Fig. 3 and e.g. Go. Next", "See Fig. 3 and e.g. Go. |Next"},
		{"1. Introduction. Text. 2. More", "1. Introduction. |Text. |2. More"},
		{"He said \"Go.\" She went. (So it is.) End", "He said \"Go.\" |She went. |(So it is.) |End"},
		{"Really? Yes! a=b?c:d; x", "Really? |Yes! |a=b?c:d; |x"},
		{"http://a.b/?q=1 ok", "http://a.b/?q=1 ok"},
		{"a wrapped\nline goes on. And\nThen", "a wrapped\nline goes on. |And\n|Then"},
		{"很好.然后GitHub.com上的v1.2版本.", "很好.|然后GitHub.com上的v1.2版本."},
		{"Wait... what? No… yes", "Wait... what? |No… yes"},
		{"圆周率是3.14。", "圆周率是3.14。"},
		{"I. Then", "I. Then"},
		{"So did I. Then", "So did I. |Then"},
	} {
		var got []string
		for _, s := range Sentences(c.text) {
			got = append(got, c.text[s.Start:s.End])
		}
		if joined := strings.Join(got, "|"); joined != c.want {
			t.Errorf("%q:\n got %s\nwant %s", c.text, joined, c.want)
		}
	}
}
