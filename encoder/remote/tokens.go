package remote

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Tokens asks a llama.cpp server that was started with --embedding --pooling none for
// the vectors of the tokens of a text, which depend on the text around them. It is safe
// for concurrent use.
type Tokens struct {
	*client
	tokenize string // path of the route that cuts a text into tokens
}

// NewTokens returns the encoder of a server, which is not asked yet. The URL ends in
// /embedding; /tokenize lies beside it. The error wraps [ErrURL].
func NewTokens(o Options) (*Tokens, error) {
	c, err := newClient(o)
	if err != nil {
		return nil, err
	}
	c.url.Path = strings.TrimSuffix(c.url.Path, "/")
	base, ok := strings.CutSuffix(c.url.Path, "/embedding")
	if !ok {
		return nil, fmt.Errorf("%w: %s does not end in /embedding", ErrURL, c.address())
	}
	return &Tokens{client: c, tokenize: base + "/tokenize"}, nil
}

// Name returns the model with "http:" in front or, without a model, the address.
func (t *Tokens) Name() string { return t.name() }

// Token is a token of a text with its vector as the server computes it.
type Token struct {
	Start, End int // bytes of the text
	Vector     []float32
}

// pieces is an answer of the route /tokenize.
type pieces struct {
	Tokens []struct {
		Piece piece `json:"piece"`
	} `json:"tokens"`
}

// piece is the text of a token: a string, or an array of bytes where these are no
// whole characters.
type piece string

// UnmarshalJSON reads either form.
func (p *piece) UnmarshalJSON(data []byte) error {
	var text string
	if err := json.Unmarshal(data, &text); err == nil {
		*p = piece(text)
		return nil
	}
	var codes []int
	if err := json.Unmarshal(data, &codes); err != nil {
		return errors.New("a piece is neither a text nor an array of bytes")
	}
	raw := make([]byte, len(codes))
	for i, code := range codes {
		if code < 0 || code > 0xff {
			return fmt.Errorf("a piece holds the byte %d", code)
		}
		raw[i] = byte(code)
	}
	*p = piece(raw)
	return nil
}

// states is an answer of the route /embedding: for the one text a vector a token.
type states []struct {
	Embedding []vector `json:"embedding"`
}

// Encode returns the tokens of a text that stand for some of its bytes, in order,
// without those that the model adds. A text without any gives none. The error wraps
// [ErrRefused], [ErrUnavailable] or [ErrAnswer], or is that of ctx.
func (t *Tokens) Encode(ctx context.Context, text string) ([]Token, error) {
	text = strings.ToValidUTF8(text, "?")
	if strings.TrimSpace(text) == "" {
		return nil, nil
	}
	var cut pieces
	request := struct {
		Model      string `json:"model,omitempty"`
		Content    string `json:"content"`
		AddSpecial bool   `json:"add_special,omitempty"`
		WithPieces bool   `json:"with_pieces,omitempty"`
	}{Model: t.model, Content: text, AddSpecial: true, WithPieces: true}
	if err := t.post(ctx, t.tokenize, request, &cut); err != nil {
		return nil, err
	}
	request.AddSpecial, request.WithPieces = false, false
	var answer states
	if err := t.post(ctx, t.url.Path, request, &answer); err != nil {
		return nil, err
	}
	tokens, err := t.join(text, &cut, answer)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", t.address(), err)
	}
	return tokens, nil
}

// join gives the tokens their places and vectors.
func (t *Tokens) join(text string, cut *pieces, answer states) ([]Token, error) {
	if len(answer) != 1 {
		return nil, fmt.Errorf("%w: vectors of %d texts instead of one", ErrAnswer, len(answer))
	}
	vectors := answer[0].Embedding
	if len(vectors) != len(cut.Tokens) {
		return nil, fmt.Errorf("%w: %d vectors for %d tokens; is the server started with --pooling none?", ErrAnswer, len(vectors), len(cut.Tokens))
	}
	texts := make([]string, len(cut.Tokens))
	for i := range texts {
		texts[i] = string(cut.Tokens[i].Piece)
	}
	spans := align(text, texts)
	tokens := make([]Token, 0, len(vectors))
	for i, v := range vectors {
		if len(v) == 0 || len(v) != len(vectors[0]) {
			return nil, fmt.Errorf("%w: a vector of %d numbers behind one of %d", ErrAnswer, len(v), len(vectors[0]))
		}
		if s := spans[i]; s.end > s.start {
			tokens = append(tokens, Token{Start: s.start, End: s.end, Vector: v})
		}
	}
	return tokens, nil
}

