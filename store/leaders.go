package store

import (
	"encoding/binary"
	"fmt"
)

// maxLeaders is the greatest number of leaders.
const maxLeaders = 1<<32 - 1

// LeadersPerBlock returns the number of leaders of so many bytes in a block of
// bucket leaders: as many as fill a page, with the header of the page, element,
// key and checksum of the entry, and the block's count; at least 1.
func LeadersPerBlock(leaderBytes int) int {
	const room = pageBytes - pageHeaderBytes - elementBytes - len(id32{}) - sumBytes
	n := room / (1 + leaderBytes)
	for n > 1 && len(binary.AppendUvarint(nil, uint64(n)))+n*(1+leaderBytes) > room {
		n--
	}
	return max(n, 1)
}

// A LeaderBlock holds consecutive leaders: a state of one byte each, which is the
// caller's, and their rows one behind the other. Its value is
//
//	count, states, rows
type LeaderBlock struct {
	States []byte
	Rows   []byte
}

// parseLeaders reads a block of leaders of leaderBytes bytes.
func parseLeaders(value []byte, leaderBytes uint32) (LeaderBlock, error) {
	r := reader{b: value}
	n := r.uvarint()
	if most := LeadersPerBlock(int(leaderBytes)); n == 0 || n > uint64(most) {
		r.fail("block of %d leaders, 1 to %d", n, most)
	}
	b := LeaderBlock{States: r.take(n)}
	b.Rows = r.take(n * uint64(leaderBytes))
	return b, r.end()
}

func (b *LeaderBlock) encode() []byte {
	value := make([]byte, 0, binary.MaxVarintLen32+len(b.States)+len(b.Rows))
	value = binary.AppendUvarint(value, uint64(len(b.States)))
	return append(append(value, b.States...), b.Rows...)
}

// LeaderBlock returns block no of the leaders of an index with the settings m:
// those from no * LeadersPerBlock(m.LeaderBytes) on, fewer than that only in the
// last block. The error is ErrNotFound if there are not so many leaders.
func (tx *Tx) LeaderBlock(m *VectorMeta, no uint32) (LeaderBlock, error) {
	per, key := uint64(LeadersPerBlock(int(m.LeaderBytes))), key32(no)
	first := uint64(no) * per
	if first >= uint64(m.NextLeader) {
		return LeaderBlock{}, notFound(Leaders, key[:], "leader %d", first)
	}
	value, err := tx.Get(Leaders, key[:])
	if err != nil {
		return LeaderBlock{}, err
	}
	if value == nil {
		return LeaderBlock{}, damagedAt(Leaders, key[:], damaged("block is missing"))
	}
	b, err := parseLeaders(value, m.LeaderBytes)
	if want := min(per, uint64(m.NextLeader)-first); err == nil && uint64(len(b.States)) != want {
		err = damaged("block has %d leaders, wanted %d", len(b.States), want)
	}
	if err != nil {
		return LeaderBlock{}, damagedAt(Leaders, key[:], err)
	}
	return b, nil
}

// putLeaders stores block no.
func (tx *Tx) putLeaders(no uint32, b *LeaderBlock) error {
	key := key32(no)
	return tx.Put(Leaders, key[:], b.encode())
}

// AddLeaders stores new leaders, which get the numbers from m.NextLeader on, and
// advances m.NextLeader; the caller stores m. There are len(states) of them, and
// rows has m.LeaderBytes for each.
func (tx *Tx) AddLeaders(m *VectorMeta, rows, states []byte) error {
	size := int(m.LeaderBytes)
	if len(rows) != len(states)*size {
		return fmt.Errorf("store: %d bytes for %d leaders of %d", len(rows), len(states), size)
	}
	if uint64(len(states)) > maxLeaders-uint64(m.NextLeader) {
		return fmt.Errorf("store: %d leaders and %d more, at most %d", m.NextLeader, len(states), uint32(maxLeaders))
	}
	per := LeadersPerBlock(size)
	for len(states) > 0 {
		no, have := m.NextLeader/uint32(per), int(m.NextLeader%uint32(per))
		var block LeaderBlock
		if have > 0 {
			old, err := tx.LeaderBlock(m, no)
			if err != nil {
				return err
			}
			block = old
		}
		n := min(len(states), per-have)
		block = LeaderBlock{
			States: append(block.States[:have:have], states[:n]...),
			Rows:   append(block.Rows[:have*size:have*size], rows[:n*size]...),
		}
		if err := tx.putLeaders(no, &block); err != nil {
			return err
		}
		states, rows = states[n:], rows[n*size:]
		m.NextLeader += uint32(n)
	}
	return nil
}

// SetLeaderStates changes the states of leaders that are there: states[i] is the
// new one of codes[i]. codes must ascend.
func (tx *Tx) SetLeaderStates(m *VectorMeta, codes []uint32, states []byte) error {
	if len(codes) != len(states) {
		return fmt.Errorf("store: %d states for %d leaders", len(states), len(codes))
	}
	per := uint32(LeadersPerBlock(int(m.LeaderBytes)))
	for i := 0; i < len(codes); {
		no := codes[i] / per
		block, err := tx.LeaderBlock(m, no)
		if err != nil {
			return err
		}
		block.States = append([]byte(nil), block.States...)
		for ; i < len(codes) && codes[i]/per == no; i++ {
			if i > 0 && codes[i] <= codes[i-1] {
				return fmt.Errorf("store: state of leader %d after that of %d", codes[i], codes[i-1])
			}
			at := codes[i] % per
			if int(at) >= len(block.States) {
				key := key32(no)
				return notFound(Leaders, key[:], "leader %d", codes[i])
			}
			block.States[at] = states[i]
		}
		if err := tx.putLeaders(no, &block); err != nil {
			return err
		}
	}
	return nil
}
