package store

import "encoding/binary"

// A ChunkKey is the place of a chunk of postings: the first code in it, and the
// first ordinal of that code.
type ChunkKey struct {
	Segment uint32
	Code    Code
	Ordinal uint32
}

const chunkKeyBytes = 12

func (k ChunkKey) encode() (b [chunkKeyBytes]byte) {
	binary.BigEndian.PutUint32(b[:], k.Segment)
	binary.BigEndian.PutUint32(b[4:], uint32(k.Code))
	binary.BigEndian.PutUint32(b[8:], k.Ordinal)
	return b
}

// parseChunkKey decodes a key of chunkKeyBytes bytes.
func parseChunkKey(b []byte) ChunkKey {
	return ChunkKey{
		Segment: binary.BigEndian.Uint32(b),
		Code:    Code(binary.BigEndian.Uint32(b[4:])),
		Ordinal: binary.BigEndian.Uint32(b[8:]),
	}
}

// Chunk returns the last chunk of the same segment whose place is at or before
// at, nil if there is none.
func (tx *Tx) Chunk(at ChunkKey) (ChunkKey, []byte, error) {
	return tx.chunk(Postings, at)
}

// VChunk is Chunk for the postings of leaders.
func (tx *Tx) VChunk(at ChunkKey) (ChunkKey, []byte, error) {
	return tx.chunk(VPostings, at)
}

func (tx *Tx) chunk(b Bucket, at ChunkKey) (ChunkKey, []byte, error) {
	want := at.encode()
	key, value, err := tx.Floor(b, want[:])
	return inSegment(b, at.Segment, key, value, err)
}

// inSegment returns a chunk of bucket b if it belongs to segment.
func inSegment(b Bucket, segment uint32, key, value []byte, err error) (ChunkKey, []byte, error) {
	if err != nil || key == nil {
		return ChunkKey{}, nil, err
	}
	if len(key) != chunkKeyBytes {
		return ChunkKey{}, nil, damagedAt(b, key, damaged("key has %d bytes, wanted %d", len(key), chunkKeyBytes))
	}
	k := parseChunkKey(key)
	if k.Segment != segment {
		return ChunkKey{}, nil, nil
	}
	return k, value, nil
}

// A ChunkCursor walks the chunks of one segment.
type ChunkCursor struct {
	c       *Cursor
	segment uint32
}

// Chunks returns a cursor over the chunks of a segment, without a position.
func (tx *Tx) Chunks(segment uint32) *ChunkCursor {
	return &ChunkCursor{c: tx.Cursor(Postings), segment: segment}
}

// VChunks is Chunks for the postings of leaders: ChunkKey.Code is a leader.
func (tx *Tx) VChunks(segment uint32) *ChunkCursor {
	return &ChunkCursor{c: tx.Cursor(VPostings), segment: segment}
}

// Floor moves to the last chunk at or before (code, ordinal) and returns it,
// nil if there is none.
func (c *ChunkCursor) Floor(code Code, ordinal uint32) (ChunkKey, []byte, error) {
	want := ChunkKey{c.segment, code, ordinal}.encode()
	key, value, err := c.c.Floor(want[:])
	return inSegment(c.c.bucket, c.segment, key, value, err)
}

// Seek moves to the first chunk at or after (code, ordinal) and returns it, nil
// if there is none.
func (c *ChunkCursor) Seek(code Code, ordinal uint32) (ChunkKey, []byte, error) {
	want := ChunkKey{c.segment, code, ordinal}.encode()
	key, value, err := c.c.Seek(want[:])
	return inSegment(c.c.bucket, c.segment, key, value, err)
}

// Next moves to the next chunk and returns it, nil if there is none.
func (c *ChunkCursor) Next() (ChunkKey, []byte, error) {
	key, value, err := c.c.Next()
	return inSegment(c.c.bucket, c.segment, key, value, err)
}

// PutChunk stores a chunk of postings.
func (tx *Tx) PutChunk(at ChunkKey, chunk []byte) error {
	key := at.encode()
	return tx.Put(Postings, key[:], chunk)
}

// PutVChunk stores a chunk of the postings of leaders.
func (tx *Tx) PutVChunk(at ChunkKey, chunk []byte) error {
	key := at.encode()
	return tx.Put(VPostings, key[:], chunk)
}

// DropSegment deletes the chunks of both kinds and the lengths of a segment, at most limit of them,
// and reports whether nothing is left, so that a large segment can go in
// several transactions.
func (tx *Tx) DropSegment(segment uint32, limit int) (done bool, err error) {
	start := key32(segment)
	for _, b := range []Bucket{Postings, VPostings, LengthBlocks} {
		err := tx.each(b, start[:], func(key, _ []byte) (bool, error) {
			if len(key) < len(start) || [4]byte(key[:4]) != start {
				return false, nil
			}
			if limit--; limit < 0 {
				return false, nil
			}
			return true, tx.Delete(b, key)
		})
		if err != nil || limit < 0 {
			return false, err
		}
	}
	return true, nil
}
