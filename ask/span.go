package ask

import (
	"cmp"
	"math"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ciyuan-search/ciyuan/internal/order"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// Word is a token of a sentence with the word of the question that it stands for.
type Word struct {
	tokenizer.Token
	UPOS tokenizer.UPOS

	Term int     // index of the question's word, -1 for none
	Sim  float64 // their similarity
}

// Span is a part of a sentence.
type Span struct {
	Start, End int     // bytes of the text that the words came from
	Score      float64 // higher is likelier to be the answer
	Fits       bool    // it is of the type that the question asks for
}

// What the features of a span count. They were chosen on one half of the questions of
// three sets and are flat around these values, see docs/ranking.md.
const (
	weighNear   = 0.7  // words of the question near to it
	weighInside = 1    // words of the question in it: these are known already
	weighType   = 0.6  // it is of the type that is asked for
	weighBeside = 0.3  // each of the words beside the asking ones that is beside it
	weighEdge   = 0.1  // each end where an answer may well end
	weighFocus  = 0.2  // it names the kind of thing that is asked for
	weighQuote  = 0.4  // it stands in quotation marks
	weighGloss  = 0.4  // it stands in brackets
	weighLength = 0.25 // each e-fold of the usual length
	containing  = 0.4  // of weighType, for a span with more than that in it
	reach       = 10   // words in which nearness falls to 1/e
)

// maxSpan is how many words an answer may have.
const maxSpan = 24

// Term is a word of the question.
type Term struct {
	Word   string  // folded
	Weight float64 // share of the question's weight; all of them sum to 1
}

// Spans returns the likeliest answers in a sentence, the best first, at most n, none
// of which overlaps a better one. text is what the primary tokens words came from.
func (q *Question) Spans(text string, words []Word, terms []Term, n int) []Span {
	// White space takes no part.
	words = slices.DeleteFunc(slices.Clone(words), func(w Word) bool { return !w.Primary() || w.Kind == tokenizer.Space })
	if len(words) == 0 {
		return nil
	}
	focus := -1
	for i := range terms {
		if terms[i].Word == q.focus && q.focus != "" {
			focus = i
		}
	}
	chunks := q.chunks(text, words)
	places := make([][]int, len(terms)) // of each word of the question
	inside := make([]float64, len(words)+1)
	commas := make([]int, len(words)+1)
	depth := make([]int, len(words)+1) // of round brackets
	open := make([]int, len(words)+1)  // brackets and quotation marks of any kind
	for i := range words {
		w := &words[i]
		inside[i+1], commas[i+1] = inside[i], commas[i]
		if w.Term >= 0 {
			places[w.Term] = append(places[w.Term], i)
			if w.Term != focus {
				inside[i+1] += terms[w.Term].Weight * w.Sim
			}
		}
		if breaks(w) || w.Word == "、" && !q.Several {
			commas[i+1]++
		}
		depth[i+1] = depth[i]
		open[i+1] = open[i]
		switch {
		case w.Kind != tokenizer.Punct || w.Word == `"`:
		case isOpen(w.Word):
			open[i+1]++
			if w.Word == "(" {
				depth[i+1]++
			}
		case isClose(w.Word):
			open[i+1]--
			if w.Word == ")" && depth[i] > 0 {
				depth[i+1]--
			}
		}
	}
	var present []int // words of the question that the sentence has
	for t := range places {
		if len(places[t]) > 0 {
			present = append(present, t)
		}
	}
	var all []Span
	for i := range words {
		if !q.mayBegin(&words[i]) {
			continue
		}
		for j := i + 1; j <= min(len(words), i+maxSpan); j++ {
			if open[j] < open[i] {
				break
			}
			if open[j] > open[i] || !mayEnd(&words[j-1]) {
				continue
			}
			if commas[j]-commas[i] > 0 && q.Type != Reason && q.Type != Manner && q.Type != Any {
				break
			}
			near := 0.0
			for _, t := range present {
				best := 0.0
				for _, p := range places[t] {
					d := 1
					switch {
					case p < i:
						d = i - p
					case p >= j:
						d = p - j + 1
					case t != focus:
						continue
					}
					best = max(best, words[p].Sim*math.Exp(-float64(d-1)/reach))
				}
				near += terms[t].Weight * best
			}
			fit := q.fit(chunks, i, j)
			s := weighNear*near - weighInside*(inside[j]-inside[i]) + weighType*fit
			s += weighBeside * (beside(words, i-1, q.before) + beside(words, j, q.after))
			s += weighEdge * (edge(words, i-1) + edge(words, j))
			if focus >= 0 {
				for k := i; k < j; k++ {
					if words[k].Term == focus {
						s += weighFocus * words[k].Sim
						break
					}
				}
			}
			if i > 0 && j < len(words) && quotes(&words[i-1], &words[j]) {
				s += weighQuote
			}
			if depth[i] > 0 {
				s -= weighGloss
			}
			s -= weighLength * math.Abs(math.Log(float64(j-i)/q.typical()))
			all = append(all, Span{Start: words[i].Start, End: words[j-1].End, Score: s, Fits: fit > 0.5})
		}
	}
	order.Stable(all, func(a, b *Span) int { return cmp.Compare(b.Score, a.Score) })
	var out []Span
	for _, s := range all {
		if len(out) == n {
			break
		}
		if !slices.ContainsFunc(out, func(o Span) bool { return s.Start < o.End && o.Start < s.End }) {
			out = append(out, s)
		}
	}
	return out
}

// typical is how many words an answer has.
func (q *Question) typical() float64 {
	switch q.Type {
	case Reason, Manner:
		return 10
	case Any:
		return 3
	}
	return 2
}

// beside reports how much the word at a place is one that stood beside the asking
// words.
func beside(words []Word, at int, want string) float64 {
	if want == "" || at < 0 || at >= len(words) || words[at].Word != want {
		return 0
	}
	return 1
}

// edge reports whether an answer may well end at a word outside of it.
func edge(words []Word, at int) float64 {
	if at < 0 || at >= len(words) {
		return 1
	}
	if w := &words[at]; w.Term >= 0 || bound(w.POS) || function[w.Word] || linking(w.Word) {
		return 1
	}
	return 0
}

// breaks reports whether a mark divides clauses.
func breaks(w *Word) bool {
	if w.Kind != tokenizer.Punct {
		return false
	}
	switch w.Word {
	case ",", ";", "。", "!", "?", ":", ".":
		return true
	}
	return false
}

func quotes(a, b *Word) bool {
	return a.Kind == tokenizer.Punct && b.Kind == tokenizer.Punct && isOpen(a.Word) && isClose(b.Word)
}

func isOpen(mark string) bool  { return strings.ContainsAny(mark, "\"“「『《〈(") }
func isClose(mark string) bool { return strings.ContainsAny(mark, "\"”」』》〉)") }

func (q *Question) mayBegin(w *Word) bool {
	if w.Kind == tokenizer.Punct {
		return w.Word == "$" || w.Word == "£" || w.Word == "€" || w.Word == "《"
	}
	if q.Type == Reason || q.Type == Manner {
		return w.POS != tokenizer.UJ && w.POS != tokenizer.UL
	}
	if q.Type == Time && months[w.Word] { // May
		return true
	}
	return !bound(w.POS) && !function[w.Word] && !linking(w.Word)
}

func mayEnd(w *Word) bool {
	if w.Kind == tokenizer.Punct {
		return w.Word == "%" || w.Word == "》"
	}
	return !bound(w.POS) && !function[w.Word] && !linking(w.Word)
}

// chunk is a run of words of some type.
type chunk struct {
	from, to int
	fit      float64
}

// fit returns how well words[i:j] have the type that is asked for, 0 to 1.
func (q *Question) fit(chunks []chunk, i, j int) float64 {
	best := 0.0
	for _, c := range chunks {
		switch {
		case c.from == i && c.to == j:
			best = max(best, c.fit)
		case c.from >= i && c.to <= j:
			best = max(best, c.fit*containing)
		}
	}
	return best
}

// chunks returns the runs of words of the type that is asked for.
func (q *Question) chunks(text string, words []Word) []chunk {
	switch q.Type {
	case Time:
		return times(words)
	case Number:
		return numbers(words)
	case Person, Place, Any:
		return q.names(text, words)
	case Reason:
		return clauses(words, "因为", "由于", "因", "为了", "because", "since", "due", "owing")
	case Manner:
		return clauses(words, "通过", "利用", "采用", "by", "through", "using", "via")
	}
	return nil
}

// clauses returns the clauses that begin with one of some words.
func clauses(words []Word, first ...string) []chunk {
	var out []chunk
	for i := range words {
		if !slices.Contains(first, words[i].Word) {
			continue
		}
		j := i + 1
		for j < len(words) && !breaks(&words[j]) {
			j++
		}
		out = append(out, chunk{i, j, 1})
	}
	return out
}

func isNumber(w *Word) bool {
	return w.Kind == tokenizer.Number || w.POS == tokenizer.M || w.POS == tokenizer.MQ || numerals[w.Word] ||
		w.Kind == tokenizer.Mixed && w.Word[0] >= '0' && w.Word[0] <= '9'
}

func ranges(word string) bool {
	switch word {
	case "-", "–", "—", "~", "～", "至", "到":
		return true
	}
	return false
}

func isYear(w *Word) bool {
	return w.Kind == tokenizer.Number && len(w.Word) == 4 && (w.Word[0] == '1' || w.Word[0] == '2')
}

// times returns the dates and times.
func times(words []Word) []chunk {
	var out []chunk
	for i := 0; i < len(words); {
		j := i
		for j < len(words) {
			w := &words[j]
			next := ""
			if j+1 < len(words) {
				next = words[j+1].Word
			}
			switch {
			case isNumber(w) && timeUnits[next]:
				j += 2
				continue
			case months[w.Word] && (j > i || next != "" && words[j+1].Kind == tokenizer.Number),
				isYear(w), w.POS == tokenizer.T,
				j > i && (w.Kind == tokenizer.Number && months[words[j-1].Word] || w.Word == "," && next != "" && isYear(&words[j+1])),
				w.Kind == tokenizer.Number && months[next],
				isNumber(w) && (next == "century" || next == "bc" || next == "ad" || next == "bce"),
				w.Kind == tokenizer.Mixed && len(w.Word) == 5 && strings.HasSuffix(w.Word, "0s"),
				j > i && ranges(w.Word) && next != "" && isNumber(&words[j+1]),
				j > i && (w.Word == "century" || w.Word == "bc" || w.Word == "bce"):
				j++
				continue
			case w.Kind == tokenizer.Mixed || w.POS == tokenizer.M:
				// 1903年 as one token.
				if r, _ := utf8.DecodeLastRuneInString(w.Word); timeUnits[string(r)] && r != '点' {
					j++
					continue
				}
			}
			break
		}
		if j > i {
			out = append(out, chunk{i, min(j, len(words)), 1})
			i = j
			continue
		}
		i++
	}
	return out
}

// numbers returns the numbers, Chinese ones with what they count.
func numbers(words []Word) []chunk {
	dates := times(words)
	var out []chunk
	for i := 0; i < len(words); i++ {
		if !isNumber(&words[i]) {
			continue
		}
		from, j := i, i+1
		for j < len(words) && (isNumber(&words[j]) || scales[words[j].Word] || ranges(words[j].Word) && j+1 < len(words) && isNumber(&words[j+1])) {
			j++
		}
		if from > 0 && (words[from-1].Word == "$" || words[from-1].Word == "£" || words[from-1].Word == "€") {
			from--
		}
		fit := 1.0
		if slices.ContainsFunc(dates, func(c chunk) bool { return c.from < j && i < c.to }) {
			fit = 0.5 // 三年 may be a duration
		}
		out = append(out, chunk{from, j, fit})
		// 364.6 公里, 四 次.
		if j < len(words) && chinese(words[j].Word) && !bound(words[j].POS) {
			out = append(out, chunk{from, j + 1, fit})
			// 8,646 平方 英里
			if j+1 < len(words) && words[j+1].POS == tokenizer.Q {
				out = append(out, chunk{from, j + 2, fit})
			}
		}
		i = j - 1
	}
	return out
}

func chinese(word string) bool {
	r, _ := utf8.DecodeRuneInString(word)
	return unicode.Is(unicode.Han, r)
}

// names returns the names.
func (q *Question) names(text string, words []Word) []chunk {
	var out []chunk
	for i := 0; i < len(words); {
		if !isName(text, words, i) {
			i++
			continue
		}
		place := false
		j := i
		for j < len(words) {
			switch {
			case isName(text, words, j):
				place = place || words[j].POS == tokenizer.NS
			case j+1 < len(words) && joins(words[j].Word) && isName(text, words, j+1):
			default:
				goto end
			}
			j++
		}
	end:
		fit := 1.0
		switch {
		case q.Type == Person && place:
			fit = 0.5
		case q.Type == Place && !place:
			fit = 0.5
			if i > 0 && leadsToPlace(words[i-1].Word) {
				fit = 0.8
			}
		case q.Type == Any:
			fit = 0.5
		}
		out = append(out, chunk{i, j, fit})
		i = j
	}
	return out
}

func leadsToPlace(word string) bool {
	switch word {
	case "in", "at", "near", "to", "from", "在", "于", "位于", "到", "至":
		return true
	}
	return false
}

// joins reports whether a word may stand inside a name.
func joins(word string) bool {
	switch word {
	case "·", "・", "•", "‧", "of", "de", "von", "van", "-", "'s":
		return true
	}
	return false
}

// isName reports whether a word is one of a name.
func isName(text string, words []Word, i int) bool {
	w := &words[i]
	if w.Kind != tokenizer.Word && w.Kind != tokenizer.Mixed {
		return false
	}
	if chinese(w.Word) {
		switch w.POS {
		case tokenizer.NR, tokenizer.NRT, tokenizer.NRFG, tokenizer.NS, tokenizer.NT, tokenizer.NZ:
			return true
		}
		// The parts of a foreign name are cut by chance.
		if i > 0 && joins(words[i-1].Word) || i+1 < len(words) && joins(words[i+1].Word) && words[i+1].Kind == tokenizer.Punct {
			return true
		}
		return w.UPOS == tokenizer.UPOSPROPN
	}
	r, _ := utf8.DecodeRuneInString(text[w.Start:])
	return unicode.IsUpper(r) && !function[w.Word]
}
