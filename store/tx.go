package store

import (
	"bytes"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"
)

// A Tx is a view of the index at one moment, and in Update also a set of
// changes to it, which its own reads see.
//
// Slices that a Tx returns point into the file's mapping: they are valid until
// the end of the transaction, must not be changed and have to be copied to be
// kept. Several goroutines may read in one View; a Tx of Update is for one
// goroutine. Goroutines other than the one that called View should read inside
// Guard, or a fault of the disk ends the process.
type Tx struct {
	store *Store
	bolt  *bbolt.Tx
	pager pager
	root  tree // of the buckets
	trees [bucketCount]tree
	there [bucketCount]bool // the bucket is in the file; where not, its tree is empty
	seeds *seeds
	sums  sums // as committed

	recounted sums // sums, or what Recount found

	overlays [bucketCount]*overlay // nil: unchanged
	bytes    int
}

// init reads where the buckets are.
func (tx *Tx) init() error {
	tx.root = tree{root: uint64(tx.bolt.Cursor().Bucket().Root())}
	found := 0
	for b := range tx.trees {
		t, ok, err := tx.pager.bucket(tx.root, bucketNames[b])
		if err != nil {
			return damagedAt(Bucket(b), nil, err)
		}
		if !ok {
			t = emptyTree
		} else if b < format1Buckets {
			found++
		}
		tx.trees[b], tx.there[b] = t, ok
	}
	if found <= format1Buckets/2 {
		return fmt.Errorf("%w: a bbolt file of another program", ErrNotIndex)
	}
	if format := tx.store.format; format != 0 {
		return tx.fits(format)
	}
	if !tx.there[Metas] { // which says the format
		return errBucketMissing(Metas)
	}
	return nil
}

func errBucketMissing(b Bucket) error {
	return &CorruptError{Bucket: b.String(), Reason: "bucket is missing"}
}

// fits checks that the buckets are those of a format.
func (tx *Tx) fits(format uint64) error {
	n := bucketsOf(format)
	for b, there := range tx.there {
		switch {
		case b < n && !there:
			return errBucketMissing(Bucket(b))
		case b >= n && there:
			return &CorruptError{Bucket: bucketNames[b], Reason: fmt.Sprintf("format %d has no such bucket", format)}
		}
	}
	return nil
}

// overlay returns the changes to b, nil if there are none.
func (tx *Tx) overlay(b Bucket) *overlay { return tx.overlays[b] }

// Get returns the value of key in b, verified, or nil if there is none.
func (tx *Tx) Get(b Bucket, key []byte) ([]byte, error) {
	if o := tx.overlays[b]; o != nil {
		if sealed, changed := o.changes[string(key)]; changed {
			if sealed == nil {
				return nil, nil
			}
			return sealed[: len(sealed)-sumBytes : len(sealed)-sumBytes], nil
		}
	}
	sealed, err := tx.committed(b, key)
	if err != nil || sealed == nil {
		return nil, err
	}
	return tx.open(b, key, sealed)
}

// committed returns the sealed value of key as it is in the file, nil if there is
// none.
func (tx *Tx) committed(b Bucket, key []byte) ([]byte, error) {
	sealed, err := tx.pager.get(tx.trees[b], key)
	if err == nil && sealed == nil {
		err = tx.absent(b, key, true, true)
	}
	if err != nil {
		return nil, damagedAt(b, key, err)
	}
	return sealed, nil
}

// open verifies a sealed value. The format record is read before the identity
// is known, which stands in it.
func (tx *Tx) open(b Bucket, key, sealed []byte) ([]byte, error) {
	if b == Metas && string(key) == formatKey {
		return newSeeds(0).open(b, key, sealed)
	}
	return tx.seeds.open(b, key, sealed)
}

// Floor returns the last entry of b whose key is <= key; the key is nil if there
// is none.
func (tx *Tx) Floor(b Bucket, key []byte) (k, value []byte, err error) {
	if tx.overlays[b] == nil {
		k, sealed, err := tx.floor(b, key)
		if err == nil && k != nil && !bytes.Equal(k, key) {
			err = tx.absent(b, key, false, true)
		}
		if err != nil {
			return nil, nil, damagedAt(b, key, err)
		}
		if k != nil {
			value, err := tx.open(b, k, sealed)
			return k, value, err
		}
	}
	return tx.Cursor(b).Floor(key)
}

