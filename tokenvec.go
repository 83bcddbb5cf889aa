package ciyuan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/index"
	"github.com/ciyuan-search/ciyuan/store"
)

// Grade is how exactly token vectors are stored. docs/benchmarks.md has what each
// loses against float32.
type Grade uint8

// The grades.
const (
	GradeDefault  Grade = iota // GradeExact
	GradeExact                 // a byte a column: 130 bytes at 128 columns
	GradeBalanced              // half a byte a column, relative to a leader: 66 bytes
	GradeCompact               // a quarter of a byte a column, likewise: 34 bytes
)

var gradeNames = [...]string{"default", "exact", "balanced", "compact"}

// String returns the name that ParseGrade reads.
func (g Grade) String() string {
	if int(g) < len(gradeNames) {
		return gradeNames[g]
	}
	return fmt.Sprintf("Grade(%d)", uint8(g))
}

// ParseGrade returns the grade of that name, or an error wrapping ErrOption.
func ParseGrade(name string) (Grade, error) {
	for i, n := range gradeNames {
		if n == name {
			return Grade(i), nil
		}
	}
	return 0, fmt.Errorf("%w: unknown grade %q (exact, balanced, compact)", ErrOption, name)
}

// stored returns the grade as package index has it.
func (g Grade) stored() index.Grade {
	switch g {
	case GradeBalanced:
		return index.GradeBalanced
	case GradeCompact:
		return index.GradeCompact
	}
	return index.GradeExact
}

// Unit is what has a vector where a contextual encoder gives every token its own.
type Unit uint8

// The units.
const (
	UnitWord  Unit = iota // words, with the mean vector of their pieces
	UnitPiece             // the encoder's own tokens
)

var unitNames = [...]string{"word", "piece"}

// String returns the name that ParseUnit reads.
func (u Unit) String() string {
	if int(u) < len(unitNames) {
		return unitNames[u]
	}
	return fmt.Sprintf("Unit(%d)", uint8(u))
}

// ParseUnit returns the unit of that name, or an error wrapping ErrOption.
func ParseUnit(name string) (Unit, error) {
	for i, n := range unitNames {
		if n == name {
			return Unit(i), nil
		}
	}
	return 0, fmt.Errorf("%w: unknown unit %q (word, piece)", ErrOption, name)
}

// MaxRows is the largest number of token vectors that a document of
// [TokenVectors] can have.
const MaxRows = 1 << 16

// TokenVectors are vectors for the tokens of a document that were made elsewhere.
type TokenVectors struct {
	// Dim is the number of columns, 1 to 4,096, the same for all of an index.
	Dim int

	// Vectors holds a row for each token, n x Dim, row-major. Rows need not have
	// length 1; a row of zeros, and one with a NaN or an infinity, is refused with
	// ErrVector, more than MaxRows with ErrOption.
	Vectors []float32

	// Spans says where the tokens stand in the text, in bytes, by ascending start: n
	// of them, or none. Token i, if its span is empty, stands nowhere.
	Spans []Span
}

// Len returns the number of rows.
func (v *TokenVectors) Len() int {
	if v.Dim <= 0 {
		return 0
	}
	return len(v.Vectors) / v.Dim
}

// check returns what is wrong with the vectors of a document.
func (v *TokenVectors) check(doc *Document) error {
	switch n := v.Len(); {
	case v.Dim < 1 || v.Dim > index.MaxDim:
		return fmt.Errorf("%w: document %q: vectors of %d columns, 1 to %d are possible", ErrDimension, doc.ID, v.Dim, index.MaxDim)
	case n*v.Dim != len(v.Vectors):
		return fmt.Errorf("%w: document %q: %d numbers are no rows of %d columns", ErrDimension, doc.ID, len(v.Vectors), v.Dim)
	case n > MaxRows:
		return fmt.Errorf("%w: document %q has %d token vectors, at most %d are possible", ErrOption, doc.ID, n, MaxRows)
	case v.Spans != nil && len(v.Spans) != n:
		return fmt.Errorf("%w: document %q has %d token vectors and %d spans", ErrOption, doc.ID, n, len(v.Spans))
	}
	at := 0
	for i, s := range v.Spans {
		if s.Start == s.End {
			continue
		}
		if s.Start < at || s.End < s.Start || s.End > len(doc.Text) {
			return fmt.Errorf("%w: document %q: token %d, bytes %d to %d of %d, is out of order", ErrOption, doc.ID, i, s.Start, s.End, len(doc.Text))
		}
		at = s.Start
	}
	return nil
}

