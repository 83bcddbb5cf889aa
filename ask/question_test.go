package ask

import (
	"testing"

	"github.com/ciyuan-search/ciyuan/tokenizer"
)

func newTokenizer(t testing.TB) *tokenizer.Tokenizer {
	t.Helper()
	tok, err := tokenizer.New(tokenizer.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return tok
}

func TestParse(t *testing.T) {
	tok := newTokenizer(t)
	for _, c := range []struct {
		question string
		want     Type
		focus    string
	}{
		{"谁发明了电话？", Person, ""},
		{"会议由哪位教授主持？", Person, ""},
		{"大桥何时通车？", Time, ""},
		{"大桥是哪一年建成的？", Time, ""},
		{"他在什么时候毕业？", Time, ""},
		{"总部设在哪里？", Place, ""},
		{"他出生在哪个城市？", Place, "城市"},
		{"铁路全长多少公里？", Number, "公里"},
		{"一共有几个车站？", Number, "车站"},
		{"山有多高？", Number, ""},
		{"为什么停工？", Reason, ""},
		{"停工的原因是什么？", Reason, "原因"},
		{"如何提高产量？", Manner, ""},
		{"它被称为什么？", Any, ""},
		{"由哪家公司承建？", Any, "公司"},
		{"他的职业是什么？", Any, "职业"},
		{"介绍一下这座桥", Any, ""},
		{"Who built the bridge?", Person, ""},
		{"To whom did it belong?", Person, ""},
		{"When did it open?", Time, ""},
		{"In what year did it open?", Time, "year"},
		{"Where is the harbour?", Place, ""},
		{"Which city has a harbour?", Place, "city"},
		{"How many ships are there?", Number, ""},
		{"How long is the canal?", Number, ""},
		{"What is the population of the town?", Number, "population"},
		{"Why was it closed?", Reason, ""},
		{"How does it work?", Manner, ""},
		{"What company owns it?", Any, "company"},
		{"", Any, ""},
		{"？！", Any, ""},
	} {
		q := Parse(tok.Tokenize(nil, c.question))
		if q.Type != c.want || q.focus != c.focus {
			t.Errorf("%s: %v, %q; want %v, %q", c.question, q.Type, q.focus, c.want, c.focus)
		}
	}
	if q := Parse(tok.Tokenize(nil, "有哪些车站？")); !q.Several {
		t.Error("哪些 asks for one thing")
	}
	if got := Type(99).String(); got != "any" {
		t.Errorf("an unknown type is %q", got)
	}
}

// spans answers a question from one sentence, where words stand only for themselves.
func spans(tok *tokenizer.Tokenizer, question, sentence string, n int) []Span {
	asked := tok.Tokenize(nil, question)
	q := Parse(asked)
	var terms []Term
	for i, t := range asked {
		if t.Primary() && t.Kind.Counts() && !q.Asking[i] {
			terms = append(terms, Term{Word: t.Word})
		}
	}
	for i := range terms {
		terms[i].Weight = 1 / float64(len(terms))
	}
	toks := tok.Tokenize(nil, sentence)
	upos := tok.UPOS(nil, toks)
	var words []Word
	for i, t := range toks {
		w := Word{Token: t, UPOS: upos[i], Term: -1}
		for k := range terms {
			if terms[k].Word == t.Word {
				w.Term, w.Sim = k, 1
			}
		}
		words = append(words, w)
	}
	return q.Spans(sentence, words, terms, n)
}

func TestQuestion_Spans(t *testing.T) {
	tok := newTokenizer(t)
	for _, c := range []struct{ question, sentence, want string }{
		{"大桥是哪一年建成的？", "大桥于1903年建成，全长49公里。", "1903年"},
		{"大桥何时通车？", "大桥于1998年5月12日通车，由王建国设计。", "1998年5月12日"},
		{"大桥由谁设计？", "大桥于1998年通车，由卡尔·贝克设计。", "卡尔·贝克"},
		{"大桥全长多少公里？", "大桥于1903年建成，全长49公里。", "49公里"},
		{"大桥为什么停工？", "三月，大桥停工，因为资金不足。", "因为资金不足"},
		{"他著有哪部小说？", "他在广州著有小说《春潮》。", "小说《春潮》"},
		{"When did the bridge open?", "The bridge was designed by John Roebling and opened in May 1883 with 12 lanes.", "May 1883"},
		{"Who designed the bridge?", "The bridge was designed by John Roebling and opened in May 1883.", "John Roebling"},
		{"How many lanes does the bridge have?", "In 1883 the bridge had 12 lanes.", "12"},
		{"Where did the ship sink?", "The ship sank near Dover in 1912.", "Dover"},
		{"Why was the school closed?", "In 1990 the school was closed because too few children came.", "because too few children came"},
	} {
		got := spans(tok, c.question, c.sentence, 1)
		if len(got) != 1 || c.sentence[got[0].Start:got[0].End] != c.want {
			t.Errorf("%s %s: %+v, want %q", c.question, c.sentence, got, c.want)
		}
	}
	if got := spans(tok, "谁？", "。。。", 3); len(got) != 0 {
		t.Errorf("an answer in punctuation: %+v", got)
	}
}

func FuzzQuestion_Spans(f *testing.F) {
	tok := newTokenizer(f)
	f.Add("大桥是哪一年建成的？", "大桥于1903年建成，全长49公里。")
	f.Add("How many?", "12 (of \xff) «»《")
	f.Add("什么", "·\u0301·年年")
	f.Fuzz(func(t *testing.T, question, sentence string) {
		if len(question) > 1<<10 || len(sentence) > 1<<10 {
			return
		}
		got := spans(tok, question, sentence, 3)
		for i, s := range got {
			if s.Start < 0 || s.Start >= s.End || s.End > len(sentence) {
				t.Errorf("%+v in %d bytes", s, len(sentence))
			}
			for _, o := range got[:i] {
				if s.Start < o.End && o.Start < s.End || s.Score > o.Score {
					t.Errorf("%+v behind %+v", s, o)
				}
			}
		}
	})
}
