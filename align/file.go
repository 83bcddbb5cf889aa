package align

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"unicode/utf8"
)

// modelMagic is what a file of a model begins with. A header of 28 bytes holds it,
// the version, the length of what follows and its CRC-32C, little endian; what
// follows are numbers as uvarints and float32, texts with their length before
// them.
const (
	modelMagic   = "ciyuanal"
	modelVersion = 1
	modelHeader  = 8 + 4 + 8 + 4 + 4
	// maxModelBytes bounds what a file may ask of memory.
	maxModelBytes = 2 << 30
)

var (
	// ErrModel is wrapped where a file is no model of this package, or a damaged
	// one.
	ErrModel = errors.New("align: not an alignment model")
	// ErrModelVersion is wrapped where a model has a version that this program
	// does not know.
	ErrModelVersion = errors.New("align: alignment model of an unknown version")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

type modelWriter struct{ b []byte }

func (w *modelWriter) number(n uint64) { w.b = binary.AppendUvarint(w.b, n) }
func (w *modelWriter) float(x float32) {
	w.b = binary.LittleEndian.AppendUint32(w.b, math.Float32bits(x))
}
func (w *modelWriter) double(x float64) {
	w.b = binary.LittleEndian.AppendUint64(w.b, math.Float64bits(x))
}
func (w *modelWriter) text(text string) { w.number(uint64(len(text))); w.b = append(w.b, text...) }
func (w *modelWriter) jumps(j *jumpTable) {
	for _, x := range j.weights {
		w.double(x)
	}
	w.double(j.null)
}

func (w *modelWriter) side(s *side) {
	w.number(uint64(len(s.words)))
	for i, word := range s.words {
		w.text(word)
		w.number(uint64(s.seen[i]))
		w.float(s.null[i])
	}
}

func (w *modelWriter) counts(c *counts) {
	keys := c.keys()
	w.number(uint64(len(keys)))
	last := uint64(0)
	for _, k := range keys {
		w.number(k - last)
		w.float(c.pairs[k])
		last = k
	}
}

// WriteTo writes the model in the form that ReadModel reads and returns the
// number of bytes. The same model gives the same bytes.
func (m *Model) WriteTo(out io.Writer) (int64, error) {
	w := modelWriter{b: make([]byte, modelHeader, 1<<20)}
	w.number(uint64(m.pairs))
	for i := range m.jumps {
		w.jumps(&m.jumps[i])
	}
	w.side(m.src)
	w.side(m.tgt)
	w.counts(&m.forward)
	w.counts(&m.backward)
	w.number(uint64(len(m.texts)))
	for _, e := range m.texts {
		w.text(e.Source)
		w.text(e.Target)
	}
	w.number(uint64(len(m.entries)))
	for _, e := range m.entries {
		w.number(uint64(e.src))
		w.number(uint64(e.tgt))
		w.number(uint64(e.count))
		w.number(uint64(len(e.examples)))
		for _, k := range e.examples {
			w.number(uint64(k))
		}
	}
	copy(w.b, modelMagic)
	binary.LittleEndian.PutUint32(w.b[8:], modelVersion)
	binary.LittleEndian.PutUint64(w.b[12:], uint64(len(w.b)-modelHeader))
	binary.LittleEndian.PutUint32(w.b[20:], crc32.Checksum(w.b[modelHeader:], castagnoli))
	binary.LittleEndian.PutUint32(w.b[24:], crc32.Checksum(w.b[:24], castagnoli))
	n, err := out.Write(w.b)
	return int64(n), err
}

// OpenModel reads a model from a file; an error names it.
func OpenModel(path string) (*Model, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }()
	m, err := ReadModel(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return m, nil
}

// ReadModel reads a model that WriteTo has written. It takes no more memory than
// a few times what r holds. The error wraps ErrModel or ErrModelVersion, or is
// that of r.
func ReadModel(r io.Reader) (*Model, error) {
	data, err := io.ReadAll(io.LimitReader(r, maxModelBytes+1))
	if err != nil {
		return nil, err
	}
	switch {
	case len(data) > maxModelBytes:
		return nil, fmt.Errorf("%w: larger than %d MiB", ErrModel, maxModelBytes>>20)
	case len(data) < modelHeader || string(data[:8]) != modelMagic:
		return nil, ErrModel
	case binary.LittleEndian.Uint32(data[24:]) != crc32.Checksum(data[:24], castagnoli):
		return nil, fmt.Errorf("%w: its header is damaged", ErrModel)
	case binary.LittleEndian.Uint32(data[8:]) != modelVersion:
		return nil, fmt.Errorf("%w: %d", ErrModelVersion, binary.LittleEndian.Uint32(data[8:]))
	case binary.LittleEndian.Uint64(data[12:]) != uint64(len(data)-modelHeader):
		return nil, fmt.Errorf("%w: it is cut off", ErrModel)
	case binary.LittleEndian.Uint32(data[20:]) != crc32.Checksum(data[modelHeader:], castagnoli):
		return nil, fmt.Errorf("%w: its checksum is wrong", ErrModel)
	}
	return parseModel(data[modelHeader:])
}

// modelReader reads numbers and texts; the first fault stays in err, and all
// that follows is zero.
type modelReader struct {
	b   []byte
	err error
}

func (r *modelReader) fail(what string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", ErrModel, what)
	}
	r.b = nil
}

