package ask

import "math"

// Sentence is a sentence of a passage with what each word of the question finds in
// it.
type Sentence struct {
	// Soft is the softmax attention of the question's words, Literal their BM25
	// values, both from 0 to 1.
	Soft, Literal []float64
}

// Passage is a passage that a search has found.
type Passage struct {
	Score     float64   // of the search, relative, 0 to 1
	Title     []float64 // attention of the question's words to the title, 0 to 1
	Sentences []Sentence
}

// What stands around a sentence counts so much; chosen on one half of the questions of
// three sets, see docs/ranking.md.
const (
	weighPassage = 1   // the score of its passage
	weighTitle   = 0.8 // a word of the question that the title has and the sentence lacks
	weighContext = 0.4 // the same of the sentence before it; half of it for the other ones
	weighCommon  = 0.4 // off for words that all sentences of the passage have
	weighLiteral = 0.3 // the literal value, beside the attention
	weighMisfit  = 0.1 // off where a date or a number is asked for and there is none

	// attends is how much attention makes a word one that a sentence has.
	attends = 0.3
)

// Scores returns the scores of the sentences of a passage, from 0 to about 2: what each
// has of the question, or what stands around it has, and what the passage has. soft and
// literal are the weights of the question's words for the two kinds of values, each of
// which sums to 1 or is all 0.
func (p *Passage) Scores(soft, literal []float64) []float64 {
	n := len(p.Sentences)
	value := func(i, t int) float64 {
		s := &p.Sentences[i]
		return (1-weighLiteral)*soft[t]*s.Soft[t] + weighLiteral*literal[t]*s.Literal[t]
	}
	scores := make([]float64, n)
	for t := range soft {
		if soft[t] == 0 && literal[t] == 0 {
			continue
		}
		having := 0
		for i := range n {
			if p.Sentences[i].Soft[t] > attends {
				having++
			}
		}
		rarity := 1 - weighCommon*float64(having)/float64(n)
		title := weighTitle * soft[t] * p.Title[t]
		before := 0.0 // the best value in front of the last sentence
		for i := range n {
			around := max(title, weighContext/2*before)
			if i > 0 {
				around = max(around, weighContext*value(i-1, t))
				before = max(before, value(i-1, t))
			}
			if i+1 < n {
				around = max(around, weighContext/2*value(i+1, t))
			}
			scores[i] += max(value(i, t)*rarity, around)
		}
	}
	for i := range n {
		scores[i] += weighPassage * p.Score
	}
	return scores
}

// Misfit returns what a sentence loses whose likeliest answer is not of the type that is
// asked for: something for dates and numbers, which are recognised with some certainty.
func (q *Question) Misfit(fits bool) float64 {
	if (q.Type == Time || q.Type == Number) && !fits {
		return weighMisfit
	}
	return 0
}

// Confidence returns how likely it is that a sentence with such a score answers, 0 to 1.
//
// It is a logistic regression on one half of the questions of three sets, each asked of
// an index with its document and of one without (docs/ranking.md).
func Confidence(score float64) float64 { return 1 / (1 + math.Exp(6.4-8*score)) }
