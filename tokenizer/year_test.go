package tokenizer

import (
	"strings"
	"testing"
)

func TestTokenize_Dates(t *testing.T) {
	tok, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ text, want string }{
		{"三月五日", "三月 [3] 五日 [5]"},
		{"十二月", "十二月 [12]"},
		{"于二〇二六年十月", "于 2026 年 十月 [10]"},
		{"七月三十一日", "七月 [7] 三十一日 [31]"},
		{"3月5日", "3 月 5 日"},
		{"一些日子", "一些 日子"},
		{"生日", "生日"},
	} {
		var got []string
		for _, token := range tok.Tokenize(nil, tt.text) {
			if token.Primary() {
				got = append(got, token.Word)
			} else {
				got = append(got, "["+token.Word+"]")
			}
		}
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%s: %s, want %s", tt.text, s, tt.want)
		}
	}
	s := scanner{w: &worker{t: tok}}
	for text, want := range map[string]string{
		"一月": "1", "九日": "9", "十号": "10", "十九日": "19", "二十日": "20", "二十九日": "29", "三十日": "30",
		"三十二日": "", "四十日": "", "二三日": "", "零日": "", "月": "", "十十日": "", "二十十日": "", "百日": "", "今日": "", "三日月": "",
	} {
		s.text, s.dst = text, nil
		s.date(0, len(text))
		got := ""
		if len(s.dst) > 0 {
			got = s.dst[0].Word
		}
		if got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}
