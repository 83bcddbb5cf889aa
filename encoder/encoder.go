// Package encoder gives words vectors.
//
// [Default] is the table of 150,000 Chinese and English words that is embedded
// in every program which imports this package (unless it is built with the tag
// ciyuan_nodefault). It is read in place: opening it reads a header of 256
// bytes, and a look-up touches only the pages it needs.
package encoder

import (
	"context"
	"errors"

	"github.com/ciyuan-search/ciyuan/scoring"
)

// Errors of opening and building tables.
var (
	// ErrNoDefault is returned by [Default] in a program built with the tag
	// ciyuan_nodefault.
	ErrNoDefault = errors.New("encoder: built without the default table (tag ciyuan_nodefault)")
	// ErrTable is wrapped where bytes are no table, or a damaged one.
	ErrTable = errors.New("encoder: not a table of word vectors")
	// ErrTableVersion is wrapped where a table has a format that this program
	// does not know.
	ErrTableVersion = errors.New("encoder: table of an unknown format version")
	// ErrEntry is wrapped where a word, prior or vector cannot enter a table.
	ErrEntry = errors.New("encoder: entry cannot enter a table")
)

// Encoder is what every source of token vectors has, static or contextual.
type Encoder interface {
	// Name is for people: which vectors these are.
	Name() string
	// Fingerprint changes whenever a vector may have changed. An index is bound
	// to it.
	Fingerprint() string
	// Dim is the number of dimensions of every vector.
	Dim() int
}

// Words is an encoder that has to be asked for the vectors of words, such as a
// server. An index keeps what it answers, so that it is asked once for each word.
// Its Dim may be 0 as long as it was asked for nothing. Implementations are safe for
// concurrent use.
type Words interface {
	Encoder
	// Vectors returns a vector for each word, all of one length above 0 and of
	// finite numbers; a word without a vector has a nil one. Words are in the
	// folded form of package tokenizer.
	Vectors(ctx context.Context, words []string) ([][]float32, error)
}

// Static is an encoder whose vectors depend on the word alone. Words are in the
// folded form of package tokenizer. Implementations are safe for concurrent use.
type Static interface {
	Encoder
	// Params returns the constants of the score that suit the vectors.
	Params() scoring.Params
	// Len returns the number of words, whose rows are those below it.
	Len() int
	// Rows returns the number of rows, Len or more: those that follow the words' are
	// of pieces that are no words, such as n-grams, and only Compose names them.
	Rows() int
	// Row returns the row of a word.
	Row(word string) (row uint32, ok bool)
	// Word returns the word of a row, "" if there is no such row.
	Word(row uint32) string
	// Prior returns -ln of the relative frequency of the row's word in general
	// language.
	Prior(row uint32) float32
	// Vector appends the unit vector of a row to dst.
	Vector(dst []float32, row uint32) []float32
	// Compose appends the rows of the pieces that a word's vector is made of
	// and returns the extended slice, dst as it was for a word that has none.
	Compose(dst []uint32, word string) []uint32
	// Norm returns what the weighted sum of the pieces' vectors has to be
	// divided by to have length 1, in units of 1/65535.
	Norm(pieces []uint32) uint16
	// ComposedVector appends the unit vector of composed pieces to dst.
	ComposedVector(dst []float32, pieces []uint32) []float32
	// Query prepares a vector of Dim columns.
	Query(vec []float32) scoring.Query
	// Dot returns the cosine of a query with a row.
	Dot(q *scoring.Query, row uint32) float32
	// DotMany sets out[i] to the cosine of a query with rows[i].
	DotMany(q *scoring.Query, rows []uint32, out []float32)
	// Shares appends what each piece's cosine counts in that of the composed
	// vector.
	Shares(dst []float32, pieces []uint32, norm uint16) []float32
	// DotComposed returns the cosine of a query with a composed vector.
	DotComposed(q *scoring.Query, pieces []uint32, norm uint16) float32
}

var _ Static = (*Table)(nil)
