package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.etcd.io/bbolt"
)

// maxProblems is the number of problems after which Check gives up: a file with
// so many is not told apart better by more.
const maxProblems = 1000

// boltCheckPages is the size in pages up to which Check also runs bbolt's own
// check, which keeps about a hundred bytes a page in memory.
const boltCheckPages = 1 << 18

// A Problem is something that Check found.
type Problem struct {
	Bucket string // "" for the file's own structure
	Key    string // printable, "" where it is not one entry's
	Text   string
}

// String returns the problem on one line.
func (p Problem) String() string {
	switch {
	case p.Bucket == "":
		return p.Text
	case p.Key == "":
		return "bucket " + p.Bucket + ": " + p.Text
	}
	return "bucket " + p.Bucket + ", key " + p.Key + ": " + p.Text
}

// Check looks for damage in all of the file: bbolt's meta pages, the structure
// of pages, the checksum of every value, count and digest of every bucket, every
// record, and what records of different buckets say of each other as far as the
// store knows it (what is inside a chunk of postings or a graph block it does
// not). It returns what it found, an empty list if all is well, and at most
// maxProblems; the error is that of ctx or of starting. Changes wait while it
// runs, reading does not. It takes about a byte of memory for each word, two
// bits for each page, and up to 1 GiB of file what bbolt's own check needs.
//
// progress, if not nil, is called from time to time with the number of bytes
// read and to be read in all, as far as they can be known.
func (s *Store) Check(ctx context.Context, progress func(done, total int64)) ([]Problem, error) {
	if !s.readOnly {
		s.writer.Lock()
		defer s.writer.Unlock()
	}
	if progress == nil {
		progress = func(int64, int64) {}
	}
	var c checker
	err := s.View(func(tx *Tx) error {
		c = checker{ctx: ctx, tx: tx, progress: progress, total: 2 * int64(len(tx.pager.data))}
		if err := c.structure(); err != nil {
			return err
		}
		if len(c.problems) == 0 {
			if err := c.bolt(); err != nil {
				return err
			}
		}
		if err := c.references(); err != nil {
			return err
		}
		progress(c.total, c.total)
		return nil
	})
	if errors.Is(err, errEnough) {
		err = nil
	}
	return c.problems, err
}

// checker is one run of Check.
type checker struct {
	ctx      context.Context
	tx       *Tx
	progress func(done, total int64)
	done     int64
	total    int64
	told     time.Time
	problems []Problem

	used       pageSet
	meta       *Meta
	vectorMeta *VectorMeta // nil: there are no token vectors
	counts     sums
	sound      bool // the words can be relied on
}

// errEnough ends a check with too many problems.
var errEnough = errors.New("store: too many problems")

// tell notes a problem of bucket b; key may be nil.
func (c *checker) tell(b Bucket, key []byte, format string, args ...any) error {
	return c.add(Problem{Bucket: b.String(), Key: b.keyString(key), Text: fmt.Sprintf(format, args...)})
}

// add notes a problem unless it is known.
func (c *checker) add(p Problem) error {
	if slices.Contains(c.problems, p) {
		return nil
	}
	if len(c.problems) == maxProblems {
		c.problems = append(c.problems, Problem{Text: "and more"})
		return errEnough
	}
	c.problems = append(c.problems, p)
	return nil
}

// tellErr notes err as a problem of bucket b.
func (c *checker) tellErr(b Bucket, key []byte, err error) error {
	if e, ok := damagedAt(b, key, err).(*CorruptError); ok {
		text := e.Reason
		if e.Err != nil {
			text += ": " + e.Err.Error()
		}
		return c.add(Problem{Bucket: e.Bucket, Key: e.Key, Text: text})
	}
	return c.add(Problem{Bucket: b.String(), Text: err.Error()})
}

// tellFile notes err as a problem of the file's structure.
func (c *checker) tellFile(err error) error {
	if e, ok := err.(*CorruptError); ok {
		return c.add(Problem{Bucket: e.Bucket, Text: e.Reason})
	}
	return c.add(Problem{Text: err.Error()})
}

