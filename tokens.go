package ciyuan

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/scoring"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// TokenScore is the way document tokens are ranked.
type TokenScore uint8

// The scores of tokens.
const (
	// TokenCosine is the largest cosine of the token with a query token.
	TokenCosine TokenScore = iota
	// TokenSoftmax is attention: exp(z/T) over the sum of exp(z/T) of all
	// tokens of all documents, averaged over the query's tokens. All rows sum
	// to 1.
	TokenSoftmax
	// TokenSum is linear attention: a weight in proportion to the cosine (0
	// where that is negative), averaged over the query's tokens. All rows sum
	// to 1.
	TokenSum
)

var tokenScoreNames = [...]string{"cosine", "softmax", "sum"}

// String returns the name that ParseTokenScore reads.
func (s TokenScore) String() string {
	if int(s) < len(tokenScoreNames) {
		return tokenScoreNames[s]
	}
	return fmt.Sprintf("TokenScore(%d)", uint8(s))
}

// ParseTokenScore returns the score of that name, or an error wrapping
// ErrOption.
func ParseTokenScore(name string) (TokenScore, error) {
	for i, n := range tokenScoreNames {
		if n == name {
			return TokenScore(i), nil
		}
	}
	return 0, fmt.Errorf("%w: unknown token score %q (cosine, softmax, sum)", ErrOption, name)
}

// TokensOptions say how tokens are ranked. The zero value is a good default.
type TokensOptions struct {
	Score TokenScore

	// Temperature T of the softmax; 0 means 1, as in the textbook formula.
	Temperature float64

	// Pairs asks for every pair of a query token and a document token too.
	Pairs bool

	// QueryVector compares every token with one vector for the whole query,
	// the mean of its tokens' vectors, instead of with each query token.
	QueryVector bool

	// Words makes DB.Tokens return the distinct words of the index instead of their
	// occurrences, in TokensResult.Words; it excludes Pairs. RankTokens takes no notice.
	Words bool

	// K is how many rows are returned; 0 means all of them for RankTokens and
	// DefaultTokenRows for DB.Tokens.
	K int

	// Mode and Dict say how RankTokens cuts texts, Encoder, nil for the embedded
	// table, where it has vectors from; an index keeps its own.
	Mode    tokenizer.Mode
	Dict    *tokenizer.Dict
	Encoder encoder.Encoder
}

// RankedToken is a document token with its score.
type RankedToken struct {
	Rank  int     `json:"rank"`
	Token string  `json:"token"` // as it stands in the document
	Query string  `json:"query"` // the query token it owes most to; empty with QueryVector
	Doc   string  `json:"doc"`
	Start int     `json:"start"` // bytes into the document
	End   int     `json:"end"`
	Score float64 `json:"score"`
}

// TokenPair is a query token and a document token. The weights of the pairs of
// one query token sum to 1 (softmax, sum); with cosine the weight is the cosine.
type TokenPair struct {
	Query      string  `json:"query"`
	Token      string  `json:"token"`
	Doc        string  `json:"doc"`
	Start      int     `json:"start"`
	End        int     `json:"end"`
	Similarity float64 `json:"similarity"`
	Weight     float64 `json:"weight"`
}

// TokensResult is what ranking tokens gives.
type TokensResult struct {
	Tokens []RankedToken `json:"tokens"`
	Pairs  []TokenPair   `json:"pairs,omitempty"`
	Words  []RankedWord  `json:"words,omitempty"`
}

// RankedWord is a word of an index with its score, which is that of each of its
// occurrences.
type RankedWord struct {
	Rank      int      `json:"rank"`
	Word      string   `json:"word"`  // in its folded form
	Query     string   `json:"query"` // the query token it owes most to; empty with QueryVector
	Score     float64  `json:"score"`
	Count     int      `json:"count"`     // occurrences in texts, titles apart
	Documents int      `json:"documents"` // that have it there
	Docs      []string `json:"docs"`      // the first ones of these, at most MaxWordDocs
}

// occurrence is a token of a document to be ranked.
type occurrence struct {
	word       wordVector
	text, doc  string
	docIndex   int
	start, end int
}

// RankTokens ranks the words of docs by how near they are to the words of the
// query: token-level retrieval as the textbooks have it. Documents are named
// "1", "2", … in their order. Ties are ranked by document and position.
//
// It takes time proportional to the words of the query times those of docs. It
// returns ErrEmptyQuery if the query has no word; documents may be empty.
func RankTokens(ctx context.Context, query string, docs []string, opts *TokensOptions) (*TokensResult, error) {
	o, err := opts.check()
	if err != nil {
		return nil, err
	}
	tok, err := tokenizer.New(tokenizer.Options{Mode: o.Mode, Dict: o.Dict})
	if err != nil {
		return nil, err
	}
	words := queryWords(tok, query)
	if len(words) == 0 {
		return nil, ErrEmptyQuery
	}
	cut := tok.Batch(docs)
	table, err := o.table(ctx, slices.Concat(words, slices.Concat(cut...)))
	if err != nil {
		return nil, err
	}
	known := map[string]wordVector{}
	var occ []occurrence
	for i, toks := range cut {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		name := strconv.Itoa(i + 1)
		for j := range toks {
			t := &toks[j]
			if t.Parent >= 0 || !t.Kind.Counts() {
				continue
			}
			w, ok := known[t.Word]
			if !ok {
				w = newWordVector(table, t.Word, t.Kind)
				known[t.Word] = w
			}
			occ = append(occ, occurrence{word: w, text: docs[i][t.Start:t.End], doc: name, docIndex: i, start: t.Start, end: t.End})
		}
	}
	return rankOccurrences(ctx, table, words, occ, &o)
}