func (r *modelReader) number() uint64 {
	n, size := binary.Uvarint(r.b)
	if size <= 0 {
		r.fail("a number is cut off")
		return 0
	}
	r.b = r.b[size:]
	return n
}

// below reads a number that has to be below limit.
func (r *modelReader) below(limit uint64) uint32 {
	n := r.number()
	if n >= limit || n > math.MaxUint32 {
		r.fail("a number is out of range")
		return 0
	}
	return uint32(n)
}

// size reads the number of things of which each takes at least so many bytes.
func (r *modelReader) size(each int) int {
	n := r.number()
	if n > uint64(len(r.b)/each) {
		r.fail("it is cut off")
		return 0
	}
	return int(n)
}

func (r *modelReader) double() float64 {
	if len(r.b) < 8 {
		r.fail("it is cut off")
		return 0
	}
	x := math.Float64frombits(binary.LittleEndian.Uint64(r.b))
	r.b = r.b[8:]
	return x
}

func (r *modelReader) float() float32 {
	if len(r.b) < 4 {
		r.fail("it is cut off")
		return 0
	}
	x := math.Float32frombits(binary.LittleEndian.Uint32(r.b))
	r.b = r.b[4:]
	if !(x >= 0 && x <= math.MaxFloat32) {
		r.fail("a count is out of range")
		return 0
	}
	return x
}

func (r *modelReader) text() string {
	n := r.size(1)
	text := string(r.b[:n])
	r.b = r.b[n:]
	return text
}

func (r *modelReader) jumps() (j jumpTable) {
	for i := range j.weights {
		if j.weights[i] = r.double(); !(j.weights[i] >= minJump && j.weights[i] <= 1e6) {
			r.fail("a jump is out of range")
		}
	}
	if j.null = r.double(); !(j.null >= 0 && j.null < 1) {
		r.fail("the share of nothing is out of range")
	}
	return j
}

func (r *modelReader) side() *side {
	s := newSide()
	for i := range r.size(6) {
		word := r.text()
		if _, twice := s.ids[word]; twice || word == "" || !utf8.ValidString(word) {
			r.fail("a word is empty, damaged or there twice")
			return s
		}
		s.ids[word] = uint32(i)
		s.words = append(s.words, word)
		s.seen = append(s.seen, r.below(math.MaxUint32))
		s.null = append(s.null, r.float())
		s.total += float64(s.seen[i])
		s.nulls += float64(s.null[i])
	}
	return s
}

func (r *modelReader) counts(from, to *side) counts {
	c := newCounts(len(from.words))
	key := uint64(0)
	for i := range r.size(5) {
		step := r.number()
		if i > 0 && step == 0 || key+step < key {
			r.fail("word pairs are not in order")
			return c
		}
		key += step
		if key>>32 >= uint64(len(from.words)) || key&math.MaxUint32 >= uint64(len(to.words)) {
			r.fail("a word pair names a word that is not there")
			return c
		}
		c.pairs[key] = r.float()
	}
	c.settle()
	return c
}

func parseModel(data []byte) (*Model, error) {
	r := &modelReader{b: data}
	m := &Model{pairs: int(r.below(math.MaxInt32))}
	for i := range m.jumps {
		m.jumps[i] = r.jumps()
	}
	m.src, m.tgt = r.side(), r.side()
	m.forward = r.counts(m.src, m.tgt)
	m.backward = r.counts(m.tgt, m.src)
	for range r.size(2) {
		m.texts = append(m.texts, Example{Source: r.text(), Target: r.text()})
	}
	for range r.size(4) {
		e := entry{src: r.below(uint64(len(m.src.words))), tgt: r.below(uint64(len(m.tgt.words))), count: r.below(math.MaxUint32)}
		for range r.size(1) {
			e.examples = append(e.examples, r.below(uint64(len(m.texts))))
		}
		m.entries = append(m.entries, e)
		if n := len(m.entries); n > 1 {
			if last := m.entries[n-2]; pairKey(last.src, last.tgt) >= pairKey(e.src, e.tgt) {
				r.fail("entries are not in order")
			}
		}
	}
	if r.err == nil && len(r.b) > 0 {
		r.fail("something follows its end")
	}
	if r.err != nil {
		return nil, r.err
	}
	m.index()
	return m, nil
}
