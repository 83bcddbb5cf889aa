package train

import (
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
)

// Powers of the counts that noise words are drawn by, from word2vec.c and
// fastText's loss.cc.
const (
	noisePowerWord2Vec = 0.75
	noisePowerFastText = 0.5
)

// trainer is what the workers of one run share.
type trainer struct {
	o       Options
	corpus  *corpus
	keep    []uint32 // see keepThresholds
	noise   *sampler
	input   *matrix // words, then the n-gram buckets that occur
	output  *matrix // words
	grams   *gramIndex
	done    atomic.Int64
	report  sync.Mutex
	minRate float64
}

// Train reads sentences, each a sequence of words in the form that the table is
// to have, and returns the vectors of those that occur often enough. The text is
// read once; memory is taken by the distinct words (all of them while it is
// read) and twice by the vectors.
//
// It returns the error of sentences, ctx's when that is cancelled, or one that
// wraps [ErrOptions] or [ErrVocabulary].
func Train(ctx context.Context, sentences iter.Seq2[[]string, error], opts Options) (*Model, error) {
	o, err := opts.withDefaults()
	if err != nil {
		return nil, err
	}
	c, err := readCorpus(ctx, sentences, &o)
	if err != nil {
		return nil, err
	}
	t := newTrainer(o, c)
	err = t.run(ctx)
	if err = errors.Join(err, c.close()); err != nil {
		return nil, err
	}
	return t.model(), nil
}

func newTrainer(o Options, c *corpus) *trainer {
	t := &trainer{o: o, corpus: c}
	rows, power, words := len(c.words), noisePowerWord2Vec, c.kept
	if o.Type == FastText {
		// fastText's frequencies are relative to all words, rare ones included.
		power, words = noisePowerFastText, c.total
		t.grams = newGramIndex(c.words, o.Grams)
		rows += len(t.grams.buckets)
	} else {
		t.minRate = 1e-4 * o.Rate
	}
	t.keep = keepThresholds(c.counts, words, o.Sample)
	t.noise = newSampler(c.counts, power)
	t.input = newMatrix(rows, o.Dim, o.Workers)
	t.output = newMatrix(len(c.words), o.Dim, o.Workers)
	// Uniform in +-1/dim, as in gensim and fastText (word2vec.c: half of that,
	// which costs two points of MRR on small texts).
	rng := rand.New(rand.NewPCG(o.Seed, ^uint64(0)))
	for i := range int32(rows) {
		row := t.input.row(i)
		for c := range o.Dim {
			row[c] = float32((rng.Float64()*2 - 1) / float64(o.Dim))
		}
	}
	return t
}

// run trains all epochs. Workers take chunks from a counter; random numbers
// depend on the chunk and not on who takes it.
func (t *trainer) run(ctx context.Context) error {
	for epoch := range t.o.Epochs {
		var next atomic.Int64
		var group sync.WaitGroup
		for range min(t.o.Workers, len(t.corpus.chunks)) {
			group.Go(func() {
				w := newWorker(t)
				for ctx.Err() == nil {
					k := int(next.Add(1)) - 1
					if k >= len(t.corpus.chunks) {
						return
					}
					t.trainChunk(w, epoch, k)
				}
			})
		}
		group.Wait()
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

func (t *trainer) trainChunk(w *worker, epoch, k int) {
	chunks := t.corpus.chunks
	end := t.corpus.total
	if k+1 < len(chunks) {
		end = chunks[k+1].before
	}
	total := t.corpus.total * int64(t.o.Epochs)
	before := t.corpus.total*int64(epoch) + chunks[k].before
	rate := max(t.minRate, t.o.Rate*(1-float64(before)/float64(total)))
	w.rate = float32(rate)
	w.rng.Seed(t.o.Seed, uint64(epoch)<<32|uint64(k))
	for sentence := range t.corpus.sentences(chunks[k]) {
		// Deleting moves words left, as both originals do: what is left out
		// widens the window of the others.
		kept := slices.DeleteFunc(sentence, func(word int32) bool {
			return t.keep[word] != ^uint32(0) && uint32(w.rng.Uint64()) >= t.keep[word]
		})
		if t.o.Type == FastText {
			w.fastText(kept)
		} else {
			w.word2vec(kept)
		}
	}
	done := t.done.Add(end - chunks[k].before)
	if t.o.Progress != nil {
		t.report.Lock()
		defer t.report.Unlock()
		t.o.Progress(Progress{
			Words: len(t.corpus.words), Epoch: epoch + 1, Epochs: t.o.Epochs,
			Done: done, Total: total, Rate: rate,
		})
	}
}
