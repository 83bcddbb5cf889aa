package store

import "encoding/binary"

// TombsPerBlock is the number of passages in a block of bucket tombs.
const TombsPerBlock = 4096

// A TombBlock has a bit for each of TombsPerBlock passages: set if the passage
// was deleted while a segment still has it. A nil block has no bit set.
type TombBlock []byte

// Dead reports whether bit i is set.
func (t TombBlock) Dead(i int) bool {
	return t != nil && t[i>>3]&(1<<(i&7)) != 0
}

func parseTombs(value []byte) (TombBlock, error) {
	if len(value) != TombsPerBlock/8 {
		return nil, damaged("%d bytes are no tombs", len(value))
	}
	return value, nil
}

// Tombs returns the tombs of the passages from block*TombsPerBlock on, nil if
// none of them is dead.
func (tx *Tx) Tombs(block uint64) (TombBlock, error) {
	key := key64(block)
	value, err := tx.Get(Tombs, key[:])
	if err != nil || value == nil {
		return nil, err
	}
	t, err := parseTombs(value)
	if err != nil {
		return nil, damagedAt(Tombs, key[:], err)
	}
	return t, nil
}

// Bury marks the n passages from first on as deleted, Unbury forgets them when
// no segment has them any more.
func (tx *Tx) Bury(first PassageID, n uint32) error { return tx.mark(first, n, true) }

// Unbury takes the marks of the n passages from first on away.
func (tx *Tx) Unbury(first PassageID, n uint32) error { return tx.mark(first, n, false) }

func (tx *Tx) mark(first PassageID, n uint32, dead bool) error {
	for p, end := uint64(first), uint64(first)+uint64(n); p < end; {
		block := p / TombsPerBlock
		old, err := tx.Tombs(block)
		if err != nil {
			return err
		}
		t := make(TombBlock, TombsPerBlock/8)
		copy(t, old)
		for ; p < end && p/TombsPerBlock == block; p++ {
			i := p % TombsPerBlock
			if dead {
				t[i>>3] |= 1 << (i & 7)
			} else {
				t[i>>3] &^= 1 << (i & 7)
			}
		}
		key := key64(block)
		if !dead && !t.any() {
			err = tx.Delete(Tombs, key[:])
		} else {
			err = tx.Put(Tombs, key[:], t)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// any reports whether a bit is set.
func (t TombBlock) any() bool {
	for i := 0; i < len(t); i += 8 {
		if binary.LittleEndian.Uint64(t[i:]) != 0 {
			return true
		}
	}
	return false
}
