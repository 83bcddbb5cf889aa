package tokenizer

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// checkTokens fails the test if the tokens break a promise of Token.
func checkTokens(tb testing.TB, tok *Tokenizer, text string, tokens []Token) {
	tb.Helper()
	at := 0
	for i, token := range tokens {
		if token.Word == "" || !utf8.ValidString(token.Word) {
			tb.Fatalf("%q: token %d has the word %q", text, i, token.Word)
		}
		if token.Start >= token.End {
			tb.Fatalf("%q: token %d %+v is empty", text, i, token)
		}
		if got := kindOf(token.Word); got != token.Kind {
			tb.Fatalf("%q: token %d %q has kind %v, its characters say %v", text, i, token.Word, token.Kind, got)
		}
		if got := tok.POS(token.Word); got != token.POS {
			tb.Fatalf("%q: token %d %q has tag %v, the word has %v", text, i, token.Word, token.POS, got)
		}
		if token.Primary() {
			if token.Start != at {
				tb.Fatalf("%q: token %d starts at %d where the one before ends at %d", text, i, token.Start, at)
			}
			at = token.End
			continue
		}
		parent := tokens[token.Parent]
		if int(token.Parent) >= i || !parent.Primary() || token.Start < parent.Start || token.End > parent.End {
			tb.Fatalf("%q: part %d %+v is outside its parent %+v", text, i, token, parent)
		}
		if tokens[i-1].Parent != token.Parent && i-1 != int(token.Parent) {
			tb.Fatalf("%q: part %d %+v does not follow its parent", text, i, token)
		}
	}
	if at != len(text) {
		tb.Fatalf("%q: tokens end at %d of %d", text, at, len(text))
	}
}

// show writes primary words with | between them, the parts of a word in
// brackets behind it, and leaves white space out.
func show(tokens []Token) string {
	var b strings.Builder
	for i, token := range tokens {
		if token.Kind == Space {
			continue
		}
		if token.Primary() {
			if b.Len() > 0 {
				b.WriteByte('|')
			}
			b.WriteString(token.Word)
			continue
		}
		if tokens[i-1].Primary() {
			b.WriteByte('(')
		} else {
			b.WriteByte(' ')
		}
		b.WriteString(token.Word)
		if i+1 == len(tokens) || tokens[i+1].Primary() {
			b.WriteByte(')')
		}
	}
	return b.String()
}

func TestTokenize_Rules(t *testing.T) {
	tok := newTokenizer(t, Options{})
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"如何提高编程技能", "如何|提高|编程|技能"},
		{"在GitHub上学习", "在|github(git hub)|上|学习"},
		{"don't stop, John's", "don't|stop|,|john's"},
		{"don’t", "don't"},
		{"state-of-the-art", "state|-|of|-|the|-|art"},
		{"getUserName HTMLParser PDFs iPhone", "getusername(get user name)|htmlparser(html parser)|pdfs|iphone"},
		{"foo_bar __init__ _x", "foo_bar(foo bar)|__|init|__|_|x"},
		{"a@b.com, x.", "a@b.com(a b com)|,|x|."},
		{"C++ C# F# c++11", "c++|c#|f#|c|++|11"},
		{"3.14 1,000 1,000,000.5 50% 3.5% 10:30", "3.14|1,000(1000)|1,000,000.5|50%(50)|3.5%(3.5)|10:30(10 30)"},
		{"1,2,3 1234,567", "1|,|2|,|3|1234|,|567"},
		{"v1.2.3 1.2.3", "v1.2.3(v1 2 3)|1.2.3(1 2 3)"},
		{"mid-17th GPT-4 gpt-4o COVID-19 pre-2000 5-year", "mid|-|17th(17)|gpt-4(gpt 4)|gpt-4o(gpt 4o)|covid-19(covid 19)|pre|-|2000|5|-|year"},
		{"2026-10-07 2026/10/07 1990-2000", "2026-10-07(2026 10 7)|2026/10/07(2026 10 7)|1990|-|2000"},
		{"10kg 3.5mm 1st 4k mp3", "10kg(10 kg)|3.5mm(3.5 mm)|1st(1)|4k|mp3"},
		{"AT&T R&D a&&b", "at&t|r&d|a|&&|b"},
		{"std::vector a:b", "std::vector(std vector)|a|:|b"},
		{"and/or net/http src/main.go /usr/bin", "and|/|or|net|/|http|src/main.go(src main go)|/|usr/bin(usr bin)"},
		{"user.getName()", "user.getname(user getname get name)|(|)"},
		{"见https://example.com/a?b=1。好", "见|https://example.com/a?b=1(https example com a b 1)|。|好"},
		{"ＡＢ：http://a.org/x；http://b.org", "ab|:|http://a.org/x(http a org x)|;|http://b.org(http b org)"},
		{"(http://a.org/x_(y)).", "(|http://a.org/x_(y)(http a org x y)|)|."},
		{"U.S. e.g. end. Next", "u.s|.|e.g|.|end|.|next"},
		{"IP地址 T恤 11A股", "ip地址(ip 地址)|t恤|11a(11 a)|股"},
		{"阿Q正传", "阿q|正传"},
		{"……——!!", "......|——|!!"},
		{"プログラミング言語 한국어 입니다", "プログラミング|言语|한국어|입니다"},
		{"👨‍👩‍👧👍🏽🇨🇳🇺🇸", "👨‍👩‍👧|👍🏽|🇨🇳|🇺🇸"},
		{"ภาษาไทย", "ภา|ษา|ไท|ย"},
		{"привет Κόσμε naïve", "привет|κόσμε|naïve"},
	} {
		tokens := tok.Tokenize(nil, c.text)
		checkTokens(t, tok, c.text, tokens)
		if got := show(tokens); got != c.want {
			t.Errorf("%q:\n got %s\nwant %s", c.text, got, c.want)
		}
	}
}

