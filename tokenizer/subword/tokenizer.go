package subword

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"sync"
	"unicode"
	"unicode/utf8"
)

const (
	// maxFileBytes bounds a tokenizer.json; the largest in use have 35 MB.
	maxFileBytes = 1 << 28
	// maxTextBytes bounds one text. Spans are kept as 32-bit numbers, for up to
	// four bytes of normalized text a byte.
	maxTextBytes = 1 << 28
)

// Token is a piece of a text.
type Token struct {
	ID         uint32
	Start, End int // bytes of the original text
}

// Encoding is the input of a model: the pieces of one or two texts with the
// tokens that the model expects around them.
type Encoding struct {
	Tokens   []Token // the span of a token that was put in is 0, 0
	Sequence []int8  // per token: 0 or 1, the text it comes from; -1 if it was put in
	Types    []uint8 // per token: its segment id
}

// Tokenizer splits texts into the pieces of one model. It is safe for
// concurrent use.
type Tokenizer struct {
	normal     normalizers
	pre        []preTokenizer
	model      model
	raw        *matcher // added tokens that are sought in the text as it is
	normalized *matcher // and in the normalized text
	addedByID  map[uint32]string
	addedIDs   map[string]uint32
	template   template
	maxTokens  int
	work       sync.Pool // *work
}

// Open reads tokenizer.json of a model folder, and the length limit of
// tokenizer_config.json where there is one. Errors are ErrFormat,
// ErrUnsupported and those of the file system.
func Open(dir string) (*Tokenizer, error) {
	data, err := readFile(filepath.Join(dir, "tokenizer.json"))
	if err != nil {
		return nil, err
	}
	t, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("reading tokenizer.json: %w", err)
	}
	data, err = readFile(filepath.Join(dir, "tokenizer_config.json"))
	if errors.Is(err, fs.ErrNotExist) {
		return t, nil
	}
	if err != nil {
		return nil, err
	}
	var config struct {
		MaxLength float64 `json:"model_max_length"`
	}
	if err := json.Unmarshal(data, &config); err != nil {
		return nil, fmt.Errorf("%w: tokenizer_config.json: %w", ErrFormat, err)
	}
	// 1e30 stands for a limit that nobody wrote down.
	if config.MaxLength >= 1 && config.MaxLength < math.MaxInt32 {
		t.maxTokens = int(config.MaxLength)
	}
	return t, nil
}

func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFileBytes {
		return nil, fmt.Errorf("%w: %s has %d bytes", ErrFormat, path, info.Size())
	}
	return os.ReadFile(path)
}

// modelSpec is the settings of the model block, all kinds together.
type modelSpec struct {
	Type         string
	Unknown      *string // unk_token
	UnknownID    *int    // unk_id
	Prefix       *string // continuing_subword_prefix
	Suffix       *string // end_of_word_suffix
	MaxChars     *int    // max_input_chars_per_word
	FuseUnknown  bool
	ByteFallback bool
	IgnoreMerges bool
	Merges       [][2]string
}

// Parse reads the contents of a tokenizer.json. Errors are ErrFormat and
// ErrUnsupported.
func Parse(data []byte) (*Tokenizer, error) {
	var added, normalizer, preTokenizer, postProcessor []byte
	var modelErr error
	t := &Tokenizer{template: plainTemplate()}
	t.work.New = func() any { return new(work) }
	l := &lexer{data: data}
	seen := make(map[string]bool)
	l.object(func(key string) {
		if seen[key] {
			l.fail(fmt.Sprintf("%q occurs twice", key))
			return
		}
		seen[key] = true
		switch key {
		case "model":
			t.model, modelErr = parseModel(l)
		case "added_tokens":
			added = l.raw()
		case "normalizer":
			normalizer = l.raw()
		case "pre_tokenizer":
			preTokenizer = l.raw()
		case "post_processor":
			postProcessor = l.raw()
		default:
			l.raw()
		}
	})
	if l.peek(); l.err == nil && l.at < len(l.data) {
		l.fail("more than one value")
	}
	if l.err != nil {
		return nil, l.err
	}
	if modelErr != nil {
		return nil, modelErr
	}
	if t.model == nil {
		return nil, fmt.Errorf("%w: no model", ErrFormat)
	}
	var err error
	if t.normal, err = parseNormalizer(normalizer, 0); err != nil {
		return nil, err
	}
	if t.pre, err = parsePreTokenizer(preTokenizer, 0); err != nil {
		return nil, err
	}
	if err := parsePostProcessor(&t.template, postProcessor, 0); err != nil {
		return nil, err
	}
	if err := t.addTokens(added); err != nil {
		return nil, err
	}
	return t, t.check()
}

