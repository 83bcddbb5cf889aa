package tokenizer

import (
	"errors"
	"testing"
)

func TestParseMode(t *testing.T) {
	for m := range modeNames {
		if got, err := ParseMode(Mode(m).String()); err != nil || got != Mode(m) {
			t.Errorf("ParseMode(%q) = %v, %v", Mode(m), got, err)
		}
	}
	if got, err := ParseMode(""); err != nil || got != Viterbi {
		t.Errorf("the empty name gives %v, %v, want viterbi", got, err)
	}
	if _, err := ParseMode("mmseg"); !errors.Is(err, ErrMode) {
		t.Errorf("an unknown name gives %v, want ErrMode", err)
	}
	if got := Mode(99).String(); got != "Mode(99)" {
		t.Errorf("an unknown mode is called %q", got)
	}
	if _, err := New(Options{Mode: 99}); !errors.Is(err, ErrMode) {
		t.Errorf("New with an unknown mode gives %v, want ErrMode", err)
	}
}

func TestTokenize_Modes(t *testing.T) {
	for _, c := range []struct {
		mode Mode
		text string
		want string
	}{
		{Viterbi, "研究生命的起源", "研究|生命|的|起源"},
		{FMM, "研究生命的起源", "研究生|命|的|起源"},
		{BMM, "研究生命的起源", "研究|生命|的|起源"},
		{BiMM, "研究生命的起源", "研究|生命|的|起源"},
		{FMM, "他说的确实在理", "他|说|的确|实在|理"},
		{BMM, "北京大学生前来", "北京|大学生|前来"},
		{FMM, "北京大学生前来", "北京大学|生前|来"},
		{BiMM, "北京大学生前来", "北京|大学生|前来"},
		{BiMM, "中华人民共和国", "中华人民共和国"},
		{Char, "编程ABC技能", "编|程|abc|技|能"},
		{Char, "カナ한국", "カ|ナ|한|국"},
		{Search, "中华人民共和国", "中华人民共和国(中华人民 中华 华人 人民共和国 人民 共和国 共和)"},
		{Search, "提高技能", "提高|技能"},
		{Viterbi, "他来到了网易杭研大厦", "他|来到|了|网易|杭|研|大厦"},
		{HMM, "他来到了网易杭研大厦", "他|来到|了|网易|杭研|大厦"},
		{HMM, "在GitHub上学习", "在|github(git hub)|上|学习"},
		{HMM, "杭研，杭 研", "杭研|,|杭|研"},
		{Perceptron, "研究生命的起源", "研究|生命|的|起源"},
		{Perceptron, "在GitHub上学习", "在|github(git hub)|上|学习"},
		{Perceptron, "好", "好"},
		{Perceptron, "杭研，杭 研", "杭研|,|杭|研"},
		{HMM, "𠀀𠀁大厦", "𠀀|𠀁|大厦"},
	} {
		tok := newTokenizer(t, Options{Mode: c.mode})
		tokens := tok.Tokenize(nil, c.text)
		checkTokens(t, tok, c.text, tokens)
		if got := show(tokens); got != c.want {
			t.Errorf("%v of %s: got %s, want %s", c.mode, c.text, got, c.want)
		}
	}
}

func TestBetter(t *testing.T) {
	for _, c := range []struct {
		name              string
		forward, backward []int32
		forwardWins       bool
	}{
		{"fewer words forward", []int32{0, 2, 4}, []int32{0, 1, 2, 4}, true},
		{"fewer words backward", []int32{0, 1, 2, 4}, []int32{0, 2, 4}, false},
		{"fewer single characters forward", []int32{0, 2, 4}, []int32{0, 1, 4}, true},
		{"fewer single characters backward", []int32{0, 3, 4}, []int32{0, 2, 4}, false},
		{"equal", []int32{0, 1, 3}, []int32{0, 2, 3}, false},
	} {
		want := &c.backward[0]
		if c.forwardWins {
			want = &c.forward[0]
		}
		if got := better(c.forward, c.backward); &got[0] != want {
			t.Errorf("%s: got %v of %v and %v", c.name, got, c.forward, c.backward)
		}
	}
}