// seeds are the texts that the fuzz tests start from.
var seeds = []string{
	"", " ", "\x00", "\xff\xfe", "a\xffb", "如何提高编程技能", "說漢語的人們，乾隆皇帝", "ＡＢＣ　１２３", "㈱½ﬁ…´ﷺ",
	"e\u0301\u0302", "\u0301", "漢\u0301字\uFE00", "\uFEFF\u00ADa\u00ADb", "H\u0331", "ﾊﾟﾊ\u3099", "İstanbul ẞ", "𠀀𠮷野家",
	"getUserName foo_bar a@b.com https://x.y/z?q=1 C++ don’t", "👨‍👩‍👧👍🏽🇨🇳🇺1⃣", "ภาษาไทย ខ្មែរ မြန်မာ", "한국어 プログラミング らーめん",
	"1,000.5% 2026-10-07 10:30 3.5mm 1/2/3", "阿Q和T恤和IP地址", "____'''...,,,:::///@@@", "二〇二六年", "a/b/c/d/e.f",
}

func FuzzTokenize(f *testing.F) {
	for _, s := range seeds {
		for m := range modeNames {
			f.Add(s, uint8(m))
		}
	}
	user, err := ParseDict(strings.NewReader("c++\n词元检索\ngpt-4 10 nz\n阿q传\nらーめん屋\n.net\n"))
	if err != nil {
		f.Fatal(err)
	}
	var toks []*Tokenizer
	for m := range modeNames {
		for _, d := range []*Dict{nil, user} {
			toks = append(toks, newTokenizer(f, Options{Mode: Mode(m), Dict: d}))
		}
	}
	f.Fuzz(func(t *testing.T, text string, n uint8) {
		tok := toks[int(n)%len(toks)]
		tokens := tok.Tokenize(nil, text)
		checkTokens(t, tok, text, tokens)
		batch := tok.Batch([]string{"前面", text, text + "后面"})
		if diff := cmp.Diff(tokens, batch[1], cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%q: Batch differs from Tokenize:\n%s", text, diff)
		}
		again := tok.Tokenize(make([]Token, 3), text)[3:]
		for i := range again {
			if again[i].Parent >= 0 {
				again[i].Parent -= 3
			}
		}
		if diff := cmp.Diff(tokens, again, cmpopts.EquateEmpty()); diff != "" {
			t.Fatalf("%q: the second time differs:\n%s", text, diff)
		}
	})
}

func FuzzFold(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		folded := FoldMap(text)
		if !utf8.ValidString(folded.Text) {
			t.Fatalf("%q folds to invalid UTF-8 %q", text, folded.Text)
		}
		if (text == "") != (folded.Text == "") {
			t.Fatalf("%q folds to %q", text, folded.Text)
		}
		at := 0
		for i := range folded.Text {
			span := folded.Original(i, i)
			if span.Start < at || span.Start > span.End || span.End > len(text) {
				t.Fatalf("%q: byte %d of %q maps to %v behind %d", text, i, folded.Text, span, at)
			}
			at = span.Start
		}
		if span := folded.Original(0, len(folded.Text)); span != (Span{0, len(text)}) {
			t.Fatalf("%q: all of %q maps to %v", text, folded.Text, span)
		}
	})
}

func FuzzSentences(f *testing.F) {
	for _, s := range append(seeds, "他说：“你好。”然后走了。Dr. Smith left. He", "a.\n\nB!? \"x.\" y") {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		at := 0
		for _, s := range Sentences(text) {
			if s.Start != at || s.End <= s.Start {
				t.Fatalf("%q: sentence %v does not follow %d", text, s, at)
			}
			at = s.End
		}
		if at != len(text) {
			t.Fatalf("%q: sentences end at %d of %d", text, at, len(text))
		}
	})
}
