package tokenizer

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFold(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"", ""},
		{"hello 你好", "hello 你好"},
		{"Hello, WORLD", "hello, world"},
		{"ＡＢＣ，１２３　", "abc,123 "},
		{"ﬁne ㈱ ½ ㎏ ① Ⅷ ℃ …", "fine (株) 1⁄2 kg 1 viii °c ..."},
		{"說漢語", "说汉语"},
		{"乾淨的乾隆，乾坤大挪移", "干净的乾隆,乾坤大挪移"},
		{"瞭解與瞭望", "了解与瞭望"},
		{"看著名著", "看著名著"},
		{"隨著時間，顯著地", "随着时间,显著地"},
		{"台灣裡面的裏子", "台湾里面的里子"},
		{"打坏，么么，覆盖", "打坏,么么,覆盖"},
		{"𠀀𪚥", "𠀀𪚥"},
		{"豈", "岂"},
		{"e\u0301 É H\u0331", "é é ẖ"},
		{"ﾊﾟ ﾊ\u3099", "パ バ"},
		{"각", "각"},
		{"don’t ’x’ 他’们", "don't ’x’ 他’们"},
		{"so\u00ADft\uFEFF ❤\uFE0F 漢\uFE00", "soft ❤ 汉"},
		{"\u00AD\u00ADa\u00AD", "\u00AD\u00ADa"},
		{"a\xffb\xfe", "a\uFFFDb\uFFFD"},
		{"İẞ", "iß"},
		{"薴", "苎"},
		{"二〇二六年、二零〇八與一九九七年", "2026年、2008与1997年"},
		{"一九九七 二〇二六七 三〇二六年 十二〇二六 一二三四 二〇２６", "一九九七 二〇二六七 三〇二六年 十二〇二六 一二三四 二〇26"},
		{"公元一〇六六年", "公元1066年"},
	} {
		if got := Fold(c.text); got != c.want {
			t.Errorf("Fold(%q) = %q, want %q", c.text, got, c.want)
		}
		if got := Fold(c.want); got != c.want {
			t.Errorf("Fold(%q) = %q, not itself", c.want, got)
		}
	}
}

func TestFold_Unchanged(t *testing.T) {
	text := "编程是一种技能，需要不断学习 and practice 3.14。"
	text = strings.ReplaceAll(text, "，", "、")
	if n := testing.AllocsPerRun(10, func() { FoldMap(text) }); n != 0 {
		t.Errorf("%v allocations for a text that folding does not change, want 0", n)
	}
}

func TestFolded_Original(t *testing.T) {
	f := FoldMap("Ａ說ﬁe\u0301漢ㄅ½x")
	if want := "a说fié汉ㄅ1⁄2x"; f.Text != want {
		t.Fatalf("folded to %q, want %q", f.Text, want)
	}
	for _, c := range []struct {
		part string
		want Span
	}{
		{"a", Span{0, 3}},
		{"说", Span{3, 6}},
		{"f", Span{6, 9}},
		{"i", Span{6, 9}},
		{"fi", Span{6, 9}},
		{"é", Span{9, 12}},
		{"汉ㄅ", Span{12, 18}},
		{"⁄", Span{18, 20}},
		{"2x", Span{18, 21}},
		{"x", Span{20, 21}},
	} {
		at := strings.Index(f.Text, c.part)
		if got := f.Original(at, at+len(c.part)); got != c.want {
			t.Errorf("%q maps to %v, want %v", c.part, got, c.want)
		}
	}
}

// TestFold_Contexts checks that what folding makes of a character and its
// neighbours stays so when it is folded again.
func TestFold_Contexts(t *testing.T) {
	n := 0
	for r := rune(hanFirst); r <= hanLast; r++ {
		v := hanValue(r)
		if v == 0 || v >= hanFirst {
			continue
		}
		for _, c := range hanSpecial[v-1].contexts {
			n++
			text := c.before + string(r) + c.after
			got := Fold(text)
			if again := Fold(got); again != got {
				t.Errorf("%q folds to %q and that to %q", text, got, again)
			}
			if want := string(c.to); !strings.Contains(got, want) {
				t.Errorf("%q folds to %q, without %s", text, got, want)
			}
		}
	}
	if n < 500 {
		t.Errorf("only %d contexts", n)
	}
}

// traditional writes each character of a simplified text as one that folds to
// it, where there is one of the same length that needs no context.
func traditional(text string) string {
	from := map[rune]rune{}
	for r := rune(hanLast); r >= hanFirst; r-- {
		if v := hanValue(r); v >= hanFirst {
			from[rune(v)] = r
		}
	}
	return strings.Map(func(r rune) rune {
		if t, ok := from[r]; ok {
			return t
		}
		return r
	}, text)
}

func TestTokenize_Traditional(t *testing.T) {
	tok := newTokenizer(t, Options{Mode: Search})
	for _, c := range [][2]string{
		{"如何提高编程技能", "如何提高編程技能"},
		{"说汉语的人们学习计算机科学", "說漢語的人們學習計算機科學"},
		{"中华人民共和国万岁", "中華人民共和國萬歲"},
		{"他看着天空，随着时间了解世界", "他看著天空，隨著時間瞭解世界"},
		{"头发干净，皇后在后面", "頭髮乾淨，皇后在後面"},
		{"GitHub上的开源项目", "GitHub上的開源項目"},
	} {
		want, got := tok.Tokenize(nil, c[0]), tok.Tokenize(nil, c[1])
		checkTokens(t, tok, c[1], got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s and %s differ:\n%s", c[0], c[1], diff)
		}
	}
	for _, text := range sharedTexts(t, "xquad-zh") {
		text = Fold(text)
		want, got := tok.Tokenize(nil, text), tok.Tokenize(nil, traditional(text))
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%s and its traditional form differ:\n%s", text, diff)
		}
	}
}

func TestTokenize_Spans(t *testing.T) {
	tok := newTokenizer(t, Options{})
	type span struct {
		Word, Surface string
	}
	for _, c := range []struct {
		text string
		want []span
	}{
		{"ＡＢＣ說話", []span{{"abc", "ＡＢＣ"}, {"说话", "說話"}}},
		{"㈱x", []span{{"(株)", "㈱"}, {"株", "㈱"}, {"x", "x"}}},
		{"5½", []span{{"5", "5"}, {"1⁄2", "½"}, {"1", "½"}, {"2", "½"}}},
		{"10²-m²", []span{{"10", "10"}, {"2", "²"}, {"-", "-"}, {"m2", "m²"}}},
		{"e\u0301t\u00ADe\u0301", []span{{"été", "e\u0301t\u00ADe\u0301"}}},
		{"a\xff\xfeb", []span{{"a", "a"}, {"\uFFFD\uFFFD", "\xff\xfe"}, {"b", "b"}}},
		{"…", []span{{"...", "…"}}},
	} {
		tokens := tok.Tokenize(nil, c.text)
		checkTokens(t, tok, c.text, tokens)
		var got []span
		for _, token := range tokens {
			got = append(got, span{token.Word, c.text[token.Start:token.End]})
		}
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%q:\n%s", c.text, diff)
		}
	}
}
