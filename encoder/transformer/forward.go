package transformer

import (
	"fmt"
	"math"

	"github.com/ciyuan-search/ciyuan/encoder/transformer/internal/kernel"
)

// activations are the functions between the two layers of the feed-forward part.
// gelu_fast and gelu_pytorch_tanh are gelu_new under other names.
var activations = map[string]func([]float32){
	"gelu":              kernel.GELU,
	"gelu_new":          kernel.GELUTanh,
	"gelu_fast":         kernel.GELUTanh,
	"gelu_pytorch_tanh": kernel.GELUTanh,
	"relu":              kernel.ReLU,
	"silu":              kernel.SiLU,
	"swish":             kernel.SiLU,
}

// sequence is one input of the model.
type sequence struct {
	ids   []uint32
	types []uint8 // segment of each token; nil: all 0
	keys  int     // how many tokens, from the first on, the others attend to
}

// arena is the memory of one thread's forward passes.
type arena struct {
	scratch kernel.Scratch
	memory  []float32
}

// reserve makes room for n floats and frees all that were taken.
func (a *arena) reserve(n int) {
	if cap(a.memory) < n {
		a.memory = make([]float32, n)
	}
	a.memory = a.memory[:0]
}

// take returns a matrix whose contents are undefined.
func (a *arena) take(rows, cols int) kernel.Matrix {
	n := len(a.memory)
	a.memory = a.memory[:n+rows*cols]
	return kernel.Of(a.memory[n:n+rows*cols], rows, cols)
}

// lanes is the multiple that the rows of attention weights are rounded up to,
// for the sake of the kernels.
const lanes = 16

func roundUp(n int) int { return (n + lanes - 1) / lanes * lanes }

// forward returns the last hidden states of the sequences, one row a token, in
// order. They are valid until the next call with the same arena. Without padding,
// a batch of sequences is one tall matrix to every layer but attention.
func (m *Model) forward(a *arena, batch []sequence) (kernel.Matrix, error) {
	c := m.config
	rows, longest := 0, 0
	for _, s := range batch {
		rows += len(s.ids)
		longest = max(longest, len(s.ids))
	}
	a.reserve(rows*(6*c.hidden+c.inner) + longest*roundUp(longest))
	p := pass{
		config: c, weights: m.weights, scratch: &a.scratch, batch: batch,
		hidden: a.take(rows, c.hidden), other: a.take(rows, c.hidden),
		qkv: a.take(rows, 3*c.hidden), context: a.take(rows, c.hidden),
		inner: a.take(rows, c.inner), scores: a.take(longest, roundUp(longest)),
	}
	if rows == 0 {
		return p.hidden, nil
	}
	if err := p.embed(); err != nil {
		return kernel.Matrix{}, err
	}
	out := p.run()
	if !allFinite(out.Data) {
		return kernel.Matrix{}, fmt.Errorf("%w: hidden states", ErrNotFinite)
	}
	return out, nil
}

// pass is one forward pass.
type pass struct {
	config  config
	weights *weights
	scratch *kernel.Scratch
	batch   []sequence
	hidden  kernel.Matrix // the residual stream
	other   kernel.Matrix // what a part adds to it, or its normalized form
	qkv     kernel.Matrix // queries, keys and values side by side
	context kernel.Matrix // what attention gathers
	inner   kernel.Matrix // inside the feed-forward part
	scores  kernel.Matrix // attention weights of one head
}

// embed fills hidden with the sum of the embeddings of word, position and
// segment.
func (p *pass) embed() error {
	c, w := p.config, p.weights
	row := 0
	for _, s := range p.batch {
		position := c.firstPos
		for i, id := range s.ids {
			at := position
			if c.family == familyRoBERTa && id == c.pad {
				// A padding token that is part of the text: the count goes on
				// behind it.
				at = int(c.pad)
			} else {
				position++
			}
			if uint64(id) >= uint64(c.vocab) || at >= c.positions {
				return fmt.Errorf("%w: token %d at position %d: the model has %d and %d", ErrFormat, id, at, c.vocab, c.positions)
			}
			x := p.hidden.Row(row)
			copy(x, w.words.Row(int(id)))
			kernel.Add(x, w.positions.Row(at))
			if c.types > 0 {
				t := 0
				if s.types != nil && c.family == familyBERT {
					t = int(s.types[i])
				}
				if t >= c.types {
					return fmt.Errorf("%w: segment %d of %d", ErrFormat, t, c.types)
				}
				kernel.Add(x, w.types.Row(t))
			}
			if c.family != familyGPT2 {
				kernel.Norm(x, x, w.embeddingNorm.gamma, w.embeddingNorm.beta, c.eps)
			}
			row++
		}
	}
	return nil
}

