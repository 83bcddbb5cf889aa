package transformer

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/ciyuan-search/ciyuan/tokenizer/subword"
)

// Span is a range of bytes of a text.
type Span struct{ Start, End int }

// EncodeOptions says which vectors Encode returns. nil means the zero value.
type EncodeOptions struct {
	// Words makes the words of text i the unit, which are the spans Words[i]: the
	// vector of a word is the mean of those of the pieces that overlap it. Words
	// must then have one element a text. nil makes the model's pieces the unit.
	Words [][]Span

	// Raw asks for the hidden states as they are: not made unit, and without
	// the projection of a ColBERT model.
	Raw bool

	// Query says that the texts are queries. Only ColBERT models know a
	// difference: they mark queries and documents with different tokens.
	Query bool
}

// Encoded is the vectors of one text.
type Encoded struct {
	Tokens  []Token
	Dim     int
	Vectors []float32 // len(Tokens) x Dim, row-major
}

// Token is what a vector stands for. Its span lies in the original text.
type Token struct {
	Start, End int
	ID         uint32 // of a piece; 0 for a word
	Word       int    // index in the Words of its text; -1 for a piece
}

// Vector returns row i.
func (e *Encoded) Vector(i int) []float32 { return e.Vectors[i*e.Dim : (i+1)*e.Dim : (i+1)*e.Dim] }

const (
	// batchRows is how many tokens go through the layers at once, if the texts
	// are short: enough to make the packing of weights cheap, and as many as the
	// kernels take in one block.
	batchRows = 240
	// windowOverlap is which part of a window the next one repeats.
	windowOverlap = 4
)

// Encode returns a vector for each piece or word of each text, of unit length
// unless opts.Raw is set. The tokens that the model expects around a text are
// left out; special tokens that are written in the text stay. Words that no
// piece overlaps (white space, characters that the tokenizer drops) have no
// vector, and an empty text has no tokens. Invalid UTF-8 counts as U+FFFD.
//
// A text longer than the model takes is computed in windows that overlap by a
// quarter, and each piece taken from the window in which it sees most around it.
//
// Texts are computed on the threads of [Options]; the results do not depend on
// their number. Memory grows with the size of the result: pass long lists in
// parts. Errors are ErrClosed, ErrNotFinite and those of ctx.
func (m *Model) Encode(ctx context.Context, texts []string, opts *EncodeOptions) ([]Encoded, error) {
	var o EncodeOptions
	if opts != nil {
		o = *opts
	}
	if o.Words != nil && len(o.Words) != len(texts) {
		return nil, fmt.Errorf("transformer: words of %d texts for %d texts", len(o.Words), len(texts))
	}
	release, err := m.use()
	if err != nil {
		return nil, err
	}
	defer release()

	project := m.late != nil && !o.Raw
	dim := m.config.hidden
	if project {
		dim = m.info.Dim
	}
	out := make([]Encoded, len(texts))
	pieces := make([][]subword.Token, len(texts))
	states := make([][]float32, len(texts))
	var windows []window
	for i, text := range texts {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		pieces[i] = m.tokenizer.Tokenize(nil, text)
		states[i] = make([]float32, len(pieces[i])*dim)
		windows = m.appendWindows(windows, i, pieces[i], o.Query)
	}
	err = m.each(ctx, windows, project, func(w *window, vector func(row int) []float32) {
		for j := w.from; j < w.to; j++ {
			copy(states[w.text][j*dim:(j+1)*dim], vector(w.row+j-w.start))
		}
	})
	if err != nil {
		return nil, err
	}
	for i := range texts {
		// A ColBERT vector is a direction; the length of its projection says
		// nothing, so that a mean is taken of unit vectors.
		if !o.Raw && (o.Words == nil || project) {
			unitRows(states[i], dim)
		}
		out[i] = Encoded{Dim: dim, Vectors: states[i], Tokens: make([]Token, len(pieces[i]))}
		for j, p := range pieces[i] {
			out[i].Tokens[j] = Token{p.Start, p.End, p.ID, -1}
		}
		if o.Words != nil {
			out[i] = pool(out[i], o.Words[i])
			if !o.Raw {
				unitRows(out[i].Vectors, dim)
			}
		}
	}
	return out, nil
}

