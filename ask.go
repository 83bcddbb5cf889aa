package ciyuan

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/ciyuan-search/ciyuan/ask"
	"github.com/ciyuan-search/ciyuan/scoring"
	"github.com/ciyuan-search/ciyuan/store"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// Defaults of AskOptions.
const (
	DefaultAnswers     = 3
	DefaultAskPassages = 20

	// DefaultConfidence is the lowest Score of an answer unless AskOptions says
	// otherwise; docs/ranking.md has what it lets through.
	DefaultConfidence = 0.5
)

// AskOptions say how a question is answered. The zero value is a good default.
type AskOptions struct {
	K        int // answers wanted, each from another sentence; 0 means DefaultAnswers
	Passages int // passages looked into; 0 means DefaultAskPassages

	// MinScore leaves out answers whose Score is below it. 0 means
	// DefaultConfidence, below 0 none is left out. At most 1.
	MinScore float64

	// Filter keeps only documents whose field has the value, as in SearchOptions.
	Filter map[string]string

	// Reader, when not nil, finds the answers in the best passages. Without one the
	// words of a sentence and their kinds decide.
	Reader Reader
}

// Reader finds the part of a text that answers a question, as a transformer with a
// head for question answering does.
type Reader interface {
	// Read returns the likeliest answer in a passage, false if there can be none.
	Read(ctx context.Context, question, passage string) (Reading, bool, error)
}

// Reading is what a Reader has found.
type Reading struct {
	Start, End int // bytes of the passage, Start < End

	// Margin is the natural logarithm of how many times likelier the answer is than
	// that there is none.
	Margin float64
}

// Answers are what is known about a question.
type Answers struct {
	Question string `json:"question"`

	// Expects is the type of answer that the question asks for: person, place, time,
	// number, reason, manner, or any.
	Expects string `json:"expects"`

	// Answers are the likeliest ones, the best first; none where nothing answers.
	Answers []Answer `json:"answers"`

	// Passages are those that were read, the best first.
	Passages []AskedPassage `json:"-"`

	Stats SearchStats `json:"stats"`
}

// Answer is a part of a sentence that answers a question.
type Answer struct {
	Text     string `json:"text"` // as it stands in the document
	Sentence string `json:"sentence"`

	Doc   string `json:"doc"`
	Title string `json:"title,omitempty"`
	Path  string `json:"path"`
	Line  int    `json:"line"` // of Text, from 1

	// Start and End are the place of Text, SentenceStart that of Sentence, in bytes
	// of the document's text.
	Start         int `json:"start"`
	End           int `json:"end"`
	SentenceStart int `json:"sentence_start"`

	// Score is how likely it is that the question is answered here, 0 to 1: an
	// estimate from what the sentence, its surroundings and its passage have of the
	// question and, with a Reader, from its Margin.
	Score float64 `json:"score"`

	Relevance float64 `json:"relevance"` // relative score of the passage, as in Hit
	Fits      bool    `json:"fits"`      // Text is of the type that is asked for
}

// AskedPassage is a passage that was read for an answer.
type AskedPassage struct {
	Doc, Title, Path string
	Line             int    // of its first line, from 1
	Start            int    // byte of the document's text where it begins
	Text             string // as it stands there
	Relevance        float64
}

func (o *AskOptions) check() (AskOptions, error) {
	var a AskOptions
	if o != nil {
		a = *o
	}
	a.K = cmp.Or(a.K, DefaultAnswers)
	a.Passages = cmp.Or(a.Passages, DefaultAskPassages)
	a.MinScore = cmp.Or(a.MinScore, DefaultConfidence)
	switch {
	case a.K < 0 || a.K > MaxK || a.Passages < 0 || a.Passages > MaxK:
		return a, fmt.Errorf("%w: answers and passages must be between 0 and %d", ErrOption, MaxK)
	case math.IsNaN(a.MinScore) || a.MinScore > 1:
		return a, fmt.Errorf("%w: the lowest score must not exceed 1", ErrOption)
	}
	return a, nil
}

