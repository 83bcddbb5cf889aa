package store

import (
	"bytes"
	"encoding/binary"
	"hash/fnv"
)

// bbolt trusts its pages: a damaged one makes it panic, fault, recurse without
// end or allocate what a lying count says. So all reading goes through the
// reader in this file, which believes nothing, allocates nothing and is faster;
// bbolt is left the writing, the locks and the lives of pages. The layout is
// that of bbolt's file format 2 (its internal/common), in the byte order of the
// machine.
const (
	pageHeaderBytes = 16 // id 8, flags 2, count 2, overflow 4
	elementBytes    = 16 // branch: pos 4, ksize 4, id 8; leaf: flags 4, pos 4, ksize 4, vsize 4
	inBucketBytes   = 16 // root page 8, sequence 8

	flagBranch   = 0x01
	flagLeaf     = 0x02
	flagMeta     = 0x04
	flagFreelist = 0x10

	// flagBucket marks a leaf element whose value is a bucket.
	flagBucket = 0x01

	// maxDepth bounds the way from a root to a leaf. Pages have at least two
	// children, usually a hundred.
	maxDepth = 40

	boltMagic   = 0xED0CDAED
	boltVersion = 2

	metaBytes  = 64 // length of bbolt's meta, which follows the page header
	noFreelist = ^uint64(0)
)

// native reads bbolt's numbers.
var native = binary.NativeEndian

// pager gives the pages of one transaction's view of the file.
type pager struct {
	data     []byte // the pages below the high water mark
	pageSize int
}

// pages returns the number of pages below the high water mark.
func (p pager) pages() uint64 { return uint64(len(p.data) / p.pageSize) }

// page is a branch or leaf page with its overflow pages.
type page struct {
	b        []byte
	id       uint64
	overflow uint64
	count    int
	leaf     bool
}

// raw returns the bytes of page id with its overflow pages, its flags and its
// count, after checking that they lie inside the file.
func (p pager) raw(id uint64) (b []byte, flags uint16, count int, err error) {
	n := p.pages()
	if id < 2 || id >= n {
		return nil, 0, 0, damaged("page %d is outside the file's %d pages", id, n)
	}
	b = p.data[id*uint64(p.pageSize):]
	if got := native.Uint64(b); got != id {
		return nil, 0, 0, damaged("page %d says that it is page %d", id, got)
	}
	overflow := uint64(native.Uint32(b[12:]))
	if overflow >= n-id {
		return nil, 0, 0, damaged("page %d says that it goes on for %d pages, past the end", id, overflow)
	}
	return b[:(overflow+1)*uint64(p.pageSize)], native.Uint16(b[8:]), int(native.Uint16(b[10:])), nil
}

// page returns the branch or leaf page id.
func (p pager) page(id uint64) (page, error) {
	b, flags, count, err := p.raw(id)
	if err != nil {
		return page{}, err
	}
	if flags != flagBranch && flags != flagLeaf {
		return page{}, damaged("page %d has type %#x, wanted branch or leaf", id, flags)
	}
	pg := page{b: b, id: id, overflow: uint64(native.Uint32(b[12:])), count: count, leaf: flags == flagLeaf}
	if pageHeaderBytes+count*elementBytes > len(b) || (count == 0 && !pg.leaf) {
		return page{}, damaged("page %d cannot hold %d elements", id, count)
	}
	return pg, pg.packed()
}

// packed checks that the first key follows the last element, as bbolt writes
// it: a count that is too low would hide keys.
func (pg *page) packed() error {
	if pg.count == 0 {
		return nil
	}
	pos := native.Uint32(pg.b[pageHeaderBytes:])
	if pg.leaf {
		pos = native.Uint32(pg.b[pageHeaderBytes+4:])
	}
	if uint64(pos) != uint64(pg.count)*elementBytes {
		return damaged("page %d has other than %d elements", pg.id, pg.count)
	}
	return nil
}

// inlinePage returns the leaf page that lies in the value of a small bucket.
func inlinePage(b []byte) (page, error) {
	if len(b) < pageHeaderBytes {
		return page{}, damaged("inline bucket of %d bytes", len(b))
	}
	count := int(native.Uint16(b[10:]))
	if native.Uint16(b[8:]) != flagLeaf || pageHeaderBytes+count*elementBytes > len(b) {
		return page{}, damaged("inline bucket with type %#x and %d elements", native.Uint16(b[8:]), count)
	}
	pg := page{b: b, count: count, leaf: true}
	return pg, pg.packed()
}

