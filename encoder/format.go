package encoder

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"math"

	"github.com/ciyuan-search/ciyuan/scoring"
)

// A table is one run of bytes, all numbers little endian:
//
//	offset size
//	     0    8  magic "ciyuantb"
//	     8    4  format version
//	    12    4  dimensions
//	    16    4  bits a column, 4, 8 or 16
//	    20    4  number of words
//	    24    4  length of the longest word, bytes
//	    28    4  0
//	    32    8  offset of the block index: for each block of 16 words, and for
//	             the end, a uint32 offset into the words
//	    40    8  offset of the words
//	    48    8  offset of the priors, a byte a word, in 1/16 nat
//	    56    8  offset of the rows, see scoring.Rows; a multiple of 64
//	    64    8  length of the whole table
//	    72   28  float32: temperature, least similarity, background similarity,
//	             prior shift, prior floor, prior cap, half documents
//	   100    8  uint32: neighbours, neighbours across languages
//	   108    4  0
//	   112    8  fingerprint: the first bytes of the SHA-256 of the whole table
//	             with fingerprint, licence and checksum as zeros
//	   120   64  length of the name (one byte), name in UTF-8, zeros
//	   184    8  offset of the n-gram buckets, a multiple of 4; 0 if there are none
//	   192   16  uint32: number of n-gram rows, shortest and longest n-gram in
//	             characters, number of buckets that n-grams are hashed to
//	   208   44  length of the licence (one byte), its name in UTF-8, zeros; empty
//	             where it is not known
//	   252    4  CRC-32C of the bytes before
//
// Words are sorted by their bytes. The first word of a block is its length (one
// byte) and its bytes; each other one the length of what it shares with the word
// before, the length of the rest, and the rest.
//
// N-grams of a fastText model have the rows behind the words', one for each
// bucket, a uint32, ascending; buckets without a row are left out. Their vectors
// are at most 1 long and on one scale: only their sums have a meaning.
//
// Version history:
//
//	1  the first

// Magic is what the bytes of a table begin with.
const Magic = "ciyuantb"

