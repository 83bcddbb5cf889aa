package store

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// A Salvage reads what is intact in a file, however damaged the rest is. It
// follows no tree: it looks at every page and takes the entries whose checksum
// says which bucket they are of. What the trees still lead to says which of them
// are current; pages that the trees do not lead to count only where a tree is
// damaged, and not if they are known to be free. It keeps 24 bytes for each
// document and passage, 32 for each block of token vectors. It is for one
// goroutine.
type Salvage struct {
	// Meta, Dictionary and VectorMeta are nil where they are lost, the last two
	// also where there are none.
	Meta       *Meta
	Dictionary []byte
	VectorMeta *VectorMeta

	// Unsure is set where it cannot be told current pages from those of earlier
	// commits: documents that were deleted may be among the others.
	Unsure bool

	// Behind is set where only one of the two meta pages is intact, or one is of another
	// file: what is left may be that of the commit before the last.
	Behind bool

	file     *os.File
	lock     *Store // holds the file's lock; nil if bbolt cannot open the file
	size     int64
	pageSize int
	seeds    *seeds

	used   pageSet // pages that trees lead to
	free   pageSet // and those that are free; nil if that is not known
	broken [bucketCount]bool

	docs, texts, sources []spot

	vectors salvagedVectors

	buf  []byte // of page
	page uint64
}

// spot is where an entry lies.
type spot struct {
	key     uint64 // number of the document, passage or block; of a source: of its document
	page    uint64
	element uint16
	inline  uint16 // 1 + element of the page whose value is the page, 0 for none
	stale   bool   // on a page that no tree leads to
}

// OpenSalvage reads the file at path as far as it is intact, which takes the
// time of reading all of it. While it is open no other process can write the
// file. Errors: ErrNotExist, ErrLocked, ErrNotIndex, ErrFormatTooNew, and
// ErrCorrupt if not even the record that says what the file is can be found.
func OpenSalvage(ctx context.Context, path string) (*Salvage, error) {
	s := &Salvage{}
	err := s.open(ctx, path)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("salvaging %s: %w", path, err), s.Close())
	}
	return s, nil
}

// Close gives the file free.
func (s *Salvage) Close() error {
	var err error
	if s.file != nil {
		err = s.file.Close()
		s.file = nil
	}
	if s.lock != nil {
		err = errors.Join(err, s.lock.Close())
		s.lock = nil
	}
	return err
}

func (s *Salvage) open(ctx context.Context, path string) error {
	lock, err := Open(path, Options{ReadOnly: true, Salvage: true})
	switch {
	case err == nil:
		s.lock = lock
	case errors.Is(err, ErrCorrupt), errors.Is(err, ErrNotIndex):
		// Where bbolt cannot open it no process writes it.
	default:
		return err
	}
	unlike := err
	if s.file, err = os.Open(path); err != nil {
		return err
	}
	info, err := s.file.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return unlike
	}
	s.size, s.pageSize = info.Size(), pageBytes
	root, free := s.state()
	s.Behind = s.Behind || errors.Is(unlike, errForeignMeta)
	if err := s.identify(ctx); err != nil {
		if errors.Is(err, ErrCorrupt) && errors.Is(unlike, ErrNotIndex) {
			return unlike
		}
		return err
	}
	s.used = newPageSet(s.pages())
	if root == 0 {
		for b := range s.broken {
			s.broken[b] = true
		}
	} else {
		s.reach(root)
		s.free = s.freePages(free)
	}
	if err := s.scan(ctx); err != nil {
		return err
	}
	s.settle()
	return nil
}

// pages returns the number of pages that the file has a part of.
func (s *Salvage) pages() uint64 {
	return uint64((s.size + int64(s.pageSize) - 1) / int64(s.pageSize))
}