// floor returns the last entry of b, as it is in the file, whose key is <= key,
// not verified, nor that there is none between. A leaf starts with the key under
// which its parent has it, so only the first leaf can lack a lower one: then the
// key is nil.
func (tx *Tx) floor(b Bucket, key []byte) (k, sealed []byte, err error) {
	pg, err := tx.pager.leaf(tx.trees[b], key)
	if err != nil {
		return nil, nil, err
	}
	i, equal, err := pg.search(key)
	if err != nil {
		return nil, nil, err
	}
	if !equal {
		i--
	}
	if i < 0 {
		return nil, nil, nil
	}
	k, sealed, flags, err := pg.entry(i)
	if err == nil && flags != 0 {
		err = damaged("element %d of page %d has flags %#x", i, pg.id, flags)
	}
	return k, sealed, err
}

// each calls fn for the entries of b from key on until it returns false.
func (tx *Tx) each(b Bucket, key []byte, fn func(key, value []byte) (bool, error)) error {
	c := tx.Cursor(b)
	k, value, err := c.Seek(key)
	for err == nil && k != nil {
		var more bool
		if more, err = fn(k, value); err != nil || !more {
			return err
		}
		k, value, err = c.Next()
	}
	return err
}

// Put stores value under key in b. Both are copied. Keys put in ascending order
// are stored fastest. It fails with ErrReadOnly outside Update, with ErrKeySize
// for an empty or too long key, and with ErrFormatOld, naming both formats, for a
// bucket that the format of the file does not have.
func (tx *Tx) Put(b Bucket, key, value []byte) error {
	if err := tx.mayWrite(b, key); err != nil {
		return err
	}
	tx.set(b, key, tx.seeds.seal(b, key, value))
	return nil
}

// Delete removes key from b. It is no error if it is not there.
func (tx *Tx) Delete(b Bucket, key []byte) error {
	if err := tx.mayWrite(b, key); errors.Is(err, ErrFormatOld) {
		return nil
	} else if err != nil {
		return err
	}
	tx.set(b, key, nil)
	return nil
}

func (tx *Tx) mayWrite(b Bucket, key []byte) error {
	switch {
	case !tx.bolt.Writable():
		return ErrReadOnly
	case len(key) == 0 || len(key) > MaxKeyBytes:
		return fmt.Errorf("%w: %d bytes in bucket %s, at most %d", ErrKeySize, len(key), b, MaxKeyBytes)
	case b == Metas && (string(key) == formatKey || string(key) == sumsKey):
		return fmt.Errorf("store: key %q is written by the store itself", key)
	case !tx.there[b] || b == Metas && string(key) == vectorMetaKey && !tx.there[Vectors]:
		return fmt.Errorf("%w: token vectors came with format %d, the file has format %d", ErrFormatOld, tokenVectorFormat, tx.store.format)
	}
	return nil
}

func (tx *Tx) set(b Bucket, key, sealed []byte) {
	if tx.overlays[b] == nil {
		tx.overlays[b] = &overlay{changes: make(map[string][]byte), ordered: true}
	}
	tx.bytes += len(key) + len(sealed)
	tx.overlays[b].set(string(key), sealed)
}

// Written returns the number of bytes of keys and values that the transaction
// has put so far. All of it is held in memory until the commit, so long work is
// cut into transactions by it.
func (tx *Tx) Written() int { return tx.bytes }

// Generation returns the number of the commit that this transaction sees.
func (tx *Tx) Generation() uint64 { return tx.sums.generation }

// A Snapshot is a state of a file and where it lies in memory. What a read-only
// transaction has read stays where it is as long as any transaction with the same
// Snapshot is open. Snapshots can be compared.
type Snapshot struct {
	identity   Identity
	generation uint64
	mapping    *byte
}

