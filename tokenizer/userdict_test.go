package tokenizer

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/iotest"
)

func parseDict(tb testing.TB, text string) *Dict {
	tb.Helper()
	d, err := ParseDict(strings.NewReader(text))
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

func TestParseDict(t *testing.T) {
	d := parseDict(t, "\uFEFF# comment\n\n词元检索\n  詞元 500 nz\r\nGPT-4 nz\nC++ 20\n編程 3 v\n編程 7 vn")
	if got := d.Len(); got != 5 {
		t.Errorf("%d words, want 5", got)
	}
	for _, c := range []struct {
		word string
		freq uint32
		pos  POS
	}{
		{"词元检索", minUserFreq, N},
		{"词元", 500, NZ},
		{"gpt-4", minUserFreq, NZ},
		{"c++", 20, N},
		{"编程", 7, VN},
	} {
		n, ok := d.words.Find(c.word)
		if !ok {
			t.Errorf("%s is missing", c.word)
			continue
		}
		pos, _ := d.find(c.word)
		if freq := d.words.Freq(n); freq != c.freq || pos != c.pos {
			t.Errorf("%s has frequency %d and tag %v, want %d and %v", c.word, freq, pos, c.freq, c.pos)
		}
	}
}

func TestDict_Text(t *testing.T) {
	for text, want := range map[string]string{
		"":                     "",
		"# nothing\n":          "",
		"词元 5 nz\nGPT-4 7\n":   "# word frequency tag\ngpt-4 7 n\n词元 5 nz\n",
		"＃tag 3\n詞元 5\nc# 9\n": "# word frequency tag\n＃tag 3 n\nc# 9 n\n词元 5 n\n",
	} {
		d := parseDict(t, text)
		if got := d.Text(); got != want {
			t.Errorf("%q becomes %q, wanted %q", text, got, want)
		}
		again := parseDict(t, d.Text())
		a, b := newTokenizer(t, Options{Dict: d}), newTokenizer(t, Options{Dict: again})
		if again.Text() != want || a.Fingerprint() != b.Fingerprint() {
			t.Errorf("%q: read again it is %q", text, again.Text())
		}
	}
}

func TestParseDict_Errors(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"词元\n词元 0\n", "line 2: frequency \"0\""},
		{"词元 -3", "line 1: frequency \"-3\""},
		{"词元 99999999999", "frequency"},
		{"词元 3 noun", "unknown tag \"noun\""},
		{"词元 n v", "\"v\" after the tag"},
		{"a b c d", "4 fields"},
		{"\n\n，。", "line 3: word \"，。\" has no letter or digit"},
		{"a\x00b", "control characters"},
		{"\xff", "not UTF-8"},
		{strings.Repeat("a", maxUserWord+1), "257 bytes"},
		{"㏂\u00B4x", "white space"},
	} {
		_, err := ParseDict(strings.NewReader(c.text))
		if !errors.Is(err, ErrDict) || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.40q gives %v, want ErrDict with %q", c.text, err, c.want)
		}
	}
	broken := errors.New("broken")
	if _, err := ParseDict(iotest.ErrReader(broken)); !errors.Is(err, broken) || errors.Is(err, ErrDict) {
		t.Errorf("a reader's error comes back as %v", err)
	}
}

