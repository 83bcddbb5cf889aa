package encoder

import (
	"encoding/binary"
	"sort"
)

// wordList is the sorted, front-coded words of a table, searched in place. It
// trusts nothing it reads: damaged bytes give words that are not found, never a
// panic.
type wordList struct {
	index []byte // blocks + 1 offsets into text
	text  string
	count int
}

// block returns the bytes of a block of words, "" if its offsets are damaged.
func (l *wordList) block(b int) string {
	from := binary.LittleEndian.Uint32(l.index[b*4:])
	to := binary.LittleEndian.Uint32(l.index[b*4+4:])
	if from > to || uint64(to) > uint64(len(l.text)) {
		return ""
	}
	return l.text[from:to]
}

// first returns the first word of a block and the rest of the block.
func first(block string) (word, rest string) {
	if len(block) == 0 || len(block)-1 < int(block[0]) {
		return "", ""
	}
	n := int(block[0]) + 1
	return block[1:n], block[n:]
}

// next returns what the next word of a block shares with the one before, its
// other bytes, and the rest of the block; ok is false at the end of the block.
func next(block string) (shared int, suffix, rest string, ok bool) {
	if len(block) < 2 || len(block)-2 < int(block[1]) {
		return 0, "", "", false
	}
	n := int(block[1]) + 2
	return int(block[0]), block[2:n], block[n:], true
}

// find returns the row of a word.
func (l *wordList) find(word string) (uint32, bool) {
	// The block is the last one whose first word is not above the word.
	b := sort.Search(blocksOf(l.count), func(b int) bool {
		w, _ := first(l.block(b))
		return w > word
	}) - 1
	if b < 0 {
		return 0, false
	}
	w, rest := first(l.block(b))
	if w == word {
		return uint32(b * blockWords), true
	}
	common := commonPrefix(w, word)
	for i := 1; i < blockWords; i++ {
		shared, suffix, after, ok := next(rest)
		if !ok {
			break
		}
		rest = after
		// A word that shares more with its predecessor than the predecessor
		// with ours differs from ours at the same byte: it is below ours too.
		if shared > common {
			continue
		}
		// One that shares less is above its predecessor at a byte where that
		// equals ours: it is above ours, and so are all that follow.
		if shared < common {
			break
		}
		if word[common:] == suffix {
			row := b*blockWords + i
			return uint32(row), row < l.count
		}
		if suffix > word[common:] {
			break
		}
		common += commonPrefix(suffix, word[common:])
	}
	return 0, false
}

// at appends the word of a row to dst, nothing if there is none.
func (l *wordList) at(dst []byte, row uint32) []byte {
	if int64(row) >= int64(l.count) {
		return dst
	}
	start := len(dst)
	w, rest := first(l.block(int(row) / blockWords))
	dst = append(dst, w...)
	for range row % blockWords {
		shared, suffix, after, ok := next(rest)
		if !ok || shared > len(dst)-start {
			return dst[:start]
		}
		dst, rest = append(dst[:start+shared], suffix...), after
	}
	return dst
}

// commonPrefix returns the number of bytes that a and b have in common at their
// beginning.
func commonPrefix(a, b string) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