// run goes through the layers and returns the last hidden states.
func (p *pass) run() kernel.Matrix {
	if p.config.family == familyGPT2 {
		return p.runPreNorm()
	}
	for i := range p.weights.layers {
		l := &p.weights.layers[i]
		p.attend(l, i, p.hidden)
		l.out.apply(p.scratch, p.other, p.context)
		p.addNorm(p.hidden, p.other, p.hidden, l.attentionNorm)
		p.feedForward(l, p.hidden)
		p.addNorm(p.hidden, p.other, p.hidden, l.outputNorm)
	}
	return p.hidden
}

// runPreNorm is run for GPT-2, which normalizes what goes into a part instead of
// what comes out of it. Each normalization after the first is computed together
// with the addition before it.
func (p *pass) runPreNorm() kernel.Matrix {
	layers := p.weights.layers
	normal := p.context // free whenever it is needed
	first := layers[0].attentionNorm
	for i := range p.hidden.Rows {
		kernel.Norm(normal.Row(i), p.hidden.Row(i), first.gamma, first.beta, p.config.eps)
	}
	for i := range layers {
		l := &layers[i]
		p.attend(l, i, normal)
		l.out.apply(p.scratch, p.other, p.context)
		p.addNorm(normal, p.hidden, p.other, l.outputNorm)
		p.feedForward(l, normal)
		next := p.weights.finalNorm
		if i+1 < len(layers) {
			next = layers[i+1].attentionNorm
		}
		p.addNorm(normal, p.hidden, p.other, next)
	}
	return normal
}

// addNorm adds residual to x and sets dst to the normalized sum.
func (p *pass) addNorm(dst, x, residual kernel.Matrix, n norm) {
	for i := range x.Rows {
		kernel.AddNorm(dst.Row(i), x.Row(i), residual.Row(i), n.gamma, n.beta, p.config.eps)
	}
}

// feedForward sets other to what the feed-forward part makes of src.
func (p *pass) feedForward(l *layer, src kernel.Matrix) {
	l.up.apply(p.scratch, p.inner, src)
	activations[p.config.activation](p.inner.Data)
	l.down.apply(p.scratch, p.other, p.inner)
}

// attend sets context to what the heads of layer n gather from src. src may be
// context.
func (p *pass) attend(l *layer, n int, src kernel.Matrix) {
	c := p.config
	for i, part := range []*linear{&l.query, &l.key, &l.value} {
		part.apply(p.scratch, p.qkv.Columns(i*c.hidden, c.hidden), src)
	}
	size := c.hidden / c.heads
	scale := float32(1)
	if c.scaled {
		scale = float32(1 / math.Sqrt(float64(size)))
	}
	if c.scaledLayer {
		scale /= float32(n + 1)
	}
	row := 0
	for _, s := range p.batch {
		if len(s.ids) == 0 {
			continue
		}
		for h := range c.heads {
			q := p.qkv.Part(row, len(s.ids)).Columns(h*size, size)
			k := p.qkv.Part(row, s.keys).Columns(c.hidden+h*size, size)
			v := p.qkv.Part(row, s.keys).Columns(2*c.hidden+h*size, size)
			scores := kernel.Matrix{Data: p.scores.Data, Rows: q.Rows, Cols: k.Rows, Stride: roundUp(k.Rows)}
			p.scratch.MulT(scores, q, k, nil)
			p.softmax(scores, scale)
			p.scratch.Mul(p.context.Part(row, len(s.ids)).Columns(h*size, size), scores, v, nil)
		}
		row += len(s.ids)
	}
}

var negativeInfinity = float32(math.Inf(-1))

// softmax turns products into weights. The row of a token of GPT-2 ends with
// itself.
func (p *pass) softmax(scores kernel.Matrix, scale float32) {
	for i := range scores.Rows {
		seen := scores.Cols
		if p.config.family == familyGPT2 {
			seen = min(seen, i+1)
		}
		row := scores.Data[i*scores.Stride : (i+1)*scores.Stride]
		for j := seen; j < len(row); j++ {
			row[j] = negativeInfinity
		}
		kernel.Softmax(row, scale)
	}
}