// window is a part of a text that is computed as one input.
type window struct {
	sequence
	text     int // index of the text
	start    int // first piece that is in the window
	row      int // row of the input where that piece is
	from, to int // pieces whose vectors are taken from this window
}

// appendWindows appends the windows of one text.
func (m *Model) appendWindows(dst []window, text int, pieces []subword.Token, query bool) []window {
	if len(pieces) == 0 {
		return dst
	}
	limit := m.limit()
	mark := 0 // tokens that a ColBERT model puts in besides the usual ones
	if m.late != nil {
		mark = 1
		if !query {
			limit = min(limit, m.late.documentLength)
		}
	}
	size := limit - m.tokenizer.Added() - mark
	starts := windowStarts(len(pieces), size, size/windowOverlap)
	done := 0
	for i, start := range starts {
		end := min(start+size, len(pieces))
		enc := m.assemble(pieces[start:end], query)
		w := window{sequence: toSequence(enc), text: text, start: start, from: done, to: end}
		for enc.Sequence[w.row] < 0 {
			w.row++
		}
		if i+1 < len(starts) && m.config.family != familyGPT2 {
			// In the middle of the overlap both windows show equally much. GPT-2
			// sees only what lies before a piece, which the first one shows more of.
			w.to = (starts[i+1] + end + 1) / 2
		}
		done = w.to
		dst = append(dst, w)
	}
	return dst
}

// windowStarts returns where the windows of n pieces begin. The last one is
// moved back until it is full.
func windowStarts(n, size, overlap int) []int {
	starts := []int{0}
	for at := 0; at+size < n; {
		at = min(at+size-overlap, n-size)
		starts = append(starts, at)
	}
	return starts
}

// assemble puts the tokens around the pieces of a text that the model expects.
func (m *Model) assemble(pieces []subword.Token, query bool) subword.Encoding {
	enc := m.tokenizer.Assemble(pieces)
	if m.late != nil {
		m.late.mark(&enc, query)
	}
	return enc
}

func toSequence(enc subword.Encoding) sequence {
	s := sequence{ids: make([]uint32, len(enc.Tokens)), types: enc.Types, keys: len(enc.Tokens)}
	for i, t := range enc.Tokens {
		s.ids[i] = t.ID
	}
	return s
}

// each computes the windows and calls f for each, from several goroutines.
// vector returns the hidden state of a row of the window's input, or its
// projection; it is valid until f returns.
func (m *Model) each(ctx context.Context, windows []window, project bool, f func(w *window, vector func(row int) []float32)) error {
	var batches [][]window
	for len(windows) > 0 {
		n, rows := 0, 0
		for n < len(windows) && (n == 0 || rows+len(windows[n].ids) <= batchRows) {
			rows += len(windows[n].ids)
			n++
		}
		batches = append(batches, windows[:n])
		windows = windows[n:]
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(m.threads, len(batches)) {
		wg.Go(func() {
			a := m.arenas.Get().(*arena)
			defer m.arenas.Put(a)
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(batches) {
					return
				}
				if err := m.batch(a, batches[i], project, f); err != nil {
					cancel(err)
				}
			}
		})
	}
	wg.Wait()
	return context.Cause(ctx)
}

// batch computes some windows at once.
func (m *Model) batch(a *arena, windows []window, project bool, f func(w *window, vector func(row int) []float32)) error {
	batch := make([]sequence, len(windows))
	for i, w := range windows {
		batch[i] = w.sequence
	}
	out, err := m.forward(a, batch)
	if err != nil {
		return err
	}
	if project {
		out = m.project(a, out)
	}
	row := 0
	for i := range windows {
		f(&windows[i], func(r int) []float32 { return out.Row(row + r) })
		row += len(windows[i].ids)
	}
	return nil
}

