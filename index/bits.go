package index

import (
	"encoding/binary"
	"math/bits"
)

// readPad is the number of zero bytes that follow every bit stream, so that a
// reader may load eight bytes at any position inside the stream and at the first
// positions after it.
const readPad = 16

// bitWriter appends bits to buf, least significant first.
type bitWriter struct {
	buf []byte
	acc uint64
	n   uint // bits in acc, less than 8 between calls
}

// put appends the low n bits of v; n is at most 56 and the bits of v above n are
// zero.
func (w *bitWriter) put(v uint64, n uint) {
	w.acc |= v << w.n
	w.n += n
	for w.n >= 8 {
		w.buf = append(w.buf, byte(w.acc))
		w.acc >>= 8
		w.n -= 8
	}
}

// gamma appends v > 0 in Elias's gamma code: the number of bits after the first
// one as a run of zeros, a one, then these bits.
func (w *bitWriter) gamma(v uint64) {
	n := uint(bits.Len64(v)) - 1
	w.put(1<<n, n+1)
	w.put(v&(1<<n-1), n)
}

// rice appends v in Rice's code with k low bits: v>>k as a run of ones, a zero,
// the low bits. A quotient of riceEscape or more is written as riceEscape ones
// followed by riceRaw bits of v, so that no value is long.
func (w *bitWriter) rice(v uint64, k uint) {
	q := v >> k
	if q >= riceEscape {
		w.put(1<<riceEscape-1, riceEscape)
		w.put(v, riceRaw)
		return
	}
	w.put(1<<q-1, uint(q)+1)
	w.put(v&(1<<k-1), k)
}

// pack appends numbers in the given width.
func (w *bitWriter) pack(values []uint32, width uint) {
	for _, v := range values {
		w.put(uint64(v), width)
	}
	w.flush()
}

// flush fills the last byte with zeros and returns the bytes.
func (w *bitWriter) flush() []byte {
	if w.n > 0 {
		w.buf = append(w.buf, byte(w.acc))
		w.acc, w.n = 0, 0
	}
	return w.buf
}

// A quotient and the low bits are decoded from one load of 57 bits at least:
// riceEscape + riceMaxK must not exceed 57.
const (
	riceEscape = 24
	riceRaw    = 34
	riceMaxK   = 32
)

// riceParam returns the number of low bits that suits values of the given mean:
// log2(mean * ln 2), the optimum for geometric gaps.
func riceParam(mean uint64) uint {
	k := uint(bits.Len64(mean * 177 >> 8))
	if k > 0 {
		k--
	}
	return min(k, riceMaxK)
}

// A bitReader reads from buf, in which readPad bytes follow the stream. Its
// methods move pos without looking at the end of the stream: a caller checks
// after each call, or after a few, that pos is at most the end, and a single call moves
// at most maxBits.
type bitReader struct {
	buf []byte
	pos uint
}

// wordBits is the number of bits that a load has at least.
const wordBits = 57

func load57(buf []byte, pos uint) uint64 {
	return binary.LittleEndian.Uint64(buf[pos>>3:]) >> (pos & 7)
}

// bits reads n <= 57 bits.
func (r *bitReader) bits(n uint) uint64 {
	v := load57(r.buf, r.pos) & (1<<n - 1)
	r.pos += n
	return v
}

// gamma reads a gamma code of at most 33 bits behind its zeros, which is at least
// 1. A longer run of zeros, which no writer makes, gives 0.
func (r *bitReader) gamma() uint64 {
	w := load57(r.buf, r.pos)
	z := uint(bits.TrailingZeros64(w))
	if z <= 28 {
		r.pos += 2*z + 1
		return w>>(z+1)&(1<<z-1) | 1<<z
	}
	if z > 32 {
		return 0
	}
	r.pos += z + 1
	return r.bits(z) | 1<<z
}

// rice reads a Rice code.
func (r *bitReader) rice(k uint) uint64 {
	w := load57(r.buf, r.pos)
	q := uint(bits.TrailingZeros64(^w))
	if q >= riceEscape {
		r.pos += riceEscape
		return r.bits(riceRaw)
	}
	r.pos += q + 1 + k
	return uint64(q)<<k | w>>(q+1)&(1<<k-1)
}
