package main

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/eval"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// A Set is a test set cut into passages and words as an index would have it. It is
// immutable, so that it can be searched concurrently.
type Set struct {
	Passages  []Passage
	Questions []Question
	Qrels     eval.Qrels
	// MeanLength is the mean length of a passage in primary words.
	MeanLength float64

	enc       encoder.Static
	documents []string
	words     []corpusWord
	codes     map[string]int32
}

// A Passage is a piece of a document, its title in front.
type Passage struct {
	Document int
	Words    []int32 // codes of the primary words in their order
	Codes    []int32 // of parts too
	Length   int     // primary words
}

type corpusWord struct {
	text     string
	kind     tokenizer.Kind
	postings []Posting
	rows     []uint32  // of the encoder, that its vector is made of
	shares   []float32 // of each in it
}

// A Posting says how often a word occurs in a passage.
type Posting struct {
	Passage int32
	TF      float64
}

// A Near is a word of the corpus near to a word of a question.
type Near struct {
	Code int32
	Sim  float64
	// Exact says that it is the word itself.
	Exact bool
}

// A Word is a distinct word of a question.
type Word struct {
	Text  string
	Code  int32 // -1: the corpus does not have it
	DF    int
	Prior float64
	Kind  tokenizer.Kind
	// Near has the word itself first, if the corpus has it, in digits too if it is a
	// number, and then the nearest ones, the best first: as many as the score takes.
	Near []Near
	// Foreign says that neither the word nor a form of it is in the corpus, and that
	// the nearest word is of another script.
	Foreign bool
	// Sims has the cosine with every word of the corpus; nil without a vector.
	Sims []float32

	vector []float32
	number string // the same number in digits; "" if it is none or written so
}

// A Term is a word of a question in its place.
type Term struct {
	*Word
	UPOS tokenizer.UPOS
}

// A Question is a query; its terms are distinct and in the order of first use.
type Question struct {
	ID    string
	Text  string
	Terms []Term
	// Order has the index of the term of each word as they follow each other.
	Order []int
}

// newSet cuts a test set. With grams each two neighbouring Chinese characters are a
// word as well, without a vector.
func newSet(set *eval.Set, enc encoder.Static, tok *tokenizer.Tokenizer, grams bool) *Set {
	s := &Set{enc: enc, Qrels: set.Qrels, codes: map[string]int32{}}
	for d, doc := range set.Documents {
		s.documents = append(s.documents, doc.ID)
		title := tok.Tokenize(nil, doc.Title)
		toks := tok.Tokenize(nil, doc.Text)
		cuts := append(tokenizer.Passages(doc.Text, toks), len(toks))
		for i, from := range cuts[:len(cuts)-1] {
			p := Passage{Document: d}
			s.add(&p, title)
			part := toks[from:cuts[i+1]]
			s.add(&p, part)
			if grams && len(part) > 0 {
				s.add(&p, bigrams(doc.Text[part[0].Start:part[len(part)-1].End]))
			}
			s.Passages = append(s.Passages, p)
			s.MeanLength += float64(p.Length)
		}
	}
	s.MeanLength /= float64(max(len(s.Passages), 1))
	s.post()
	for i := range s.words {
		w := &s.words[i]
		if w.kind != tokenizer.Word {
			continue
		}
		switch w.rows = enc.Compose(nil, w.text); len(w.rows) {
		case 0:
		case 1:
			w.shares = []float32{1}
		default:
			w.shares = enc.Shares(nil, w.rows, enc.Norm(w.rows))
		}
	}
	s.ask(set.Queries, tok, grams)
	return s
}

// bigrams returns each two neighbouring Chinese characters of a text.
func bigrams(text string) []tokenizer.Token {
	var out []tokenizer.Token
	last := rune(0)
	for _, r := range tokenizer.Fold(text) {
		if !unicode.Is(unicode.Han, r) {
			r = 0
		} else if last != 0 {
			// The mark keeps them apart from words.
			out = append(out, tokenizer.Token{Word: "\x00" + string(last) + string(r), Kind: tokenizer.Mixed, Parent: -1})
		}
		last = r
	}
	return out
}

// add adds the words of toks to a passage.
func (s *Set) add(p *Passage, toks []tokenizer.Token) {
	counts := false // the last primary token
	for i := range toks {
		t := &toks[i]
		if t.Primary() {
			counts = t.Kind.Counts()
		}
		if !counts || !t.Kind.Counts() {
			continue
		}
		code, ok := s.codes[t.Word]
		if !ok {
			code = int32(len(s.words))
			s.codes[t.Word] = code
			s.words = append(s.words, corpusWord{text: t.Word, kind: t.Kind})
		}
		p.Codes = append(p.Codes, code)
		if t.Primary() {
			p.Words = append(p.Words, code)
			p.Length++
		}
	}
}

func (s *Set) post() {
	for i := range s.Passages {
		for _, code := range s.Passages[i].Codes {
			w := &s.words[code]
			if n := len(w.postings); n > 0 && w.postings[n-1].Passage == int32(i) {
				w.postings[n-1].TF++
				continue
			}
			w.postings = append(w.postings, Posting{int32(i), 1})
		}
	}
}

// vector returns the vector of a word of the corpus, nil if it has none.
func (s *Set) vector(code int32) []float32 {
	return vector(s.enc, s.words[code].text, s.words[code].kind)
}

// vector returns the unit vector of a word, nil if it has none.
func vector(enc encoder.Static, word string, kind tokenizer.Kind) []float32 {
	if kind != tokenizer.Word {
		return nil
	}
	switch rows := enc.Compose(nil, word); len(rows) {
	case 0:
		return nil
	case 1:
		return enc.Vector(nil, rows[0])
	default:
		return enc.ComposedVector(nil, rows)
	}
}

