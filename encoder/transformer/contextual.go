package transformer

import (
	"context"

	"github.com/ciyuan-search/ciyuan/encoder"
)

// Contextual is a model as the encoder of an index. It is safe for concurrent use.
type Contextual struct {
	model *Model
	name  string
}

var _ encoder.Contextual = (*Contextual)(nil)

// Contextual returns m as the encoder of an index, under a name for people.
func (m *Model) Contextual(name string) *Contextual { return &Contextual{m, name} }

// Name is the name for people.
func (c *Contextual) Name() string { return c.name }

// Fingerprint changes with the model, and with the width of its weights.
func (c *Contextual) Fingerprint() string { return c.model.Info().Fingerprint }

// Dim is the number of columns of a vector.
func (c *Contextual) Dim() int { return c.model.Dim() }

// Plain reports whether the model has a ColBERT head.
func (c *Contextual) Plain() bool { return c.model.late != nil }

// EncodeTokens is Encode; see [encoder.Contextual]. Queries of a model with a ColBERT
// head are those of Interaction, filled up with mask tokens, unless words are given.
func (c *Contextual) EncodeTokens(ctx context.Context, texts []string, words [][]encoder.Span, query bool) ([]encoder.TokenVectors, error) {
	out := make([]encoder.TokenVectors, len(texts))
	if query && words == nil && c.model.late != nil {
		rows, err := c.model.Interaction(ctx, texts, true)
		for i := range rows {
			out[i] = tokenVectors(rows[i].Tokens, rows[i].Vectors)
		}
		return out, err
	}
	o := &EncodeOptions{Query: query}
	if words != nil {
		o.Words = make([][]Span, len(words))
		for i, spans := range words {
			o.Words[i] = make([]Span, len(spans))
			for j, s := range spans {
				o.Words[i][j] = Span(s)
			}
		}
	}
	encoded, err := c.model.Encode(ctx, texts, o)
	for i := range encoded {
		out[i] = tokenVectors(encoded[i].Tokens, encoded[i].Vectors)
	}
	return out, err
}

func tokenVectors(tokens []Token, vectors []float32) encoder.TokenVectors {
	v := encoder.TokenVectors{Spans: make([]encoder.Span, len(tokens)), Vectors: vectors}
	for i, t := range tokens {
		v.Spans[i] = encoder.Span{Start: t.Start, End: t.End}
	}
	return v
}
