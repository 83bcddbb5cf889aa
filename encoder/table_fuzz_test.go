package encoder

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"testing"

	"github.com/ciyuan-search/ciyuan/scoring"
)

// smallTable returns the bytes of a table of a few words.
func smallTable(tb testing.TB) []byte {
	tb.Helper()
	b, err := NewBuilder("small", 3, scoring.Bits4, scoring.DefaultParams())
	if err != nil {
		tb.Fatal(err)
	}
	for i, word := range []string{"a", "b", "中", "中国", "中国人", "国", "人", "abc", "abd", "abe",
		"ab", "ac", "ad", "ae", "af", "ag", "ah", "ai", "aj"} {
		if err := b.Add(word, float32(i), []float32{1, float32(i), -2}); err != nil {
			tb.Fatal(err)
		}
	}
	var buf bytes.Buffer
	if _, err := b.WriteTo(&buf); err != nil {
		tb.Fatal(err)
	}
	return buf.Bytes()
}

// seal gives a changed table the right checksum and fingerprint.
func seal(data []byte) {
	f := fingerprintOf(data)
	copy(data[atFingerprint:], f[:])
	binary.LittleEndian.PutUint32(data[atChecksum:], crc32.Checksum(data[:atChecksum], castagnoli))
}

// FuzzNewTable checks that a damaged table, even one with right checksums, is
// refused or answers without a panic.
func FuzzNewTable(f *testing.F) {
	whole := smallTable(f)
	f.Add(whole, true)
	f.Add(whole[:headerBytes], true)
	f.Add([]byte("ciyuantb"), false)
	f.Fuzz(func(t *testing.T, data []byte, sealed bool) {
		data = bytes.Clone(data)
		if sealed && len(data) >= headerBytes {
			seal(data)
		}
		table, err := NewTable(data)
		if err != nil {
			if !errors.Is(err, ErrTable) && !errors.Is(err, ErrTableVersion) {
				t.Fatal(err)
			}
			return
		}
		verified := table.Verify()
		for row := range uint32(min(table.Len(), 100)) {
			word := table.Word(row)
			got, ok := table.Row(word)
			if verified == nil && (!ok || got != row) {
				t.Fatalf("Row(%q) = %d, %v, want %d", word, got, ok, row)
			}
			q := table.Query(table.Vector(nil, row))
			table.Dot(&q, row)
		}
		for _, word := range []string{"a", "中国", "zz", "\xff"} {
			table.Compose(nil, word)
		}
	})
}

func TestNewTable_Damaged(t *testing.T) {
	whole := smallTable(t)
	table, err := NewTable(whole)
	if err != nil {
		t.Fatal(err)
	}
	if err := table.Verify(); err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		for _, flip := range []byte{1, 0x80, 0xff} {
			data := bytes.Clone(whole)
			data[i] ^= flip
			table, err := NewTable(data)
			if err == nil {
				err = table.Verify()
			}
			if !errors.Is(err, ErrTable) && !errors.Is(err, ErrTableVersion) {
				t.Fatalf("byte %d flipped: %v", i, err)
			}
		}
	}
	for n := range whole {
		if _, err := NewTable(whole[:n:n]); !errors.Is(err, ErrTable) {
			t.Fatalf("cut to %d bytes: %v", n, err)
		}
	}
	if _, err := NewTable(append(bytes.Clone(whole), 0)); !errors.Is(err, ErrTable) {
		t.Errorf("a byte too many: %v", err)
	}
	newer := bytes.Clone(whole)
	newer[8] = 2
	seal(newer)
	if _, err := NewTable(newer); !errors.Is(err, ErrTableVersion) {
		t.Errorf("version 2: %v", err)
	}
}
