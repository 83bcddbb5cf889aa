package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
)

// salvagedVectors says where token vectors lie.
type salvagedVectors struct {
	pending []spot
	folded  []blockSpot
	leaders []spot
}

// blockSpot is where a block of folded records lies. reach is the last passage
// that it or one before it in the list has.
type blockSpot struct {
	spot
	reach PassageID
}

// note notes an intact entry of one of the buckets of token vectors.
func (v *salvagedVectors) note(b Bucket, key, value []byte, at spot) {
	switch b {
	case VPending:
		at.key = binary.BigEndian.Uint64(key)
		v.pending = append(v.pending, at)
	case Vectors:
		block, err := parseForwardAt(b, key, value)
		if err != nil {
			return
		}
		at.key = uint64(block.first)
		last := block.first
		for p := range block.All() {
			last = p.ID
		}
		v.folded = append(v.folded, blockSpot{at, last})
	case Leaders:
		at.key = uint64(binary.BigEndian.Uint32(key))
		v.leaders = append(v.leaders, at)
	}
}

func (v *salvagedVectors) settle() {
	slices.SortFunc(v.pending, spot.compare)
	slices.SortFunc(v.leaders, spot.compare)
	slices.SortFunc(v.folded, func(a, b blockSpot) int { return a.compare(b.spot) })
	reach := PassageID(0)
	for i := range v.folded {
		reach = max(reach, v.folded[i].reach)
		v.folded[i].reach = reach
	}
}

// blocks returns the places of blocks that may have passage p.
func (v *salvagedVectors) blocks(p PassageID) []spot {
	end, _ := slices.BinarySearchFunc(v.folded, uint64(p), func(b blockSpot, p uint64) int {
		if b.key <= p {
			return -1
		}
		return 1
	})
	var at []spot
	for i := end - 1; i >= 0 && v.folded[i].reach >= p; i-- {
		at = append(at, v.folded[i].spot)
	}
	return at
}

// Vectors returns the vector record of passage p, which the caller owns, nil if
// it has none or it is damaged or lost, as it is where VectorMeta is. The error is
// that of the disk.
func (s *Salvage) Vectors(p PassageID) ([]byte, error) {
	if s.VectorMeta == nil {
		return nil, nil
	}
	pending, blocks := found(s.vectors.pending, uint64(p)), s.vectors.blocks(p)
	for _, stale := range []bool{false, true} {
		for i, at := range slices.Concat(pending, blocks) {
			if at.stale != stale {
				continue
			}
			key, record, err := s.at(at)
			if err != nil && !errors.Is(err, ErrCorrupt) {
				return nil, err
			}
			if i >= len(pending) {
				block, _ := parseForwardAt(Vectors, key, record) // of no passages where it cannot be read
				record, _ = block.Find(p)
			}
			if _, err := DecodeVectors(record, int(s.VectorMeta.RowBytes)); err == nil {
				return bytes.Clone(record), nil
			}
		}
	}
	return nil, nil
}

// LeaderBlock returns block no of the leaders, which the caller owns: the current
// one, or the one with the most leaders of those that are left. The error is
// ErrCorrupt if none is, or VectorMeta is lost.
func (s *Salvage) LeaderBlock(no uint32) (LeaderBlock, error) {
	key := key32(no)
	var best LeaderBlock
	if s.VectorMeta == nil {
		return best, damagedAt(Leaders, key[:], damaged("nothing is known of its leaders"))
	}
	for _, at := range found(s.vectors.leaders, uint64(no)) {
		_, value, err := s.at(at)
		if err != nil && !errors.Is(err, ErrCorrupt) {
			return LeaderBlock{}, err
		}
		b, err := parseLeaders(value, s.VectorMeta.LeaderBytes)
		if err == nil && len(b.States) > len(best.States) {
			best = LeaderBlock{States: bytes.Clone(b.States), Rows: bytes.Clone(b.Rows)}
		}
		if err == nil && !at.stale {
			break
		}
	}
	if len(best.States) == 0 {
		return best, damagedAt(Leaders, key[:], damaged("block is damaged or lost"))
	}
	return best, nil
}