// key returns the key of element i, which must be below count.
func (pg *page) key(i int) ([]byte, error) {
	at := pageHeaderBytes + i*elementBytes
	e := pg.b[at : at+elementBytes]
	pos, ksize := uint64(native.Uint32(e)), uint64(native.Uint32(e[4:]))
	if pg.leaf {
		pos, ksize = ksize, uint64(native.Uint32(e[8:]))
	}
	start := uint64(at) + pos
	if ksize == 0 || start+ksize > uint64(len(pg.b)) {
		return nil, pg.badElement(i)
	}
	return pg.b[start : start+ksize : start+ksize], nil
}

// entry returns key, value and flags of leaf element i.
func (pg *page) entry(i int) (key, value []byte, flags uint32, err error) {
	start, mid, end := pg.bounds(i)
	if mid == start || end > uint64(len(pg.b)) {
		return nil, nil, 0, pg.badElement(i)
	}
	// bbolt writes entries one behind the other. An element that shows another one's,
	// which is whole, would hide its own.
	if i > 0 {
		if _, _, last := pg.bounds(i - 1); last != start {
			return nil, nil, 0, pg.strayElement(i)
		}
	}
	if i+1 < pg.count {
		if next, _, _ := pg.bounds(i + 1); next != end {
			return nil, nil, 0, pg.strayElement(i)
		}
	}
	return pg.b[start:mid:mid], pg.b[mid:end:end], native.Uint32(pg.b[pageHeaderBytes+i*elementBytes:]), nil
}

// bounds returns where the key of leaf element i begins, and its value, and where that
// ends; they may lie outside the page.
func (pg *page) bounds(i int) (start, mid, end uint64) {
	at := pageHeaderBytes + i*elementBytes
	e := pg.b[at : at+elementBytes]
	start = uint64(at) + uint64(native.Uint32(e[4:]))
	mid = start + uint64(native.Uint32(e[8:]))
	return start, mid, mid + uint64(native.Uint32(e[12:]))
}

func (pg *page) strayElement(i int) error {
	return damaged("element %d of page %d does not lie between those beside it", i, pg.id)
}

func (pg *page) badElement(i int) error {
	return damaged("element %d of page %d lies outside it", i, pg.id)
}

// child returns the page id of branch element i.
func (pg *page) child(i int) uint64 {
	return native.Uint64(pg.b[pageHeaderBytes+i*elementBytes+8:])
}

// search returns the index of the first element whose key is >= key, and
// whether it is equal.
func (pg *page) search(key []byte) (int, bool, error) {
	lo, hi := 0, pg.count
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		k, err := pg.key(mid)
		if err != nil {
			return 0, false, err
		}
		switch bytes.Compare(k, key) {
		case 0:
			return mid, true, nil
		case -1:
			lo = mid + 1
		default:
			hi = mid
		}
	}
	return lo, false, nil
}

// validate checks every element of the page: inside it, keys ascending.
func (pg *page) validate() error {
	var last []byte
	for i := range pg.count {
		k, err := pg.key(i)
		if err != nil {
			return err
		}
		if pg.leaf {
			if _, _, _, err := pg.entry(i); err != nil {
				return err
			}
		}
		if i > 0 && bytes.Compare(last, k) >= 0 {
			return damaged("keys %d and %d of page %d are out of order", i-1, i, pg.id)
		}
		last = k
	}
	return nil
}

// tree is a bucket's B+ tree.
type tree struct {
	root   uint64 // 0: the only leaf is inline
	inline []byte
}

// emptyTree is that of a bucket that a file of an older format does not have.
var emptyTree = func() tree {
	leaf := make([]byte, pageHeaderBytes)
	native.PutUint16(leaf[8:], flagLeaf)
	return tree{inline: leaf}
}()

// rootPage returns the page at which every search starts.
func (p pager) rootPage(t tree) (page, error) {
	if t.root == 0 {
		return inlinePage(t.inline)
	}
	return p.page(t.root)
}

// leaf returns the leaf that holds key if any does.
func (p pager) leaf(t tree, key []byte) (page, error) {
	pg, err := p.rootPage(t)
	for depth := 0; err == nil && !pg.leaf; depth++ {
		pg, err = p.toward(&pg, key, depth)
	}
	return pg, err
}

// toward returns the child of branch pg, which lies depth pages below the root,
// in which key belongs.
func (p pager) toward(pg *page, key []byte, depth int) (page, error) {
	if depth == maxDepth {
		return page{}, damaged("page %d is deeper than %d", pg.id, maxDepth)
	}
	i, equal, err := pg.search(key)
	if err != nil {
		return page{}, err
	}
	if !equal && i > 0 {
		i--
	}
	return p.childPage(pg, i)
}

// get returns the sealed value of key, nil if there is none.
func (p pager) get(t tree, key []byte) ([]byte, error) {
	pg, err := p.leaf(t, key)
	if err != nil {
		return nil, err
	}
	i, equal, err := pg.search(key)
	if err != nil || !equal {
		return nil, err
	}
	_, value, flags, err := pg.entry(i)
	if err == nil && flags != 0 {
		err = damaged("element %d of page %d has flags %#x", i, pg.id, flags)
	}
	return value, err
}