// state returns the root page and the page of the free list that the newest
// intact meta page names, 0 if there is none, and finds out the size of pages.
func (s *Salvage) state() (root, free uint64) {
	var newest boltMeta
	sized, intact := false, 0
	for id := range uint64(2) {
		// The second page lies where the size of pages says, which only the
		// pages themselves tell.
		for size := 1 << 9; size <= 1<<16; size <<= 1 {
			b := make([]byte, pageHeaderBytes+metaBytes)
			if _, err := s.file.ReadAt(b, int64(id)*int64(size)); err != nil {
				continue
			}
			if m, err := parseBoltMeta(b, id); err == nil && (id == 0 || int(m.pageSize) == size) {
				if p := int(m.pageSize); !sized && p >= 1<<9 && p <= 1<<16 && p&(p-1) == 0 {
					s.pageSize, sized = p, true
				}
				if m.txid >= newest.txid {
					newest = m
				}
				intact++
				break
			}
		}
	}
	s.Behind = intact == 1
	return newest.root, newest.freelist
}

// load reads page id with its overflow pages, as far as its header can be
// believed. The bytes are valid until the next call.
func (s *Salvage) load(id uint64) ([]byte, error) {
	if len(s.buf) > 0 && s.page == id {
		return s.buf, nil
	}
	s.buf = s.buf[:0]
	read := func(n int) error {
		have := len(s.buf)
		s.buf = slices.Grow(s.buf, n)[:have+n]
		got, err := s.file.ReadAt(s.buf[have:], int64(id)*int64(s.pageSize)+int64(have))
		s.buf = s.buf[:have+got]
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return err
	}
	if err := read(s.pageSize); err != nil {
		s.buf = s.buf[:0]
		return nil, err
	}
	if len(s.buf) < pageHeaderBytes {
		s.buf = s.buf[:0]
		return nil, damaged("page %d is cut off", id)
	}
	// The values of a page are at most some MB; a wrong number is cut short.
	if more := int64(native.Uint32(s.buf[12:])) * int64(s.pageSize); more > 0 && more <= maxPageRun &&
		more <= s.size-int64(id)*int64(s.pageSize) && native.Uint64(s.buf) == id {
		if err := read(int(more)); err != nil {
			s.buf = s.buf[:0]
			return nil, err
		}
	}
	s.page = id
	return s.buf, nil
}

// maxPageRun bounds the overflow pages that are read with a page.
const maxPageRun = 256 << 20

// salvageLeaf returns the leaf that lies in b. Its count need not be right: there are
// as many elements as lie in front of the first key.
func salvageLeaf(b []byte, id uint64) (page, bool) {
	if len(b) < pageHeaderBytes+elementBytes {
		return page{}, false
	}
	pg := page{b: b, id: id, leaf: true, count: int(native.Uint16(b[10:]))}
	if pos := int(native.Uint32(b[pageHeaderBytes+4:])); pos%elementBytes == 0 && pos/elementBytes > pg.count && pos/elementBytes <= len(b)/elementBytes {
		pg.count = pos / elementBytes
	}
	pg.count = min(pg.count, (len(b)-pageHeaderBytes)/elementBytes)
	return pg, native.Uint16(b[8:]) == flagLeaf || native.Uint64(b) == id
}

// entries calls fn for the entries of page id and of the buckets that lie in it.
func (s *Salvage) entries(id uint64, fn func(key, sealed []byte, at spot)) error {
	b, err := s.load(id)
	if errors.Is(err, ErrCorrupt) {
		return nil
	}
	if err != nil {
		return err
	}
	pg, ok := salvageLeaf(b, id)
	if !ok {
		return nil
	}
	for i := range pg.count {
		key, value, flags, err := pg.entry(i)
		if err != nil {
			continue
		}
		if flags&flagBucket != 0 && len(value) > inBucketBytes {
			if in, ok := salvageLeaf(value[inBucketBytes:], 0); ok {
				for j := range in.count {
					if key, value, flags, err := in.entry(j); err == nil && flags == 0 {
						fn(key, value, spot{page: id, element: uint16(j), inline: uint16(i) + 1})
					}
				}
			}
			continue
		}
		fn(key, value, spot{page: id, element: uint16(i)})
	}
	return nil
}

