package ciyuan

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ciyuan-search/ciyuan/internal/order"
	"github.com/ciyuan-search/ciyuan/scoring"
	"github.com/ciyuan-search/ciyuan/store"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// A form is a word of the index that stands for a query word as it was written: a
// correction, a completion, a synonym.
type form struct {
	code store.Code
	word string
	sim  float32
	df   int
}

// How near a form is to the word it stands for. A swap of neighbours is hardly ever
// anything but a slip; of a word of two characters a slip leaves only one.
const (
	simSwapped   = 0.9
	simSlipped   = 0.8
	simHalf      = 0.6
	simCompleted = 0.9
)

const (
	// maxForms is how many forms a query word has at most, maxCompleted how many
	// of them are completions.
	maxForms     = 8
	maxCompleted = 64

	// maxCounted is how many completions are counted to find the most frequent.
	maxCounted = 512

	// maxAsked is how many words of a query are looked for in all words of the
	// index.
	maxAsked = 32

	// maxSlipped is the length in characters of the longest Chinese word that is
	// put together from words that a slip has cut apart.
	maxSlipped = 5

	// frequent is the weight in nats below which a Chinese character is taken for
	// a word of its own and not for what a slip has left of one: 的, 是.
	frequent = 1
)

// asked is a text that words of the index are compared with.
type asked struct {
	text   string
	term   int    // that the words found stand for; -1 if it is to be made
	from   string // what of the query it is
	swaps  bool   // only those with two neighbours swapped
	whole  bool   // it is a word that is known
	prefix bool   // words that begin with the text, else words a slip away
	latin  bool
	parts  []string // words that it was put together from
	found  []form
}