// AddVectors adds a document of tokens, or replaces the one with the same id: its text
// is the tokens with spaces between them, and row i of vectors, len(tokens) x dim,
// row-major, belongs to token i. Without tokens, the document has vectors alone, and
// dim has to be that of the index, or 0 for the dimension that it has. It is Add for a
// Document with TokenVectors.
//
// Errors: ErrDimension, ErrVector and those of Add.
func (db *DB) AddVectors(ctx context.Context, id string, tokens []string, vectors []float32, dim int) error {
	doc := Document{ID: id, Vectors: &TokenVectors{Dim: dim, Vectors: vectors}}
	if dim == 0 && len(tokens) > 0 {
		doc.Vectors.Dim = len(vectors) / len(tokens)
	} else if dim == 0 {
		s, err := db.vectorMeta()
		if err != nil {
			return err
		}
		if s != nil {
			doc.Vectors.Dim = int(s.Dim)
		}
	}
	if tokens != nil {
		var text strings.Builder
		doc.Vectors.Spans = make([]Span, len(tokens))
		for i, token := range tokens {
			if i > 0 {
				text.WriteByte(' ')
			}
			doc.Vectors.Spans[i] = Span{text.Len(), text.Len() + len(token)}
			text.WriteString(token)
		}
		doc.Text = text.String()
	}
	return db.Add(ctx, doc)
}

// vectorMeta returns the settings of the token vectors, nil if there are none.
func (db *DB) vectorMeta() (m *store.VectorMeta, err error) {
	err = db.view(func(tx *store.Tx) error {
		m, err = tx.VectorMeta()
		return err
	})
	return m, err
}

// optionUnit is the name of the unit in VectorMeta.Options.
const optionUnit = "unit"

// newVectorMeta returns the settings of token vectors of so many columns.
func (db *DB) newVectorMeta(dim int) (*store.VectorMeta, error) {
	z, err := index.NewQuantiser(dim, db.opts.Grade.stored())
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrOption, err)
	}
	m := &store.VectorMeta{
		Dim: uint32(dim), Grade: uint8(z.Grade()), RowBytes: uint32(z.Bytes()), LeaderBytes: uint32(z.LeaderBytes()),
	}
	if e := db.contextual; e != nil {
		m.Encoder, m.EncoderFingerprint = e.Name(), e.Fingerprint()
		m.Options = []store.Pair{{Name: optionUnit, Value: db.opts.Unit.String()}}
	}
	return m, nil
}

// adoptContextual compares the contextual encoder with that of the token vectors. One
// that is made for them is entered.
func (db *DB) adoptContextual() error {
	given := db.contextual
	m, err := db.vectorMeta()
	if err != nil {
		return err
	}
	if m == nil && given != nil && !db.opts.ReadOnly {
		// A new index has no other moment to learn of its encoder.
		err := db.update(func(tx *store.Tx) error {
			index, err := tx.Meta()
			if err != nil || index.NextPassage > 0 {
				return err
			}
			if m, err = db.newVectorMeta(given.Dim()); err != nil {
				return err
			}
			return tx.SetVectorMeta(m)
		})
		if err != nil {
			return err
		}
	}
	switch {
	case m == nil && given == nil, m != nil && m.Encoder == "" && given == nil:
		return nil
	case m != nil && given != nil && m.Encoder == given.Name() && m.EncoderFingerprint == given.Fingerprint() && int(m.Dim) == given.Dim():
		if db.unit, err = ParseUnit(pairOf(m.Options, optionUnit)); err != nil {
			return fmt.Errorf("%w: %w", ErrCorrupt, err)
		}
		return nil
	}
	db.noContextual = mismatch(m, given)
	db.contextual = nil
	if db.opts.AnyEncoder || given == nil {
		// Words can be searched for all the same.
		return nil
	}
	return db.noContextual
}

// mismatch says that the token vectors of an index are not those of the encoder.
func mismatch(m *store.VectorMeta, given encoder.Contextual) error {
	have, now := "no token vectors", "without their encoder"
	switch {
	case m == nil:
	case m.Encoder == "":
		have = "token vectors that were made elsewhere"
	default:
		have = fmt.Sprintf("the token vectors of %s (%.12s)", m.Encoder, m.EncoderFingerprint)
	}
	if given != nil {
		now = fmt.Sprintf("with %s (%.12s)", given.Name(), given.Fingerprint())
	}
	return fmt.Errorf("%w: it has %s, now opened %s", ErrModelMismatch, have, now)
}

