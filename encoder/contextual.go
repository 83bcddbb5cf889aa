package encoder

import "context"

// Span is a range of bytes of a text. An empty one is of a token that has no place in
// it.
type Span struct{ Start, End int }

// TokenVectors are the tokens of one text and their vectors: row i of Vectors,
// len(Spans) x Dim, row-major, belongs to Spans[i].
type TokenVectors struct {
	Spans   []Span
	Vectors []float32
}

// Contextual is an encoder that gives every token of a text a vector of its own, which
// depends on the text around it. An index keeps them. Implementations are safe for
// concurrent use.
type Contextual interface {
	Encoder
	// EncodeTokens returns vectors of length 1 for the tokens of each text: for the
	// words with the spans words[i] of text i, but for those that it knows nothing of;
	// for its own tokens if words is nil. query says that the texts are queries.
	EncodeTokens(ctx context.Context, texts []string, words [][]Span, query bool) ([]TokenVectors, error)
	// Plain reports whether the vectors were trained for MaxSim as it is: the tokens
	// of a query then count alike, and not by how frequent their words are.
	Plain() bool
}
