package ciyuan

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ciyuan-search/ciyuan/scoring"
	"github.com/ciyuan-search/ciyuan/store"
)

// attended is how far below the best similarity of a query word in a passage
// another token may be to count as a match, in units of the temperature: it
// then has a twentieth of the attention of the best one.
const attended = 3

// show fills in the snippet and the matches of a hit.
func (s *searcher) show(plan *scoring.Plan, h *Hit, f *found) error {
	p := f.passage
	passage, err := s.tx.Text(p)
	if err != nil {
		return err
	}
	text, offset := passage.Text, int(passage.Offset)
	record, err := s.tx.Passage(p)
	if err != nil {
		return err
	}
	type hit struct {
		Match
		term   int
		kind   MarkKind
		weight float64
	}
	var hits []hit
	best := make([]float32, len(s.terms))
	note := func(code store.Code, start, end int) {
		var top *scoring.Match
		matches := plan.Matches(uint32(code))
		for i := range matches {
			m := &matches[i]
			best[m.Term] = max(best[m.Term], m.Sim)
			if top == nil || plan.IDF(m.Term)*float64(m.Sim) > plan.IDF(top.Term)*float64(top.Sim) {
				top = m
			}
		}
		if top != nil {
			hits = append(hits, hit{
				Match:  Match{Query: s.terms[top.Term].surface, Similarity: top.Sim, Start: start, End: end},
				term:   top.Term,
				kind:   kindOf(top),
				weight: plan.IDF(top.Term) * float64(top.Sim),
			})
		}
	}
	err = s.walk(p, record, 0, len(text), func(t *store.Token, start, end int) {
		if t.Title {
			return
		}
		// Of a compound and its parts, what is nearer to the query is shown.
		before := len(hits)
		note(t.Code, start, end)
		whole := len(hits)
		for part := range t.Parts() {
			if from := start + int(part.Start); from+int(part.Length) <= end {
				note(part.Code, from, from+int(part.Length))
			}
		}
		if whole > before && len(hits) > whole {
			if slices.ContainsFunc(hits[whole:], func(h hit) bool { return h.weight > hits[before].weight }) {
				hits = slices.Delete(hits, before, whole)
			} else {
				hits = hits[:whole]
			}
		}
	})
	if err != nil {
		return err
	}
	body := string(text)
	margin := float32(attended) * s.enc.Params().Temperature
	var spans []Span
	var kinds []MarkKind
	var weights []float64
	h.Matches = []Match{}
	for _, m := range hits {
		if m.Similarity < best[m.term]-margin {
			continue
		}
		spans = append(spans, Span{m.Start, m.End})
		kinds = append(kinds, m.kind)
		weights = append(weights, m.weight)
		m.Token = strings.ToValidUTF8(body[m.Start:m.End], "\uFFFD")
		m.Start += offset
		m.End += offset
		h.Matches = append(h.Matches, m.Match)
	}
	var from int
	h.Snippet, h.Marks, from = snippet(body, spans, kinds, weights)
	h.Line = int(passage.Line) + countLines(body[:from]) + 1
	return nil
}

// kindOf says what a match is.
func kindOf(m *scoring.Match) MarkKind {
	if m.Exact || m.Form {
		return MarkLiteral
	}
	return MarkSemantic
}

// walk calls fn for every token of the record of passage p with its place in the
// text, which has text bytes, or in the title, which has title bytes.
// Tokens of the title that are not in these are left out.
func (s *searcher) walk(p store.PassageID, record []byte, title, text int, fn func(t *store.Token, start, end int)) error {
	d := store.DecodePassage(record)
	var t store.Token
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
		if inText && at > text {
			return fmt.Errorf("%w: the tokens of passage %d are longer than its text", ErrCorrupt, p)
		}
		if inText || at <= title {
			fn(&t, start, at)
		}
	}
	if err := d.Err(); err != nil {
		return fmt.Errorf("passage %d: %w", p, err)
	}
	return nil
}