// bucket returns the tree of the bucket called name in the root tree, and
// whether it is there.
func (p pager) bucket(root tree, name string) (tree, bool, error) {
	key := []byte(name)
	pg, err := p.leaf(root, key)
	if err != nil {
		return tree{}, false, err
	}
	i, equal, err := pg.search(key)
	if err != nil || !equal {
		return tree{}, false, err
	}
	_, value, flags, err := pg.entry(i)
	if err != nil {
		return tree{}, false, err
	}
	t, err := bucketTree(value, flags)
	return t, err == nil, err
}

// bucketTree decodes the value of a bucket element.
func bucketTree(value []byte, flags uint32) (tree, error) {
	if flags != flagBucket || len(value) < inBucketBytes {
		return tree{}, damaged("bucket element with flags %#x and %d bytes", flags, len(value))
	}
	t := tree{root: native.Uint64(value)}
	if t.root == 0 {
		t.inline = value[inBucketBytes:]
	}
	return t, nil
}

// boltMeta is one of bbolt's two meta pages.
type boltMeta struct {
	pageSize uint32
	root     uint64
	freelist uint64
	high     uint64 // high water mark: number of pages
	txid     uint64
}

// parseBoltMeta decodes the meta page in b, which is page id.
func parseBoltMeta(b []byte, id uint64) (boltMeta, error) {
	if len(b) < pageHeaderBytes+metaBytes {
		return boltMeta{}, damaged("meta page %d is cut off", id)
	}
	m := b[pageHeaderBytes : pageHeaderBytes+metaBytes]
	switch h := fnv.New64a(); {
	case native.Uint32(m) != boltMagic || native.Uint32(m[4:]) != boltVersion:
		return boltMeta{}, damaged("meta page %d has lost its mark", id)
	case native.Uint64(b) != id || native.Uint16(b[8:]) != flagMeta:
		return boltMeta{}, damaged("meta page %d has a damaged header", id)
	default:
		_, _ = h.Write(m[:56]) // a hash never fails
		if h.Sum64() != native.Uint64(m[56:]) {
			return boltMeta{}, damaged("meta page %d does not match its checksum", id)
		}
	}
	return boltMeta{
		pageSize: native.Uint32(m[8:]),
		root:     native.Uint64(m[16:]),
		freelist: native.Uint64(m[32:]),
		high:     native.Uint64(m[40:]),
		txid:     native.Uint64(m[48:]),
	}, nil
}

// metas decodes both meta pages; errs[i] says what is wrong with page i. The
// newest good one is returned. Commits write the pages in turn, so one that is
// not of the commit before the other's is of another file or time.
func (p pager) metas() (newest boltMeta, errs [2]error) {
	var both [2]boltMeta
	for i := range both {
		m := &both[i]
		if *m, errs[i] = parseBoltMeta(p.data[i*p.pageSize:], uint64(i)); errs[i] == nil && m.txid >= newest.txid {
			newest = *m
		}
	}
	for i, m := range both {
		other := both[1-i]
		if errs[i] == nil && errs[1-i] == nil && m.txid <= other.txid && (m.txid+1 != other.txid || m.txid%2 != uint64(i)) {
			errs[i] = damaged("meta page %d is of commit %d, the other of %d", i, m.txid, other.txid)
		}
	}
	return newest, errs
}

// freelist returns the pages that page id lists as free, ascending, as they
// lie in the file: count numbers of 8 bytes.
func (p pager) freelist(id uint64) (ids []byte, overflow uint64, err error) {
	if id == noFreelist {
		return nil, 0, damaged("the free list was not written")
	}
	b, flags, _, err := p.raw(id)
	if err != nil {
		return nil, 0, err
	}
	if flags != flagFreelist {
		return nil, 0, damaged("page %d has type %#x, wanted the free list", id, flags)
	}
	ids, err = parseFreelist(b, id, p.pages())
	return ids, uint64(native.Uint32(b[12:])), err
}

// parseFreelist reads the list on page id of a file of n pages.
func parseFreelist(b []byte, id, n uint64) ([]byte, error) {
	count, ids := uint64(native.Uint16(b[10:])), b[pageHeaderBytes:]
	if count == 0xFFFF {
		count, ids = native.Uint64(ids), ids[8:]
	}
	if count > uint64(len(ids)/8) {
		return nil, damaged("the free list on page %d cannot hold %d pages", id, count)
	}
	ids = ids[:count*8]
	last := uint64(1)
	for i := 0; i < len(ids); i += 8 {
		free := native.Uint64(ids[i:])
		if free <= last || free >= n {
			return nil, damaged("the free list on page %d names page %d after page %d", id, free, last)
		}
		last = free
	}
	return ids, nil
}