// Snapshot returns that of a read-only transaction.
func (tx *Tx) Snapshot() Snapshot {
	s := Snapshot{identity: tx.Identity(), generation: tx.Generation()}
	if len(tx.pager.data) > 0 {
		s.mapping = &tx.pager.data[0]
	}
	return s
}

// apply hands the changes to bbolt and reports whether there were any. The
// count and digest of each bucket follow.
func (tx *Tx) apply() (bool, error) {
	next, changed := tx.recounted, false
	visited := make(map[uint64]bool)
	for i, o := range tx.overlays {
		if o == nil {
			continue
		}
		b := Bucket(i)
		var bucket *bbolt.Bucket
		for _, k := range o.sorted() {
			key, sealed := []byte(k), o.changes[k]
			old, err := tx.committed(b, key)
			if err != nil {
				return false, err
			}
			if old == nil && sealed == nil || sealed != nil && bytes.Equal(old, sealed) {
				continue
			}
			if bucket == nil {
				if bucket, err = tx.boltBucket(b, visited); err != nil {
					return false, err
				}
			}
			if err := tx.validatePath(tx.trees[b], key, visited); err != nil {
				return false, damagedAt(b, key, err)
			}
			if old != nil {
				next.buckets[b].remove(b, key, old)
			}
			if sealed != nil {
				next.buckets[b].add(b, key, sealed)
				err = bucket.Put(key, sealed)
			} else {
				err = bucket.Delete(key)
			}
			if err != nil {
				return false, fmt.Errorf("writing bucket %s, key %s: %w", b, b.keyString(key), err)
			}
			changed = true
		}
	}
	if !changed && next == tx.sums {
		return false, nil
	}
	next.generation++
	bucket, err := tx.boltBucket(Metas, visited)
	if err != nil {
		return false, err
	}
	key := []byte(sumsKey)
	if err := tx.validatePath(tx.trees[Metas], key, visited); err != nil {
		return false, damagedAt(Metas, key, err)
	}
	return true, bucket.Put(key, tx.seeds.seal(Metas, key, next.encode()))
}

// boltBucket returns bbolt's handle of b.
func (tx *Tx) boltBucket(b Bucket, visited map[uint64]bool) (*bbolt.Bucket, error) {
	name := []byte(bucketNames[b])
	if err := tx.validatePath(tx.root, name, visited); err != nil {
		return nil, damagedAt(b, nil, err)
	}
	bucket := tx.bolt.Bucket(name)
	if bucket == nil {
		return nil, errBucketMissing(b)
	}
	bucket.FillPercent = fillPercent[b]
	if tx.store.bulk {
		bucket.FillPercent = bulkFillPercent
	}
	return bucket, nil
}

// bulkFillPercent packs the pages of a file that is written once in the order
// of its keys as full as they get.
const bulkFillPercent = 1

// validatePath checks the pages that bbolt will read to reach key: it would
// loop for ever on a page that is its own child. visited remembers pages
// already checked.
func (tx *Tx) validatePath(t tree, key []byte, visited map[uint64]bool) error {
	pg, err := tx.pager.rootPage(t)
	for depth := 0; err == nil; depth++ {
		if pg.id == 0 || !visited[pg.id] {
			if err = pg.validate(); err != nil {
				break
			}
			visited[pg.id] = true
		}
		if pg.leaf {
			break
		}
		pg, err = tx.pager.toward(&pg, key, depth)
	}
	return err
}

// Recount computes the count and digest of b anew and stores them at the
// commit, in place of those that changes since the first have added up to: for
// the repair of a bucket whose entries were lost. The transaction's own changes
// to b count as usual, whether made before or after.
func (tx *Tx) Recount(b Bucket) error {
	if !tx.bolt.Writable() {
		return ErrReadOnly
	}
	var sum bucketSum
	c := treeCursor{p: tx.pager, t: tx.trees[b]}
	ok, err := c.seek(nil)
	for err == nil && ok {
		var key, sealed []byte
		if key, sealed, err = c.entry(); err != nil {
			break
		}
		sum.add(b, key, sealed)
		ok, err = c.next()
	}
	if err != nil {
		return damagedAt(b, nil, err)
	}
	tx.recounted.buckets[b] = sum
	return nil
}
