package ciyuan

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func knownField(name string) bool {
	return name == "title" || name == "lang" || name == "作者" || name == "path"
}

func TestParseQuery(t *testing.T) {
	for _, test := range []struct {
		query, text string
		clauses     []clause
	}{
		{"如何提高编程技能", "如何提高编程技能", nil},
		{"  two  words ", "two words", nil},
		{`"fine weather"`, "fine weather", []clause{{value: "fine weather"}}},
		{"我要找“自然语言处理”的书", "我要找 自然语言处理 的书", []clause{{value: "自然语言处理"}}},
		{"「學習」 『编程』 ＂c＂", "學習 编程 c", []clause{{value: "學習"}, {value: "编程"}, {value: "c"}}},
		{`weather -rain +sun`, "weather sun", []clause{{value: "rain", not: true}, {value: "sun"}}},
		{`weather －雨 ＋晴`, "weather 晴", []clause{{value: "雨", not: true}, {value: "晴"}}},
		{`weather -"heavy rain"`, "weather", []clause{{value: "heavy rain", not: true}}},
		{`weather lang:en -title:draft`, "weather", []clause{{field: "lang", value: "en"}, {field: "title", value: "draft", not: true}}},
		{`+lang:en 作者：鲁迅 title:"a b"`, "", []clause{{field: "lang", value: "en"}, {field: "作者", value: "鲁迅"}, {field: "title", value: "a b"}}},
		{"-only", "", []clause{{value: "only", not: true}}},
		// What does not fit is text.
		{`a "b c`, `a "b c`, nil},
		{"a “b c", "a “b c", nil},
		{"a - b + c", "a - b + c", nil},
		{"i++ --force state-of-the-art", "i++ --force state-of-the-art", nil},
		{"http://example.com std::vector 3:15 note: x title:", "http://example.com std::vector 3:15 note: x title:", nil},
		{`a 5" pipe and a 6" pipe`, `a 5" pipe and a 6" pipe`, nil},
		{`""`, "", nil},
		{`x"y z"`, `x"y z"`, nil},
		{`他说"你好"`, `他说 你好`, []clause{{value: "你好"}}},
		{"", "", nil},
	} {
		got := parseQuery(test.query, knownField)
		want := parsedQuery{text: test.text, clauses: test.clauses}
		if diff := cmp.Diff(want, got, cmp.AllowUnexported(parsedQuery{}, clause{})); diff != "" {
			t.Errorf("%q (-want +got):\n%s", test.query, diff)
		}
	}
}

func FuzzParseQuery(f *testing.F) {
	for _, s := range []string{`+a -b "c d" lang:en`, "“自然”-title:\"x", "－雨 ＋晴 作者：鲁迅", `5" +`, "\xff\"a\xfe\" -\x80"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, query string) {
		p := parseQuery(query, knownField)
		for _, c := range p.clauses {
			if strings.TrimSpace(c.value) == "" || !strings.Contains(query, c.value) {
				t.Errorf("%q: clause %+v", query, c)
			}
			if c.field != "" && !knownField(c.field) {
				t.Errorf("%q: unknown field in %+v", query, c)
			}
			if c.field == "" && !c.not && !strings.Contains(p.text, c.value) {
				t.Errorf("%q: %q is not ranked by in %q", query, c.value, p.text)
			}
		}
		if !strings.ContainsAny(query, `+-＋－:："“「『＂`) {
			if len(p.clauses) > 0 || strings.Join(strings.Fields(p.text), " ") != strings.Join(strings.Fields(query), " ") {
				t.Errorf("%q without operators gives %+v", query, p)
			}
		}
	})
}
