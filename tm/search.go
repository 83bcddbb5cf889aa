package tm

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/align"
	"github.com/ciyuan-search/ciyuan/internal/order"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

const (
	// DefaultK is how many matches a search returns.
	DefaultK = 5
	// DefaultMin is the least score of a match, in per cent.
	DefaultMin = 50
	// InContext is the score of the same text between the same neighbours.
	InContext = 101

	// candidates is how many units are compared token by token.
	candidates = 50
	maxK       = 1000
)

// SearchOptions say how units are found. The zero value is a good default.
type SearchOptions struct {
	K   int // matches wanted; 0 means DefaultK
	Min int // least score; 0 means DefaultMin, below 0 none

	// From is the language of the text, To those that are wanted; empty ones
	// are any. en stands for en-US too.
	From, To string

	// Before and After are the sentences around the text, nil where not known.
	// The same text between the same ones has the score InContext.
	Before, After *string

	// Penalty is what the score loses, in per cent, by the name of the memory
	// and by that of who changed the unit last.
	Penalty map[string]float64
	// AgePenalty is what it loses for each year since the unit was changed, at
	// most 20 in all. Units without a date lose nothing.
	AgePenalty float64
	// Now is the time that age is counted from; zero means the present.
	Now time.Time

	// Codes are the inline codes of the text: a unit with others has 99 at most.
	Codes int
}

// maxAgePenalty bounds what age can take.
const maxAgePenalty = 20

func (o *SearchOptions) check() (SearchOptions, error) {
	var t SearchOptions
	if o != nil {
		t = *o
	}
	switch {
	case t.K < 0 || t.K > maxK:
		return t, fmt.Errorf("%w: k must be between 0 and %d", ErrOption, maxK)
	case t.Min > InContext:
		return t, fmt.Errorf("%w: the least score must not be above %d", ErrOption, InContext)
	case !(t.AgePenalty >= 0 && t.AgePenalty <= 100):
		return t, fmt.Errorf("%w: the penalty for age must be between 0 and 100", ErrOption)
	}
	for name, p := range t.Penalty {
		if !(p >= 0 && p <= 100) {
			return t, fmt.Errorf("%w: the penalty of %s must be between 0 and 100", ErrOption, name)
		}
	}
	if t.K == 0 {
		t.K = DefaultK
	}
	if t.Min == 0 {
		t.Min = DefaultMin
	}
	if t.Now.IsZero() {
		t.Now = time.Now()
	}
	return t, nil
}

// A Side is a text of a unit in one language.
type Side struct {
	Lang  string `json:"lang"`
	Text  string `json:"text"`  // without inline codes
	Marks []Span `json:"marks"` // of Match: what differs; of Use: what was looked for and what stands for it
	// Segment is the text with its codes.
	Segment Segment `json:"-"`
}

// A Match is a unit that is like the text.
type Match struct {
	Score   int     `json:"score"`   // per cent: 101 in context, 100 the same text, less after penalties
	Penalty float64 `json:"penalty"` // what it has lost
	ID      string  `json:"id"`      // of the document
	Memory  string  `json:"memory"`
	Unit    string  `json:"unit,omitempty"` // tuid
	Author  string  `json:"author,omitempty"`
	Date    string  `json:"date,omitempty"` // RFC 3339
	Edits   int     `json:"edits"`          // tokens that differ
	Query   []Span  `json:"query_marks"`    // what the unit has otherwise
	Source  Side    `json:"source"`
	Targets []Side  `json:"targets"`

	unit   *Unit
	source int
	number int
	cmp    comparison
	tokens []tokenizer.Token
}