// identify finds the record that says what the file is. Pages of another file
// have another identity: the one that most of the entries have is taken.
func (s *Salvage) identify(ctx context.Context) error {
	var found []uint64
	var tooNew error
	look := func(key, sealed []byte, _ spot) {
		if string(key) != formatKey || len(sealed) < sumBytes {
			return
		}
		// Its checksum may be what is damaged: whether the identity is right is
		// seen from the other entries.
		version, identity, err := decodeFormat(sealed[:len(sealed)-sumBytes])
		if err != nil || slices.Contains(found, identity) {
			return
		}
		if version > FormatVersion {
			if _, err := newSeeds(0).open(Metas, key, sealed); err == nil {
				tooNew = fmt.Errorf("%w: the file has format %d, this program knows up to %d", ErrFormatTooNew, version, FormatVersion)
			}
			return
		}
		found = append(found, identity)
	}
	for id := range s.pages() {
		if id%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		if err := s.entries(id, look); err != nil {
			return err
		}
	}
	if len(found) == 0 {
		if tooNew != nil {
			return tooNew
		}
		return damagedAt(Metas, []byte(formatKey), damaged("record cannot be found; nothing can be verified without it"))
	}
	counts := make([]int, len(found))
	for i, identity := range found {
		s.seeds = newSeeds(identity)
		for id := range s.pages() {
			err := s.entries(id, func(key, sealed []byte, _ spot) {
				if _, ok := s.bucketOf(key, sealed); ok {
					counts[i]++
				}
			})
			if err != nil {
				return err
			}
			if counts[i] > 10_000 {
				break
			}
		}
	}
	best := 0
	for i := range counts {
		if counts[i] > counts[best] {
			best = i
		}
	}
	s.seeds = newSeeds(found[best])
	return ctx.Err()
}

// bucketOf returns the bucket of an intact entry.
func (s *Salvage) bucketOf(key, sealed []byte) (Bucket, bool) {
	if len(sealed) < sumBytes {
		return 0, false
	}
	value := sealed[:len(sealed)-sumBytes]
	want := binary.LittleEndian.Uint32(sealed[len(value):])
	for b := range Bucket(bucketCount) {
		if n := keyBytes[b]; n != 0 && n != len(key) {
			continue
		}
		if s.seeds.sum(b, key, value) == want {
			return b, true
		}
	}
	return 0, false
}

// reach notes the pages that trees lead to, and which trees are broken.
func (s *Salvage) reach(root uint64) {
	for b := range s.broken {
		s.broken[b] = true // until its tree is found
	}
	trees := make(map[Bucket]uint64)
	whole := s.descend(root, 0, func(pg *page) bool {
		sound := true
		for i := range pg.count {
			key, value, flags, err := pg.entry(i)
			if err != nil || flags != flagBucket {
				sound = false
				continue
			}
			t, err := bucketTree(value, flags)
			if b := slices.Index(bucketNames[:], string(key)); b >= 0 && err == nil {
				trees[Bucket(b)] = t.root
			}
		}
		return sound
	})
	for b, id := range trees {
		s.broken[b] = !whole && id == 0
		if id != 0 {
			s.broken[b] = !s.descend(id, 0, func(*page) bool { return true })
		}
	}
}

