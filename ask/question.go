package ask

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// Type is the kind of answer that a question asks for.
type Type uint8

// The types of answers.
const (
	Any    Type = iota // nothing is known: 什么, what, which, or no asking word at all
	Person             // 谁, who
	Place              // 哪里, where
	Time               // 何时, when
	Number             // 多少, how many
	Reason             // 为什么, why
	Manner             // 如何, how
)

var typeNames = [...]string{"any", "person", "place", "time", "number", "reason", "manner"}

// String returns the name of the type in lower case.
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return typeNames[Any]
}

// Question is what a question asks for. It is immutable.
type Question struct {
	Type Type

	// Asking tells for each token whether it belongs to the words that ask: 哪家, how
	// many, did. They are no words to look for.
	Asking []bool

	// focus is the kind of thing that is asked for, as a folded word: 公司 in 哪家公司,
	// "company" in "which company"; empty if there is none.
	focus string

	// Several tells that more than one thing is asked for: 哪些, 哪两个.
	Several bool

	// before and after are the folded words beside the asking ones, empty at the ends
	// of the question. A Chinese answer stands between the same words.
	before, after string
}

// asking are Chinese expressions that ask, at each place the longest first.
var asking = []struct {
	text string
	Type Type
	noun bool // what follows says what is asked for
}{
	{"为什么", Reason, false}, {"为何", Reason, false}, {"为啥", Reason, false}, {"因何", Reason, false},
	{"什么时候", Time, false}, {"啥时候", Time, false}, {"何时", Time, false},
	{"什么地方", Place, false}, {"哪里", Place, false}, {"哪儿", Place, false}, {"何处", Place, false}, {"何地", Place, false},
	{"什么人", Person, false}, {"何人", Person, false}, {"哪位", Person, false}, {"谁", Person, false},
	{"多少", Number, false}, {"多大", Number, false}, {"多长", Number, false}, {"多久", Number, false}, {"多高", Number, false}, {"多远", Number, false},
	{"多重", Number, false}, {"多深", Number, false}, {"多宽", Number, false}, {"多快", Number, false},
	{"几月", Time, false}, {"几号", Time, false}, {"几日", Time, false}, {"几世纪", Time, false}, {"几", Number, false},
	{"怎么样", Manner, false}, {"怎样", Manner, false}, {"怎么", Manner, false}, {"如何", Manner, false},
	{"什么", Any, true}, {"哪", Any, true}, {"何", Any, true}, {"啥", Any, true},
}

// counters may stand between an asking word and what it asks for.
const counters = "一两三个种家些位名条座支项所届场部首款样类处"

// nouns says what type of answer a noun asks for.
var nouns = func() map[string]Type {
	m := map[string]Type{}
	for t, words := range map[Type]string{
		Time: "年 年份 月 月份 日 日期 天 时候 时间 时期 时 世纪 年代 朝代 日子 " +
			"year years date day month century decade time era period",
		Place: "地方 地区 城市 国家 国 省 省份 市 县 州 大陆 大洲 洲 区 地 地点 位置 河 岛 山 " +
			"city country countries state place location continent region county town village river island nation province",
		Person: "人 人物 球员 演员 导演 作者 总统 国王 皇帝 教练 科学家 " +
			"person people man woman player actor actress author president king queen emperor scientist singer",
		Number: "数量 人数 人口 面积 长度 高度 距离 比例 百分比 年龄 数 号 " +
			"number percentage percent amount population age distance length height size cost price score",
		Reason: "原因 理由 目的 reason reasons cause purpose",
		Manner: "方法 方式 method way",
	} {
		for _, w := range strings.Fields(words) {
			m[w] = t
		}
	}
	return m
}()

// Parse tells what a question asks for, from its tokens, of which parts are left
// out of account. A text that asks nothing has the type Any.
func Parse(toks []tokenizer.Token) *Question {
	q := &Question{Asking: make([]bool, len(toks))}
	var words []int // primary tokens without white space and marks
	for i := range toks {
		if toks[i].Primary() && toks[i].Kind.Counts() {
			words = append(words, i)
		}
	}
	from, to := q.chinese(toks, words)
	if from == to {
		from, to = q.english(toks, words)
	}
	if from < to {
		for _, i := range words[from:to] {
			q.Asking[i] = true
		}
		if from > 0 {
			q.before = toks[words[from-1]].Word
		}
		if to < len(words) {
			q.after = toks[words[to]].Word
		}
	}
	for _, i := range words {
		if slices.Contains(modal, toks[i].Word) {
			q.Asking[i] = true
		}
	}
	return q
}

// modal are words of questions that answers do not have.
var modal = []string{"吗", "呢", "么", "请问", "do", "does", "did"}