// pairOf returns the value of a name, "" if it is not there.
func pairOf(pairs []store.Pair, name string) string {
	for _, p := range pairs {
		if p.Name == name {
			return p.Value
		}
	}
	return ""
}

// A codebook is what a DB keeps of the leaders of one state of the index, for all
// searches on it: where the leaders lie in the file, and the nodes of the graph that
// were read, through whichever transaction on that state is open.
type codebook struct {
	z       *index.Quantiser
	leaders *index.Leaders
	graph   *index.HNSW
	header  []byte                   // of the graph
	chunks  map[uint32]*index.Chunks // by segment

	readers  *readers       // transactions that see the leaders
	walkers  *readers       // and those that see the graph
	snapshot store.Snapshot // that the leaders lie in
	identity store.Identity // of the file
}

// newCodebook returns the code book of the state of a read-only transaction. What an
// earlier one has of the same graph, which may be nil, is taken over.
func newCodebook(tx *store.Tx, m *store.VectorMeta, segments []store.Segment, before *codebook) (*codebook, error) {
	c := &codebook{chunks: map[uint32]*index.Chunks{}, header: slices.Clone(m.GraphHeader), readers: new(readers), walkers: new(readers), snapshot: tx.Snapshot(), identity: tx.Identity()}
	var err error
	if c.z, err = quantiserOf(m); err != nil {
		return nil, err
	}
	for _, seg := range segments {
		c.chunks[seg.ID] = index.NewChunks(m.NextLeader, seg.Span)
	}
	c.leaders = index.MapLeaders(c.z, m.NextLeader, uint32(store.LeadersPerBlock(int(m.LeaderBytes))), leaderBlocks{c.readers, m, true})
	if before != nil && before.identity == c.identity && slices.Equal(before.header, m.GraphHeader) {
		c.graph, c.walkers = before.graph, before.walkers
		return c, nil
	}
	c.graph, err = openLeaderGraph(m, c.walkers)
	return c, err
}

// leaderGraph are the parameters of the graph over leaders.
var leaderGraph = index.HNSWOptions{M: 12, EfConstruction: 40}

func openLeaderGraph(m *store.VectorMeta, r *readers) (*index.HNSW, error) {
	if len(m.GraphHeader) == 0 {
		return index.NewHNSW(leaderGraph)
	}
	return index.OpenHNSW(m.GraphHeader, int(m.NextLeader), leaderGraphBlocks{r})
}

// quantiserOf returns what the rows of an index are stored with.
func quantiserOf(m *store.VectorMeta) (*index.Quantiser, error) {
	z, err := index.NewQuantiser(int(m.Dim), index.Grade(m.Grade))
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrCorrupt, err)
	}
	if z.Bytes() != int(m.RowBytes) || z.LeaderBytes() != int(m.LeaderBytes) {
		return nil, fmt.Errorf("%w: rows of %d and leaders of %d bytes, wanted %d and %d", ErrCorrupt, m.RowBytes, m.LeaderBytes, z.Bytes(), z.LeaderBytes())
	}
	return z, nil
}

// fits reports whether c is the code book of the state that tx sees.
func (c *codebook) fits(tx *store.Tx) bool { return c != nil && c.snapshot == tx.Snapshot() }

// enter makes a transaction on the state of c one that it reads through until the
// function that is returned is called.
func (c *codebook) enter(tx *store.Tx) (leave func()) {
	c.readers.add(tx)
	c.walkers.add(tx)
	return func() {
		c.readers.remove(tx)
		c.walkers.remove(tx)
	}
}

// leaderBlocks gives package index the leaders, where they lie in the file if inPlace
// is set, else as copies.
type leaderBlocks struct {
	readers *readers
	meta    *store.VectorMeta
	inPlace bool
}

func (b leaderBlocks) LeaderBlock(n uint32) (rows []byte, err error) {
	err = b.readers.read(func(tx *store.Tx) error {
		block, err := tx.LeaderBlock(b.meta, n)
		if rows = block.Rows; !b.inPlace {
			rows = slices.Clone(rows)
		}
		return err
	})
	return rows, err
}

// leaderGraphBlocks gives the graph over leaders its blocks.
type leaderGraphBlocks struct{ readers *readers }

func (b leaderGraphBlocks) Block(n uint32) (block []byte, err error) {
	err = b.readers.read(func(tx *store.Tx) error {
		data, err := tx.VGraphBlock(n)
		block = slices.Clone(data)
		return err
	})
	return block, err
}

// errNoVectors is returned where an index has no token vectors.
var errNoVectors = errors.New("the index has no token vectors")
