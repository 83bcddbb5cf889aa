package extract

import (
	"strings"
	"testing"
)

func TestMarkdownTitle(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"empty", "", ""},
		{"heading", "intro\n\n## 词元 *检索* ##\n\n# later\n", "词元 *检索*"},
		{"no space", "#hashtag\n# C#\n", "C#"},
		{"seven marks", "####### x\n###### y", "y"},
		{"empty heading", "#\n# ##\n#\tx\r\n", "x"},
		{"underline", "Title here\r\n=====\r\ntext", "Title here"},
		{"underline without text", "\n====\n# a", "a"},
		{"two dashes are a list or a line", "text\n--\n", ""},
		{"fenced", "```sh\n# comment\n```\n# real\n", "real"},
		{"tildes", "~~~~\n# a\n~~~\n# b\n~~~~~\n# c", "c"},
		{"fence never closed", "```\n# a\n", ""},
		{"indented", "    # code\n   # heading\n", "heading"},
		{"tab", "\t# code\n# heading\n", "heading"},
		{"front matter", "---\ndate: x\ntitle: \"引号 标题\"\ntitle: second\n---\n# heading\n", "引号 标题"},
		{"front matter, plain", "---\r\ntitle: a: b\r\n...\r\n", "a: b"},
		{"front matter without title", "---\ntags: [a]\n# not this\n---\n# heading\n", "heading"},
		{"TOML", "+++\ntitles = 1\ntitle = 'x y'\n+++\n", "x y"},
		{"not front matter", "---\ntitle: never closed\n# heading", "heading"},
		{"long", "# " + strings.Repeat("词", 500), strings.Repeat("词", maxTitleRunes)},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := markdownTitle(test.text); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

func TestPlainTitle(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"empty", "", ""},
		{"title", "\r\n会议纪要\r\n\r\n今天讨论了。\r\n", "会议纪要"},
		{"underlined", "Title\n=====\ntext", "Title"},
		{"dashes", "Title\n-----\ntext", "Title"},
		{"a sentence", "今天讨论了。\n\n还有。", ""},
		{"a quotation", "他说：“好”\n\n还有。", ""},
		{"goes on", "first line\nsecond line\n\nmore", ""},
		{"nothing follows", "only line\n\n\n", ""},
		{"one line", "only line", ""},
		{"too long", strings.Repeat("字", 61) + "\n\nx", ""},
		{"white space", " a \t b \n\nx", "a b"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := plainTitle(test.text); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
