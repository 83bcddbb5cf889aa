package subword

import (
	"encoding/binary"
	"testing"
)

// handMadeMap replaces A by "xy", B by nothing, and nothing else.
func handMadeMap(t *testing.T) *charsmap {
	t.Helper()
	units := make([]uint32, 0xc4)
	const leaf, value = 1 << 8, 1 << 31
	units[0] = 0x80 << 10
	units[0x80^'A'] = 'A' | leaf | 1<<10
	units[0x80^'A'^1] = value // "xy"
	units[0x80^'B'] = 'B' | leaf | 1<<10
	units[0x80^'B'^1] = value | 2 // ""
	data := binary.LittleEndian.AppendUint32(nil, uint32(4*len(units)))
	for _, u := range units {
		data = binary.LittleEndian.AppendUint32(data, u)
	}
	m, err := parseCharsmap(append(data, "xy\x00"...))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestCharsmap(t *testing.T) {
	m := handMadeMap(t)
	tests := []struct {
		text, want string
		spans      [][2]int32 // of each byte
	}{
		{"c", "c", [][2]int32{{0, 1}}},
		{"cAc", "cxyc", [][2]int32{{0, 1}, {1, 2}, {1, 2}, {2, 3}}},
		{"cBc", "cc", [][2]int32{{0, 1}, {2, 3}}},
		{"词A", "词xy", [][2]int32{{0, 3}, {0, 3}, {0, 3}, {3, 4}, {3, 4}}},
		// Nothing stands before the dropped character that could take it along:
		// the library is one character off from there on, and so are we.
		{"Bcd", "cd", [][2]int32{{0, 1}, {1, 2}}},
		// A grapheme of fewer than six bytes is replaced by what its first
		// character is replaced by.
		{"A\u0301", "xy", [][2]int32{{0, 1}, {1, 3}}},
	}
	for _, tt := range tests {
		var src, dst buffer
		src.load(tt.text, 0)
		if !m.normalize(&dst, &src) {
			dst = src
		}
		if string(dst.b) != tt.want {
			t.Errorf("%q becomes %q, want %q", tt.text, dst.b, tt.want)
			continue
		}
		for i, s := range tt.spans {
			if dst.start[i] != s[0] || dst.end[i] != s[1] {
				t.Errorf("%q: byte %d stands for %d to %d, want %v", tt.text, i, dst.start[i], dst.end[i], s)
			}
		}
	}
}

// TestTrie compares with a map, with enough keys for both ways of sorting.
func TestTrie(t *testing.T) {
	keys := []string{"", "a", "ab", "ab", "b", "词", "词元"}
	for i := range 5000 {
		keys = append(keys, string(rune('!'+i%60))+string(rune(0x4e00+i*37%900))+string(rune('a'+i%26)))
	}
	last := make(map[string]int32)
	for i, k := range keys {
		last[k] = int32(i)
	}
	tr := newTrie(len(keys), func(i int) string { return keys[i] })
	for k, want := range last {
		if got := tr.find(k); got != want {
			t.Errorf("%q is %d, want %d", k, got, want)
		}
		if got := tr.find(k + "\x00"); got != -1 {
			t.Errorf("%q with a zero byte is %d", k, got)
		}
	}
	if id, size := tr.longest(0, []byte("abc")); id != 3 || size != 2 {
		t.Errorf("longest is %d of %d bytes", id, size)
	}
	if id, _ := newTrie(0, nil).longest(0, []byte("abc")); id != -1 {
		t.Errorf("an empty trie has %d", id)
	}
}