// parseModel reads the model block: in one pass, since the vocabulary is nearly
// all of the file. Errors of the JSON itself stay in l.
func parseModel(l *lexer) (model, error) {
	var spec modelSpec
	var b vocabBuilder
	var scores []float64
	var addErr error
	seen := make(map[string]bool)
	value := func(v any) {
		if raw := l.raw(); l.err == nil {
			if err := json.Unmarshal(raw, v); err != nil {
				l.fail(err.Error())
			}
		}
	}
	l.object(func(key string) {
		if seen[key] {
			l.fail(fmt.Sprintf("%q occurs twice", key))
			return
		}
		seen[key] = true
		switch key {
		case "type":
			value(&spec.Type)
		case "unk_token":
			value(&spec.Unknown)
		case "unk_id":
			value(&spec.UnknownID)
		case "continuing_subword_prefix":
			value(&spec.Prefix)
		case "end_of_word_suffix":
			value(&spec.Suffix)
		case "max_input_chars_per_word":
			value(&spec.MaxChars)
		case "fuse_unk":
			value(&spec.FuseUnknown)
		case "byte_fallback":
			value(&spec.ByteFallback)
		case "ignore_merges":
			value(&spec.IgnoreMerges)
		case "merges":
			spec.Merges = readMerges(l)
		case "vocab":
			if l.peek() == '[' {
				l.array(func(i int) {
					piece, score := readScored(l)
					scores = append(scores, score)
					addErr = errors.Join(addErr, b.add(piece, uint32(i)))
				})
				return
			}
			l.object(func(piece string) {
				addErr = errors.Join(addErr, b.add(piece, l.id()))
			})
		default:
			l.raw()
		}
	})
	if l.err != nil || addErr != nil {
		return nil, addErr
	}
	if spec.Type == "" { // files of early versions do not say
		switch {
		case scores != nil:
			spec.Type = "Unigram"
		case spec.Merges != nil:
			spec.Type = "BPE"
		default:
			spec.Type = "WordPiece"
		}
	}
	if len(b.ids) == 0 || (scores != nil) != (spec.Type == "Unigram") {
		return nil, fmt.Errorf("%w: %s without its vocabulary", ErrFormat, spec.Type)
	}
	var form func(string) (string, bool)
	if spec.Type == "BPE" {
		form = bytesOf
	}
	v, err := b.build(form)
	if err != nil {
		return nil, err
	}
	switch spec.Type {
	case "WordPiece":
		return parseWordPiece(v, spec)
	case "BPE":
		return parseBPE(v, spec)
	case "Unigram":
		return parseUnigram(v, scores, spec)
	}
	return nil, fmt.Errorf("%w: model %q", ErrUnsupported, spec.Type)
}

// readMerges reads a list of merges, each "a b" or ["a","b"].
func readMerges(l *lexer) [][2]string {
	merges := [][2]string{}
	l.array(func(int) {
		var m [2]string
		if l.peek() == '[' {
			n := 0
			l.array(func(i int) {
				if s := l.string(); i < 2 {
					m[i] = s
				}
				n++
			})
			if n != 2 {
				l.fail("a merge of other than two parts")
			}
		} else {
			var ok bool
			if m, ok = splitMerge(l.string()); !ok {
				l.fail("a merge of other than two parts")
			}
		}
		merges = append(merges, m)
	})
	return merges
}