// span is a part of a text, empty for a piece that stands for none.
type span struct{ start, end int }

// align finds the pieces of a text in it, in order. A piece may have marks in front
// (a space, or what stands for one, or ## for the continuation of a word), and may
// have lost case, accents and width. Pieces that are not there are what the model adds,
// or stand for something unknown; these get what lies before the next piece that is there.
func align(text string, pieces []string) []span {
	spans := make([]span, len(pieces))
	at := 0
	unknown := -1 // a piece that may stand for what comes next
	for i, piece := range pieces {
		bare := bareOf(piece)
		if bare == "" {
			continue // a space of its own
		}
		start := skipSpace(text, at)
		end, ok := match(text, start, bare)
		if !ok && unknown >= 0 {
			start, end, ok = seek(text, start, bare)
		}
		if !ok {
			unknown = i
			continue
		}
		if from := skipSpace(text, at); unknown >= 0 && from < start {
			spans[unknown] = wholeRunes(text, from, len(strings.TrimRight(text[:start], " \t\r\n")))
		}
		spans[i] = wholeRunes(text, start, end)
		at, unknown = end, -1
	}
	return spans
}

// bareOf returns a piece without the marks in front of it.
func bareOf(piece string) string {
	for _, mark := range []string{"▁", "Ġ", " ", "\n", "\t"} {
		for strings.HasPrefix(piece, mark) {
			piece = piece[len(mark):]
		}
	}
	if rest, ok := strings.CutPrefix(piece, "##"); ok && rest != "" {
		return rest
	}
	return piece
}

// skipSpace returns where the next byte that is no white space lies.
func skipSpace(text string, at int) int {
	return len(text) - len(strings.TrimLeft(text[at:], " \t\r\n\u3000\u00a0"))
}

// match returns where a piece ends that begins at a place of the text: with the very
// bytes, or with the same characters folded.
func match(text string, at int, bare string) (end int, ok bool) {
	if strings.HasPrefix(text[at:], bare) {
		return withMarks(text, at+len(bare)), true
	}
	if !utf8.ValidString(bare) || at < len(text) && !utf8.RuneStart(text[at]) {
		return 0, false
	}
	want, have := fold(bare), ""
	for end = at; want != "" && end < len(text); {
		_, size := utf8.DecodeRuneInString(text[end:])
		end += size
		have += fold(text[end-size : end])
		switch {
		case have == want:
			return withMarks(text, end), true
		case !strings.HasPrefix(want, have):
			return 0, false
		}
	}
	return 0, false
}

// withMarks returns where the accents end that follow a place of the text: they belong
// to the character in front of them.
func withMarks(text string, end int) int {
	for end < len(text) {
		r, size := utf8.DecodeRuneInString(text[end:])
		if !unicode.Is(unicode.Mn, r) {
			break
		}
		end += size
	}
	return end
}

// seekRunes bounds how much of a text can stand for one unknown piece.
const seekRunes = 64

// seek looks for a piece behind something unknown.
func seek(text string, at int, bare string) (start, end int, ok bool) {
	for range seekRunes {
		if at >= len(text) {
			break
		}
		_, size := utf8.DecodeRuneInString(text[at:])
		at = skipSpace(text, at+size)
		if end, ok = match(text, at, bare); ok {
			return at, end, true
		}
	}
	return 0, 0, false
}

// wholeRunes widens a span that begins or ends inside of a character.
func wholeRunes(text string, start, end int) span {
	for start > 0 && !utf8.RuneStart(text[start]) {
		start--
	}
	for end < len(text) && !utf8.RuneStart(text[end]) {
		end++
	}
	return span{start, end}
}