// Ask returns the answers that the documents of the index have to a question, by
// descending Score, equal ones by where they stand. Where nothing answers there are
// none, and no error. A question without words is ErrEmptyQuery.
//
// It searches for the question's words, ranks the sentences of the best passages by
// what they and their neighbours have of them, and takes the part of a sentence that
// has the type that is asked for. A Reader is called when the index has been read, so
// that it may take its time.
func (db *DB) Ask(ctx context.Context, question string, opts *AskOptions) (*Answers, error) {
	o, err := opts.check()
	if err != nil {
		return nil, err
	}
	so, err := (&SearchOptions{Filter: o.Filter}).check()
	if err != nil {
		return nil, err
	}
	began := time.Now()
	res := &Answers{Question: question, Answers: []Answer{}}
	var found Result
	var passages []*askedPassage
	var sentences []*askedSentence
	err = db.answer(ctx, question, &found, &so, began, func(s *searcher) error {
		if err := s.prepare(question); err != nil {
			return err
		}
		a := newAnswerer(s)
		res.Expects = a.question.Type.String()
		if passages, err = a.passages(o.Passages); err != nil {
			return err
		}
		sentences, err = a.sentences(passages, max(askSentences, o.K))
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, p := range passages {
		res.Passages = append(res.Passages, AskedPassage{
			Doc: p.doc.External, Title: p.doc.Title, Path: p.doc.Path, Line: p.line + 1, Start: p.offset, Text: p.text, Relevance: p.Score,
		})
	}
	if o.Reader != nil {
		sentences, err = readAll(ctx, o.Reader, question, sentences)
		if err != nil {
			return nil, err
		}
	}
	for _, s := range sentences {
		if a := s.answer(); len(res.Answers) < o.K && a.Score >= o.MinScore {
			res.Answers = append(res.Answers, a)
		}
	}
	res.Stats = found.Stats
	res.Stats.TookMS = float64(time.Since(began).Microseconds()) / 1000
	return res, nil
}

// answer shows the likeliest answer of a sentence, all of it if no part is likelier
// than the others.
func (s *askedSentence) answer() Answer {
	p := s.passage
	a := Answer{
		Sentence: s.text(), Doc: p.doc.External, Title: p.doc.Title, Path: p.doc.Path,
		SentenceStart: p.offset + s.span.Start, Score: s.confidence, Relevance: p.Score,
	}
	start, end := s.span.Start, s.span.End
	if len(s.spans) > 0 {
		start, end = s.span.Start+s.spans[0].Start, s.span.Start+s.spans[0].End
		a.Fits = s.spans[0].Fits
	}
	a.Text, a.Start, a.End = p.text[start:end], p.offset+start, p.offset+end
	a.Line = p.line + countLines(p.text[:start]) + 1
	return a
}

// readPassages is how many passages a Reader is given: it is slow.
const readPassages = 5

// readAll has the passages of the best sentences read and returns the sentences in
// which the Reader has found an answer, the likeliest first. Its confidence and that of
// the sentence count alike: as the geometric mean.
func readAll(ctx context.Context, r Reader, question string, sentences []*askedSentence) ([]*askedSentence, error) {
	var out []*askedSentence
	read := map[*askedPassage]bool{}
	for _, best := range sentences {
		p := best.passage
		if read[p] {
			continue
		}
		if len(read) == readPassages {
			break
		}
		read[p] = true
		got, ok, err := r.Read(ctx, question, p.text)
		if err != nil {
			return nil, fmt.Errorf("reading a passage of document %q: %w", p.doc.External, err)
		}
		if !ok {
			continue
		}
		if got.Start < 0 || got.Start >= got.End || got.End > len(p.text) || math.IsNaN(got.Margin) {
			return nil, fmt.Errorf("%w: the reader's answer lies at %d to %d of %d bytes, with a margin of %g", ErrOption, got.Start, got.End, len(p.text), got.Margin)
		}
		// All sentences that the answer touches.
		s := &askedSentence{passage: p, span: tokenizer.Span{Start: got.Start, End: got.End}}
		for _, span := range p.spans {
			if span.Start < got.End && got.Start < span.End {
				span = trimmed(p.text, span)
				s.span.Start, s.span.End = min(s.span.Start, span.Start), max(s.span.End, span.End)
			}
		}
		s.spans = []ask.Span{{Start: got.Start - s.span.Start, End: got.End - s.span.Start, Fits: true}}
		s.confidence = math.Sqrt(best.confidence / (1 + math.Exp(-got.Margin)))
		out = append(out, s)
	}
	slices.SortStableFunc(out, func(a, b *askedSentence) int { return cmp.Compare(b.confidence, a.confidence) })
	return out, nil
}

const (
	// askSentences is how many of the best sentences are read for an answer.
	askSentences = 12

	// sentenceWords is the length of a sentence that BM25 takes for the mean.
	sentenceWords = 30
)

// An answerer answers one question.
type answerer struct {
	*searcher
	question *ask.Question
	plans    [2]*scoring.Plan // softmax and BM25 of a sentence
	terms    []ask.Term       // the words of the question with their shares of the softmax weight
	soft     []float64        // these shares
	literal  []float64        // and those of the BM25 weight
}

// askedPassage is a passage that may answer, with its sentences.
type askedPassage struct {
	ask.Passage
	doc          *store.Doc
	text         string
	offset, line int // of the text in its document
	spans        []tokenizer.Span
}

// askedSentence is a sentence that may answer.
type askedSentence struct {
	passage *askedPassage
	span    tokenizer.Span // in the text of the passage, without white space around it
	score   float64

	confidence float64
	spans      []ask.Span // the likeliest answer in it, if there is any
}

func (s *askedSentence) text() string { return s.passage.text[s.span.Start:s.span.End] }

func newAnswerer(s *searcher) *answerer {
	a := &answerer{searcher: s, question: ask.Parse(s.toks)}
	asking := map[string]bool{}
	for i, yes := range a.question.Asking {
		if yes {
			asking[s.toks[i].Word] = true
		}
	}
	left := 0
	for i := range s.terms {
		if !asking[s.terms[i].word] {
			left++
		}
	}
	foreign, weight := 0.0, 0.0
	for i := range s.terms {
		t := &s.terms[i]
		if left > 0 && asking[t.word] {
			t.weight = 0
			continue
		}
		idf := s.enc.Params().IDF(t.prior, t.df, int(s.meta.LivePassages))
		weight += idf
		if t.df == 0 && t.formDF == 0 {
			foreign += idf
		}
	}
	if foreign > weight/2 {
		// The question is in another language than the documents: literal words tell
		// next to nothing.
		s.opts.Score = ScoreSoftmax
	}
	return a
}

// passages returns the n best passages.
func (a *answerer) passages(n int) ([]*askedPassage, error) {
	r := a.ranking()
	top, err := a.candidates(r, n)
	if err != nil {
		return nil, err
	}
	literal := scoring.MethodBM25
	if a.opts.Score == ScoreSoftmax {
		literal = scoring.MethodSoftmax
	}
	for i, method := range []scoring.Method{scoring.MethodSoftmax, literal} {
		by := scoring.NewScorer(scoring.Options{Method: method, Params: a.enc.Params(), K1: a.opts.K1, B: a.opts.B, MeanLength: sentenceWords})
		terms := make([]scoring.Term, len(a.searcher.terms))
		for t := range terms {
			terms[t] = scoring.Term{IDF: 1, Foreign: a.searcher.terms[t].foreign, Neighbors: a.searcher.terms[t].near}
		}
		a.plans[i] = scoring.NewPlan(by, terms)
	}
	for t := range a.searcher.terms {
		a.soft = append(a.soft, share(r.plans[0], t))
		a.literal = append(a.literal, share(r.plans[len(r.plans)-1], t))
		a.terms = append(a.terms, ask.Term{Word: a.searcher.terms[t].word, Weight: a.soft[t]})
	}
	var out []*askedPassage
	for _, h := range top {
		if err := a.ctx.Err(); err != nil {
			return nil, err
		}
		p, err := a.passage(store.PassageID(h.ID), r.relative(h.Score))
		if err != nil {
			return nil, err
		}
		if p != nil {
			out = append(out, p)
		}
	}
	return out, a.failed()
}

// share returns what part of a plan's weight a word has.
func share(p *scoring.Plan, term int) float64 {
	if p.Most() == 0 {
		return 0
	}
	return p.IDF(term) / p.Most()
}

// passage reads a passage and finds the question's words in its sentences; nil if its
// document is not complete.
func (a *answerer) passage(id store.PassageID, score float64) (*askedPassage, error) {
	_, doc, err := a.tx.DocOf(id)
	if err != nil || doc.Incomplete {
		return nil, err
	}
	text, err := a.tx.Text(id)
	if err != nil {
		return nil, err
	}
	record, err := a.tx.Passage(id)
	if err != nil {
		return nil, err
	}
	p := &askedPassage{doc: doc, text: string(text.Text), offset: int(text.Offset), line: int(text.Line)}
	p.Score = score
	p.spans = wholeSentences(p.text)
	codes := make([][]uint32, len(p.spans))
	words := make([]int, len(p.spans))
	var title []uint32
	at := 0
	err = a.walk(id, record, len(doc.Title), len(p.text), func(t *store.Token, start, _ int) {
		if t.Title {
			title = append(title, uint32(t.Code))
			return
		}
		for at < len(p.spans)-1 && start >= p.spans[at].End {
			at++
		}
		codes[at] = append(codes[at], uint32(t.Code))
		words[at]++
		for part := range t.Parts() {
			codes[at] = append(codes[at], uint32(part.Code))
		}
	})
	if err != nil {
		return nil, err
	}
	var tally scoring.Tally
	values := func(plan *scoring.Plan, codes []uint32, words int) []float64 {
		plan.Score(&tally, codes, words)
		return slices.Clone(tally.Parts())
	}
	p.Title = values(a.plans[0], title, len(title))
	for i := range p.spans {
		p.Sentences = append(p.Sentences, ask.Sentence{Soft: values(a.plans[0], codes[i], words[i]), Literal: values(a.plans[1], codes[i], words[i])})
	}
	return p, nil
}

// sentences returns the n best sentences of passages, with their words.
func (a *answerer) sentences(passages []*askedPassage, n int) ([]*askedSentence, error) {
	var all []*askedSentence
	for _, p := range passages {
		scores := p.Scores(a.soft, a.literal)
		for i, span := range p.spans {
			if span = trimmed(p.text, span); states(p.text[span.Start:span.End]) {
				all = append(all, &askedSentence{passage: p, span: span, score: scores[i]})
			}
		}
	}
	best := func(x, y *askedSentence) int { return cmp.Compare(y.score, x.score) }
	slices.SortStableFunc(all, best)
	all = all[:min(len(all), n)]
	for _, s := range all {
		if err := a.ctx.Err(); err != nil {
			return nil, err
		}
		if err := a.read(s); err != nil {
			return nil, err
		}
		s.score -= a.question.Misfit(len(s.spans) > 0 && s.spans[0].Fits)
		s.confidence = ask.Confidence(s.score)
	}
	slices.SortStableFunc(all, best)
	return all, nil
}

// wrapped is how many bytes a line has at least that is not the end of a paragraph but
// only of the room for it.
const wrapped = 48

// wholeSentences returns the sentences of a text, with those put together that go on
// in the next line, as in texts that are wrapped by hand.
func wholeSentences(text string) []tokenizer.Span {
	spans := tokenizer.Sentences(text)
	out := spans[:0]
	for _, s := range spans {
		if n := len(out) - 1; n >= 0 && goesOn(text[out[n].Start:out[n].End], text[s.Start:s.End]) {
			out[n].End = s.End
			continue
		}
		out = append(out, s)
	}
	return out
}

// goesOn reports whether a sentence that ends with its line goes on in the next one.
func goesOn(sentence, next string) bool {
	body := strings.TrimRightFunc(sentence, unicode.IsSpace)
	if strings.Count(sentence[len(body):], "\n") != 1 || len(body)-(strings.LastIndexByte(body, '\n')+1) < wrapped {
		return false
	}
	last, _ := utf8.DecodeLastRuneInString(body)
	first, _ := utf8.DecodeRuneInString(next)
	return (unicode.IsLetter(last) || unicode.IsDigit(last) || strings.ContainsRune(",，、", last)) &&
		(unicode.IsLetter(first) || strings.ContainsRune("《“「(（", first)) && !strings.ContainsRune("#|>", rune(body[0]))
}

// states reports whether a sentence can answer: headings and questions do not, though
// they often have all the words of one.
func states(sentence string) bool {
	last, _ := utf8.DecodeLastRuneInString(sentence)
	return sentence != "" && sentence[0] != '#' && last != '?' && last != '？'
}

// trimmed returns a span of text without the white space at its ends.
func trimmed(text string, s tokenizer.Span) tokenizer.Span {
	body := text[s.Start:s.End]
	left := len(body) - len(strings.TrimLeftFunc(body, unicode.IsSpace))
	right := len(strings.TrimRightFunc(body, unicode.IsSpace))
	return tokenizer.Span{Start: s.Start + left, End: s.Start + max(left, right)}
}

// read cuts a sentence into words, finds those that stand for one of the question, and
// the likeliest answer among the others.
func (a *answerer) read(s *askedSentence) error {
	toks := a.db.tok.Tokenize(nil, s.text())
	upos := a.db.tok.UPOS(nil, toks)
	words := make([]ask.Word, 0, len(toks))
	for i := range toks {
		t := &toks[i]
		if !t.Primary() || t.Kind == tokenizer.Space {
			continue
		}
		w := ask.Word{Token: *t, UPOS: upos[i], Term: -1}
		if t.Kind.Counts() {
			code, known, err := a.words.Code(t.Word)
			if err != nil {
				return err
			}
			if known {
				best := 0.0
				for _, m := range a.plans[0].Matches(uint32(code)) {
					if v := a.soft[m.Term] * float64(m.Sim); v > best {
						best, w.Term, w.Sim = v, m.Term, float64(m.Sim)
					}
				}
			}
		}
		words = append(words, w)
	}
	s.spans = a.question.Spans(s.text(), words, a.terms, 1)
	return nil
}
