package ciyuan

import (
	"cmp"
	"math"
	"time"

	"github.com/ciyuan-search/ciyuan/internal/order"
	"github.com/ciyuan-search/ciyuan/scoring"
	"github.com/ciyuan-search/ciyuan/store"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// A booster says how much more, or less, a document counts for its fields and its
// age. That of nil is 1 for all.
type booster struct {
	tx      *store.Tx
	words   []string  // of the query
	weights []float64 // of these, summing to 1
	fields  []fieldBoost
	halving time.Duration // 0: age does not matter
	now     time.Time
	largest float64

	// The document of the last passage, and what it counts.
	doc  store.DocID
	end  store.PassageID
	last float64
	err  error
}

type fieldBoost struct {
	name   string
	factor float64
}

// newBooster returns what the options ask for, nil if that is nothing.
func (s *searcher) newBooster(plan *scoring.Plan) *booster {
	if len(s.opts.Boost) == 0 && s.opts.Recency == 0 {
		return nil
	}
	b := &booster{tx: s.tx, halving: s.opts.Recency, now: s.opts.Now, largest: 1}
	if b.now.IsZero() {
		b.now = time.Now()
	}
	for name, factor := range s.opts.Boost {
		b.fields = append(b.fields, fieldBoost{name, factor})
		b.largest *= max(1, factor)
	}
	order.Stable(b.fields, func(x, y *fieldBoost) int { return cmp.Compare(x.name, y.name) })
	for i := range s.terms {
		b.words = append(b.words, s.terms[i].word)
		b.weights = append(b.weights, plan.IDF(i)/plan.Most())
	}
	return b
}

// most returns the most that a document can count.
func (b *booster) most() float64 {
	if b == nil {
		return 1
	}
	return b.largest
}

// of returns what the document of a passage counts; 0 after an error, which stays in
// b.err.
func (b *booster) of(p store.PassageID) float64 {
	if b == nil {
		return 1
	}
	if p >= store.PassageID(b.doc) && p < b.end {
		return b.last
	}
	if b.err != nil {
		return 0
	}
	id, doc, err := b.tx.DocOf(p)
	if err == nil {
		b.doc, b.end = id, store.PassageID(id)+store.PassageID(doc.Passages)
		b.last, err = b.count(doc)
	}
	if err != nil {
		b.err, b.end = err, 0
		return 0
	}
	return b.last
}

func (b *booster) count(doc *store.Doc) (float64, error) {
	counts := 1.0
	for _, f := range b.fields {
		text := tokenizer.Fold(fieldOf(doc, f.name))
		share := 0.0
		for i, word := range b.words {
			if text != "" && holdsFolded(text, word) {
				share += b.weights[i]
			}
		}
		counts *= 1 + (f.factor-1)*min(1, share)
	}
	if b.halving == 0 {
		return counts, nil
	}
	date, ok := dateOf(fieldOf(doc, "date"))
	if !ok {
		source, there, err := b.tx.Source(doc.External)
		if err != nil {
			return 0, err
		}
		if there && source.ModTime != 0 {
			date, ok = time.Unix(0, source.ModTime), true
		}
	}
	recent := 0.0
	if ok {
		age := max(0, b.now.Sub(date))
		recent = math.Exp2(-float64(age) / float64(b.halving))
	}
	return counts * (1 + recent) / 2, nil
}

// dateOf reads a date as people write it in the meta of documents.
func dateOf(text string) (time.Time, bool) {
	for _, layout := range []string{time.DateOnly, time.RFC3339, time.DateTime, "2006-01-02T15:04:05", "2006-01", "2006"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}
