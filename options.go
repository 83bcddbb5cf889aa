package ciyuan

import (
	"fmt"
	"io"
	"math"
	"time"

	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// Options say how an index is opened. The zero value is a good default.
type Options struct {
	// ReadOnly opens an existing file for searching only. Several processes
	// can hold a file read-only at the same time.
	ReadOnly bool

	// Salvage, with ReadOnly, opens also a file of which one of the two meta pages
	// is damaged, for Check and for reading what is left: the last change may be
	// missing. Without it such a file gives ErrCorrupt.
	Salvage bool

	// MustExist makes Open fail with ErrNoIndex where there is no file yet,
	// instead of creating one.
	MustExist bool

	// Timeout is how long to wait for another process to give the file free
	// before ErrLocked is returned. 0 means one second.
	Timeout time.Duration

	// Encoder gives words their vectors: an encoder.Static or an encoder.Words; nil
	// means the embedded table. A new index is bound to it by its fingerprint: a text
	// added or searched for later needs the same. It must stay open until the index is
	// closed.
	//
	// An index made with an encoder.Words holds the vectors of its words itself. It is
	// asked for a sample when the index is made, and later for words that are new to
	// the index, of documents and of queries. With nil such an index can still be
	// opened: words of queries that are new to it have no vector then, and documents
	// with new words cannot be added.
	Encoder encoder.Encoder

	// An encoder.Contextual gives every token of a document a vector of its own, which the
	// index keeps beside the words, whose vectors are those of the embedded table. Queries
	// are then encoded by it, too. With nil such an index can be searched for words
	// alone, by ScoreBM25, and no document can be added.

	// Unit is what has a vector in a new index with an encoder.Contextual. An existing
	// index keeps the unit that it was made with.
	Unit Unit

	// Grade is how token vectors are stored in an index that has none yet.
	Grade Grade

	// AnyEncoder opens an index whatever encoder it was made with, for what
	// needs none: reading and deleting documents, Export, Stats, Check, Fold.
	// Other methods then return ErrModelMismatch if the encoder is another, or
	// ErrNoDefault.
	AnyEncoder bool

	// Mode is how Chinese text is cut into words. It is recorded in a new
	// index; an existing index keeps the mode it was made with.
	Mode tokenizer.Mode

	// Dict holds words of the user's own, which are kept whole. nil means the
	// dictionary that the index has; one without words means none. The next change
	// stores it in the index, so that whoever opens that cuts alike. Documents added from
	// then on are cut with it; those stored before stay as they are, and searchable,
	// until Compact cuts them again.
	Dict *tokenizer.Dict

	// GraphWords is how many words may be outside of the graph, where a search
	// compares them one by one; 0 means 32,768, below 0 none. With fewer a warm
	// search is a little faster and no longer exact, and adding slower.
	GraphWords int

	// Workers is the number of goroutines used for adding documents; 0 means
	// GOMAXPROCS. It changes no result and no byte of the file.
	Workers int

	// Progress, when not nil, is called now and then by long operations, from
	// the goroutine that runs them.
	Progress func(Progress)
}

// Progress tells how far a long operation is.
type Progress struct {
	Phase string // "add", "fold", "graph", "compact", "check", "backup", "migrate", "repair"
	Done  int64  // units done
	Total int64  // units in all, 0 if not known
	Unit  string // what is counted: "bytes", "passages", "words", "entries"
}

// Document is what goes into an index and comes out of it.
type Document struct {
	ID    string // the user's name for it; unique, never empty
	Title string // searched with every passage; may be empty; invalid bytes become U+FFFD
	Text  string // UTF-8; invalid bytes are kept and match nothing

	// Body is read instead of Text when it is not nil, in pieces, so that a
	// text need not fit in memory.
	Body io.Reader

	Meta   map[string]string // fields to filter by; may be nil
	Source Source            // where the text came from; may be zero

	// Vectors are token vectors that were made elsewhere, for SearchVectors; nil for
	// none. They are for the document as a whole, which is then not divided into
	// passages. Get does not return them.
	Vectors *TokenVectors
}

// Source is where a document's text came from, for callers that mirror files.
type Source struct {
	Path    string
	ModTime time.Time
	Size    int64 // bytes
}

// Score is the way a document is ranked.
type Score uint8

// The scores. All of them are defined in docs/design.md, section 6.
const (
	// ScoreDefault is what suits the encoder: ScoreHybrid for vectors of words,
	// ScoreMaxSim for those of tokens (docs/ranking.md).
	ScoreDefault Score = iota
	// ScoreHybrid is softmax attention for words that the corpus lacks and the mean
	// of softmax attention and BM25 for all others, relative to what the words weigh.
	// For vectors of tokens it is the mean of the relative MaxSim and BM25 scores.
	ScoreHybrid
	ScoreSoftmax // softmax attention per query word, or token
	ScoreMaxSim  // sum over query words, or tokens, of the largest cosine
	ScoreSum     // weighted sum, weights in proportion to the cosine
	ScoreBM25    // literal words only
)

var scoreNames = [...]string{"default", "hybrid", "softmax", "maxsim", "sum", "bm25"}

// String returns the name that ParseScore reads.
func (s Score) String() string {
	if int(s) < len(scoreNames) {
		return scoreNames[s]
	}
	return fmt.Sprintf("Score(%d)", uint8(s))
}

// ParseScore returns the score of that name, or an error wrapping ErrOption.
func ParseScore(name string) (Score, error) {
	for i, n := range scoreNames {
		if n == name {
			return Score(i), nil
		}
	}
	return 0, fmt.Errorf("%w: unknown score %q (default, hybrid, softmax, maxsim, sum, bm25)", ErrOption, name)
}

// GraphKind is the implementation that finds the nearest words.
type GraphKind uint8

// The graphs.
const (
	GraphHNSW  GraphKind = iota // our own, read lazily from the file; the default
	GraphCoder                  // github.com/coder/hnsw, built in memory from the stored links
	GraphFlat                   // every word compared
)

var graphNames = [...]string{"hnsw", "coder", "flat"}

// String returns the name that ParseGraph reads.
func (g GraphKind) String() string {
	if int(g) < len(graphNames) {
		return graphNames[g]
	}
	return fmt.Sprintf("GraphKind(%d)", uint8(g))
}

// ParseGraph returns the graph of that name, or an error wrapping ErrOption.
func ParseGraph(name string) (GraphKind, error) {
	for i, n := range graphNames {
		if n == name {
			return GraphKind(i), nil
		}
	}
	return 0, fmt.Errorf("%w: unknown graph %q (hnsw, coder, flat)", ErrOption, name)
}

// Fuzzy says when words are taken for misspelt.
type Fuzzy uint8

// When a word may be misspelt.
const (
	FuzzyAuto   Fuzzy = iota // what neither the index nor the encoder knows; the default
	FuzzyAlways              // any word, Chinese of two characters or more and others of four letters or more
	FuzzyNever               // no word
)

// Defaults of SearchOptions.
const (
	DefaultK  = 10
	DefaultK1 = 1.2 // BM25: saturation; Robertson and Zaragoza (2009)
	DefaultB  = 0.75
	// MaxK bounds K + Offset, so that a request cannot ask for unbounded memory.
	MaxK = 100_000
	// maxDepth bounds Probes and Rerank likewise.
	maxDepth = 1 << 16
)

// SearchOptions say how a query is answered. The zero value is a good default.
type SearchOptions struct {
	K      int // hits wanted; 0 means DefaultK
	Offset int // hits to leave out before the first

	Score Score

	// Temperature of the softmax score; 0 means the encoder's own. Small
	// values look at the nearest words only.
	Temperature float64

	// Exact compares every word of the index instead of walking the graph and
	// visits every document instead of the postings. It is the oracle that the
	// other way is tested against.
	Exact bool

	Graph GraphKind

	// Quality is how far a search over token vectors looks, in proportion to the square
	// root of the size of the index. Probes is the number of leaders that each token of
	// the query asks, and Rerank the greatest number of passages whose exact score is
	// computed: fewer where MaxSim decides and the others are not likely to matter, but
	// for QualityBest. 0 leaves them to Quality. Up to 65,536.
	Quality        Quality
	Probes, Rerank int

	// Workers is the number of goroutines that compute the exact scores of a search over
	// token vectors; 0 means one, which is best where many search at once.
	Workers int

	// Filter keeps only documents whose field has the value. The fields are
	// those of Document.Meta, and "id", "title" and "path".
	Filter map[string]string

	// Fuzzy says which words of the query are looked for with a slip of the
	// keyboard: a character too many, too few, another one, or two swapped.
	Fuzzy Fuzzy

	// Prefix takes the last word of the query for the beginning of one, as it is
	// while somebody types: words of the index that begin with it stand for it.
	// A query that ends in white space or punctuation has no such word.
	Prefix bool

	// Synonyms are words that stand for one another, none if nil. They are given
	// with each search and not kept in the index.
	Synonyms *Synonyms

	// StopWords are words of the query to leave out, unless it has no others.
	StopWords []string

	// Boost makes documents count more, or less, that have the query's words
	// literally in a field: id, title, path or one of Meta. The score is multiplied
	// by 1 + (factor - 1) * share, where share is the part of the query's
	// weight that the words in the field have. Factors from 0 to 100.
	Boost map[string]float64

	// Recency makes newer documents count more: the score is multiplied by
	// (1 + 2^(-age/Recency)) / 2, so that a new document counts twice as much as
	// an old one and the difference halves with each Recency. Now is the time that
	// ages are counted from, the present if it is zero. The time of a document is
	// its Meta "date" (2026-01-31, 2026-01, 2026, or as RFC 3339 has it), else
	// Source.ModTime; without either it counts as very old. 0 means no difference.
	Recency time.Duration
	Now     time.Time

	// Budget is how long the search may look for documents. When it is over, what
	// was found is returned and Stats.Partial set. 0 means no limit.
	Budget time.Duration

	// Operators makes Search read operators in the query: "a phrase" (also “…”,
	// 「…」) must occur as it stands, +word must occur, -word and -"a phrase" must
	// not, field:value (id, title, path and those of Meta) must hold the value.
	//
	// A document must fulfil all of them, in its title or in any part of its text,
	// whichever passage it is found by. Words are compared in their folded form,
	// never by meaning, and Chinese ones by their characters, wherever these stand. What does not
	// fit, such as a quotation mark without its partner, is text.
	Operators bool

	// MinScore leaves out hits whose Relative score is below it. Range 0 to 1.
	MinScore float64

	// NoIDF gives every query word the same weight.
	NoIDF bool

	// Explain asks for the Explanation of every hit.
	Explain bool

	// K1 and B are BM25's parameters; 0 means DefaultK1 and DefaultB. A B
	// below zero means 0.
	K1, B float64
}

func (o *SearchOptions) check() (SearchOptions, error) {
	var s SearchOptions
	if o != nil {
		s = *o
	}
	if s.K == 0 {
		s.K = DefaultK
	}
	switch {
	case s.K < 0 || s.Offset < 0 || s.K+s.Offset > MaxK:
		return s, fmt.Errorf("%w: k and offset must not be negative, nor together exceed %d", ErrOption, MaxK)
	case math.IsNaN(s.Temperature) || s.Temperature < 0 || s.Temperature > 100:
		return s, fmt.Errorf("%w: temperature must be between 0 and 100", ErrOption)
	case math.IsNaN(s.MinScore) || s.MinScore < 0 || s.MinScore > 1:
		return s, fmt.Errorf("%w: the lowest score must be between 0 and 1", ErrOption)
	case int(s.Score) >= len(scoreNames):
		return s, fmt.Errorf("%w: no such score: %v", ErrOption, s.Score)
	case s.Recency < 0 || s.Budget < 0:
		return s, fmt.Errorf("%w: recency and budget must not be negative", ErrOption)
	case s.Fuzzy > FuzzyNever:
		return s, fmt.Errorf("%w: no such choice of words that may be misspelt: %d", ErrOption, s.Fuzzy)
	case int(s.Quality) >= len(qualityNames):
		return s, fmt.Errorf("%w: no such quality: %v", ErrOption, s.Quality)
	case s.Probes < 0 || s.Rerank < 0 || s.Workers < 0 || s.Probes > maxDepth || s.Rerank > maxDepth:
		return s, fmt.Errorf("%w: probes, passages and workers must not be negative, the first two not exceed %d", ErrOption, maxDepth)
	case int(s.Graph) >= len(graphNames):
		return s, fmt.Errorf("%w: no such graph: %v", ErrOption, s.Graph)
	case math.IsNaN(s.K1) || s.K1 < 0 || math.IsNaN(s.B) || s.B > 1:
		return s, fmt.Errorf("%w: k1 must not be negative, b must not exceed 1", ErrOption)
	}
	for field, factor := range s.Boost {
		if !(factor >= 0 && factor <= 100) || field == "" {
			return s, fmt.Errorf("%w: the boost of a field must be between 0 and 100", ErrOption)
		}
	}
	if s.K1 == 0 {
		s.K1 = DefaultK1
	}
	if s.B == 0 {
		s.B = DefaultB
	} else if s.B < 0 {
		s.B = 0
	}
	return s, nil
}
