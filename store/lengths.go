package store

import "encoding/binary"

// LengthsPerBlock is the number of passages in a block of bucket lengths.
const LengthsPerBlock = 4096

// Lengths holds the number of primary word tokens of consecutive passages, two
// bytes each (little-endian), as the formula of the score counts them: title
// included, without punctuation, 65535 for more.
type Lengths []byte

// Len returns the number of passages.
func (l Lengths) Len() int { return len(l) / 2 }

// At returns the number of words of passage i of the block.
func (l Lengths) At(i int) int { return int(binary.LittleEndian.Uint16(l[2*i:])) }

// AppendLength appends the number of words of the next passage.
func AppendLength(l Lengths, words int) Lengths {
	return binary.LittleEndian.AppendUint16(l, uint16(min(words, 1<<16-1)))
}

func lengthsKey(segment, block uint32) (k [8]byte) {
	binary.BigEndian.PutUint32(k[:], segment)
	binary.BigEndian.PutUint32(k[4:], block)
	return k
}

func parseLengths(value []byte) (Lengths, error) {
	if len(value) == 0 || len(value)%2 != 0 || len(value) > 2*LengthsPerBlock {
		return nil, damaged("%d bytes are no lengths", len(value))
	}
	return value, nil
}

// Lengths returns the word counts of the ordinals of a segment from
// block*LengthsPerBlock on, empty if there are none.
func (tx *Tx) Lengths(segment, block uint32) (Lengths, error) {
	key := lengthsKey(segment, block)
	value, err := tx.Get(LengthBlocks, key[:])
	if err != nil || value == nil {
		return nil, err
	}
	l, err := parseLengths(value)
	if err != nil {
		return nil, damagedAt(LengthBlocks, key[:], err)
	}
	return l, nil
}

// PutLengths stores a block of word counts: LengthsPerBlock of them, fewer only
// in the last block of a segment.
func (tx *Tx) PutLengths(segment, block uint32, l Lengths) error {
	key := lengthsKey(segment, block)
	return tx.Put(LengthBlocks, key[:], l)
}
