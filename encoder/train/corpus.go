package train

import (
	"bufio"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"math"
	"os"
	"slices"

	"github.com/ciyuan-search/ciyuan/internal/mapped"
)

const (
	// chunkWords is how many words a worker takes at a time: enough that taking
	// costs nothing, few enough that the learning rate falls smoothly.
	chunkWords = 10_000
	// maxSentence is where long sequences are cut, as word2vec and gensim do.
	maxSentence = 10_000
)

// corpus is the text as numbers, in a temporary file: for each sentence the
// number of its words and then the words, all uvarints, numbered by first
// occurrence. The words of the vocabulary have a second number, their rank.
type corpus struct {
	words  []string // by rank: most frequent first, ties by word
	counts []int64
	kept   int64   // sum of counts
	ranks  []int32 // of each number, -1 for a word that is too rare
	chunks []chunk
	total  int64 // words in all chunks, rare ones included
	file   *mapped.File
	path   string
}

// chunk is a run of whole sentences.
type chunk struct {
	start, end int64 // bytes of the file
	before     int64 // words in the chunks before
}

// corpusWriter counts words and writes them as numbers.
type corpusWriter struct {
	numbers map[string]int32
	words   []string
	counts  []int64
	out     *bufio.Writer
	buf     []byte
	offset  int64
	chunks  []chunk
	total   int64
}

// readCorpus reads sentences to the end. The caller must close the corpus.
func readCorpus(ctx context.Context, sentences iter.Seq2[[]string, error], o *Options) (*corpus, error) {
	f, err := os.CreateTemp(o.TempDir, "ciyuan-train-*")
	if err != nil {
		return nil, fmt.Errorf("keeping the text: %w", err)
	}
	w := &corpusWriter{numbers: map[string]int32{}, out: bufio.NewWriterSize(f, 1<<16)}
	err = w.readAll(ctx, sentences, o)
	if err == nil {
		err = w.out.Flush()
	}
	err = errors.Join(err, f.Close())
	c := &corpus{path: f.Name()}
	if err == nil {
		c.file, err = mapped.Open(c.path)
	}
	if err == nil {
		c.chunks, c.total = w.chunks, w.total
		err = c.rank(w, o)
	}
	if err != nil {
		return nil, errors.Join(err, c.close())
	}
	return c, nil
}

func (w *corpusWriter) readAll(ctx context.Context, sentences iter.Seq2[[]string, error], o *Options) error {
	for sentence, err := range sentences {
		if err != nil {
			return fmt.Errorf("reading the text: %w", err)
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		for part := range slices.Chunk(sentence, maxSentence) {
			started := len(w.chunks)
			if err := w.add(part); err != nil {
				return fmt.Errorf("keeping the text: %w", err)
			}
			if o.Progress != nil && len(w.chunks) != started {
				o.Progress(Progress{Epochs: o.Epochs, Done: w.total})
			}
		}
	}
	return nil
}

// add writes a sentence of at most maxSentence words; empty words are left out.
func (w *corpusWriter) add(sentence []string) error {
	w.buf = w.buf[:0]
	n := 0
	for _, word := range sentence {
		if word == "" {
			continue
		}
		number, ok := w.numbers[word]
		if !ok {
			if len(w.words) == math.MaxInt32 {
				return errors.New("more than 2^31 distinct words")
			}
			number = int32(len(w.words))
			word = string([]byte(word)) // the caller's may be a piece of a whole document
			w.numbers[word] = number
			w.words = append(w.words, word)
			w.counts = append(w.counts, 0)
		}
		w.counts[number]++
		w.buf = binary.AppendUvarint(w.buf, uint64(number))
		n++
	}
	if n == 0 {
		return nil
	}
	if last := len(w.chunks) - 1; last < 0 || w.total-w.chunks[last].before >= chunkWords {
		w.chunks = append(w.chunks, chunk{start: w.offset, before: w.total})
	}
	var length [binary.MaxVarintLen64]byte
	for _, b := range [][]byte{binary.AppendUvarint(length[:0], uint64(n)), w.buf} {
		written, err := w.out.Write(b)
		w.offset += int64(written)
		if err != nil {
			return err
		}
	}
	w.total += int64(n)
	w.chunks[len(w.chunks)-1].end = w.offset
	return nil
}

// rank chooses the vocabulary.
func (c *corpus) rank(w *corpusWriter, o *Options) error {
	var numbers []int32
	for number, count := range w.counts {
		if count >= int64(o.MinCount) {
			numbers = append(numbers, int32(number))
		}
	}
	slices.SortFunc(numbers, func(a, b int32) int {
		return cmp.Or(cmp.Compare(w.counts[b], w.counts[a]), cmp.Compare(w.words[a], w.words[b]))
	})
	if len(numbers) > o.MaxWords {
		numbers = numbers[:o.MaxWords]
	}
	if len(numbers) < 2 {
		return fmt.Errorf("%w: %d of %d words occur %d times", ErrVocabulary, len(numbers), len(w.words), o.MinCount)
	}
	c.ranks = make([]int32, len(w.words))
	for i := range c.ranks {
		c.ranks[i] = -1
	}
	for rank, number := range numbers {
		c.ranks[number] = int32(rank)
		c.words = append(c.words, w.words[number])
		c.counts = append(c.counts, w.counts[number])
		c.kept += w.counts[number]
	}
	return nil
}

// sentences yields the sentences of a chunk as ranks, rare words left out. The
// slice is overwritten by the next one.
func (c *corpus) sentences(k chunk) iter.Seq[[]int32] {
	return func(yield func([]int32) bool) {
		data := c.file.Bytes()[k.start:k.end]
		next := func() uint64 {
			v, n := binary.Uvarint(data)
			data = data[n:]
			return v
		}
		var sentence []int32
		for len(data) > 0 {
			sentence = sentence[:0]
			for range next() {
				if rank := c.ranks[next()]; rank >= 0 {
					sentence = append(sentence, rank)
				}
			}
			if !yield(sentence) {
				return
			}
		}
	}
}

// close removes the temporary file.
func (c *corpus) close() error {
	var err error
	if c.file != nil {
		err = c.file.Close()
	}
	return errors.Join(err, os.Remove(c.path))
}
