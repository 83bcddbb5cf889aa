package ciyuan

import (
	"github.com/ciyuan-search/ciyuan/index"
	"github.com/ciyuan-search/ciyuan/store"
)

// chunkSource gives package index the postings of a segment.
type chunkSource struct {
	cursor *store.ChunkCursor
}

func newChunkSource(tx *store.Tx, segment uint32) chunkSource {
	return chunkSource{tx.Chunks(segment)}
}

func (s chunkSource) Floor(code, ordinal uint32) (index.Chunk, bool, error) {
	key, data, err := s.cursor.Floor(store.Code(code), ordinal)
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
