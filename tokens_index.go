package ciyuan

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/ciyuan-search/ciyuan/index"
	"github.com/ciyuan-search/ciyuan/store"
)

// DefaultTokenRows is how many rows DB.Tokens returns unless K says otherwise.
const DefaultTokenRows = 20

// MaxWordDocs is how many documents a RankedWord names.
const MaxWordDocs = 5

// Tokens ranks the words of all documents of the index by how near they are to
// the words of the query, as RankTokens does for documents at hand: one row for each
// occurrence, equal ones in the order of the documents; with opts.Words one for each
// distinct word. Pairs are those of the rows returned.
//
// It reads every token of the index once, to normalise the weights over all of them.
func (db *DB) Tokens(ctx context.Context, query string, opts *TokensOptions) (*TokensResult, error) {
	o, err := opts.check()
	if err != nil {
		return nil, err
	}
	if o.K == 0 {
		o.K = DefaultTokenRows
	}
	words := queryWords(db.tok, query)
	if len(words) == 0 {
		return nil, ErrEmptyQuery
	}
	enc, _, err := db.queryEncoder(ctx, query)
	if err != nil {
		return nil, err
	}
	var res *TokensResult
	err = db.view(func(tx *store.Tx) error {
		s, err := db.newSearcher(ctx, tx, enc, &SearchOptions{})
		if err != nil {
			return err
		}
		defer s.close()
		var probes []wordProbe
		if o.QueryVector {
			probes = []wordProbe{meanProbe(enc, words)}
		} else {
			for _, w := range words {
				probes = append(probes, newWordProbe(enc, w.Word, w.Kind))
			}
		}
		res, err = s.rankWords(probes, &o)
		return err
	})
	return res, err
}

// wordRank is a word of the index with its score.
type wordRank struct {
	code    uint32
	score   float64
	owner   int // the probe it owes most to
	weights []float64
	sims    []float32
}

// rankWords ranks the distinct words of the index and lists occurrences of the
// best ones.
func (s *searcher) rankWords(probes []wordProbe, o *TokensOptions) (*TokensResult, error) {
	counts := make([]uint32, s.lex.n)
	// Codes depend on how the index came about, the order in which words come does not.
	order := make([]uint32, s.lex.n)
	words := uint32(0)
	err := s.eachPassage(func(_ store.PassageID, record []byte) error {
		d := store.DecodePassage(record)
		var t store.Token
		for d.Next(&t) {
			if !t.Title && int(t.Code) < len(counts) {
				if counts[t.Code] == 0 {
					order[t.Code] = words
					words++
				}
				counts[t.Code]++
			}
		}
		return d.Err()
	})
	if err != nil {
		return nil, err
	}
	sims := make([][]float32, len(probes))
	sums := make([]float64, len(probes))
	for i := range probes {
		if sims[i], err = s.similarities(&probes[i]); err != nil {
			return nil, err
		}
		for code, n := range counts {
			sums[i] += float64(n) * tokenWeight(sims[i][code], o)
		}
	}
	var ranks []wordRank
	for code, n := range counts {
		if n == 0 {
			continue
		}
		r := wordRank{code: uint32(code)}
		for i := range probes {
			w := float64(sims[i][code])
			if o.Score != TokenCosine {
				w = 0
				if sums[i] > 0 {
					w = tokenWeight(sims[i][code], o) / sums[i]
				}
			}
			r.weights = append(r.weights, w)
			r.sims = append(r.sims, sims[i][code])
			if w > r.weights[r.owner] {
				r.owner = i
			}
			if o.Score != TokenCosine {
				r.score += w / float64(len(probes))
			}
		}
		if o.Score == TokenCosine {
			r.score = r.weights[r.owner]
		}
		ranks = append(ranks, r)
	}
	slices.SortFunc(ranks, func(a, b wordRank) int {
		return cmp.Or(cmp.Compare(b.score, a.score), cmp.Compare(order[a.code], order[b.code]))
	})
	res := &TokensResult{Tokens: []RankedToken{}}
	// Every word that is left occurs at least once.
	ranks = ranks[:min(len(ranks), o.K)]
	if o.Words {
		res.Words, err = s.wordsInUse(ranks, counts, probes)
		return res, err
	}
	return res, s.occurrences(res, ranks, probes, o)
}

// wordsInUse returns the rows of the best words, with the documents that have them.
func (s *searcher) wordsInUse(ranks []wordRank, counts []uint32, probes []wordProbe) ([]RankedWord, error) {
	rows := make([]RankedWord, len(ranks))
	last := make([]store.DocID, len(ranks)) // that was counted for a word
	place := make(map[store.Code]int, len(ranks))
	for i, r := range ranks {
		word, err := s.words.Word(store.Code(r.code))
		if err != nil {
			return nil, err
		}
		rows[i] = RankedWord{
			Rank: i + 1, Word: string(word), Query: probes[r.owner].word, Score: r.score, Count: int(counts[r.code]), Docs: []string{},
		}
		place[store.Code(r.code)] = i
	}
	err := s.eachPassage(func(id store.PassageID, record []byte) error {
		var doc store.DocID
		var known *store.Doc
		d := store.DecodePassage(record)
		var t store.Token
		for d.Next(&t) {
			i, ok := place[t.Code]
			if t.Title || !ok {
				continue
			}
			if known == nil {
				var err error
				if doc, known, err = s.tx.DocOf(id); err != nil {
					return err
				}
			}
			if row := &rows[i]; row.Documents == 0 || last[i] != doc {
				last[i] = doc
				row.Documents++
				if len(row.Docs) < MaxWordDocs {
					row.Docs = append(row.Docs, known.External)
				}
			}
		}
		return d.Err()
	})
	return rows, err
}

