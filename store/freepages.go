package store

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"

	"github.com/ciyuan-search/ciyuan/internal/failpoint"
)

// pageSet is a set of page ids.
type pageSet []uint64

func newPageSet(n uint64) pageSet { return make(pageSet, (n+63)/64) }

// add adds page id and reports whether it was not in the set.
func (s pageSet) add(id uint64) bool {
	bit := uint64(1) << (id & 63)
	was := s[id>>6]&bit != 0
	s[id>>6] |= bit
	return !was
}

func (s pageSet) has(id uint64) bool { return s[id>>6]&(1<<(id&63)) != 0 }

// addRange adds the pages of a branch or leaf page, or the free list, with its
// overflow, and returns an error if one of them is in use already. They must
// lie in the file, as raw checks.
func (s pageSet) addRange(id, overflow uint64) error {
	for i := id; i <= id+overflow; i++ {
		if !s.add(i) {
			return damaged("page %d is used twice", i)
		}
	}
	return nil
}

// use adds all pages of tree t to the set.
func (p pager) use(s pageSet, t tree) error {
	if t.root == 0 {
		return nil
	}
	return p.usePage(s, t.root, 0)
}

func (p pager) usePage(s pageSet, id uint64, depth int) error {
	pg, err := p.page(id)
	if err != nil {
		return err
	}
	if depth > maxDepth {
		return damaged("page %d is deeper than %d", id, maxDepth)
	}
	if err := s.addRange(id, pg.overflow); err != nil {
		return err
	}
	if pg.leaf {
		return nil
	}
	for i := range pg.count {
		if err := p.usePage(s, pg.child(i), depth+1); err != nil {
			return err
		}
	}
	return nil
}

// writable checks what bbolt relies on when it writes: that the list of free
// pages is well formed and names no page that is in use, which the next commit
// would overwrite. The seal of the last commit vouches for that; where there is
// none, because the machine went down before it reached the disk, the header of
// every page in use is looked at.
func (tx *Tx) writable(newest boltMeta) error {
	p := tx.pager
	free, overflow, err := p.freelist(newest.freelist)
	if err != nil {
		return err
	}
	switch want, ok := p.readSeal(tx.seeds, newest.txid); {
	case ok && want == freeSum(newest.freelist, free):
		return nil
	case ok:
		return damaged("the list of free pages does not match its checksum")
	}
	used := newPageSet(p.pages())
	if err := used.addRange(newest.freelist, overflow); err != nil {
		return err
	}
	for _, t := range append(tx.trees[:], tx.root) {
		if err := p.use(used, t); err != nil {
			return err
		}
	}
	for i := 0; i < len(free); i += 8 {
		if id := native.Uint64(free[i:]); used.has(id) {
			return damaged("page %d is in use and in the list of free pages", id)
		}
	}
	return nil
}

// The seal is a checksum of the list of free pages, which bbolt keeps without
// one. It lies in the unused end of the meta page of its commit:
//
//	byte 2048: commit number 8, checksum of the list 4, checksum of the seal 4
//
// little-endian. It is written after the commit and not waited for: lost, it
// costs a walk over the pages at the next opening. bbolt writes zeros over it
// with the next commit to the same page.
const (
	sealAt    = 2048
	sealBytes = 16
)

// freeSum returns the checksum of a list of free pages on page id.
func freeSum(id uint64, free []byte) uint32 {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], id)
	return crc32.Update(extend(0, b[:]), castagnoli, free)
}

// encodeSeal returns the seal of commit txid.
func encodeSeal(s *seeds, txid uint64, sum uint32) []byte {
	b := binary.LittleEndian.AppendUint64(nil, txid)
	b = binary.LittleEndian.AppendUint32(b, sum)
	return binary.LittleEndian.AppendUint32(b, extend(s[Metas], b))
}

// readSeal returns what the seal of commit txid says, and whether there is one.
func (p pager) readSeal(s *seeds, txid uint64) (sum uint32, ok bool) {
	at := int(txid%2)*p.pageSize + sealAt
	if p.pageSize < sealAt+sealBytes {
		return 0, false
	}
	b := p.data[at : at+sealBytes]
	sum = binary.LittleEndian.Uint32(b[8:])
	return sum, bytes.Equal(b, encodeSeal(s, txid, sum))
}

// seal writes the seal of the last commit. The caller holds the lock of writers.
// Without a seal nothing is lost, so errors are not reported.
func (s *Store) seal() {
	_ = s.shield("sealing a commit", func() error {
		btx, err := s.bolt.Begin(false)
		if err != nil {
			return err
		}
		defer func() { _ = btx.Rollback() }() // cannot fail: it is open
		p := s.pagerOf(btx)
		newest, _ := p.metas()
		free, _, err := p.freelist(newest.freelist)
		if err != nil || p.pageSize < sealAt+sealBytes {
			return err
		}
		b, at := encodeSeal(s.seeds, newest.txid, freeSum(newest.freelist, free)), int64(newest.txid%2)*int64(p.pageSize)+sealAt
		if err := failpoint.At("seal", s.file, b, at); err != nil {
			return err
		}
		_, err = s.file.WriteAt(b, at)
		return err
	})
}
