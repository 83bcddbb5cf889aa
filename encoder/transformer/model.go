package transformer

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"

	"github.com/ciyuan-search/ciyuan/encoder/safetensors"
	"github.com/ciyuan-search/ciyuan/internal/modelcard"
	"github.com/ciyuan-search/ciyuan/tokenizer/subword"
)

// Options is the settings of a model. The zero value is ready for use.
type Options struct {
	// Threads is how many texts are computed at a time, 0 for as many as
	// runtime.GOMAXPROCS says.
	Threads int

	// Int8 rounds the weights of the layers to 8 bits, with a factor for each
	// output, and what goes into a layer to 12 bits of the largest value of its
	// row. With MiniLM the vectors then have a cosine of 0.9995 to those of the
	// original weights, 0.996 at worst, and are computed in two thirds of the
	// time on amd64. The rounded weights are kept on the heap, a quarter of the size of
	// float32. The fingerprint differs.
	Int8 bool
}

// Model is a transformer with its tokenizer. It is safe for concurrent use.
type Model struct {
	config    config
	weights   *weights
	late      *lateConfig // nil without a ColBERT head
	tokenizer *subword.Tokenizer
	file      *safetensors.File
	extra     []*safetensors.File // of the ColBERT head, where it has its own
	info      Info
	threads   int
	arenas    sync.Pool // *arena

	mu     sync.RWMutex // held for reading by every use of the mapped weights
	closed bool
}

// Info says what a model is.
type Info struct {
	Type         string // model_type of config.json, such as "bert"
	Architecture string // such as "BertForQuestionAnswering", may be empty
	Head         string // "", "question-answering" or "colbert"
	Layers       int
	Hidden       int // size of the hidden states
	Dim          int // size of the vectors that Encode returns
	Vocabulary   int // number of token ids
	MaxTokens    int // longest input, with the tokens that are put in
	Parameters   int64
	Bytes        int64  // of the weight files
	License      string // of the model card's header, "" where it does not say
	Int8         bool   // the weights were rounded when the model was opened
	Fingerprint  string // 16 hexadecimal digits that change with the model
}

// Open reads a model folder. nil options mean the defaults. Errors are
// ErrUnsupported, ErrFormat, ErrNotFinite, those of packages subword and
// safetensors, and those of the file system.
func Open(dir string, opts *Options) (*Model, error) {
	m := &Model{threads: runtime.GOMAXPROCS(0)}
	if opts != nil && opts.Threads > 0 {
		m.threads = opts.Threads
	}
	m.arenas.New = func() any { return new(arena) }
	if err := m.open(dir, opts != nil && opts.Int8); err != nil {
		return nil, errors.Join(fmt.Errorf("opening model %s: %w", dir, err), m.Close())
	}
	return m, nil
}

func (m *Model) open(dir string, int8Weights bool) error {
	var err error
	if m.config, err = readConfig(dir); err != nil {
		return err
	}
	if m.tokenizer, err = subword.Open(dir); err != nil {
		return err
	}
	if m.file, err = safetensors.OpenDir(dir); err != nil {
		return err
	}
	if m.weights, err = loadWeights(m.file, m.config); err != nil {
		return err
	}
	if n := m.tokenizer.Len(); n > m.config.vocab {
		return fmt.Errorf("%w: the tokenizer has %d ids, the model %d", ErrFormat, n, m.config.vocab)
	}
	if err := m.openLate(dir); err != nil {
		return err
	}
	if m.limit() <= m.tokenizer.AddedToPair()+1 {
		return fmt.Errorf("%w: no room for a text in %d tokens", ErrFormat, m.limit())
	}
	m.info.Int8 = int8Weights
	if int8Weights {
		m.weights.quantize()
	}
	return m.describe(dir)
}

// Close unmaps the weights, after the calls that are at work have ended. Later
// calls return ErrClosed.
func (m *Model) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	m.weights = nil
	var errs []error
	for _, f := range append(m.extra, m.file) {
		if f != nil {
			errs = append(errs, f.Close())
		}
	}
	m.extra, m.file = nil, nil
	return errors.Join(errs...)
}

