package train

import "math/rand/v2"

// worker holds what one goroutine needs to train.
type worker struct {
	*trainer
	rng      rand.PCG
	rate     float32
	sigmoids *sigmoidTable

	hidden, gradient, total []float32 // a row each
}

func newWorker(t *trainer) *worker {
	n := t.output.width
	return &worker{
		trainer: t, sigmoids: sigmoids(),
		hidden: make([]float32, n), gradient: make([]float32, n), total: make([]float32, n),
	}
}

// window returns the bounds of the words around position i, of a width that is
// drawn anew for each.
func (w *worker) window(i, n int) (from, to int) {
	b := 1 + int(uint64(uint32(w.rng.Uint64()))*uint64(w.o.Window)>>32)
	return max(0, i-b), min(n, i+b+1)
}

// word2vec trains a sentence: the vector of each word around a position is to
// tell the word there from noise words, drawn anew for each. (Drawing them once
// for all words around saves a quarter of the time and costs a point of MRR.)
func (w *worker) word2vec(sentence []int32) {
	for i, center := range sentence {
		from, to := w.window(i, len(sentence))
		for c := from; c < to; c++ {
			if c == i {
				continue
			}
			row := w.input.row(sentence[c])
			w.input.lock(sentence[c])
			copy(w.hidden, row)
			w.input.unlock(sentence[c])
			clear(w.gradient)
			w.pairs(center)
			w.input.lock(sentence[c])
			axpy(row, w.gradient, 1)
			w.input.unlock(sentence[c])
		}
	}
}

// fastText trains a sentence: the mean of the rows of a word and its n-grams is
// to tell each word around it from noise words. Every row of the mean gets the
// whole gradient, as in fastText, so the mean itself moves by the gradient, and
// the rows need be read and written only once for the window.
func (w *worker) fastText(sentence []int32) {
	for i, center := range sentence {
		from, to := w.window(i, len(sentence))
		if to-from < 2 {
			continue
		}
		rows := w.grams.rows(center)
		clear(w.hidden)
		for _, r := range rows {
			w.input.lock(r)
			axpy(w.hidden, w.input.row(r), 1/float32(len(rows)))
			w.input.unlock(r)
		}
		clear(w.total)
		for c := from; c < to; c++ {
			if c == i {
				continue
			}
			clear(w.gradient)
			w.pairs(sentence[c])
			axpy(w.hidden, w.gradient, 1)
			axpy(w.total, w.gradient, 1)
		}
		for _, r := range rows {
			w.input.lock(r)
			axpy(w.input.row(r), w.total, 1)
			w.input.unlock(r)
		}
	}
}

// pairs trains the hidden vector on a word and on noise words.
func (w *worker) pairs(word int32) {
	w.pair(word, 1)
	for range w.o.Negatives {
		if noise := w.noise.draw(&w.rng); noise != word {
			w.pair(noise, 0)
		}
	}
}

// pair updates one output row and adds to the gradient of the hidden vector.
func (w *worker) pair(word int32, label float32) {
	w.output.lock(word)
	out := w.output.row(word)
	step(w.gradient, out, w.hidden, (label-w.sigmoids.at(dot(w.hidden, out)))*w.rate)
	w.output.unlock(word)
}
