package store

import "encoding/binary"

// bucketSum tells how many entries a bucket holds, and the sum of their
// digests. A lost, renamed or doubled key shows in it.
type bucketSum struct {
	count  uint64
	digest uint64
}

// add counts an entry. The record of the sums is not part of them.
func (s *bucketSum) add(b Bucket, key, sealed []byte) {
	if b == Metas && string(key) == sumsKey {
		return
	}
	s.count++
	s.digest += digest(b, key, sealed)
}

// remove takes an entry out again.
func (s *bucketSum) remove(b Bucket, key, sealed []byte) {
	s.count--
	s.digest -= digest(b, key, sealed)
}

// sums is the record that every commit writes.
type sums struct {
	generation uint64
	n          int                    // buckets of the file's format
	buckets    [bucketCount]bucketSum // without the record itself
}

func (s *sums) encode() []byte {
	b := binary.AppendUvarint(nil, s.generation)
	b = binary.AppendUvarint(b, uint64(s.n))
	for _, x := range s.buckets[:s.n] {
		b = binary.AppendUvarint(b, x.count)
		b = binary.LittleEndian.AppendUint64(b, x.digest)
	}
	return b
}

func decodeSums(value []byte) (s sums, err error) {
	r := reader{b: value}
	s.generation = r.uvarint()
	if n := r.uvarint(); n == uint64(format1Buckets) || n == bucketCount {
		s.n = int(n)
	} else {
		r.fail("sums of %d buckets", n)
	}
	for i := range s.buckets[:s.n] {
		s.buckets[i] = bucketSum{count: r.uvarint(), digest: r.uint64()}
	}
	return s, r.end()
}
