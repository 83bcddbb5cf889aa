package store

import (
	"encoding/binary"
	"hash/crc32"
)

// sumBytes is the length of the checksum at the end of every value.
const sumBytes = 4

// castagnoli is the table of CRC-32C, for which processors have an instruction.
var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// seeds holds for each bucket the checksum of what comes before the key: the
// file's identity (so that a page of another index does not pass) and the
// bucket's name.
type seeds [bucketCount]uint32

// newSeeds returns the seeds of a file with the given identity.
func newSeeds(identity uint64) *seeds {
	var s seeds
	var id [8]byte
	binary.LittleEndian.PutUint64(id[:], identity)
	for b := range s {
		s[b] = extend(extend(0, id[:]), []byte(Bucket(b).String()))
	}
	return &s
}

// sum returns the CRC-32C over identity, bucket name, length of the key (two
// bytes, big-endian, so that no byte can pass from key to value), key, value.
func (s *seeds) sum(b Bucket, key, value []byte) uint32 {
	c := ^s[b]
	c = castagnoli[byte(c)^byte(len(key)>>8)] ^ (c >> 8)
	c = castagnoli[byte(c)^byte(len(key))] ^ (c >> 8)
	return crc32.Update(extend(^c, key), castagnoli, value)
}

// extend is crc32.Update for short inputs. The standard library's lets p
// escape, which would put every key on the heap.
func extend(crc uint32, p []byte) uint32 {
	c := ^crc
	for _, x := range p {
		c = castagnoli[byte(c)^x] ^ (c >> 8)
	}
	return ^c
}

// seal appends the checksum of value to a copy of it.
func (s *seeds) seal(b Bucket, key, value []byte) []byte {
	sealed := make([]byte, len(value), len(value)+sumBytes)
	copy(sealed, value)
	return binary.LittleEndian.AppendUint32(sealed, s.sum(b, key, value))
}

// open verifies a sealed value and returns it without its checksum.
func (s *seeds) open(b Bucket, key, sealed []byte) ([]byte, error) {
	n := len(sealed) - sumBytes
	if n < 0 {
		return nil, damagedAt(b, key, damaged("value has %d bytes, too few for a checksum", len(sealed)))
	}
	value := sealed[:n:n]
	if got, want := s.sum(b, key, value), binary.LittleEndian.Uint32(sealed[n:]); got != want {
		return nil, damagedAt(b, key, damaged("checksum is %08x, computed %08x", want, got))
	}
	return value, nil
}

// digest returns the share of one entry in its bucket's digest: a 64-bit hash
// of bucket, key and stored checksum (FNV-1a over the key, mixed as in
// SplitMix64). Digests are added mod 2^64, so the order does not matter and an
// entry can be taken out again.
func digest(b Bucket, key, sealed []byte) uint64 {
	h := uint64(14695981039346656037) ^ uint64(b)<<56
	for _, x := range key {
		h = (h ^ uint64(x)) * 1099511628211
	}
	var crc uint32
	if len(sealed) >= sumBytes {
		crc = binary.LittleEndian.Uint32(sealed[len(sealed)-sumBytes:])
	}
	h ^= uint64(crc) << 16
	h += 0x9e3779b97f4a7c15
	h = (h ^ h>>30) * 0xbf58476d1ce4e5b9
	h = (h ^ h>>27) * 0x94d049bb133111eb
	return h ^ h>>31
}