// descend notes page id and those below it as used and reports whether all of
// them are there.
func (s *Salvage) descend(id uint64, depth int, leaf func(*page) bool) bool {
	if id < 2 || id >= s.pages() || depth > maxDepth {
		return false
	}
	b, err := s.load(id)
	if err != nil || native.Uint64(b) != id {
		return false
	}
	pg := page{b: slices.Clone(b), id: id, count: int(native.Uint16(b[10:])), leaf: native.Uint16(b[8:]) == flagLeaf}
	if !pg.leaf && native.Uint16(b[8:]) != flagBranch || pageHeaderBytes+pg.count*elementBytes > len(b) || pg.packed() != nil {
		return false
	}
	if !s.used.add(id) {
		return false
	}
	if pg.leaf {
		return leaf(&pg)
	}
	whole := pg.validate() == nil
	for i := range pg.count {
		whole = s.descend(pg.child(i), depth+1, leaf) && whole
	}
	return whole
}

// freePages returns the pages that the free list names, nil if it is damaged.
func (s *Salvage) freePages(id uint64) pageSet {
	if id < 2 || id >= s.pages() {
		return nil
	}
	b, err := s.load(id)
	if err != nil {
		return nil
	}
	if native.Uint64(b) != id || native.Uint16(b[8:]) != flagFreelist || len(b) < pageHeaderBytes+8 {
		return nil
	}
	list, err := parseFreelist(b, id, s.pages())
	if err != nil {
		return nil
	}
	free := newPageSet(s.pages())
	for i := 0; i < len(list); i += 8 {
		if n := native.Uint64(list[i:]); s.used.has(n) || !free.add(n) {
			return nil
		}
	}
	return free
}