// step counts n bytes as read.
func (c *checker) step(n int) error {
	c.done = min(c.done+int64(n), c.total)
	if now := time.Now(); now.Sub(c.told) > 100*time.Millisecond {
		c.told = now
		c.progress(c.done, c.total)
	}
	return c.ctx.Err()
}

// structure checks pages and entries, one after the other as they lie in the
// trees, so that a damaged page hides only what is below it.
func (c *checker) structure() error {
	p := c.tx.pager
	newest, errs := p.metas()
	for _, err := range errs {
		if err != nil {
			if err := c.tellFile(err); err != nil {
				return err
			}
		}
	}
	c.used = newPageSet(p.pages())
	c.used.add(0)
	c.used.add(1)
	free, overflow, err := p.freelist(newest.freelist)
	if err == nil {
		err = c.used.addRange(newest.freelist, overflow)
	}
	if err != nil {
		if err := c.tellFile(err); err != nil {
			return err
		}
	}
	if err := c.tree(c.tx.root, "the root", func([]byte, []byte, uint32) error { return nil }); err != nil {
		return err
	}
	for i, t := range c.tx.trees {
		b := Bucket(i)
		err := c.tree(t, "bucket "+b.String(), func(key, sealed []byte, flags uint32) error {
			if flags != 0 {
				return c.tell(b, key, "entry has flags %#x", flags)
			}
			c.counts.buckets[b].add(b, key, sealed)
			value, err := c.tx.open(b, key, sealed)
			if err == nil {
				err = checkRecord(b, key, value)
			}
			if err != nil {
				return c.tellErr(b, key, err)
			}
			return nil
		})
		if err != nil {
			return err
		}
		if got, want := c.counts.buckets[b], c.tx.sums.buckets[b]; got.count != want.count {
			err = c.tell(b, nil, "%d entries are there, %d were stored", got.count, want.count)
		} else if got != want {
			err = c.tell(b, nil, "the entries are not those that were stored (digest %016x, stored %016x)", got.digest, want.digest)
		}
		if err != nil {
			return err
		}
	}
	for i := 0; i < len(free); i += 8 {
		if id := native.Uint64(free[i:]); !c.used.add(id) {
			if err := c.tellFile(damaged("page %d is in use and in the list of free pages", id)); err != nil {
				return err
			}
		}
	}
	for id := range p.pages() {
		if !c.used.has(id) {
			if err := c.tellFile(damaged("page %d is neither in use nor in the list of free pages", id)); err != nil {
				return err
			}
		}
	}
	return nil
}

// tree checks the pages of t and calls entry for what they hold.
func (c *checker) tree(t tree, name string, entry func(key, value []byte, flags uint32) error) error {
	pg, err := c.tx.pager.rootPage(t)
	if err != nil {
		return c.tellFile(&CorruptError{Reason: name + ": " + err.(*CorruptError).Reason})
	}
	return c.page(pg, name, nil, nil, 0, entry)
}

// page checks page pg, whose keys must be at least low and, if high is not nil,
// less than high.
func (c *checker) page(pg page, name string, low, high []byte, depth int, entry func(key, value []byte, flags uint32) error) error {
	bad := func(err error) error {
		return c.tellFile(&CorruptError{Reason: name + ": " + err.(*CorruptError).Reason})
	}
	if pg.id != 0 {
		if err := c.used.addRange(pg.id, pg.overflow); err != nil {
			return bad(err)
		}
		if err := c.step(len(pg.b)); err != nil {
			return err
		}
	}
	if depth > maxDepth {
		return bad(damaged("page %d is deeper than %d", pg.id, maxDepth))
	}
	if err := pg.validate(); err != nil {
		return bad(err)
	}
	for i := range pg.count {
		key, err := pg.key(i)
		if err != nil {
			return bad(err)
		}
		if bytes.Compare(key, low) < 0 || high != nil && bytes.Compare(key, high) >= 0 {
			if err := bad(damaged("key %q of page %d does not belong there", key, pg.id)); err != nil {
				return err
			}
		}
		if pg.leaf {
			key, value, flags, err := pg.entry(i)
			if err != nil {
				return bad(err)
			}
			if err := entry(key, value, flags); err != nil {
				return err
			}
			continue
		}
		end := high
		if i+1 < pg.count {
			if end, err = pg.key(i + 1); err != nil {
				return bad(err)
			}
		}
		child, err := c.tx.pager.page(pg.child(i))
		if err != nil {
			if err := bad(err); err != nil {
				return err
			}
			continue
		}
		if err := c.page(child, name, key, end, depth+1, entry); err != nil {
			return err
		}
	}
	return nil
}