// readScored reads a piece and its score, ["a", -1.5].
func readScored(l *lexer) (piece string, score float64) {
	n := 0
	l.array(func(i int) {
		switch n++; i {
		case 0:
			piece = l.string()
		case 1:
			score = l.number()
		default:
			l.fail("a piece with more than a score")
		}
	})
	if n != 2 {
		l.fail("a piece without a score")
	}
	return piece, score
}

// addTokens reads the added_tokens block.
func (t *Tokenizer) addTokens(raw []byte) error {
	var tokens []addedToken
	if !isNull(raw) {
		if err := json.Unmarshal(raw, &tokens); err != nil {
			return fmt.Errorf("%w: added_tokens: %w", ErrFormat, err)
		}
	}
	t.addedByID, t.addedIDs = make(map[uint32]string), make(map[string]uint32)
	var kinds [2][]addedToken
	var contents [2][]string
	for _, a := range tokens {
		if a.Content == "" {
			continue
		}
		if a.ID > math.MaxInt32 {
			return fmt.Errorf("%w: added token %q has the id %d", ErrFormat, a.Content, a.ID)
		}
		if id, ok := t.model.id(a.Content); ok {
			a.ID = id // the vocabulary decides, as in the library
		}
		t.addedByID[a.ID], t.addedIDs[a.Content] = a.Content, a.ID
		kind, content := 0, a.Content
		if a.Normalized {
			kind = 1
			var w work
			w.cur.load(content, 0)
			t.normal.run(&w.cur, &w.next)
			content = string(w.cur.b)
		}
		kinds[kind] = append(kinds[kind], a)
		contents[kind] = append(contents[kind], content)
	}
	t.raw = newMatcher(kinds[0], contents[0])
	t.normalized = newMatcher(kinds[1], contents[1])
	return nil
}

// check makes sure that no id comes out of the tokenizer that it cannot name.
func (t *Tokenizer) check() error {
	for _, it := range append(t.template.single[:len(t.template.single):len(t.template.single)], t.template.pair...) {
		if it.sequence >= 0 {
			continue
		}
		if t.Piece(it.id) == "" {
			return fmt.Errorf("%w: the template puts in the unknown id %d", ErrFormat, it.id)
		}
	}
	return nil
}

// Len returns the number of ids: one more than the largest.
func (t *Tokenizer) Len() int {
	n := len(t.model.vocabulary().entry)
	for id := range t.addedByID {
		n = max(n, int(id)+1)
	}
	return n
}

// Piece returns the piece of that id as the file writes it, such as "##ing",
// "Ġthe" or "▁the"; "" where there is none.
func (t *Tokenizer) Piece(id uint32) string {
	if s, ok := t.addedByID[id]; ok {
		return s
	}
	s, _ := t.model.vocabulary().piece(id)
	return s
}

// ID returns the id of a piece, written as the file writes it.
func (t *Tokenizer) ID(piece string) (uint32, bool) {
	if id, ok := t.addedIDs[piece]; ok {
		return id, true
	}
	return t.model.id(piece)
}

// MaxTokens returns the longest input that tokenizer_config.json allows, tokens
// that are put in included, 0 if it sets no limit.
func (t *Tokenizer) MaxTokens() int { return t.maxTokens }

// Added returns how many tokens Assemble puts around a single text.
func (t *Tokenizer) Added() int { return added(t.template.single) }

// AddedToPair returns how many tokens Assemble puts around a pair of texts.
func (t *Tokenizer) AddedToPair() int { return added(t.template.pair) }

// Tokenize appends the pieces of text to dst, without the tokens that a model
// expects around them. Their spans lie inside text and begin and end between
// characters, but they may overlap (all pieces of one character have the span
// of it), repeat, and leave white space and what the normalizer drops
// uncovered. Bytes that are not UTF-8 count as U+FFFD. Of a text of more than
// 256 MiB only the beginning is read.
func (t *Tokenizer) Tokenize(dst []Token, text string) []Token {
	if len(text) > maxTextBytes {
		text = text[:maxTextBytes]
	}
	w := t.work.Get().(*work)
	defer t.work.Put(w)
	before := len(dst)
	w.raw = append(w.raw[:0], text...)
	t.raw.cut(w.raw, func(lo, hi int) {
		dst = t.segment(dst, w, text[lo:hi], lo)
	}, func(a *addedToken, lo, hi int) {
		dst = append(dst, Token{a.ID, lo, hi})
	})
	if t.template.trim {
		t.trim(dst[before:], text)
	}
	return dst
}