// chinese finds the words that ask in a Chinese question: words[from:to], empty if
// there are none.
func (q *Question) chinese(toks []tokenizer.Token, words []int) (from, to int) {
	var b strings.Builder
	starts := make([]int, 0, len(words)+1)
	for _, i := range words {
		starts = append(starts, b.Len())
		b.WriteString(toks[i].Word)
	}
	text := b.String()
	starts = append(starts, len(text))
	for at := range text {
		for _, a := range asking {
			if !strings.HasPrefix(text[at:], a.text) {
				continue
			}
			if a.text == "为什么" && named(text[:at]) {
				continue // 称为 什么
			}
			end := at + len(a.text)
			q.Type = a.Type
			q.Several = a.noun && severalBehind(text[end:])
			if a.noun {
				end += len(text[end:]) - len(strings.TrimLeft(text[end:], counters))
				q.Type = nounAt(text[end:])
			}
			from, _ = slices.BinarySearch(starts, at+1)
			from--
			to, _ = slices.BinarySearch(starts, end)
			if a.noun {
				q.focusOn(toks, words, from, to)
			} else if q.Type == Number && to < len(words) {
				q.focus = toks[words[to]].Word // 多少公里
			}
			return from, min(to, len(words))
		}
	}
	// 具体时间是？
	if n := len(words); n > 1 && toks[words[n-1]].Word == "是" {
		q.focusOn(toks, words, n, n)
	}
	return 0, 0
}

// named reports whether a text ends in a word that goes on with 为: 称为, 命名为.
func named(text string) bool {
	r, _ := utf8.DecodeLastRuneInString(text)
	return strings.ContainsRune("称名叫誉视作认定改成", r)
}

// severalBehind reports whether what follows 什么 or 哪 asks for more than one thing.
func severalBehind(text string) bool {
	r, _ := utf8.DecodeRuneInString(text)
	return strings.ContainsRune("些两几三四五", r)
}

// nounAt returns the type that the noun asks for which a text begins with.
func nounAt(text string) Type {
	runes := []rune(text)
	for n := min(3, len(runes)); n > 0; n-- {
		if t, ok := nouns[string(runes[:n])]; ok {
			return t
		}
	}
	return Any
}

// focusOn looks for what is asked for behind the asking words, as in 哪家公司, or in
// front of them, as in 职业是什么.
func (q *Question) focusOn(toks []tokenizer.Token, words []int, from, to int) {
	switch {
	case to < len(words) && isNoun(&toks[words[to]]):
		q.focus = toks[words[to]].Word
		// 什么交通 工具: the last of some nouns counts.
		for next := to + 1; next < len(words) && next < to+3; next++ {
			if !isNoun(&toks[words[next]]) {
				break
			}
			q.focus = toks[words[next]].Word
		}
	case q.Type == Any && from > 1 && linking(toks[words[from-1]].Word) && isNoun(&toks[words[from-2]]):
		q.focus = toks[words[from-2]].Word
	default:
		return
	}
	if t, ok := nouns[q.focus]; ok && q.Type == Any {
		q.Type = t
	}
}

func isNoun(t *tokenizer.Token) bool {
	p := t.POS.Universal()
	return p == tokenizer.UPOSNOUN || p == tokenizer.UPOSPROPN
}

func linking(word string) bool {
	switch word {
	case "是", "为", "叫", "有", "叫做", "称为", "is", "are", "was", "were":
		return true
	}
	return false
}

// english finds the words that ask in an English question.
func (q *Question) english(toks []tokenizer.Token, words []int) (from, to int) {
	word := func(i int) string {
		if i < len(words) {
			return toks[words[i]].Word
		}
		return ""
	}
	for i := range words {
		to = i + 1
		switch word(i) {
		case "who", "whom", "whose", "who's":
			q.Type = Person
		case "when":
			q.Type = Time
		case "where":
			q.Type = Place
		case "why":
			q.Type = Reason
		case "how":
			switch word(i + 1) {
			case "many", "much", "often":
				q.Type = Number
				to++
			case "long", "far", "old", "tall", "high", "large", "big", "fast", "deep", "wide", "heavy":
				q.Type = Number // and a word to look for: 82 kilometres long
			default:
				q.Type = Manner
			}
		case "what", "which", "what's":
			j := to
			if linking(word(j)) || word(i) == "what's" {
				if linking(word(j)) {
					j++
				}
				for word(j) == "the" || word(j) == "a" || word(j) == "an" {
					j++
				}
			}
			switch w := word(j); {
			case w == "happened", w == "happens":
			case !function[w]:
				q.focus = w
				q.Type = nouns[w]
			}
		default:
			continue
		}
		return i, to
	}
	return 0, 0
}