// scan looks at every page and notes where documents, texts and sources are.
func (s *Salvage) scan(ctx context.Context) error {
	var metaStale, dictionaryStale, vectorMetaStale = true, true, true
	for id := range s.pages() {
		if id%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		stale := !s.used.has(id)
		if stale && s.free != nil && s.free.has(id) {
			continue
		}
		err := s.entries(id, func(key, sealed []byte, at spot) {
			b, ok := s.bucketOf(key, sealed)
			if !ok || stale && !s.broken[b] {
				return
			}
			value := sealed[:len(sealed)-sumBytes]
			at.stale = stale
			switch b {
			case Metas:
				switch string(key) {
				case metaKey:
					if m, err := decodeMeta(value); err == nil && (s.Meta == nil || metaStale && (!stale || m.NextPassage > s.Meta.NextPassage)) {
						s.Meta, metaStale = m, stale
					}
				case dictionaryKey:
					if s.Dictionary == nil || dictionaryStale && !stale {
						s.Dictionary, dictionaryStale = bytes.Clone(value), stale
					}
				case vectorMetaKey:
					if m, err := decodeVectorMeta(value); err == nil && (s.VectorMeta == nil || vectorMetaStale && (!stale || m.NextLeader > s.VectorMeta.NextLeader)) {
						s.VectorMeta, vectorMetaStale = m, stale
					}
				}
			case Docs:
				at.key = binary.BigEndian.Uint64(key)
				s.docs = append(s.docs, at)
			case Texts:
				at.key = binary.BigEndian.Uint64(key)
				s.texts = append(s.texts, at)
			case VPending, Vectors, Leaders:
				s.vectors.note(b, key, value, at)
			case IDs:
				if source, err := decodeSource(value); err == nil {
					at.key = uint64(source.Doc)
					s.sources = append(s.sources, at)
				}
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// settle orders what was found. Of several versions of a record the current one
// comes first.
func (s *Salvage) settle() {
	for _, list := range [][]spot{s.docs, s.texts, s.sources} {
		slices.SortFunc(list, spot.compare)
	}
	s.vectors.settle()
	s.Unsure = s.free == nil && s.broken[Docs]
}

func (p spot) compare(q spot) int {
	age := 0
	if p.stale != q.stale {
		if age = -1; p.stale {
			age = 1
		}
	}
	return cmp.Or(cmp.Compare(p.key, q.key), age, cmp.Compare(p.page, q.page), cmp.Compare(p.element, q.element))
}

// at returns the entry at a place. The bytes are valid until the next call.
func (s *Salvage) at(p spot) (key, value []byte, err error) {
	b, err := s.load(p.page)
	if err != nil {
		return nil, nil, err
	}
	pg, _ := salvageLeaf(b, p.page)
	if p.inline > 0 {
		_, in, _, err := pg.entry(int(p.inline) - 1)
		if err != nil || len(in) < inBucketBytes {
			return nil, nil, damaged("page %d has changed", p.page)
		}
		pg, _ = salvageLeaf(in[inBucketBytes:], 0)
	}
	if int(p.element) >= pg.count {
		return nil, nil, damaged("page %d has changed", p.page)
	}
	key, sealed, _, err := pg.entry(int(p.element))
	if err != nil {
		return nil, nil, err
	}
	if _, ok := s.bucketOf(key, sealed); !ok {
		return nil, nil, damaged("page %d has changed", p.page)
	}
	return key, sealed[:len(sealed)-sumBytes], nil
}

// found returns the places with a key.
func found(list []spot, key uint64) []spot {
	from, _ := slices.BinarySearchFunc(list, key, func(p spot, k uint64) int { return cmp.Compare(p.key, k) })
	to := from
	for to < len(list) && list[to].key == key {
		to++
	}
	return list[from:to]
}

// Text returns the text of a passage, which the caller owns.
func (s *Salvage) Text(p PassageID) (Text, error) {
	key := key64(uint64(p))
	for _, at := range found(s.texts, uint64(p)) {
		_, value, err := s.at(at)
		if err != nil {
			return Text{}, damagedAt(Texts, key[:], err)
		}
		t, err := decodeText(value)
		if err == nil {
			t.Text = bytes.Clone(t.Text)
			return t, nil
		}
	}
	return Text{}, damagedAt(Texts, key[:], damaged("text is damaged or lost"))
}

// source returns what is known of the source of a document.
func (s *Salvage) source(id DocID, external string) Source {
	for _, at := range found(s.sources, uint64(id)) {
		key, value, err := s.at(at)
		if err != nil || string(key) != external {
			continue
		}
		if source, err := decodeSource(value); err == nil {
			return source
		}
	}
	return Source{Doc: id}
}

// A Salvaged is a document, or what is known of one.
type Salvaged struct {
	ID       DocID
	External string // "" if it is not known
	Doc      *Doc   // nil if its record is lost
	Source   Source // only the document where it is lost
	Err      error  // nil, or why the document cannot be saved
}

// Documents yields the documents of which anything is left, ascending, those with
// all of their texts without an error. Documents that were being written, and
// those that a later one has replaced, are left out. The error is that of ctx or
// of the disk, and ends the sequence.
func (s *Salvage) Documents(ctx context.Context, yield func(Salvaged) error) error {
	newest, err := s.newest(ctx)
	if err != nil {
		return err
	}
	docs, sources := s.docs, s.sources
	for len(docs)+len(sources) > 0 {
		if err := ctx.Err(); err != nil {
			return err
		}
		id := uint64(1<<64 - 1)
		if len(docs) > 0 {
			id = docs[0].key
		}
		if len(sources) > 0 {
			id = min(id, sources[0].key)
		}
		var of, from []spot
		of, docs = split(docs, id)
		from, sources = split(sources, id)
		d := Salvaged{ID: DocID(id), Source: Source{Doc: DocID(id)}}
		if d.Doc = s.document(of); d.Doc != nil {
			if d.Doc.Incomplete || newest[externalHash(d.Doc.External)] != id {
				continue
			}
			d.External = d.Doc.External
			d.Source = s.source(d.ID, d.External)
			d.Err = s.complete(&d)
		} else {
			key, _, err := s.at(from[0])
			if err != nil {
				return err
			}
			d.External = string(key)
			if _, replaced := newest[externalHash(d.External)]; replaced {
				continue
			}
			at := key64(id)
			d.Err = damagedAt(Docs, at[:], damaged("record is damaged or lost"))
		}
		if err := yield(d); err != nil {
			return err
		}
	}
	return nil
}

// split returns the places with the key, which come first, and the rest.
func split(list []spot, key uint64) (with, rest []spot) {
	n := 0
	for n < len(list) && list[n].key == key {
		n++
	}
	return list[:n], list[n:]
}

func externalHash(external string) uint64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte(external)) // a hash never fails
	return h.Sum64()
}

// newest returns, by hash of the external id, the last document that has it.
func (s *Salvage) newest(ctx context.Context) (map[uint64]uint64, error) {
	out := make(map[uint64]uint64, len(s.docs))
	for i := range s.docs {
		if i%4096 == 0 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		d := s.document(s.docs[i : i+1])
		if d != nil && !d.Incomplete {
			out[externalHash(d.External)] = s.docs[i].key // they ascend
		}
	}
	return out, nil
}

// document returns the best version of a document's record: a current one, one
// that was complete, the longest. It is nil if there is none.
func (s *Salvage) document(at []spot) *Doc {
	var best *Doc
	for _, p := range at {
		_, value, err := s.at(p)
		if err != nil {
			continue
		}
		d, err := decodeDoc(value)
		if err != nil {
			continue
		}
		if best == nil || best.Incomplete && (!d.Incomplete || d.Passages > best.Passages) {
			best = d
		}
		if !p.stale {
			break
		}
	}
	return best
}

// complete reports why a document cannot be saved, if it cannot: its texts must
// all be there, follow one another and have the length that it says.
func (s *Salvage) complete(d *Salvaged) error {
	at := uint64(0)
	for i := range d.Doc.Passages {
		p := PassageID(d.ID) + PassageID(i)
		t, err := s.Text(p)
		if err != nil {
			return err
		}
		key := key64(uint64(p))
		if t.Offset != at {
			return damagedAt(Texts, key[:], damaged("it says that it stands at byte %d of its document, wanted %d", t.Offset, at))
		}
		at += uint64(len(t.Text))
	}
	if at != d.Doc.TextBytes {
		key := key64(uint64(d.ID))
		return damagedAt(Docs, key[:], damaged("its text has %d bytes, wanted %d", at, d.Doc.TextBytes))
	}
	return nil
}

// Aside returns a new name beside path under which its successor can be built;
// what is left there by a killed process is removed an hour later by the next
// that builds.
func Aside(path string) string { return asideOf(path) }

// Replace gives the file at aside, an index that nobody has open, the name and
// the permissions of the salvaged file, which keeps another name that is
// returned: its own with .damaged behind it, and a number if that is taken. It
// closes s. The path leads to one of the two files at every moment where the
// file system has links.
func (s *Salvage) Replace(path, aside string) (damaged string, err error) {
	path, err = filepath.Abs(path)
	if err != nil {
		return "", err
	}
	same, err := sameFile(path, s.file)
	if err == nil && !same {
		err = fmt.Errorf("%w: %s", ErrReplaced, path)
	}
	if err != nil {
		return "", err
	}
	info, err := s.file.Stat()
	if err != nil {
		return "", err
	}
	if err := os.Chmod(aside, info.Mode().Perm()); err != nil {
		return "", err
	}
	keepOwner(aside, info)
	// Windows renames no file that is open.
	if err := s.Close(); err != nil {
		return "", err
	}
	for n := 1; ; n++ {
		damaged = path + damagedSuffix
		if n > 1 {
			damaged = fmt.Sprintf("%s-%d", damaged, n)
		}
		if _, err := os.Lstat(damaged); err == nil {
			continue
		}
		if err = os.Link(path, damaged); errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			err = os.Rename(path, damaged)
		}
		if err != nil {
			return "", err
		}
		return damaged, move(aside, path)
	}
}

// damagedSuffix follows the name of an index in the name that its damaged file
// gets.
const damagedSuffix = ".damaged"
