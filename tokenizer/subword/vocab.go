package subword

import (
	"fmt"
	"math"
)

// vocab is the pieces of a model and their ids.
type vocab struct {
	blob   string   // all pieces, one behind the other
	offset []uint32 // of entry i, and the end
	entry  []int32  // id -> entry, -1 where there is none
	trie   *trie    // piece -> id
}

// vocabBuilder collects the entries of a vocab.
type vocabBuilder struct {
	blob   []byte
	offset []uint32
	ids    []uint32
}

func (b *vocabBuilder) add(piece string, id uint32) error {
	if len(b.blob)+len(piece) > math.MaxInt32 {
		return fmt.Errorf("%w: vocabulary of more than 2 GiB", ErrFormat)
	}
	b.offset = append(b.offset, uint32(len(b.blob)))
	b.blob = append(b.blob, piece...)
	b.ids = append(b.ids, id)
	return nil
}

// build returns the vocab. The trie holds what form makes of each piece, and
// not those of which it makes nothing; nil form means the pieces themselves.
func (b *vocabBuilder) build(form func(string) (string, bool)) (*vocab, error) {
	v := &vocab{blob: string(b.blob), offset: append(b.offset, uint32(len(b.blob)))}
	largest := uint32(0)
	for _, id := range b.ids {
		largest = max(largest, id)
	}
	// Some vocabularies have holes; one entry with a huge id is a lie that
	// would cost gigabytes.
	if n := uint64(len(b.ids)); uint64(largest) > 4*n+1<<16 {
		return nil, fmt.Errorf("%w: id %d in a vocabulary of %d pieces", ErrFormat, largest, n)
	}
	v.entry = make([]int32, largest+1)
	for i := range v.entry {
		v.entry[i] = -1
	}
	for i, id := range b.ids {
		v.entry[id] = int32(i)
	}
	key := v.at
	order := b.ids
	if form != nil {
		var keys []string
		order = nil
		for i, id := range b.ids {
			if s, ok := form(v.at(i)); ok {
				keys = append(keys, s)
				order = append(order, id)
			}
		}
		key = func(i int) string { return keys[i] }
	}
	v.trie = newTrie(len(order), key)
	for i, e := range v.trie.value {
		if e >= 0 {
			v.trie.value[i] = int32(order[e])
		}
	}
	return v, nil
}

// at returns the piece of entry i.
func (v *vocab) at(i int) string { return v.blob[v.offset[i]:v.offset[i+1]] }

// piece returns the piece of that id, false where there is none.
func (v *vocab) piece(id uint32) (string, bool) {
	if uint64(id) >= uint64(len(v.entry)) || v.entry[id] < 0 {
		return "", false
	}
	return v.at(int(v.entry[id])), true
}
