package index

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The postings of a segment, as bytes.
//
// A segment covers a range of passages. A passage is named by its ordinal, its
// distance from the first passage of the range; every ordinal is less than the
// segment's universe. The list of a code holds the ordinals of the passages that
// contain the code, ascending, each with tf, how often it does. Lists follow one
// another by ascending code and are cut into chunks; a list is longer than one
// chunk only if it fills several.
//
// The key of a chunk is (code, ordinal): code is that of its first list; ordinal is
// 0, or for a chunk that goes on with the list of the chunk before it, the first
// ordinal that the chunk holds.
//
//	chunk   u8      chunkFormat
//	        uvarint universe of the segment
//	        uvarint code of the last list - code of the first
//	        uvarint number of groups
//	        group   u32 LE  code of its first list
//	                u16 LE  bit 15: kind, bits 0-14: offset from the end of the groups
//	        …
//	        bytes of the groups
//	        readPad zero bytes
//
// A short group (kind 0) holds up to shortLists lists of less than longList
// postings, as a stream of bits (see bitWriter):
//
//	4 bits  number of lists - 1
//	list    gamma   code - code of the list before it; absent in the first list
//	        gamma   df, the number of postings
//	        df x    rice(k)  2 * (ordinal - least possible ordinal) + (tf > 1)
//	                gamma    tf - 1; absent if tf is 1
//	…
//	zero bits up to a full byte
//
// where the least possible ordinal is one more than the list's last, and k =
// shortParam(universe, df).
//
// A long group (kind 1) holds one list, or as much of it as fits into the chunk:
//
//	u8      bit 0: goes on with the list of the chunk before
//	        bit 1: the next chunk goes on with this list
//	uvarint df, the number of postings in all of the list
//	uvarint postings in this chunk; a multiple of PostingsBatch if bit 1 is set
//	uvarint least possible ordinal of the first
//	block of PostingsBatch postings, the last one of what is left:
//	        u8      bits a gap, at most 32
//	        u8      bits a tf, at most 32
//	        uvarint last ordinal of the block - least possible ordinal of its first
//	        n x     ordinal - least possible ordinal; then zero bits up to a full byte
//	        n x     tf - 1; then zero bits up to a full byte
//
// A chunk is closed when it has chunkTarget bytes: with what a group may be longer,
// and what a file adds, two of them still fit into 24 KiB. Below longList a list costs bits, not bytes,
// and is read whole; from there on speed counts more than a bit, and whole
// blocks can be skipped.
const (
	chunkFormat = 1
	chunkTarget = 12<<10 - 200
	shortLists  = 16
	shortFull   = 16 // a short group with as many postings takes no further list; older ones have up to 64
	longList    = PostingsBatch
	groupBytes  = 6
	longKind    = 1 << 15
	partHead    = 1 << 0 // flag: goes on with the list of the chunk before
	partMore    = 1 << 1 // flag: the next chunk goes on
)

// PostingsBatch is the number of postings that are decoded together: the least
// length of the arrays handed to Postings.Next.
const PostingsBatch = 128

// ErrCorruptPostings is returned when a chunk of postings is not one that this
// package wrote, or does not follow the chunk before it.
var ErrCorruptPostings = errors.New("index: corrupt postings")

// A Chunk is a piece of a segment with its key; keys order by Code, then Ordinal.
type Chunk struct {
	Code, Ordinal uint32
	Data          []byte
}

// A ChunkSource gives access to the chunks of one segment. Data that it returns
// must stay unchanged for as long as what was read from it is in use.
type ChunkSource interface {
	// Floor returns the last chunk whose key is not above (code, ordinal), or
	// false if there is none.
	Floor(code, ordinal uint32) (Chunk, bool, error)
	// After returns the first chunk whose key is above (code, ordinal), or false
	// if there is none.
	After(code, ordinal uint32) (Chunk, bool, error)
}

// chunkView is a chunk whose head has been checked.
type chunkView struct {
	key      Chunk
	universe uint32
	last     uint32 // code of the last list
	groups   []byte // groupBytes each
	body     []byte // of the groups, followed by readPad bytes in its capacity
}

func corruptChunk(key Chunk, what string) error {
	return fmt.Errorf("%w: chunk (%d, %d): %s", ErrCorruptPostings, key.Code, key.Ordinal, what)
}

// viewChunk checks what can be checked without looking at each group.
func viewChunk(c Chunk) (chunkView, error) {
	v := chunkView{key: c}
	d := c.Data
	if len(d) == 0 || d[0] != chunkFormat {
		return v, corruptChunk(c, "unknown format")
	}
	d = d[1:]
	universe, d, ok := uvarint32(d)
	if !ok || universe == 0 {
		return v, corruptChunk(c, "bad universe")
	}
	span, d, ok := uvarint32(d)
	if !ok || span > maxCodes-1 || c.Code > maxCodes-1-span {
		return v, corruptChunk(c, "bad range of codes")
	}
	n, d, ok := uvarint32(d)
	if !ok || n == 0 || uint64(n)*groupBytes+readPad > uint64(len(d)) {
		return v, corruptChunk(c, "bad number of groups")
	}
	v.universe = universe
	v.last = c.Code + span
	v.groups = d[:n*groupBytes]
	body := d[n*groupBytes:]
	v.body = body[:len(body)-readPad]
	if code, off, _ := v.group(0); code != c.Code || off != 0 {
		return v, corruptChunk(c, "first group does not match the key")
	}
	return v, nil
}

// is reports whether v is a view of c.
func (v *chunkView) is(c Chunk) bool { return v.key.Code == c.Code && v.key.Ordinal == c.Ordinal }

// begins reports whether the list of a code does not begin before v.
func (v *chunkView) begins(code uint32) bool {
	return code > v.key.Code || code == v.key.Code && v.key.Ordinal == 0
}

func (v *chunkView) numGroups() int { return len(v.groups) / groupBytes }

// group returns the first code of group i, its offset in the body and its kind.
func (v *chunkView) group(i int) (code uint32, off int, long bool) {
	g := v.groups[i*groupBytes:]
	x := binary.LittleEndian.Uint16(g[4:6])
	return binary.LittleEndian.Uint32(g), int(x &^ longKind), x&longKind != 0
}

// span returns the bounds of group i in the body.
func (v *chunkView) span(i int) (from, to int, err error) {
	_, from, _ = v.group(i)
	to = len(v.body)
	if i+1 < v.numGroups() {
		_, to, _ = v.group(i + 1)
	}
	if from >= to || to > len(v.body) {
		return 0, 0, corruptChunk(v.key, "bad offset of a group")
	}
	return from, to, nil
}

// bytes returns the bytes of the body from one offset to another and gives it
// capacity for reading past its end.
func (v *chunkView) bytes(from, to int) []byte {
	return v.body[from : to+readPad : to+readPad]
}

// find returns the last group whose first code is not above code.
func (v *chunkView) find(code uint32) int {
	lo, hi := 0, v.numGroups()
	for lo+1 < hi {
		mid := (lo + hi) / 2
		if binary.LittleEndian.Uint32(v.groups[mid*groupBytes:]) <= code {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

// uvarint32 reads a uvarint below 2^32 and returns what follows it.
func uvarint32(d []byte) (uint32, []byte, bool) {
	v, n := binary.Uvarint(d)
	if n <= 0 || v > 1<<32-1 {
		return 0, d, false
	}
	return uint32(v), d[n:], true
}

// shortParam returns the Rice parameter of a list of n postings below universe.
func shortParam(universe, n uint32) uint {
	return max(1, riceParam(2*uint64(universe/n)))
}
