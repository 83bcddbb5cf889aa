package main

import (
	"context"
	"math"
	"os"

	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/encoder/remote"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// keyVariable is the variable of the environment with the key of a server. There is no
// flag for it: command lines are seen by others.
const keyVariable = "CIYUAN_API_KEY"

func serverOptions(address string) remote.Options {
	return remote.Options{URL: address, Key: os.Getenv(keyVariable)}
}

// server returns the encoder that asks a server for the vectors of words.
func (c *console) server(ctx context.Context, address string) (encoder.Words, error) {
	if remote.IsTokens(address) {
		return nil, usagef("%s gives each token of a text its vector; words need a route of OpenAI's API", address).
			hint("use /v1/embeddings of the server, started with a pooling other than none")
	}
	words, err := remote.NewWords(serverOptions(address))
	if err != nil {
		return nil, err
	}
	c.closers = append(c.closers, words)
	return interruptible{words, ctx}, nil
}

// interruptible gives up when the command does, whoever asks.
type interruptible struct {
	encoder.Words
	command context.Context
}

func (i interruptible) Vectors(ctx context.Context, words []string) ([][]float32, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(i.command, cancel)()
	return i.Words.Vectors(ctx, words)
}

// serverWords returns the vectors of words as a server has them, of length 1 unless
// they are wanted raw.
func (c *console) serverWords(ctx context.Context, address string, raw bool, tok *tokenizer.Tokenizer) (textEncoder, error) {
	source, err := c.server(ctx, address)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context, text string) (encoding, error) {
		e := encoding{Tokens: []tokenVector{}}
		var words []string
		at := map[string][]int{}
		for _, t := range tok.Tokenize(nil, text) {
			if !t.Primary() || t.Kind == tokenizer.Space {
				continue
			}
			if t.Kind == tokenizer.Word {
				if at[t.Word] == nil {
					words = append(words, t.Word)
				}
				at[t.Word] = append(at[t.Word], len(e.Tokens))
			}
			e.Tokens = append(e.Tokens, tokenVector{Token: text[t.Start:t.End], Start: t.Start, End: t.End, Vector: []float32{}})
		}
		vectors, err := source.Vectors(ctx, words)
		if err != nil {
			return encoding{}, err
		}
		for i, v := range vectors {
			if v == nil {
				continue
			}
			if !raw {
				toUnit(v)
			}
			for _, place := range at[words[i]] {
				e.Tokens[place].Vector = v
			}
		}
		return e, nil
	}, nil
}

// serverTokens returns the vectors of the tokens of a text as a server computes them,
// or the means of those of each word.
func (c *console) serverTokens(address string, words, raw bool, tok *tokenizer.Tokenizer) (textEncoder, error) {
	source, err := remote.NewTokens(serverOptions(address))
	if err != nil {
		return nil, err
	}
	c.closers = append(c.closers, source)
	return func(ctx context.Context, text string) (encoding, error) {
		tokens, err := source.Encode(ctx, text)
		if err != nil {
			return encoding{}, err
		}
		e := encoding{Tokens: []tokenVector{}}
		for _, t := range tokens {
			e.Tokens = append(e.Tokens, tokenVector{Token: text[t.Start:t.End], Start: t.Start, End: t.End, Vector: t.Vector})
		}
		if words {
			e.Tokens = pooled(text, tok.Tokenize(nil, text), e.Tokens)
		}
		if !raw {
			for i := range e.Tokens {
				toUnit(e.Tokens[i].Vector)
			}
		}
		return e, nil
	}, nil
}

// pooled returns the words of a text with the mean vectors of the tokens that they
// share bytes with.
func pooled(text string, toks []tokenizer.Token, tokens []tokenVector) []tokenVector {
	out := []tokenVector{}
	for i := range toks {
		t := &toks[i]
		if !t.Primary() || t.Kind == tokenizer.Space {
			continue
		}
		for len(tokens) > 0 && tokens[0].End <= t.Start {
			tokens = tokens[1:]
		}
		word := tokenVector{Token: text[t.Start:t.End], Start: t.Start, End: t.End, Vector: []float32{}}
		n := 0
		for _, piece := range tokens {
			if piece.Start >= t.End {
				break
			}
			if n == 0 {
				word.Vector = make([]float32, len(piece.Vector))
			}
			for k, x := range piece.Vector {
				word.Vector[k] += x
			}
			n++
		}
		for k := range word.Vector {
			word.Vector[k] /= float32(n)
		}
		out = append(out, word)
	}
	return out
}

// toUnit gives a vector the length 1, unless it is zero.
func toUnit(v []float32) {
	var square float64
	for _, x := range v {
		square += float64(x) * float64(x)
	}
	if square == 0 {
		return
	}
	length := float32(math.Sqrt(square))
	for i := range v {
		v[i] /= length
	}
}