// segment appends the pieces of a part of the text without raw added tokens.
func (t *Tokenizer) segment(dst []Token, w *work, s string, base int) []Token {
	w.cur.load(s, base)
	t.normal.run(&w.cur, &w.next)
	w.pieces = w.pieces[:0]
	t.normalized.cut(w.cur.b, func(lo, hi int) {
		w.pieces = append(w.pieces, piece{lo, hi, -1})
	}, func(a *addedToken, lo, hi int) {
		w.pieces = append(w.pieces, piece{lo, hi, int32(a.ID)})
	})
	for _, p := range t.pre {
		p.split(w)
	}
	for _, p := range w.pieces {
		if p.token >= 0 {
			start, end := w.cur.span(p.lo, p.hi)
			dst = append(dst, Token{uint32(p.token), start, end})
			continue
		}
		dst = t.model.tokens(dst, w, p.lo, p.hi)
	}
	return dst
}

// trim takes white space at both ends of the tokens out of their spans, by the
// number of spaces that the piece has, as the library does.
func (t *Tokenizer) trim(tokens []Token, text string) {
	for i := range tokens {
		k := &tokens[i]
		lead, trail := t.spaces(k.ID, text[k.Start:k.End])
		if (i == 0 || k.Start == 0) && t.template.prefixed {
			lead = 0
		}
		for ; lead > 0 && k.Start < k.End; lead-- {
			_, size := utf8.DecodeRuneInString(text[k.Start:k.End])
			k.Start += size
		}
		for ; trail > 0 && k.Start < k.End; trail-- {
			_, size := utf8.DecodeLastRuneInString(text[k.Start:k.End])
			k.End -= size
		}
	}
}

// spaces counts the white space at the ends of a token, which is a piece of the
// vocabulary or an added token with the surface s.
func (t *Tokenizer) spaces(id uint32, s string) (lead, trail int) {
	if _, ok := t.addedByID[id]; !ok {
		piece, _ := t.model.vocabulary().piece(id)
		s, _ = bytesOf(piece)
		for lead < len(s) && s[lead] == ' ' {
			lead++
		}
		for trail < len(s) && s[len(s)-1-trail] == ' ' {
			trail++
		}
		return lead, trail
	}
	for len(s) > lead {
		r, size := utf8.DecodeRuneInString(s[lead:])
		if !unicode.IsSpace(r) {
			break
		}
		lead += size
	}
	lead = utf8.RuneCountInString(s[:lead])
	for len(s) > 0 {
		r, size := utf8.DecodeLastRuneInString(s)
		if !unicode.IsSpace(r) {
			break
		}
		s = s[:len(s)-size]
		trail++
	}
	return lead, trail
}

// Assemble returns the input of a model for the pieces of one text.
func (t *Tokenizer) Assemble(tokens []Token) Encoding {
	return assemble(t.template.single, [2][]Token{tokens})
}

// AssemblePair returns the input of a model for the pieces of two texts, of
// which each may be empty.
func (t *Tokenizer) AssemblePair(first, second []Token) Encoding {
	return assemble(t.template.pair, [2][]Token{first, second})
}

func assemble(items []templateItem, texts [2][]Token) Encoding {
	n := added(items) + len(texts[0]) + len(texts[1])
	e := Encoding{make([]Token, 0, n), make([]int8, 0, n), make([]uint8, 0, n)}
	for _, it := range items {
		tokens := []Token{{ID: it.id}}
		if it.sequence >= 0 {
			tokens = texts[it.sequence]
		}
		e.Tokens = append(e.Tokens, tokens...)
		for range tokens {
			e.Sequence = append(e.Sequence, it.sequence)
			e.Types = append(e.Types, it.typeID)
		}
	}
	return e
}
