package transformer

import (
	"context"
	"fmt"
	"math"

	"github.com/ciyuan-search/ciyuan/tokenizer/subword"
)

// AnswerOptions are the settings of Answer. nil means the defaults.
type AnswerOptions struct {
	// Overlap is how many tokens of a long passage a window repeats of the one
	// before, 0 for a quarter of the window. It is cut to the window less one.
	Overlap int
	// MaxTokens is the longest answer, 0 for 30 tokens.
	MaxTokens int
}

// defaultAnswerTokens is the value that BERT was evaluated with on SQuAD.
const defaultAnswerTokens = 30

// Answer is a span of a passage.
type Answer struct {
	Start, End int     // bytes of the passage
	Score      float32 // sum of the logits of its first and its last token
	// Null is the least sum of the logits of the first token of the input over
	// all windows: the score of there being no answer, for models that were
	// trained with unanswerable questions.
	Null float32
}

// Answer returns the part of passage that answers question best: the span with
// the highest sum of start and end logits, of equal ones the first. ok is false if
// the passage has no tokens. A model without a question-answering head gives
// ErrNoHead; other errors are those of Encode.
func (m *Model) Answer(ctx context.Context, question, passage string, opts *AnswerOptions) (answer Answer, ok bool, err error) {
	windows, err := m.answerWindows(ctx, question, passage, opts)
	if err != nil {
		return Answer{}, false, err
	}
	longest := defaultAnswerTokens
	if opts != nil && opts.MaxTokens > 0 {
		longest = opts.MaxTokens
	}
	answer.Null = float32(math.Inf(1))
	for _, w := range windows {
		answer.Null = min(answer.Null, w.start[0]+w.end[0])
		first, last, score, found := w.best(longest)
		if found && (!ok || score > answer.Score) {
			answer.Start, answer.End, answer.Score = w.encoding.Tokens[first].Start, w.encoding.Tokens[last].End, score
			ok = true
		}
	}
	return answer, ok, nil
}

// answerWindow is a question with a part of the passage, and its logits.
type answerWindow struct {
	encoding   subword.Encoding
	start, end []float32
}

// answerWindows computes the logits of all windows, in order.
func (m *Model) answerWindows(ctx context.Context, question, passage string, opts *AnswerOptions) ([]answerWindow, error) {
	release, err := m.use()
	if err != nil {
		return nil, err
	}
	defer release()
	if m.weights.answer == nil {
		return nil, fmt.Errorf("%w: no qa_outputs", ErrNoHead)
	}
	room := m.limit() - m.tokenizer.AddedToPair()
	asked := m.tokenizer.Tokenize(nil, question)
	// A question that leaves no room for a passage is cut.
	asked = asked[:min(len(asked), max(room/2, 1))]
	room -= len(asked)
	pieces := m.tokenizer.Tokenize(nil, passage)
	overlap := room / windowOverlap
	if opts != nil && opts.Overlap > 0 {
		overlap = min(opts.Overlap, room-1)
	}
	var out []answerWindow
	var windows []window
	for at := 0; ; at += room - overlap {
		end := min(at+room, len(pieces))
		enc := m.tokenizer.AssemblePair(asked, pieces[at:end])
		windows = append(windows, window{sequence: toSequence(enc), text: len(out)})
		out = append(out, answerWindow{enc, make([]float32, len(enc.Tokens)), make([]float32, len(enc.Tokens))})
		if end == len(pieces) {
			break
		}
	}
	head := m.weights.answer
	err = m.each(ctx, windows, false, func(w *window, vector func(row int) []float32) {
		o := out[w.text]
		for i := range w.ids {
			x := vector(i)
			o.start[i] = dot(head.weight.Row(0), x) + head.bias[0]
			o.end[i] = dot(head.weight.Row(1), x) + head.bias[1]
		}
	})
	return out, err
}

func dot(a, b []float32) float32 {
	var sum float64
	for i, v := range a {
		sum += float64(v) * float64(b[i])
	}
	return float32(sum)
}

// best returns the first and the last token of the best answer in w.
func (w *answerWindow) best(longest int) (first, last int, score float32, found bool) {
	for i, s := range w.encoding.Sequence {
		if s != 1 {
			continue
		}
		for j := i; j < len(w.end) && j < i+longest && w.encoding.Sequence[j] == 1; j++ {
			if sum := w.start[i] + w.end[j]; !found || sum > score {
				first, last, score, found = i, j, sum, true
			}
		}
	}
	return first, last, score, found
}