// use keeps the weights mapped until release is called.
func (m *Model) use() (release func(), err error) {
	m.mu.RLock()
	if m.closed {
		m.mu.RUnlock()
		return nil, ErrClosed
	}
	return m.mu.RUnlock, nil
}

// Info returns what the model is.
func (m *Model) Info() Info { return m.info }

// Dim returns the size of the vectors that Encode returns.
func (m *Model) Dim() int { return m.info.Dim }

// Tokenizer returns the tokenizer of the model.
func (m *Model) Tokenizer() *subword.Tokenizer { return m.tokenizer }

// Embedding appends the row of a token id of the input table to dst, Hidden columns:
// what the model knows of a token before it has seen what is around it. An id that the
// table does not have appends nothing. The error is ErrClosed.
func (m *Model) Embedding(dst []float32, id uint32) ([]float32, error) {
	release, err := m.use()
	if err != nil {
		return dst, err
	}
	defer release()
	if int64(id) >= int64(m.weights.words.Rows) {
		return dst, nil
	}
	return append(dst, m.weights.words.Row(int(id))...), nil
}

// limit returns the longest input: the smaller of what tokenizer_config.json
// allows and what the position table holds.
func (m *Model) limit() int {
	n := m.config.maxTokens()
	if t := m.tokenizer.MaxTokens(); t > 0 {
		n = min(n, t)
	}
	return n
}

func (m *Model) describe(dir string) error {
	c := m.config
	m.info = Info{
		Type: c.modelType, Architecture: c.architecture, Layers: c.layers, Hidden: c.hidden, Dim: c.hidden,
		Vocabulary: c.vocab, MaxTokens: m.limit(), License: modelcard.License(dir), Int8: m.info.Int8,
	}
	switch {
	case m.late != nil:
		m.info.Head = "colbert"
		m.info.Dim = m.weights.projection.weight.Rows
	case m.weights.answer != nil:
		m.info.Head = "question-answering"
	}
	sum := sha256.New()
	for _, name := range []string{"config.json", "tokenizer.json"} {
		if err := hashFile(sum, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	for _, f := range append([]*safetensors.File{m.file}, m.extra...) {
		for _, name := range f.Names() {
			t, _ := f.Tensor(name)
			m.info.Parameters += int64(t.Len())
		}
		for _, p := range f.Parts() {
			m.info.Bytes += int64(len(p.Header) + len(p.Values))
			hashSized(sum, p.Header)
			hashSample(sum, p.Values)
		}
	}
	if m.late != nil {
		hashSized(sum, []byte(fmt.Sprintf("%+v", *m.late)))
	}
	if m.info.Int8 {
		hashSized(sum, []byte("int8, version 1"))
	}
	m.info.Fingerprint = hex.EncodeToString(sum.Sum(nil)[:8])
	return nil
}

// hashSized adds data and its length to sum.
func hashSized(sum hash.Hash, data []byte) {
	sum.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(data))))
	sum.Write(data)
}

func hashFile(sum hash.Hash, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close() //nolint:errcheck // only read
	n, err := io.Copy(sum, f)
	sum.Write(binary.LittleEndian.AppendUint64(nil, uint64(n)))
	return err
}

const (
	sampleBytes  = 4096
	sampleBlocks = 1024
)

// hashSample adds the length of data to sum and either all of it or 1024 blocks
// of 4096 bytes, spread evenly, first and last included. Training a model further
// changes nearly every weight, so that the sample tells two models apart without
// reading gigabytes whenever one is opened.
func hashSample(sum hash.Hash, data []byte) {
	if len(data) <= sampleBytes*sampleBlocks {
		hashSized(sum, data)
		return
	}
	hashSized(sum, nil)
	sum.Write(binary.LittleEndian.AppendUint64(nil, uint64(len(data))))
	last := len(data) - sampleBytes
	for i := range sampleBlocks {
		at := int(int64(last) * int64(i) / (sampleBlocks - 1))
		sum.Write(data[at : at+sampleBytes])
	}
}