// findForms finds the forms of the query's words. Words of Chinese characters are
// by default only looked for with two of these swapped, which takes a few look-ups;
// for anything else all words of the index are read once.
func (s *searcher) findForms() error {
	if err := s.numerals(); err != nil {
		return err
	}
	var asks []asked
	if s.opts.Fuzzy != FuzzyNever {
		asks = s.misspelt(asks)
	}
	if s.opts.Prefix {
		asks = s.begun(asks)
	}
	if s.opts.Synonyms != nil {
		if err := s.synonyms(); err != nil {
			return err
		}
	}
	if len(asks) > 0 {
		if err := s.compare(asks); err != nil {
			return err
		}
		// Of several beginnings that words have, the longest is meant.
		for i := range asks {
			if asks[i].prefix && slices.ContainsFunc(asks[i+1:], func(a asked) bool { return a.prefix && len(a.found) > 0 }) {
				continue
			}
			if err := s.adopt(&asks[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// numerals makes the same number in digits a form of one that is written in another way:
// 3000000 of 三百万, and of the 300 of 300万. Documents have it as a part of such a token.
func (s *searcher) numerals() error {
	for i := range s.toks {
		part := &s.toks[i]
		if part.Primary() || part.Kind != tokenizer.Number {
			continue
		}
		whole := &s.toks[part.Parent]
		if part.Start != whole.Start || part.End != whole.End {
			continue
		}
		if err := s.addSynonymOf(whole.Word, part.Word); err != nil {
			return err
		}
	}
	return nil
}

// misspelt adds the words of the query that may be misspelt.
func (s *searcher) misspelt(asks []asked) []asked {
	always := s.opts.Fuzzy == FuzzyAlways
	for i := range s.terms {
		t := &s.terms[i]
		latin := !isHan(t.word)
		_, known := s.enc.Row(t.word)
		switch n := utf8.RuneCountInString(t.word); {
		case len(asks) == maxAsked:
		case !always && (t.df > 0 || known):
		case latin && (n < 4 || !lettersOnly(t.word)), n < 2:
		default:
			asks = append(asks, asked{text: t.word, term: i, from: t.surface, latin: latin, swaps: !always && !latin && n < 3, whole: known || t.df > 0, parts: []string{t.word}})
		}
	}
	// A slip in a Chinese word makes several of it.
	var run []*tokenizer.Token
	for i := range s.toks {
		t := &s.toks[i]
		if !t.Primary() {
			continue
		}
		if !isHan(t.Word) || !t.Kind.Counts() {
			run = run[:0]
			continue
		}
		run = append(run, t)
		text := ""
		single := false
		for j := len(run) - 1; j >= 0 && len(asks) < maxAsked; j-- {
			text = run[j].Word + text
			n := utf8.RuneCountInString(text)
			if utf8.RuneCountInString(run[j].Word) == 1 {
				single = true
				row, known := s.enc.Row(run[j].Word)
				if known && s.enc.Params().PriorIDF(s.enc.Prior(row)) < frequent {
					break
				}
			}
			if n > maxSlipped {
				break
			}
			if j == len(run)-1 || !single || slices.ContainsFunc(asks, func(a asked) bool { return a.text == text }) {
				continue
			}
			var parts []string
			for _, part := range run[j:] {
				parts = append(parts, part.Word)
			}
			asks = append(asks, asked{swaps: !always, text: text, term: -1, from: s.text[run[j].Start:t.End], parts: parts})
		}
	}
	return asks
}

func lettersOnly(word string) bool {
	return !strings.ContainsFunc(word, func(r rune) bool { return !alphabetic(r) || '0' <= r && r <= '9' })
}

// begun adds the beginnings of words that the query may end in: its last word and,
// in Chinese, what it makes with those before it.
func (s *searcher) begun(asks []asked) []asked {
	last := len(s.toks) - 1
	for last >= 0 && !s.toks[last].Primary() {
		last--
	}
	if last < 0 || !s.toks[last].Kind.Counts() {
		return asks
	}
	// A compound that the index does not have is no word of the query, but its parts.
	term := slices.IndexFunc(s.terms, func(t queryTerm) bool { return t.word == s.toks[last].Word })
	text := ""
	for i := last; i >= 0; i-- {
		t := &s.toks[i]
		if !t.Primary() || !t.Kind.Counts() || i < last && !isHan(t.Word) || utf8.RuneCountInString(text) > maxTile {
			break
		}
		text = t.Word + text
		asks = append(asks, asked{text: text, term: term, from: s.text[t.Start:s.toks[last].End], prefix: true})
		if !isHan(t.Word) {
			break
		}
	}
	return asks
}

// compare finds the words of the index that answer what is asked.
func (s *searcher) compare(asks []asked) error {
	all := false
	for i := range asks {
		if a := &asks[i]; a.swaps {
			if err := s.swapped(a); err != nil {
				return err
			}
		} else {
			all = true
		}
	}
	if !all {
		return nil
	}
	for e, err := range s.tx.AllWords() {
		if err != nil {
			return err
		}
		if e.Code%4096 == 0 {
			if err := s.ctx.Err(); err != nil || s.late() {
				return err
			}
		}
		for i := range asks {
			a := &asks[i]
			if a.swaps {
				continue
			}
			if a.prefix {
				if len(e.Word) > len(a.text) && string(e.Word[:len(a.text)]) == a.text && len(a.found) < maxCounted {
					a.found = append(a.found, form{code: e.Code, word: string(e.Word), sim: simCompleted})
				}
				continue
			}
			if sim := a.slipped(e.Word); sim > 0 {
				a.found = append(a.found, form{code: e.Code, word: string(e.Word), sim: sim})
			}
		}
	}
	return nil
}

// swapped finds the words that have two neighbouring characters of what was asked
// the other way round.
func (s *searcher) swapped(a *asked) error {
	chars := []rune(a.text)
	for i := range len(chars) - 1 {
		if chars[i] == chars[i+1] {
			continue
		}
		chars[i], chars[i+1] = chars[i+1], chars[i]
		word := string(chars)
		chars[i], chars[i+1] = chars[i+1], chars[i]
		code, ok, err := s.words.Code(word)
		if err != nil {
			return err
		}
		if ok {
			a.found = append(a.found, form{code: code, word: word, sim: simSwapped})
		}
	}
	return nil
}

// slipped returns how near a word of the index is to what was asked, 0 if it is not
// a slip away from it.
func (a *asked) slipped(word []byte) float32 {
	kind := slipBetween(a.text, word)
	if kind == noSlip {
		return 0
	}
	n := utf8.RuneCountInString(a.text)
	switch {
	case slices.ContainsFunc(a.parts, func(part string) bool { return part == string(word) }):
		return 0
	case !a.latin && (utf8.RuneCount(word) < 2 || !isHan(string(word))):
		return 0
	case kind == swapped:
		return simSwapped
	case n < 3 && a.whole || !a.latin && utf8.RuneCount(word) < min(n, 3):
		return 0
	case a.latin || n > 2:
		return simSlipped
	}
	return simHalf
}

// slip is what has happened to a word.
type slip uint8

const (
	noSlip    slip = iota
	swapped        // two neighbours
	exchanged      // a character for another
	dropped        // the query lacks one
	doubled        // the query has one too many
)

// slipBetween returns the one slip that makes typed of word; noSlip if they are
// equal or more lies between them.
func slipBetween(typed string, word []byte) slip {
	if d := len(typed) - len(word); d > utf8.UTFMax || d < -utf8.UTFMax {
		return noSlip
	}
	i, n := 0, min(len(typed), len(word))
	for i < n && typed[i] == word[i] {
		i++
	}
	if i == len(typed) && i == len(word) {
		return noSlip
	}
	for i > 0 && (i < len(typed) && !utf8.RuneStart(typed[i]) || i < len(word) && !utf8.RuneStart(word[i])) {
		i--
	}
	a, b := typed[i:], word[i:]
	ra, na := utf8.DecodeRuneInString(a)
	rb, nb := utf8.DecodeRune(b)
	switch {
	case string(b) == a[na:] && na > 0:
		return doubled
	case string(b[nb:]) == a && nb > 0:
		return dropped
	case na == 0 || nb == 0:
		return noSlip
	case string(b[nb:]) == a[na:]:
		return exchanged
	}
	ra2, na2 := utf8.DecodeRuneInString(a[na:])
	rb2, nb2 := utf8.DecodeRune(b[nb:])
	if ra == rb2 && rb == ra2 && a[na+na2:] == string(b[nb+nb2:]) {
		return swapped
	}
	return noSlip
}

// adopt gives a query word the forms that were found for it.
func (s *searcher) adopt(a *asked) error {
	if len(a.found) == 0 {
		return nil
	}
	most := maxForms
	if a.prefix {
		most = maxCompleted
	}
	live := a.found[:0]
	for _, f := range a.found {
		var err error
		if f.df, err = s.frequency(f.code); err != nil {
			return err
		}
		if f.df > 0 {
			live = append(live, f)
		}
	}
	order.Stable(live, func(x, y *form) int {
		return cmp.Or(cmp.Compare(y.sim, x.sim), cmp.Compare(y.df, x.df), cmp.Compare(x.word, y.word))
	})
	live = live[:min(len(live), most)]
	if len(live) == 0 {
		return nil
	}
	if a.term < 0 {
		s.terms = append(s.terms, queryTerm{surface: a.from, word: a.text, prior: s.enc.Params().PriorCap, weight: 1})
		a.term = len(s.terms) - 1
	}
	t := &s.terms[a.term]
	for _, f := range live {
		if a.prefix {
			t.formDF += f.df
		} else {
			t.formDF = max(t.formDF, f.df)
		}
	}
	t.forms = append(t.forms, live...)
	if t.df == 0 {
		if row, ok := s.enc.Row(live[0].word); ok {
			t.prior = s.enc.Prior(row)
		}
	}
	return nil
}

// addForms puts the forms into the neighbourhood.
func (t *queryTerm) addForms() {
	for _, f := range t.forms {
		i := slices.IndexFunc(t.near, func(n scoring.Neighbor) bool { return n.Code == uint32(f.code) })
		if i < 0 {
			t.near = append(t.near, scoring.Neighbor{Code: uint32(f.code), Sim: f.sim, Form: true})
			continue
		}
		t.near[i].Sim = max(t.near[i].Sim, f.sim)
		t.near[i].Form = true
	}
}