// bolt runs bbolt's own check, which is safe on pages that were found sound.
func (c *checker) bolt() error {
	s := c.tx.store
	if c.tx.pager.pages() > boltCheckPages {
		return nil
	}
	btx := c.tx.bolt
	if s.readOnly {
		// This handle has not loaded the list of free pages, and loading it
		// under other readers would be a race.
		db, err := bbolt.Open(s.path, 0, &bbolt.Options{
			ReadOnly: true, PreLoadFreelist: true, FreelistType: bbolt.FreelistMapType, Timeout: DefaultTimeout,
		})
		if err != nil {
			return err
		}
		defer func() { _ = db.Close() }() // only read
		if btx, err = db.Begin(false); err != nil {
			return err
		}
		defer func() { _ = btx.Rollback() }() // cannot fail: it is open
	}
	var first error
	for err := range btx.Check() { // to its end, or its goroutine waits for ever
		if first == nil {
			first = c.add(Problem{Text: "bbolt: " + err.Error()})
		}
	}
	return first
}

// checkRecord decodes a value as strictly as reading does.
func checkRecord(b Bucket, key, value []byte) error {
	if n := keyBytes[b]; n != 0 && len(key) != n {
		return damaged("key has %d bytes, wanted %d", len(key), n)
	}
	switch b {
	case Metas:
		return checkMetas(string(key), value)
	case IDs:
		_, err := decodeSource(value)
		return err
	case Docs:
		_, err := decodeDoc(value)
		return err
	case Pending:
		return checkPassage(value)
	case Forward:
		block, err := parseForwardAt(b, key, value)
		if err != nil {
			return err
		}
		for p := range block.All() {
			if err := checkPassage(p.Record); err != nil {
				return damaged("passage %d: %s", p.ID, err.(*CorruptError).Reason)
			}
		}
	case Texts:
		_, err := decodeText(value)
		return err
	case Words:
		_, err := parseWords(value)
		return err
	case Lookup:
		block, err := parseLookup(value)
		if err != nil {
			return err
		}
		return block.check()
	case Refs:
		block, err := parseRefs(value)
		var pieces []uint32
		for i := 0; err == nil && i < len(block.rows)/refBytes; i++ {
			_, err = block.ref(pieces[:0], i)
		}
		return err
	case LengthBlocks:
		_, err := parseLengths(value)
		return err
	case Tombs:
		_, err := parseTombs(value)
		return err
	case Vectors:
		_, err := parseForwardAt(b, key, value)
		return err
	case Graph, Postings, VPending, Leaders, VGraph, VPostings:
	}
	return nil
}

func checkMetas(key string, value []byte) (err error) {
	switch key {
	case metaKey:
		_, err = decodeMeta(value)
	case vectorMetaKey:
		_, err = decodeVectorMeta(value)
	case dictionaryKey:
		err = checkDictionary(value)
	case formatKey:
		_, _, err = decodeFormat(value)
	case sumsKey:
		_, err = decodeSums(value)
	default:
		err = damaged("unknown key")
	}
	return err
}

// checkPassage reads a passage record to its end.
func checkPassage(record []byte) error {
	d, t := DecodePassage(record), Token{}
	for d.Next(&t) {
		continue
	}
	return d.Err()
}