// States returns the last hidden states of one input, tokens x hidden size, the
// tokens that were put in included. enc comes from the model's Tokenizer; it must
// not be longer than Info says.
func (m *Model) States(ctx context.Context, enc subword.Encoding) ([]float32, error) {
	release, err := m.use()
	if err != nil {
		return nil, err
	}
	defer release()
	if len(enc.Tokens) == 0 {
		return nil, ctx.Err()
	}
	var out []float32
	w := window{sequence: toSequence(enc)}
	err = m.each(ctx, []window{w}, false, func(w *window, vector func(row int) []float32) {
		for i := range w.ids {
			out = append(out, vector(i)...)
		}
	})
	return out, err
}

// MeanStates returns the mean of the hidden states of each text, those of the tokens
// that the model expects around it included, as sentence encoders are trained to be
// used. A text that is longer than the model takes is cut, and one without tokens has
// a mean of zeros. Texts are computed as by Encode, with the same errors.
func (m *Model) MeanStates(ctx context.Context, texts []string) ([][]float32, error) {
	release, err := m.use()
	if err != nil {
		return nil, err
	}
	defer release()
	means := make([][]float32, len(texts))
	var windows []window
	for i, text := range texts {
		means[i] = make([]float32, m.config.hidden)
		pieces := m.tokenizer.Tokenize(nil, text)
		enc := m.tokenizer.Assemble(pieces[:min(len(pieces), m.limit()-m.tokenizer.Added())])
		if len(enc.Tokens) > 0 {
			windows = append(windows, window{sequence: toSequence(enc), text: i})
		}
	}
	return means, m.each(ctx, windows, false, func(w *window, vector func(row int) []float32) {
		mean := means[w.text]
		for row := range w.ids {
			for i, x := range vector(row) {
				mean[i] += x
			}
		}
		for i := range mean {
			mean[i] /= float32(len(w.ids))
		}
	})
}

// pool returns the means of the pieces that overlap each word. Pieces and words
// may both overlap each other. Words without a piece are left out.
func pool(e Encoded, words []Span) Encoded {
	// The pieces are nearly, but not always, in the order of their spans. With
	// the largest end so far and the smallest start from there on, both of which
	// ascend, a search finds a range outside of which no piece overlaps.
	n := len(e.Tokens)
	ends, starts := make([]int, n), make([]int, n)
	for i, t := range e.Tokens {
		ends[i] = t.End
		if i > 0 {
			ends[i] = max(ends[i-1], t.End)
		}
	}
	for i := n - 1; i >= 0; i-- {
		starts[i] = e.Tokens[i].Start
		if i+1 < n {
			starts[i] = min(starts[i], starts[i+1])
		}
	}
	out := Encoded{Dim: e.Dim, Tokens: make([]Token, 0, len(words)), Vectors: make([]float32, 0, len(words)*e.Dim)}
	for i, w := range words {
		lo, _ := slices.BinarySearch(ends, w.Start+1)
		hi, _ := slices.BinarySearch(starts, w.End)
		at, pieces := len(out.Vectors), 0
		for j := lo; j < hi; j++ {
			t := e.Tokens[j]
			if t.Start >= w.End || t.End <= w.Start || t.Start == t.End {
				continue
			}
			if pieces == 0 {
				out.Vectors = append(out.Vectors, make([]float32, e.Dim)...)
			}
			for d, v := range e.Vector(j) {
				out.Vectors[at+d] += v
			}
			pieces++
		}
		if pieces == 0 {
			continue
		}
		for d := range e.Dim {
			out.Vectors[at+d] /= float32(pieces)
		}
		out.Tokens = append(out.Tokens, Token{Start: w.Start, End: w.End, Word: i})
	}
	return out
}

// unitRows makes each row of dim values unit. A row of zeros stays.
func unitRows(x []float32, dim int) {
	for ; len(x) >= dim; x = x[dim:] {
		var sum float64
		for _, v := range x[:dim] {
			sum += float64(v) * float64(v)
		}
		if sum == 0 {
			continue
		}
		inverse := 1 / math.Sqrt(sum)
		for i, v := range x[:dim] {
			x[i] = float32(float64(v) * inverse)
		}
	}
}