func TestTokenize_UserDict(t *testing.T) {
	d := parseDict(t, "词元检索\n云计算大赛\n结过婚的\nC++语言\nGPT-4-turbo nz\n.NET\n搞定GPT\nらーめん屋\nnode.js\ncovid\n")
	for _, c := range []struct{ text, plain, user string }{
		{"词元检索是什么", "词|元|检索|是|什么", "词元检索|是|什么"},
		{"詞元檢索", "词|元|检索", "词元检索"},
		{"参加云计算大赛了", "参加|云|计算|大赛|了", "参加|云计算大赛|了"},
		{"他结过婚的", "他|结过婚|的", "他|结过婚的"},
		{"学C++语言", "学|c++|语言", "学|c++语言(语言)"},
		{"用GPT-4-Turbo和.NET", "用|gpt-4(gpt 4)|-|turbo|和|.|net", "用|gpt-4-turbo(gpt 4 turbo)|和|.net(net)"},
		{"我搞定GPT了", "我|搞定|gpt|了", "我|搞定gpt(搞定 gpt)|了"},
		{"我搞定GPTs", "我|搞定|gpts", "我|搞定|gpts"},
		{"らーめん屋で", "らーめん|屋|で", "らーめん屋(らーめん)|で"},
		{"Node.js, covid-19", "node.js(node js)|,|covid-19(covid 19)", "node.js(node js)|,|covid-19(covid 19)"},
	} {
		for _, o := range []struct {
			dict *Dict
			want string
		}{{nil, c.plain}, {d, c.user}} {
			tok := newTokenizer(t, Options{Dict: o.dict})
			tokens := tok.Tokenize(nil, c.text)
			checkTokens(t, tok, c.text, tokens)
			if got := show(tokens); got != o.want {
				t.Errorf("%s, with a user dictionary %v:\n got %s\nwant %s", c.text, o.dict != nil, got, o.want)
			}
		}
	}
}

// TestTokenize_UserWordsStayWhole checks the frequency that words get which have
// none: each is one word between others.
func TestTokenize_UserWordsStayWhole(t *testing.T) {
	words := []string{"深度学习框架", "北京大学生", "江大桥", "中国人民", "的士高", "一是一", "不了", "学中文"}
	tok := newTokenizer(t, Options{Dict: parseDict(t, strings.Join(words, "\n"))})
	for _, word := range words {
		if got := show(tok.Tokenize(nil, word)); got != word {
			t.Errorf("%s is cut into %s", word, got)
		}
		text := fmt.Sprintf("我们%s了", word)
		if got, want := show(tok.Tokenize(nil, text)), "我们|"+word+"|了"; got != want {
			t.Errorf("%s is cut into %s, want %s", text, got, want)
		}
	}
}

func TestFingerprint(t *testing.T) {
	prints := map[string]string{}
	for _, c := range []struct {
		name string
		o    Options
	}{
		{"default", Options{}},
		{"hmm", Options{Mode: HMM}},
		{"a word", Options{Dict: parseDict(t, "词元")}},
		{"another frequency", Options{Dict: parseDict(t, "词元 5")}},
		{"another tag", Options{Dict: parseDict(t, "词元 v")}},
	} {
		p := newTokenizer(t, c.o).Fingerprint()
		if other, ok := prints[p]; ok {
			t.Errorf("%s and %s have the fingerprint %s", c.name, other, p)
		}
		prints[p] = c.name
	}
	a := newTokenizer(t, Options{Dict: parseDict(t, "詞元\n# x\nＡB")}).Fingerprint()
	b := newTokenizer(t, Options{Dict: parseDict(t, "ab\n词元\n")}).Fingerprint()
	if a != b {
		t.Errorf("the same words have the fingerprints %s and %s", a, b)
	}
	if empty := newTokenizer(t, Options{Dict: parseDict(t, "#\n")}).Fingerprint(); prints[empty] != "default" {
		t.Errorf("an empty user dictionary changes the fingerprint to %s", empty)
	}
}

func FuzzParseDict(f *testing.F) {
	f.Add("词元检索 10 nz\nC++\n# x\n")
	f.Add("a 1\na 2 v\r\n\x00")
	f.Add("０１２ 詞 n")
	f.Fuzz(func(t *testing.T, text string) {
		d, err := ParseDict(strings.NewReader(text))
		if err != nil {
			if !errors.Is(err, ErrDict) {
				t.Fatalf("%q: %v is not ErrDict", text, err)
			}
			return
		}
		again, err := ParseDict(strings.NewReader(d.Text()))
		if err != nil {
			t.Fatalf("%q: %v", d.Text(), err)
		}
		if again.Text() != d.Text() || again.words.Digest() != d.words.Digest() {
			t.Fatalf("%q becomes %q", d.Text(), again.Text())
		}
		tok := newTokenizer(t, Options{Dict: d})
		for _, s := range []string{text, "说" + text + "了"} {
			checkTokens(t, tok, s, tok.Tokenize(nil, s))
		}
	})
}