const (
	tableVersion = 1

	headerBytes      = 256
	atFingerprint    = 112
	fingerprintBytes = 8
	atName           = 120
	maxNameBytes     = 63
	atGrams          = 184
	atLicense        = 208
	maxLicenseBytes  = 43
	atChecksum       = 252

	blockWords   = 16
	maxWordBytes = 255
	priorStep    = 16 // parts of a nat: a prior is off by at most 1/32
	rowAlign     = 64
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// header is the first 256 bytes of a table.
type header struct {
	dim         int
	bits        scoring.Bits
	count       int
	longest     int
	index       int // offsets
	words       int
	priors      int
	buckets     int
	rows        int
	size        int
	grams       Grams
	gramRows    int
	license     string
	params      scoring.Params
	fingerprint [fingerprintBytes]byte
	name        string
}

// layout sets the offsets and the size from the counts.
func (h *header) layout(wordBytes int) {
	h.index = headerBytes
	h.words = h.index + (blocksOf(h.count)+1)*4
	h.priors = h.words + wordBytes
	end := h.priors + h.count
	h.buckets = 0
	if h.gramRows > 0 {
		h.buckets = align(end, 4)
		end = h.buckets + 4*h.gramRows
	}
	h.rows = align(end, rowAlign)
	h.size = h.rows + (h.count+h.gramRows)*scoring.RowBytes(h.dim, h.bits)
}

// align rounds n up to a multiple of m.
func align(n, m int) int { return (n + m - 1) / m * m }

// blocksOf returns the number of blocks that hold n words.
func blocksOf(n int) int { return (n + blockWords - 1) / blockWords }

// encode returns the bytes of h, with their checksum.
func (h *header) encode() []byte {
	le := binary.LittleEndian
	b := make([]byte, 0, headerBytes)
	b = append(b, Magic...)
	for _, v := range []int{tableVersion, h.dim, int(h.bits), h.count, h.longest, 0} {
		b = le.AppendUint32(b, uint32(v))
	}
	for _, v := range []int{h.index, h.words, h.priors, h.rows, h.size} {
		b = le.AppendUint64(b, uint64(v))
	}
	p := h.params
	for _, v := range []float32{p.Temperature, p.MinSim, p.Background, p.PriorShift, p.PriorFloor, p.PriorCap, p.HalfDocuments} {
		b = le.AppendUint32(b, math.Float32bits(v))
	}
	b = le.AppendUint32(b, uint32(p.Neighbors))
	b = le.AppendUint32(b, uint32(p.CrossNeighbors))
	b = append(b, make([]byte, headerBytes-len(b))...)
	copy(b[atFingerprint:], h.fingerprint[:])
	b[atName] = byte(len(h.name))
	copy(b[atName+1:], h.name)
	le.PutUint64(b[atGrams:], uint64(h.buckets))
	for i, v := range []int{h.gramRows, h.grams.Min, h.grams.Max, h.grams.Buckets} {
		le.PutUint32(b[atGrams+8+4*i:], uint32(v))
	}
	b[atLicense] = byte(len(h.license))
	copy(b[atLicense+1:], h.license)
	le.PutUint32(b[atChecksum:], crc32.Checksum(b[:atChecksum], castagnoli))
	return b
}

// decodeHeader reads and checks the header of a table of the given length. What
// it accepts lies inside the table, so that later reads need check only what
// the words say about themselves.
func decodeHeader(b []byte, length int) (header, error) {
	le := binary.LittleEndian
	if len(b) < headerBytes || string(b[:len(Magic)]) != Magic {
		return header{}, fmt.Errorf("%w: no header", ErrTable)
	}
	b = b[:headerBytes]
	if v := le.Uint32(b[8:]); v != tableVersion {
		return header{}, fmt.Errorf("%w: %d, this program reads %d", ErrTableVersion, v, tableVersion)
	}
	if le.Uint32(b[atChecksum:]) != crc32.Checksum(b[:atChecksum], castagnoli) {
		return header{}, fmt.Errorf("%w: the header's checksum is wrong", ErrTable)
	}
	float := func(at int) float32 { return math.Float32frombits(le.Uint32(b[at:])) }
	h := header{
		dim:     int(le.Uint32(b[12:])),
		bits:    scoring.Bits(min(le.Uint32(b[16:]), math.MaxUint8)),
		count:   int(le.Uint32(b[20:])),
		longest: int(le.Uint32(b[24:])),
		params: scoring.Params{
			Temperature: float(72), MinSim: float(76), Background: float(80),
			PriorShift: float(84), PriorFloor: float(88), PriorCap: float(92), HalfDocuments: float(96),
			Neighbors: int(le.Uint32(b[100:])), CrossNeighbors: int(le.Uint32(b[104:])),
		},
		fingerprint: [fingerprintBytes]byte(b[atFingerprint:]),
		gramRows:    int(le.Uint32(b[atGrams+8:])),
		grams: Grams{
			Min: int(le.Uint32(b[atGrams+12:])), Max: int(le.Uint32(b[atGrams+16:])), Buckets: int(le.Uint32(b[atGrams+20:])),
		},
	}
	switch {
	case h.dim <= 0 || h.dim > maxDim || !h.bits.Known():
		return header{}, fmt.Errorf("%w: %d dimensions of %d bits", ErrTable, h.dim, h.bits)
	case h.count > length || h.longest > maxWordBytes:
		return header{}, fmt.Errorf("%w: %d words of up to %d bytes", ErrTable, h.count, h.longest)
	case !h.params.Valid():
		return header{}, fmt.Errorf("%w: the constants of the score are no numbers of use", ErrTable)
	case h.gramRows > length || h.gramRows > h.grams.Buckets || !h.grams.valid():
		return header{}, fmt.Errorf("%w: %d rows for n-grams %+v", ErrTable, h.gramRows, h.grams)
	case b[atName] > maxNameBytes:
		return header{}, fmt.Errorf("%w: a name of %d bytes", ErrTable, b[atName])
	case b[atLicense] > maxLicenseBytes:
		return header{}, fmt.Errorf("%w: a licence of %d bytes", ErrTable, b[atLicense])
	}
	h.license = string(b[atLicense+1:][:b[atLicense]])
	h.name = string(b[atName+1:][:b[atName]])
	// The offsets follow from the counts and the length of the words, so there
	// is one right value for each.
	priors := le.Uint64(b[48:])
	if priors > uint64(length) {
		return header{}, fmt.Errorf("%w: %d bytes, its header speaks of more", ErrTable, length)
	}
	h.layout(0)
	if h.layout(max(0, int(priors)-h.words)); h.size != length {
		return header{}, fmt.Errorf("%w: %d bytes instead of %d", ErrTable, length, h.size)
	}
	for i, v := range []int{h.index, h.words, h.priors, h.rows, h.size} {
		if le.Uint64(b[32+8*i:]) != uint64(v) {
			return header{}, fmt.Errorf("%w: offsets that do not fit its counts", ErrTable)
		}
	}
	if le.Uint64(b[atGrams:]) != uint64(h.buckets) {
		return header{}, fmt.Errorf("%w: offsets that do not fit its counts", ErrTable)
	}
	return h, nil
}

// maxDim is far above every table there is and keeps sizes inside an int.
const maxDim = 1 << 14
