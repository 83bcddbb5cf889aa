package ciyuan

import (
	"fmt"
	"strings"

	"github.com/ciyuan-search/ciyuan/store"
)

// Explanation says where the score of a hit comes from: from its best passage,
// word by word of the query. The values of all parts of all words sum to the
// hit's Score.
type Explanation struct {
	// Boost is what the score was multiplied by, see SearchOptions.Boost and
	// Recency; the values have it in them. 1 without either.
	Boost float64 `json:"boost"`

	Words []ExplainedWord `json:"words"`

	// Start and End are the place of the passage, in bytes of the document's
	// text; Text is what stands there.
	Start int    `json:"start"`
	End   int    `json:"end"`
	Text  string `json:"-"`
}

// ExplainedWord is what a distinct word of the query gives to a score.
type ExplainedWord struct {
	Query string      `json:"query"`
	Score float64     `json:"score"` // the sum of the parts
	Parts []ScorePart `json:"parts"`

	// Tokens are those of the passage that the word attends to, by position, the
	// title first. The rest of the attention, which sums to 1, is on words
	// that have nothing to do with it. Empty where the word gives nothing.
	Tokens []AttendedToken `json:"tokens"`
}

// ScorePart is what a word gives to one component of a score.
type ScorePart struct {
	Score  string  `json:"score"`  // "softmax", "bm25", …
	Weight float64 `json:"weight"` // the word's idf, or what of it counts here
	Value  float64 `json:"value"`  // what of the hit's score is due to it
}

// AttendedToken is a token with the attention that a query word pays to it.
type AttendedToken struct {
	Token      string  `json:"token"`
	Similarity float32 `json:"similarity"` // cosine; 1 for the word itself
	Attention  float64 `json:"attention"`  // 0 to 1
	Title      bool    `json:"title,omitempty"`
	Start      int     `json:"start"` // bytes into the document's text, or into its title
	End        int     `json:"end"`
}

// explain returns where the score of a document comes from.
func (s *searcher) explain(r *ranking, f *found) (*Explanation, error) {
	record, err := s.tx.Passage(f.passage)
	if err != nil {
		return nil, err
	}
	passage, err := s.tx.Text(f.passage)
	if err != nil {
		return nil, err
	}
	codes, length, err := store.AppendCodes(nil, record)
	if err != nil {
		return nil, fmt.Errorf("passage %d: %w", f.passage, err)
	}
	r.score(codes, length)
	offset := int(passage.Offset)
	e := &Explanation{
		Boost: f.boost, Words: make([]ExplainedWord, len(s.terms)),
		Start: offset, End: offset + len(passage.Text), Text: string(passage.Text),
	}
	for i := range s.terms {
		e.Words[i] = ExplainedWord{Query: s.terms[i].surface, Parts: []ScorePart{}, Tokens: []AttendedToken{}}
	}
	share := r.share()
	for i, plan := range r.plans {
		for t, part := range r.tallies[i].Parts() {
			value := f.boost * share * part
			w := &e.Words[t]
			w.Parts = append(w.Parts, ScorePart{Score: plan.Scorer().Method().String(), Weight: plan.Weight(t), Value: value})
			w.Score += value
		}
	}
	plan, tally := r.plans[0], &r.tallies[0]
	note := func(code store.Code, text string, title bool, base, start, end int) {
		matches := plan.Matches(uint32(code))
		for i := range matches {
			m := &matches[i]
			if a := plan.Attention(tally, m, length); a > 0 {
				w := &e.Words[m.Term]
				w.Tokens = append(w.Tokens, AttendedToken{
					Token: strings.ToValidUTF8(text[start:end], "\uFFFD"), Similarity: m.Sim, Attention: a,
					Title: title, Start: base + start, End: base + end,
				})
			}
		}
	}
	err = s.walk(f.passage, record, len(f.record.Title), len(e.Text), func(t *store.Token, start, end int) {
		text, base := e.Text, offset
		if t.Title {
			text, base = f.record.Title, 0
		}
		note(t.Code, text, t.Title, base, start, end)
		for part := range t.Parts() {
			if from := start + int(part.Start); from+int(part.Length) <= end {
				note(part.Code, text, t.Title, base, from, from+int(part.Length))
			}
		}
	})
	for i := range e.Words {
		e.Words[i].Tokens = merge(e.Words[i].Tokens)
		settle(e.Words[i].Tokens)
	}
	return e, err
}

// merge makes one token of those in the same place, as a number in characters is one
// with what it is in digits.
func merge(tokens []AttendedToken) []AttendedToken {
	out := tokens[:0]
	for _, t := range tokens {
		if n := len(out) - 1; n >= 0 && out[n].Start == t.Start && out[n].End == t.End && out[n].Title == t.Title {
			out[n].Attention += t.Attention
			out[n].Similarity = max(out[n].Similarity, t.Similarity)
			continue
		}
		out = append(out, t)
	}
	return out
}

// settle divides attention that is more than there is, which happens where several
// tokens are nearest and where parts outnumber the words of a passage.
func settle(tokens []AttendedToken) {
	total := 0.0
	for i := range tokens {
		total += tokens[i].Attention
	}
	if total > 1 {
		for i := range tokens {
			tokens[i].Attention /= total
		}
	}
}
