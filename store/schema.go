package store

// The file in short; docs/format.md has every byte.
//
// Keys are big-endian, values little-endian; uv is an unsigned and sv a signed
// varint in its shortest form, str a uv length and bytes. Every value ends with
// a CRC-32C over file identity, bucket, length of the key, key and value.
//
//	meta      "format"            mark | uv version | u64 identity
//	          "sums"              uv generation | uv n | n x (uv entries | u64 digest), n buckets
//	          "index"             Meta: settings, counters, segments, graph header
//	          "dictionary"        the user dictionary, if there is one
//	          "vectors"           VectorMeta: settings and counters of the token vectors, if there are any
//	ids       external id         u8 flags | uv doc | sv time | sv size | u64 hash
//	docs      u64 doc             u8 flags | str id, title, path | pairs | uv passages, bytes, words, tokenizer
//	text      u64 passage         uv offset | uv line ends | text
//	pending   u64 passage         record: codes and escapes
//	forward   u64 first passage   uv n | n x (uv id delta | uv length) | n records
//	words     u32 code/64         uv n | n x u8 length | uv long lengths | words
//	lookup    u16 hash>>22        u8 width | n x u8 tag | n x code
//	refs      u32 code/128        uv n | n x u24 row, list or none | lists
//	graph     u32 code/64         package index's nodes
//	postings  u32 segment, code, ordinal   package index's chunk
//	lengths   u32 segment, passage/4096    n x u16 words
//	tombs     u64 passage/4096    512 bytes, a bit for each deleted passage
//
// From format 2 on:
//
//	vpending  u64 passage         record: codes, spans and rows of its token vectors
//	vectors   u64 first passage   as forward
//	leaders   u32 block           uv n | n x u8 state | n x row
//	vgraph    u32 leader/64       package index's nodes
//	vpostings u32 segment, leader, ordinal   package index's chunk

import (
	"encoding/binary"
	"fmt"
	"strconv"
)

// FormatVersion is the format that this package writes.
//
// History (a version is raised when a file could otherwise be misread, never
// because the program's version changed):
//
//	1  first format
//	2  five buckets for token vectors behind those of format 1, and a record for them in meta
const FormatVersion = 2

// tokenVectorFormat is the first format that has room for token vectors.
const tokenVectorFormat = 2

// presentFormat is FormatVersion, but in tests of what happens when it is raised.
var presentFormat uint64 = FormatVersion

// MaxKeyBytes is the greatest length of a key, and so of an external id.
const MaxKeyBytes = 4096

// pageBytes is the page size of files made here, on every system.
const pageBytes = 4096

// A DocID names one version of a document: the id of its first passage. An
// updated document gets a new one.
type DocID uint64

// A PassageID names a passage, the unit of scoring. Ids are given out in
// ascending order and never again.
type PassageID uint64

// A Code names a distinct word. Codes are dense, from 0 on.
type Code uint32

// A Bucket is one of the named maps from keys to values in the file. The
// numbers are part of the format: new ones are added at the end.
type Bucket uint8

// The buckets; schema.go and docs/format.md say what they hold.
const (
	Metas        Bucket = iota // settings, counters, segments, dictionary
	IDs                        // external id -> Source
	Docs                       // DocID -> Doc
	Texts                      // PassageID -> Text
	Pending                    // PassageID -> passage record, not folded yet
	Forward                    // first PassageID -> folded passage records
	Words                      // block -> words of 64 codes
	Lookup                     // hash -> codes
	Refs                       // block -> table rows of 128 codes
	Graph                      // block -> graph nodes of 64 codes
	Postings                   // segment, code, first ordinal -> chunk
	LengthBlocks               // segment, block -> word counts of 4096 passages
	Tombs                      // block -> bits of 4096 passages

	// From format 2 on.
	VPending  // PassageID -> vector record, not folded yet
	Vectors   // first PassageID -> folded vector records
	Leaders   // block -> leaders
	VGraph    // block -> graph nodes of 64 leaders
	VPostings // segment, leader, first ordinal -> chunk

	bucketCount = iota
)

// format1Buckets is the number of buckets in files of format 1.
const format1Buckets = int(VPending)

// bucketsOf returns the number of buckets in files of a format that this package
// knows.
func bucketsOf(format uint64) int {
	if format < tokenVectorFormat {
		return format1Buckets
	}
	return bucketCount
}

// bucketNames are the names in the file.
var bucketNames = [bucketCount]string{
	"meta", "ids", "docs", "text", "pending", "forward", "words", "lookup",
	"refs", "graph", "postings", "lengths", "tombs",
	"vpending", "vectors", "leaders", "vgraph", "vpostings",
}

// fillPercent says how full bbolt packs the pages of a bucket when they split.
// Where keys only ever come at the end, a page is never touched again.
var fillPercent = [bucketCount]float64{
	Metas: 0.5, IDs: 0.7, Docs: 0.95, Texts: 0.95, Pending: 0.95, Forward: 0.95, Words: 0.95,
	Lookup: 0.7, Refs: 0.95, Graph: 0.8, Postings: 0.95, LengthBlocks: 0.95, Tombs: 0.8,
	VPending: 0.95, Vectors: 0.95, Leaders: 0.95, VGraph: 0.8, VPostings: 0.95,
}

// keyBytes is the length of the keys of a bucket, 0 where it varies.
var keyBytes = [bucketCount]int{
	Docs: 8, Texts: 8, Pending: 8, Forward: 8, Words: 4, Lookup: 2, Refs: 4, Graph: 4,
	Postings: chunkKeyBytes, LengthBlocks: 8, Tombs: 8,
	VPending: 8, Vectors: 8, Leaders: 4, VGraph: 4, VPostings: chunkKeyBytes,
}

// String returns the bucket's name in the file.
func (b Bucket) String() string {
	if int(b) >= bucketCount {
		return "bucket " + strconv.Itoa(int(b))
	}
	return bucketNames[b]
}

// Buckets returns all buckets in the order of the file. A file of an older format
// lacks the last of them: they read as empty.
func Buckets() []Bucket {
	all := make([]Bucket, bucketCount)
	for i := range all {
		all[i] = Bucket(i)
	}
	return all
}

// keyString returns a key as a person would write it.
func (b Bucket) keyString(key []byte) string {
	if len(key) == 0 {
		return ""
	}
	if n := keyBytes[b]; n == 0 || n != len(key) {
		return strconv.Quote(string(key))
	}
	switch {
	case b == LengthBlocks:
		return fmt.Sprintf("segment %d block %d", binary.BigEndian.Uint32(key), binary.BigEndian.Uint32(key[4:]))
	case len(key) == chunkKeyBytes:
		k := parseChunkKey(key)
		return fmt.Sprintf("segment %d code %d ordinal %d", k.Segment, k.Code, k.Ordinal)
	case len(key) == 8:
		return strconv.FormatUint(binary.BigEndian.Uint64(key), 10)
	case len(key) == 4:
		return strconv.FormatUint(uint64(binary.BigEndian.Uint32(key)), 10)
	}
	return strconv.Itoa(int(binary.BigEndian.Uint16(key)))
}

// id64 is the key of a document, passage or tomb block.
type id64 [8]byte

func key64(id uint64) (k id64) {
	binary.BigEndian.PutUint64(k[:], id)
	return k
}

// id32 is the key of a block of codes.
type id32 [4]byte

func key32(n uint32) (k id32) {
	binary.BigEndian.PutUint32(k[:], n)
	return k
}