// ask takes the questions in. A compound that the corpus does not have is asked for
// by its parts.
func (s *Set) ask(queries []eval.Query, tok *tokenizer.Tokenizer, grams bool) {
	words := map[string]*Word{}
	for _, q := range queries {
		if len(s.Qrels[q.ID]) == 0 {
			continue
		}
		question := Question{ID: q.ID, Text: q.Text}
		toks := tok.Tokenize(nil, q.Text)
		if grams {
			toks = append(toks, bigrams(q.Text)...)
		}
		tags := tok.UPOS(nil, toks)
		add := func(i int) {
			w := words[toks[i].Word]
			if w == nil {
				w = s.word(&toks[i])
				words[w.Text] = w
			}
			at := slices.IndexFunc(question.Terms, func(t Term) bool { return t.Word == w })
			if at < 0 {
				at = len(question.Terms)
				question.Terms = append(question.Terms, Term{Word: w, UPOS: tags[i]})
			}
			question.Order = append(question.Order, at)
		}
		for i := 0; i < len(toks); {
			j := i + 1
			for j < len(toks) && toks[j].Parent == int32(i) {
				j++
			}
			if toks[i].Kind.Counts() {
				if _, known := s.codes[toks[i].Word]; known || j == i+1 {
					add(i)
					if p := i + 1; p < j && toks[p].Kind == tokenizer.Number && toks[p].Start == toks[i].Start && toks[p].End == toks[i].End {
						words[toks[i].Word].number = toks[p].Word
					}
				} else {
					for p := i + 1; p < j; p++ {
						if toks[p].Kind.Counts() {
							add(p)
						}
					}
				}
			}
			i = j
		}
		s.Questions = append(s.Questions, question)
	}
	var all []*Word
	for _, w := range words {
		all = append(all, w)
	}
	each(len(all), func(i int) { s.near(all[i]) })
}

func (s *Set) word(t *tokenizer.Token) *Word {
	w := &Word{Text: t.Word, Code: -1, Kind: t.Kind, Prior: float64(s.enc.Params().PriorCap), vector: vector(s.enc, t.Word, t.Kind)}
	if code, ok := s.codes[t.Word]; ok {
		w.Code, w.DF = code, len(s.words[code].postings)
	}
	if row, ok := s.enc.Row(t.Word); ok {
		w.Prior = float64(s.enc.Prior(row))
	}
	return w
}

// near compares a word with the whole corpus.
func (s *Set) near(w *Word) {
	params := s.enc.Params()
	k := params.Neighbors
	if w.DF == 0 {
		k = params.CrossNeighbors
	}
	if w.Code >= 0 {
		w.Near = append(w.Near, Near{w.Code, 1, true})
		k++
	}
	if code, ok := s.codes[w.number]; ok {
		w.Near = append(w.Near, Near{code, 1, true})
		k++
	}
	if w.vector == nil {
		return
	}
	query := s.enc.Query(w.vector)
	w.Sims = make([]float32, len(s.words))
	var rest []Near
	dots := make([]float32, 0, 64)
	for i := range s.words {
		if int32(i) == w.Code {
			w.Sims[i] = 1
			continue
		}
		c := &s.words[i]
		if len(c.rows) == 0 {
			continue
		}
		dots = slices.Grow(dots[:0], len(c.rows))[:len(c.rows)]
		s.enc.DotMany(&query, c.rows, dots)
		for k, d := range dots {
			w.Sims[i] += d * c.shares[k]
		}
		if w.Sims[i] >= params.MinSim {
			rest = append(rest, Near{int32(i), min(1, float64(w.Sims[i])), false})
		}
	}
	slices.SortStableFunc(rest, func(a, b Near) int { return cmp.Compare(b.Sim, a.Sim) })
	w.Near = append(w.Near, rest[:min(len(rest), k-len(w.Near))]...)
	w.Foreign = w.Code < 0 && len(rest) > 0 && isHan(s.words[rest[0].Code].text) != isHan(w.Text) &&
		!slices.ContainsFunc(s.inflect(&Term{Word: w}, minInflected), func(n Near) bool { return n.Exact })
}

func isHan(word string) bool {
	return !strings.ContainsFunc(word, func(r rune) bool { return !unicode.Is(unicode.Han, r) })
}

// depth is how many documents a question is answered with.
const depth = 100

// A Score gives every passage its score for a question, 0 for those that are no hit.
// out is all 0 at first.
type Score func(q *Question, out []float64)

// Run ranks the documents for every question, each by its best passage.
func (s *Set) Run(ctx context.Context, score Score) (eval.Run, error) {
	rankings := make([][]eval.Scored, len(s.Questions))
	each(len(s.Questions), func(i int) {
		if ctx.Err() != nil {
			return
		}
		out := make([]float64, len(s.Passages))
		score(&s.Questions[i], out)
		rankings[i] = s.rank(out)
	})
	run := eval.Run{}
	for i, r := range rankings {
		run[s.Questions[i].ID] = r
	}
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("ranking: %w", err)
	}
	return run, nil
}

func (s *Set) rank(scores []float64) []eval.Scored {
	best := make([]float64, len(s.documents))
	for i, v := range scores {
		best[s.Passages[i].Document] = max(best[s.Passages[i].Document], v)
	}
	order := ranked(best)
	order = order[:min(len(order), depth)]
	out := make([]eval.Scored, len(order))
	for i, d := range order {
		out[i] = eval.Scored{ID: s.documents[d], Score: best[d]}
	}
	return out
}

// each calls fn with 0 to n-1 from as many goroutines as there are cores.
func each(n int, fn func(i int)) {
	next := make(chan int)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range next {
				fn(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}