// Search returns the units whose text in one language is most like text, by
// descending score, then the newer ones, then by id. A text without words finds
// nothing.
func (m *Memory) Search(ctx context.Context, text string, opts *SearchOptions) ([]Match, error) {
	o, err := opts.check()
	if err != nil {
		return nil, err
	}
	// The longest text that is compared: distance takes the product of lengths.
	query := tokensOf(m.tok, text)
	if len(query) > align.MaxTokens {
		return nil, fmt.Errorf("%w: a sentence has at most %d tokens", ErrOption, align.MaxTokens)
	}
	res, err := m.db.Search(ctx, m.telling(text, query), &ciyuan.SearchOptions{K: max(candidates, 2*o.K), Score: ciyuan.ScoreBM25})
	if errors.Is(err, ciyuan.ErrEmptyQuery) {
		return []Match{}, nil
	}
	if err != nil {
		return nil, err
	}
	out := []Match{}
	for i := range res.Hits {
		match, ok, err := m.match(ctx, res.Hits[i].ID, text, query, &o)
		if err != nil {
			return nil, err
		}
		if ok && match.Score >= o.Min {
			out = append(out, match)
		}
	}
	order.Stable(out, func(a, b *Match) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), b.unit.Date.Compare(a.unit.Date), cmp.Compare(a.ID, b.ID))
	})
	out = out[:min(len(out), o.K)]
	for i := range out {
		if err := m.mark(ctx, &out[i], text, query, &o); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// tellingWords is how many words of a text look for candidates.
const tellingWords = 10

// telling returns the rarest words of a text in general language, which tell the
// unit that it comes from; the most frequent ones are in all of them and take
// most of the time.
func (m *Memory) telling(text string, tokens []tokenizer.Token) string {
	type word struct {
		text  string
		prior float32
	}
	var words []word
	seen := map[string]bool{}
	for i := range tokens {
		t := &tokens[i]
		if !t.Kind.Counts() || seen[t.Word] {
			continue
		}
		seen[t.Word] = true
		w := word{text[t.Start:t.End], math.MaxFloat32}
		if m.table != nil {
			if row, ok := m.table.Row(t.Word); ok {
				w.prior = m.table.Prior(row)
			}
		}
		words = append(words, w)
	}
	if len(words) <= tellingWords {
		return text
	}
	order.Stable(words, func(a, b *word) int { return cmp.Compare(b.prior, a.prior) })
	var b strings.Builder
	for _, w := range words[:tellingWords] {
		b.WriteString(w.text)
		b.WriteByte(' ')
	}
	return b.String()
}

// match compares a unit with the text.
func (m *Memory) match(ctx context.Context, id, text string, query []tokenizer.Token, o *SearchOptions) (Match, bool, error) {
	u, name, n, ok, err := m.unit(ctx, id)
	if err != nil || !ok {
		return Match{}, false, err
	}
	best := Match{source: -1}
	for i := range u.Variants {
		v := &u.Variants[i]
		if o.From != "" && !sameLang(v.Lang, o.From) || !hasTarget(u, i, o.To) {
			continue
		}
		tokens := tokensOf(m.tok, v.Text)
		if len(tokens) > align.MaxTokens {
			continue
		}
		c := compareTexts(text, query, v.Text, tokens)
		if best.source < 0 || c.percent > best.cmp.percent {
			best.source, best.cmp, best.tokens = i, c, tokens
		}
	}
	if best.source < 0 {
		return best, false, nil
	}
	best.ID, best.Memory, best.unit, best.number = id, name, u, n
	best.Unit, best.Author = u.ID, u.Author
	if !u.Date.IsZero() {
		best.Date = u.Date.UTC().Format(time.RFC3339)
	}
	score := best.cmp.percent
	if score == 100 {
		switch {
		case o.Codes != len(u.Variants[best.source].Codes):
			score = 99
		default:
			same, err := m.inContext(ctx, &best, o)
			if err != nil {
				return best, false, err
			}
			if same {
				score = InContext
			}
		}
	}
	best.Penalty = o.penalty(&best)
	best.Score = max(0, int(math.Floor(float64(score)-best.Penalty)))
	return best, true, nil
}

// hasTarget reports whether a unit has another variant than one, in a language.
func hasTarget(u *Unit, source int, to string) bool {
	for i := range u.Variants {
		if i != source && (to == "" || sameLang(u.Variants[i].Lang, to)) {
			return true
		}
	}
	return false
}

func (o *SearchOptions) penalty(match *Match) float64 {
	p := o.Penalty[match.Memory]
	if match.Author != "" && match.Author != match.Memory {
		p += o.Penalty[match.Author]
	}
	if o.AgePenalty > 0 && !match.unit.Date.IsZero() {
		years := max(0, o.Now.Sub(match.unit.Date).Hours()/24/365.25)
		p += min(maxAgePenalty, math.Floor(years)*o.AgePenalty)
	}
	return p
}

// contextProps are the properties in which tools keep the sentences around a
// unit.
var contextProps = [2][]string{
	{"x-context-pre", "x-previous-source-text", "prev", "context_prev"},
	{"x-context-post", "x-next-source-text", "next", "context_next"},
}

// inContext reports whether the sentences around the text are those around the
// unit, in its properties or in the file that it came from.
func (m *Memory) inContext(ctx context.Context, match *Match, o *SearchOptions) (bool, error) {
	if o.Before == nil && o.After == nil {
		return false, nil
	}
	for k, want := range []*string{o.Before, o.After} {
		if want == nil {
			continue
		}
		found := false
		for _, prop := range contextProps[k] {
			text, ok := match.unit.Props[prop]
			found = found || ok && oneLine(text) == oneLine(*want)
		}
		if !found {
			next := match.number + 2*k - 1
			u, _, _, ok, err := m.unit(ctx, unitID(match.Memory, next))
			if err != nil {
				return false, err
			}
			if !ok {
				found = strings.TrimSpace(*want) == ""
			} else {
				lang := match.unit.Variants[match.source].Lang
				for i := range u.Variants {
					found = found || u.Variants[i].Lang == lang && oneLine(u.Variants[i].Text) == oneLine(*want)
				}
			}
		}
		if !found {
			return false, nil
		}
	}
	return true, nil
}

// mark fills in what is shown of a match.
func (m *Memory) mark(ctx context.Context, match *Match, text string, query []tokenizer.Token, o *SearchOptions) error {
	v := &match.unit.Variants[match.source]
	match.Edits = match.cmp.edits
	match.Query = spans(text, query, match.cmp.aChanged)
	match.Source = Side{Lang: v.Lang, Text: v.Text, Segment: v.Segment, Marks: spans(v.Text, match.tokens, match.cmp.bChanged)}
	match.Targets = []Side{}
	for i := range match.unit.Variants {
		t := &match.unit.Variants[i]
		if i == match.source || o.To != "" && !sameLang(t.Lang, o.To) {
			continue
		}
		side := Side{Lang: t.Lang, Text: t.Text, Segment: t.Segment, Marks: []Span{}}
		if slices.Contains(match.cmp.bChanged, true) {
			var err error
			if side.Marks, err = m.counterparts(ctx, v.Text, match.tokens, match.cmp.bChanged, t.Text); err != nil {
				return err
			}
		}
		match.Targets = append(match.Targets, side)
	}
	return nil
}

// counterparts returns where the words of a translation stand that belong to
// marked words of a text.
func (m *Memory) counterparts(ctx context.Context, text string, tokens []tokenizer.Token, marked []bool, translation string) ([]Span, error) {
	other := tokensOf(m.tok, translation)
	if m.aligner == nil || len(tokens) > align.MaxTokens || len(other) > align.MaxTokens {
		return []Span{}, nil
	}
	a, err := m.aligner.Align(ctx, align.Text{Text: text, Tokens: tokens}, align.Text{Text: translation, Tokens: other})
	if err != nil {
		return nil, err
	}
	hit := make([]bool, len(other))
	for _, l := range a.Links {
		if marked[l.Source] {
			hit[l.Target] = true
		}
	}
	return spans(translation, other, hit), nil
}

// ConcordanceOptions say where words are looked for. The zero value is a good
// default.
type ConcordanceOptions struct {
	K    int    // units wanted; 0 means DefaultK
	Lang string // language of the words; empty is any
}

// A Use is a unit that has the words in one of its texts.
type Use struct {
	ID      string `json:"id"`
	Memory  string `json:"memory"`
	Unit    string `json:"unit,omitempty"`
	Phrase  bool   `json:"phrase"` // the words stand side by side
	Source  Side   `json:"source"` // the text with the words, marked
	Targets []Side `json:"targets"`
}

// Concordance returns units that have the words of text in one language, those
// with the words side by side first, with the words that stand for them in the
// other languages marked.
func (m *Memory) Concordance(ctx context.Context, text string, opts *ConcordanceOptions) ([]Use, error) {
	var o ConcordanceOptions
	if opts != nil {
		o = *opts
	}
	if o.K < 0 || o.K > maxK {
		return nil, fmt.Errorf("%w: k must be between 0 and %d", ErrOption, maxK)
	}
	if o.K == 0 {
		o.K = DefaultK
	}
	words := strings.Fields(strings.Map(func(r rune) rune {
		if r == '"' || r == '“' || r == '”' || r == '「' || r == '」' {
			return ' '
		}
		return r
	}, text))
	phrase := strings.Join(words, " ")
	if !slices.ContainsFunc(tokensOf(m.tok, phrase), func(t tokenizer.Token) bool { return t.Kind.Counts() }) {
		return []Use{}, nil
	}
	var all strings.Builder
	for _, w := range words {
		all.WriteString(` +"` + w + `"`)
	}
	out := []Use{}
	seen := map[string]bool{}
	for _, q := range []string{`"` + phrase + `"`, strings.TrimSpace(all.String())} {
		res, err := m.db.Search(ctx, q, &ciyuan.SearchOptions{K: max(candidates, 4*o.K), Score: ciyuan.ScoreBM25, Operators: true})
		if errors.Is(err, ciyuan.ErrEmptyQuery) {
			return out, nil
		}
		if err != nil {
			return nil, err
		}
		for i := range res.Hits {
			if id := res.Hits[i].ID; len(out) < o.K && !seen[id] {
				use, ok, err := m.use(ctx, id, phrase, words, o.Lang)
				if err != nil {
					return nil, err
				}
				if ok {
					seen[id] = true
					out = append(out, use)
				}
			}
		}
		if len(words) < 2 {
			break
		}
	}
	order.Stable(out, func(a, b *Use) int {
		switch {
		case a.Phrase == b.Phrase:
			return 0
		case a.Phrase:
			return -1
		}
		return 1
	})
	return out, nil
}

// use marks the words in a unit.
func (m *Memory) use(ctx context.Context, id, phrase string, words []string, lang string) (Use, bool, error) {
	u, name, _, ok, err := m.unit(ctx, id)
	if err != nil || !ok {
		return Use{}, false, err
	}
	for i := range u.Variants {
		v := &u.Variants[i]
		if lang != "" && !sameLang(v.Lang, lang) {
			continue
		}
		found := occurrences(v.Text, phrase)
		side := len(found) > 0
		if !side {
			for _, w := range words {
				at := occurrences(v.Text, w)
				if len(at) == 0 {
					found = nil
					break
				}
				found = append(found, at...)
			}
		}
		if len(found) == 0 {
			continue
		}
		order.Stable(found, func(a, b *Span) int { return cmp.Compare(a.Start, b.Start) })
		tokens := tokensOf(m.tok, v.Text)
		marked := make([]bool, len(tokens))
		for k, t := range tokens {
			for _, s := range found {
				marked[k] = marked[k] || t.Start < s.End && s.Start < t.End
			}
		}
		out := Use{ID: id, Memory: name, Unit: u.ID, Phrase: side, Targets: []Side{}}
		out.Source = Side{Lang: v.Lang, Text: v.Text, Segment: v.Segment, Marks: found}
		for j := range u.Variants {
			if j == i {
				continue
			}
			t := &u.Variants[j]
			marks, err := m.counterparts(ctx, v.Text, tokens, marked, t.Text)
			if err != nil {
				return out, false, err
			}
			out.Targets = append(out.Targets, Side{Lang: t.Lang, Text: t.Text, Segment: t.Segment, Marks: marks})
		}
		return out, true, nil
	}
	return Use{}, false, nil
}

// occurrences returns where a text has words, in whatever case, width or
// script; Latin ones not inside of longer ones.
func occurrences(text, words string) []Span {
	want := tokenizer.Fold(words)
	if want == "" {
		return nil
	}
	folded := tokenizer.FoldMap(text)
	var out []Span
	for at := 0; ; {
		k := strings.Index(folded.Text[at:], want)
		if k < 0 {
			return out
		}
		start, end := at+k, at+k+len(want)
		if !splits(folded.Text, start) && !splits(folded.Text, end) {
			out = append(out, Span(folded.Original(start, end)))
		}
		_, size := utf8.DecodeRuneInString(folded.Text[start:])
		at = start + size
		if at > len(folded.Text) {
			return out
		}
	}
}

// splits reports whether a place is inside of a word that is written with
// spaces around it.
func splits(text string, at int) bool {
	before, _ := utf8.DecodeLastRuneInString(text[:at])
	after, _ := utf8.DecodeRuneInString(text[at:])
	spaced := func(r rune) bool {
		return (unicode.IsLetter(r) || unicode.IsDigit(r)) && !unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai)
	}
	return spaced(before) && spaced(after)
}