// table returns what gives the words among toks their vectors.
func (o *TokensOptions) table(ctx context.Context, toks []tokenizer.Token) (encoder.Static, error) {
	if source, ok := o.Encoder.(encoder.Words); ok {
		return gather(ctx, source, vectorWords(toks))
	}
	return staticOr(o.Encoder)
}

func (o *TokensOptions) check() (TokensOptions, error) {
	var t TokensOptions
	if o != nil {
		t = *o
	}
	switch {
	case math.IsNaN(t.Temperature) || t.Temperature < 0 || t.Temperature > 100:
		return t, fmt.Errorf("%w: temperature must be between 0 and 100", ErrOption)
	case t.K < 0 || t.K > MaxK:
		return t, fmt.Errorf("%w: k must be between 0 and %d", ErrOption, MaxK)
	case t.Words && t.Pairs:
		return t, fmt.Errorf("%w: pairs are of occurrences, not of words", ErrOption)
	case int(t.Score) >= len(tokenScoreNames):
		return t, fmt.Errorf("%w: no such token score: %v", ErrOption, t.Score)
	}
	if t.Temperature == 0 {
		t.Temperature = 1
	}
	return t, nil
}

// queryWords returns the distinct words of a query in their order.
func queryWords(tok *tokenizer.Tokenizer, query string) []tokenizer.Token {
	var words []tokenizer.Token
	for _, t := range tok.Tokenize(nil, query) {
		if t.Parent >= 0 || !t.Kind.Counts() {
			continue
		}
		if !slices.ContainsFunc(words, func(w tokenizer.Token) bool { return w.Word == t.Word }) {
			words = append(words, t)
		}
	}
	return words
}

// rankOccurrences scores every occurrence against the query words.
func rankOccurrences(ctx context.Context, table encoder.Static, words []tokenizer.Token, occ []occurrence, o *TokensOptions) (*TokensResult, error) {
	probes := make([]wordProbe, 0, len(words))
	if o.QueryVector {
		probes = append(probes, meanProbe(table, words))
	} else {
		for _, w := range words {
			probes = append(probes, newWordProbe(table, w.Word, w.Kind))
		}
	}
	scores := make([]float64, len(occ))
	owed := make([]float64, len(occ))
	owner := make([]int, len(occ))
	res := &TokensResult{Tokens: []RankedToken{}}
	sims := make([]float32, len(occ))
	weights := make([]float64, 0, len(occ))
	for qi := range probes {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		for i := range occ {
			sims[i] = probes[qi].sim(table, &occ[i].word)
		}
		switch o.Score {
		case TokenSoftmax:
			weights = scoring.Softmax(weights[:0], sims, o.Temperature)
		case TokenSum:
			weights = scoring.Proportional(weights[:0], sims)
		default:
			weights = weights[:0]
			for _, z := range sims {
				weights = append(weights, float64(z))
			}
		}
		for i, w := range weights {
			if o.Score == TokenCosine {
				if qi == 0 || w > scores[i] {
					scores[i], owner[i] = w, qi
				}
				continue
			}
			scores[i] += w / float64(len(probes))
			if qi == 0 || w > owed[i] {
				owed[i], owner[i] = w, qi
			}
		}
		if o.Pairs {
			for i := range occ {
				res.Pairs = append(res.Pairs, TokenPair{
					Query: probes[qi].word, Token: occ[i].text, Doc: occ[i].doc, Start: occ[i].start, End: occ[i].end,
					Similarity: float64(sims[i]), Weight: weights[i],
				})
			}
		}
	}
	order := make([]int, len(occ))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		return cmp.Or(cmp.Compare(scores[b], scores[a]), cmp.Compare(occ[a].docIndex, occ[b].docIndex), cmp.Compare(occ[a].start, occ[b].start))
	})
	if o.K > 0 && len(order) > o.K {
		order = order[:o.K]
	}
	for rank, i := range order {
		res.Tokens = append(res.Tokens, RankedToken{
			Rank: rank + 1, Token: occ[i].text, Query: probes[owner[i]].word, Doc: occ[i].doc,
			Start: occ[i].start, End: occ[i].end, Score: scores[i],
		})
	}
	return res, nil
}
