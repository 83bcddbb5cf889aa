package ciyuan

import (
	"errors"
	"fmt"
	"slices"

	"github.com/ciyuan-search/ciyuan/index"
	"github.com/ciyuan-search/ciyuan/store"
)

// chunkSource gives package index the postings of a segment.
type chunkSource struct {
	segment uint32
	cursor  *store.ChunkCursor
	floor   func(at store.ChunkKey) (store.ChunkKey, []byte, error) // reads less than the cursor's
}

func newChunkSource(tx *store.Tx, segment uint32) chunkSource {
	return chunkSource{segment, tx.Chunks(segment), tx.Chunk}
}

// vectorChunks gives the postings of a segment's leaders.
func vectorChunks(tx *store.Tx, segment uint32) chunkSource {
	return chunkSource{segment, tx.VChunks(segment), tx.VChunk}
}

func (s chunkSource) Floor(code, ordinal uint32) (index.Chunk, bool, error) {
	key, data, err := s.floor(store.ChunkKey{Segment: s.segment, Code: store.Code(code), Ordinal: ordinal})
	return index.Chunk{Code: uint32(key.Code), Ordinal: key.Ordinal, Data: data}, data != nil, err
}

func (s chunkSource) After(code, ordinal uint32) (index.Chunk, bool, error) {
	key, data, err := s.cursor.Seek(store.Code(code), ordinal)
	if err == nil && data != nil && uint32(key.Code) == code && key.Ordinal == ordinal {
		key, data, err = s.cursor.Next()
	}
	return index.Chunk{Code: uint32(key.Code), Ordinal: key.Ordinal, Data: data}, data != nil, err
}

// tombs tells deleted passages that a segment still holds.
type tombs struct {
	tx    *store.Tx
	no    uint64
	block store.TombBlock
	have  bool
	err   error
}

func newTombs(tx *store.Tx) *tombs { return &tombs{tx: tx} }

// dead reports whether a passage was deleted; after an error, which stays in
// t.err, that every passage was.
func (t *tombs) dead(p store.PassageID) bool {
	no := uint64(p) / store.TombsPerBlock
	if !t.have || t.no != no {
		if t.err != nil {
			return true
		}
		t.block, t.err = t.tx.Tombs(no)
		t.no, t.have = no, true
		if t.err != nil {
			t.block = nil
			return true
		}
	}
	return t.block.Dead(int(uint64(p) % store.TombsPerBlock))
}

// pendingPassage is a passage that is not folded, decoded.
type pendingPassage struct {
	id    store.PassageID
	codes []uint32
	words int
}

// readPending decodes the passages that no segment has.
func (s *searcher) readPending() error {
	var codes []uint32
	for p, err := range s.tx.Pending(foldedEnd(s.meta)) {
		if err != nil {
			return err
		}
		pp := pendingPassage{id: p.ID}
		start := len(codes)
		if codes, pp.words, err = store.AppendCodes(codes, p.Record); err != nil {
			return fmt.Errorf("pending passage %d: %w", p.ID, err)
		}
		pp.codes = codes[start:len(codes):len(codes)]
		s.pending = append(s.pending, pp)
	}
	s.stats.Pending = len(s.pending)
	return nil
}

// frequency returns the number of live passages with a code.
func (s *searcher) frequency(code store.Code) (int, error) {
	df := 0
	for _, p := range s.pending {
		if slices.Contains(p.codes, uint32(code)) {
			df++
		}
	}
	var ordinals, tfs [index.PostingsBatch]uint32
	for _, seg := range s.meta.Segments {
		if seg.State != store.Live {
			continue
		}
		list, err := index.NewSegmentReader(newChunkSource(s.tx, seg.ID)).Postings(uint32(code))
		if err != nil {
			return 0, s.damaged(seg, err)
		}
		df += int(list.DF())
		if s.dead == nil {
			continue
		}
		for n := list.Next(ordinals[:], tfs[:]); n > 0; n = list.Next(ordinals[:], tfs[:]) {
			for _, o := range ordinals[:n] {
				if s.dead.dead(seg.Base + store.PassageID(o)) {
					df--
				}
			}
		}
		if err := list.Err(); err != nil {
			return 0, s.damaged(seg, err)
		}
	}
	return df, nil
}

// damaged says in which segment package index found something wrong.
func (s *searcher) damaged(seg store.Segment, err error) error {
	if errors.Is(err, index.ErrCorruptPostings) {
		return fmt.Errorf("%w: bucket postings, segment %d: %w", ErrCorrupt, seg.ID, err)
	}
	return err
}
