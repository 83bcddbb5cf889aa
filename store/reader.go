package store

import "encoding/binary"

// reader decodes a stored value. After the first error every method returns
// zero; end reports it. Numbers must be in their shortest form, so that each
// record has one encoding.
type reader struct {
	b   []byte
	at  int
	err error
}

// fail notes the first error.
func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = damaged(format, args...)
	}
	r.at = len(r.b)
}

// uvarint reads an unsigned number.
func (r *reader) uvarint() uint64 {
	if r.at < len(r.b) && r.b[r.at] < 0x80 {
		r.at++
		return uint64(r.b[r.at-1])
	}
	v, n := binary.Uvarint(r.b[r.at:])
	if n <= 0 || r.b[r.at+n-1] == 0 {
		r.fail("bad number at byte %d of %d", r.at, len(r.b))
		return 0
	}
	r.at += n
	return v
}

// uint32 reads an unsigned number below 2^32.
func (r *reader) uint32() uint32 {
	v := r.uvarint()
	if v > 1<<32-1 {
		r.fail("number %d is too large", v)
		return 0
	}
	return uint32(v)
}

// varint reads a signed number (zigzag).
func (r *reader) varint() int64 {
	v := r.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

// uint64 reads eight bytes.
func (r *reader) uint64() uint64 {
	b := r.take(8)
	if len(b) < 8 {
		return 0
	}
	return binary.LittleEndian.Uint64(b)
}

// byte reads one byte.
func (r *reader) byte() byte {
	b := r.take(1)
	if len(b) < 1 {
		return 0
	}
	return b[0]
}

// take reads n bytes, which stay part of the value.
func (r *reader) take(n uint64) []byte {
	if n > uint64(len(r.b)-r.at) {
		r.fail("%d bytes wanted, %d left", n, len(r.b)-r.at)
		return nil
	}
	b := r.b[r.at : r.at+int(n) : r.at+int(n)]
	r.at += int(n)
	return b
}

// string reads a length and so many bytes, copied.
func (r *reader) string() string { return string(r.take(r.uvarint())) }

// count reads a number of items that follow, each at least size bytes long.
func (r *reader) count(size int) int {
	n := r.uvarint()
	if n > uint64((len(r.b)-r.at)/size) {
		r.fail("%d items of %d bytes and more, %d bytes left", n, size, len(r.b)-r.at)
		return 0
	}
	return int(n)
}

// end reports the first error, or bytes left over.
func (r *reader) end() error {
	if r.err == nil && r.at != len(r.b) {
		r.fail("%d bytes left over", len(r.b)-r.at)
	}
	return r.err
}

// appendString appends a length and the bytes.
func appendString(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// appendVarint appends a signed number (zigzag).
func appendVarint(b []byte, v int64) []byte {
	return binary.AppendUvarint(b, uint64(v<<1)^uint64(v>>63))
}
