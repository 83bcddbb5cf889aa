package store

import (
	"encoding/binary"
	"errors"
)

// vectors checks the token vectors: records, leaders and the graph of leaders.
// Their postings are checked with those of words.
func (c *checker) vectors() error {
	m := c.vectorMeta
	if m == nil {
		for b := VPending; b < bucketCount; b++ {
			if n := c.counts.buckets[b].count; n > 0 {
				if err := c.tell(b, nil, "%d entries, but the index has no token vectors", n); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if !c.tx.there[Vectors] {
		return c.tell(Metas, []byte(vectorMetaKey), "format %d has no such record", c.tx.store.format)
	}
	if err := c.leaders(); err != nil {
		return err
	}
	if err := c.graphBlocks(VGraph, m.GraphNodes); err != nil {
		return err
	}
	return c.vectorRecords()
}

// leaders checks that the blocks of leaders are all there, and full but the last.
func (c *checker) leaders() error {
	m, next := c.vectorMeta, uint64(0)
	per := uint64(LeadersPerBlock(int(m.LeaderBytes)))
	err := c.tx.each(Leaders, nil, func(key, value []byte) (bool, error) {
		if len(key) != 4 {
			return true, nil // told already
		}
		b, err := parseLeaders(value, m.LeaderBytes)
		if err != nil {
			return false, c.tellErr(Leaders, key, err)
		}
		if first := uint64(binary.BigEndian.Uint32(key)) * per; first != next {
			return false, c.tell(Leaders, key, "block holds the leaders from %d on, wanted %d", first, next)
		}
		next += uint64(len(b.States))
		return true, c.step(len(value))
	})
	if err == nil && next != uint64(m.NextLeader) {
		err = c.tell(Leaders, nil, "%d leaders are there, counted were %d", next, m.NextLeader)
	}
	return err
}

// vectorRecords walks the documents and the vector records of their passages, of
// which each has at most one.
func (c *checker) vectorRecords() error {
	records, err := c.follow(VPending, Vectors)
	if err != nil {
		return err
	}
	m, rows := c.vectorMeta, uint64(0)
	var codes []uint32
	for e, err := range c.tx.Docs(0) {
		if err != nil {
			return err
		}
		for p, end := uint64(e.ID), uint64(e.ID)+uint64(e.Passages); p < end; p++ {
			record, copies, err := records.at(p)
			if err != nil {
				return err
			}
			if copies == 0 {
				continue
			}
			in, key := VPending, key64(p)
			if records.folded {
				in = Vectors
			}
			if copies > 1 {
				key := key64(uint64(e.ID))
				err = c.tell(Docs, key[:], "its passage %d has %d records of its token vectors", p, copies)
			}
			v, bad := DecodeVectors(record, int(m.RowBytes))
			if bad != nil {
				err = errors.Join(err, c.tellErr(in, key[:], bad))
			}
			codes = v.AppendCodes(codes[:0])
			for _, code := range codes {
				if code >= m.NextLeader {
					err = errors.Join(err, c.tell(in, key[:], "its record names leader %d, there are %d", code, m.NextLeader))
					break
				}
			}
			rows += uint64(v.Len())
			if err != nil {
				return err
			}
		}
	}
	if _, _, err := records.at(1<<64 - 1); err != nil {
		return err
	}
	if rows != m.Rows {
		return c.tell(Metas, []byte(vectorMetaKey), "%d rows are there, counted were %d", rows, m.Rows)
	}
	return nil
}
