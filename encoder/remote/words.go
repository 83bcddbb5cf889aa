package remote

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/ciyuan-search/ciyuan/encoder"
)

// Words asks a server that speaks OpenAI's embeddings API for the vectors of words. It is
// an [encoder.Words], safe for concurrent use, and knows nothing before it is asked.
type Words struct {
	*client
	batch    int
	parallel int
	dim      atomic.Int64
}

var _ encoder.Words = (*Words)(nil)

// NewWords returns the encoder of a server, which is not asked yet. The error wraps
// [ErrURL].
func NewWords(o Options) (*Words, error) {
	c, err := newClient(o)
	if err != nil {
		return nil, err
	}
	switch path := strings.TrimSuffix(c.url.Path, "/"); path {
	case "":
		c.url.Path = "/v1/embeddings"
	case "/v1":
		c.url.Path = path + "/embeddings"
	}
	w := &Words{client: c, batch: o.Batch, parallel: o.Parallel}
	if w.batch <= 0 {
		w.batch = DefaultBatch
	}
	if w.parallel <= 0 {
		w.parallel = DefaultParallel
	}
	return w, nil
}

// Name returns the model with "http:" in front or, without a model, the address.
func (w *Words) Name() string { return w.name() }

// Fingerprint returns 16 hexadecimal digits that stand for the name. What a server
// computes can only be seen from its vectors; an index compares them.
func (w *Words) Fingerprint() string {
	sum := sha256.Sum256([]byte("words of " + w.name()))
	return hex.EncodeToString(sum[:8])
}

// Dim returns the number of columns, 0 before the first answer.
func (w *Words) Dim() int { return int(w.dim.Load()) }

// embeddings is an answer of the API.
type embeddings struct {
	Data []struct {
		Index     *int   `json:"index"`
		Embedding vector `json:"embedding"`
	} `json:"data"`
}

// Vectors returns the vectors of words as the server gives them, nil for one that is
// all zeros. The error wraps [ErrRefused], [ErrUnavailable] or [ErrAnswer], or is that of
// ctx.
func (w *Words) Vectors(ctx context.Context, words []string) ([][]float32, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	vectors := make([][]float32, len(words))
	errs := make([]error, (len(words)+w.batch-1)/w.batch)
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(w.parallel, len(errs)) {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < len(errs) && ctx.Err() == nil; i = int(next.Add(1)) - 1 {
				from, to := i*w.batch, min(len(words), (i+1)*w.batch)
				if errs[i] = w.ask(ctx, words[from:to], vectors[from:to]); errs[i] != nil {
					cancel() // the others need not go on
				}
			}
		})
	}
	wg.Wait()
	var first error
	for _, err := range errs {
		if err != nil && (first == nil || errors.Is(first, context.Canceled)) {
			first = err
		}
	}
	if first == nil {
		first = ctx.Err() // between two requests
	}
	if first != nil {
		return nil, first
	}
	return vectors, nil
}

// ask fills in the vectors of a batch of words, in halves if the server finds it too
// large.
func (w *Words) ask(ctx context.Context, words []string, vectors [][]float32) error {
	request := struct {
		Model string   `json:"model,omitempty"`
		Input []string `json:"input"`
	}{w.model, words}
	var answer embeddings
	err := w.post(ctx, w.url.Path, request, &answer)
	var refused *refusal
	if errors.As(err, &refused) && refused.tooLarge() && len(words) > 1 {
		half := len(words) / 2
		if err := w.ask(ctx, words[:half], vectors[:half]); err != nil {
			return err
		}
		return w.ask(ctx, words[half:], vectors[half:])
	}
	if err != nil {
		return err
	}
	if err := w.place(&answer, words, vectors); err != nil {
		return fmt.Errorf("%s: %w", w.address(), err)
	}
	return nil
}

// place puts the vectors of an answer where they belong.
func (w *Words) place(answer *embeddings, words []string, vectors [][]float32) error {
	if len(answer.Data) != len(words) {
		return fmt.Errorf("%w: %d vectors for %d words", ErrAnswer, len(answer.Data), len(words))
	}
	seen := make([]bool, len(words))
	for i := range answer.Data {
		d := &answer.Data[i]
		at := i
		if d.Index != nil {
			at = *d.Index
		}
		if at < 0 || at >= len(words) || seen[at] {
			return fmt.Errorf("%w: vector %d has the index %d of %d", ErrAnswer, i, at, len(words))
		}
		seen[at] = true
		if err := w.checkDim(len(d.Embedding)); err != nil {
			return fmt.Errorf("%w (%q)", err, words[at])
		}
		if !d.Embedding.zero() {
			vectors[at] = d.Embedding
		}
	}
	return nil
}

// checkDim compares the number of columns with that of the vectors before.
func (w *Words) checkDim(n int) error {
	if n == 0 || n > maxDim {
		return fmt.Errorf("%w: a vector of %d numbers", ErrAnswer, n)
	}
	if !w.dim.CompareAndSwap(0, int64(n)) && w.dim.Load() != int64(n) {
		return fmt.Errorf("%w: a vector of %d numbers, those before had %d", ErrAnswer, n, w.dim.Load())
	}
	return nil
}
