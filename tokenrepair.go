package ciyuan

import (
	"errors"
	"fmt"

	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/store"
)

// vectorSettings makes the options those of the token vectors of the damaged index.
func (r *repair) vectorSettings() error {
	m := r.salvage.VectorMeta
	given, _ := r.opts.Encoder.(encoder.Contextual)
	switch {
	case m == nil && given != nil && r.salvage.Meta != nil && r.salvage.Meta.NextPassage > 0:
		r.note("the settings of the token vectors are lost, or there are none: documents are encoded with %s", given.Name())
		return nil
	case m == nil:
		return nil
	case m.Encoder == "" && given == nil:
	case given == nil || m.Encoder != given.Name() || m.EncoderFingerprint != given.Fingerprint():
		return mismatch(m, given)
	}
	for _, g := range []Grade{GradeExact, GradeBalanced, GradeCompact} {
		if uint8(g.stored()) == m.Grade {
			r.opts.Grade = g
		}
	}
	var err error
	if unit := pairOf(m.Options, optionUnit); unit != "" {
		r.opts.Unit, err = ParseUnit(unit)
	}
	return err
}

// brought gives a document the token vectors that it came with, as they are stored, if
// they are intact.
func (r *repair) brought(d *store.Salvaged, doc *Document) error {
	m := r.salvage.VectorMeta
	if m == nil || m.Encoder != "" || d.Doc.Passages != 1 || doc.Body != nil {
		return nil
	}
	record, err := r.salvage.Vectors(store.PassageID(d.ID))
	if err != nil || record == nil {
		return err
	}
	z, err := quantiserOf(m)
	if err != nil {
		return err
	}
	if r.coder == nil {
		r.coder = z.NewRowCoder()
	}
	v, err := store.DecodeVectors(record, z.Bytes())
	if err != nil {
		return err
	}
	rows := make([]float32, 0, v.Len()*z.Dim())
	per := uint32(store.LeadersPerBlock(int(m.LeaderBytes)))
	for i, code := range v.AppendCodes(nil) {
		var leader []byte
		if z.HasLeader() {
			block, err := r.salvage.LeaderBlock(code / per)
			switch at := int(code % per); {
			case errors.Is(err, store.ErrCorrupt), err == nil && at >= len(block.States):
				return nil // counted as lost
			case err != nil:
				return fmt.Errorf("leader %d: %w", code, err)
			default:
				leader = block.Rows[at*z.LeaderBytes():][:z.LeaderBytes()]
			}
		}
		rows = r.coder.Decode(rows, v.Rows[i*z.Bytes():][:z.Bytes()], leader)
	}
	doc.Vectors = &TokenVectors{Dim: z.Dim(), Vectors: rows}
	if places, has := v.AppendSpans(nil); has {
		for _, p := range places {
			doc.Vectors.Spans = append(doc.Vectors.Spans, Span{int(p.Start), int(p.Start + p.Length)})
		}
	}
	if doc.Vectors.check(doc) != nil {
		doc.Vectors = nil // a record that is not of this text
		return nil
	}
	r.rows += uint64(v.Len())
	return nil
}