// tokenWeight returns the weight of one token before it is normalised.
func tokenWeight(z float32, o *TokensOptions) float64 {
	switch o.Score {
	case TokenSoftmax:
		return math.Exp((float64(z) - 1) / o.Temperature)
	case TokenSum:
		return max(0, float64(z))
	}
	return 1
}

// similarities returns the cosine of a probe with every word.
func (s *searcher) similarities(p *wordProbe) ([]float32, error) {
	out := make([]float32, s.lex.n)
	if p.has {
		const batch = 4096
		codes := make([]uint32, batch)
		probe := s.lex.probe(p.query)
		for from := uint32(0); from < s.lex.n; from += batch {
			n := min(batch, s.lex.n-from)
			for i := range codes[:n] {
				codes[i] = from + uint32(i)
			}
			probe.Sim(codes[:n], out[from:from+n])
		}
		if err := s.lex.failed(); err != nil {
			return nil, err
		}
		for i, z := range out {
			if z == index.NoSim {
				z = 0
			}
			out[i] = max(-1, min(1, z))
		}
	}
	if p.word != "" {
		code, ok, err := s.words.Code(p.word)
		if err != nil {
			return nil, err
		}
		if ok {
			out[code] = 1
		}
	}
	return out, nil
}

// occurrences fills in the rows of the best words.
func (s *searcher) occurrences(res *TokensResult, ranks []wordRank, probes []wordProbe, o *TokensOptions) error {
	place := make(map[uint32]int, len(ranks))
	found := make([][]occurrence, len(ranks))
	for i := range ranks {
		place[ranks[i].code] = i
	}
	err := s.eachPassage(func(id store.PassageID, record []byte) error {
		return s.occurrencesIn(id, record, place, found, o.K)
	})
	if err != nil {
		return err
	}
	for i, list := range found {
		r := &ranks[i]
		for _, occ := range list {
			if len(res.Tokens) == o.K {
				return nil
			}
			res.Tokens = append(res.Tokens, RankedToken{
				Rank: len(res.Tokens) + 1, Token: occ.text, Query: probes[r.owner].word, Doc: occ.doc,
				Start: occ.start, End: occ.end, Score: r.score,
			})
			if o.Pairs {
				for q := range probes {
					res.Pairs = append(res.Pairs, TokenPair{
						Query: probes[q].word, Token: occ.text, Doc: occ.doc, Start: occ.start, End: occ.end,
						Similarity: float64(r.sims[q]), Weight: r.weights[q],
					})
				}
			}
		}
	}
	return nil
}

// occurrencesIn notes where the wanted words stand in a passage, at most limit
// places of each.
func (s *searcher) occurrencesIn(id store.PassageID, record []byte, place map[uint32]int, list [][]occurrence, limit int) error {
	d := store.DecodePassage(record)
	var t store.Token
	var passage store.Text
	var doc *store.Doc
	at, inText := 0, false
	for d.Next(&t) {
		if !t.Title && !inText {
			at, inText = 0, true
		}
		length := int(t.Length)
		if length == 0 {
			var err error
			if length, err = s.words.Len(t.Code); err != nil {
				return err
			}
		}
		start := at + int(t.Gap)
		at = start + length
		i, ok := place[uint32(t.Code)]
		if t.Title || !ok || len(list[i]) >= limit {
			continue
		}
		if doc == nil {
			_, record, err := s.tx.DocOf(id)
			if err != nil {
				return err
			}
			if record.Incomplete {
				return nil
			}
			if passage, err = s.tx.Text(id); err != nil {
				return err
			}
			doc = record
		}
		text, base := passage.Text, int(passage.Offset)
		if at > len(text) {
			return fmt.Errorf("%w: the tokens of passage %d are longer than its text", ErrCorrupt, id)
		}
		list[i] = append(list[i], occurrence{
			text: strings.ToValidUTF8(string(text[start:at]), "\uFFFD"), doc: doc.External, start: base + start, end: base + at,
		})
	}
	return d.Err()
}

// eachPassage calls fn for the record of every live passage, ascending.
func (s *searcher) eachPassage(fn func(store.PassageID, []byte) error) error {
	for block, err := range s.tx.ForwardBlocks(0) {
		if err != nil {
			return err
		}
		if err := s.ctx.Err(); err != nil {
			return err
		}
		if s.late() {
			return nil
		}
		for p := range block.All() {
			if err := fn(p.ID, p.Record); err != nil {
				return err
			}
		}
	}
	for p, err := range s.tx.Pending(0) {
		if err != nil {
			return err
		}
		if err := fn(p.ID, p.Record); err != nil {
			return err
		}
	}
	return nil
}
