package eval

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// AnswerMetrics are the figures for answers. All lie in [0, 1].
type AnswerMetrics struct {
	// Sentence1 is the share of questions whose first answer stands in a sentence of a
	// relevant document that holds one of the expected answers, of those that have
	// such a sentence.
	Sentence1 float64 `json:"sentence@1"`
	// F1 and Exact compare the first answer with the expected ones, see [AnswerF1].
	F1    float64 `json:"f1"`
	Exact float64 `json:"exact"`
	// AUC is the area under the curve of the scores of first answers, for telling
	// questions whose document is in the index from the same questions where it is
	// not; see [AUC].
	AUC float64 `json:"auc"`
	// Refused is the share of the questions with their document that get no answer,
	// Invented that of those without it that get one.
	Refused  float64 `json:"refused"`
	Invented float64 `json:"invented"`
}

// AnswerResult is what `ciyuan eval --ask --json` prints.
type AnswerResult struct {
	Metrics    AnswerMetrics `json:"metrics"`
	Queries    int           `json:"queries"`
	Documents  int           `json:"documents"`
	MsPerQuery float64       `json:"ms_per_query"`
}

// Index makes an index of documents; done removes it.
type Index func(ctx context.Context, docs []Document) (db *ciyuan.DB, done func(), err error)

// Answers measures how well the questions of a set are answered: over an index of all
// documents, and over two with every second document each, of which one lacks the
// relevant one. A question of several relevant documents is not asked of the halves.
// progress is called after each question, three times in all. Only opts.MinScore
// and opts.K are not as given: they stand for what counts as refused.
func Answers(ctx context.Context, set *Set, index Index, opts ciyuan.AskOptions, progress func()) (*AnswerResult, error) {
	least := opts.MinScore
	if least == 0 {
		least = ciyuan.DefaultConfidence
	}
	opts.MinScore, opts.K = -1, 1
	res := &AnswerResult{Documents: len(set.Documents)}
	texts := map[string]string{}
	place := map[string]int{}
	for i, d := range set.Documents {
		texts[d.ID], place[d.ID] = d.Text, i
	}
	var queries []Query
	for _, q := range set.Queries {
		if len(q.Answers) > 0 && len(set.Qrels[q.ID]) > 0 {
			queries = append(queries, q)
		}
	}
	if res.Queries = len(queries); res.Queries == 0 {
		return nil, fmt.Errorf("%w: no question of %s has an answer", ErrMismatch, set.Name)
	}
	one := func(db *ciyuan.DB, q Query) (*ciyuan.Answer, error) {
		defer progress()
		got, err := db.Ask(ctx, q.Text, &opts)
		if err != nil && !errors.Is(err, ciyuan.ErrEmptyQuery) {
			return nil, fmt.Errorf("question %s: %w", q.ID, err)
		}
		if err != nil || len(got.Answers) == 0 {
			return nil, nil
		}
		return &got.Answers[0], nil
	}
	db, done, err := index(ctx, set.Documents)
	if err != nil {
		return nil, err
	}
	defer func() { done() }()
	var took time.Duration
	possible := 0
	for _, q := range queries {
		begun := time.Now()
		a, err := one(db, q)
		took += time.Since(begun)
		if err != nil {
			return nil, err
		}
		if inSentence(set.Qrels[q.ID], texts, q.Answers) {
			possible++
			if a != nil && set.Qrels[q.ID][a.Doc] > 0 && containsAny(a.Sentence, q.Answers) {
				res.Metrics.Sentence1++
			}
		}
		if a != nil {
			f1, exact := AnswerF1(a.Text, q.Answers)
			res.Metrics.F1 += f1
			if exact {
				res.Metrics.Exact++
			}
		}
	}
	n := float64(len(queries))
	res.Metrics.Sentence1 /= float64(max(possible, 1))
	res.Metrics.F1 /= n
	res.Metrics.Exact /= n
	res.MsPerQuery = took.Seconds() * 1000 / n

	var with, without []float64
	for half := range 2 {
		done()
		done = func() {}
		var docs []Document
		for i, d := range set.Documents {
			if i%2 == half {
				docs = append(docs, d)
			}
		}
		if db, done, err = index(ctx, docs); err != nil {
			return nil, err
		}
		for _, q := range queries {
			relevant := sortedKeys(set.Qrels[q.ID])
			if len(relevant) != 1 {
				continue
			}
			a, err := one(db, q)
			if err != nil {
				return nil, err
			}
			score := 0.0
			if a != nil {
				score = a.Score
			}
			if place[relevant[0]]%2 == half {
				with = append(with, score)
				if score < least {
					res.Metrics.Refused++
				}
			} else {
				without = append(without, score)
				if score >= least {
					res.Metrics.Invented++
				}
			}
		}
	}
	res.Metrics.AUC = AUC(with, without)
	res.Metrics.Refused /= float64(max(len(with), 1))
	res.Metrics.Invented /= float64(max(len(without), 1))
	return res, nil
}

// inSentence reports whether a sentence of a relevant document holds an answer.
func inSentence(relevant map[string]int, texts map[string]string, answers []string) bool {
	for _, id := range sortedKeys(relevant) {
		for _, s := range tokenizer.Sentences(texts[id]) {
			if relevant[id] > 0 && containsAny(texts[id][s.Start:s.End], answers) {
				return true
			}
		}
	}
	return false
}

// AUC returns the area under the receiver operating characteristic: how often a
// number of positive is larger than one of negative, where equal ones count half.
// It is 0 if one of the two is empty.
func AUC(positive, negative []float64) float64 {
	if len(positive) == 0 || len(negative) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(negative))
	wins := 0.0
	for _, p := range positive {
		below, _ := slices.BinarySearch(sorted, p)
		upTo := below
		for upTo < len(sorted) && sorted[upTo] == p {
			upTo++
		}
		wins += float64(below) + float64(upTo-below)/2
	}
	return wins / float64(len(positive)) / float64(len(negative))
}

// AnswerF1 returns the harmonic mean of precision and recall of the units of got
// against the expected answer that it is nearest to, and whether all units are equal
// and in the same order. Units are Chinese characters and words of other scripts, in
// lower case, without punctuation and, as SQuAD's own evaluation has it, without a, an
// and the. Without units it is 0.
//
// Source: Rajpurkar et al. (EMNLP 2016) for words, Cui et al., CMRC 2018 (EMNLP 2019)
// for Chinese characters.
func AnswerF1(got string, expected []string) (f1 float64, exact bool) {
	have := answerUnits(got)
	for _, answer := range expected {
		want := answerUnits(answer)
		if len(have) > 0 && slices.Equal(have, want) {
			return 1, true
		}
		left := map[string]int{}
		for _, u := range want {
			left[u]++
		}
		common := 0.0
		for _, u := range have {
			if left[u] > 0 {
				left[u]--
				common++
			}
		}
		if common > 0 {
			f1 = max(f1, 2*common/float64(len(have)+len(want)))
		}
	}
	return f1, false
}

// answerUnits returns the units that answers are compared by.
func answerUnits(text string) []string {
	var units []string
	var word strings.Builder
	end := func() {
		switch w := word.String(); w {
		case "", "a", "an", "the":
		default:
			units = append(units, w)
		}
		word.Reset()
	}
	for _, r := range strings.ToLower(text) {
		switch {
		case unicode.Is(unicode.Han, r):
			end()
			units = append(units, string(r))
		case unicode.IsSpace(r):
			end()
		case unicode.IsPunct(r):
			// U.S. is one word, as in SQuAD's evaluation.
		default:
			word.WriteRune(r)
		}
	}
	end()
	return units
}
