package store

import (
	"errors"
	"fmt"
	"strings"
)

// These errors can occur when opening a file.
var (
	// ErrNotExist is returned when there is no file at the path and none was
	// to be created.
	ErrNotExist = errors.New("ciyuan: no index there")

	// ErrLocked is returned when another process holds the file longer than
	// Options.Timeout.
	ErrLocked = errors.New("ciyuan: index is in use by another process")

	// ErrNotIndex is returned when the file is something else than an index:
	// empty, a text, a folder, a bbolt file of another program.
	ErrNotIndex = errors.New("ciyuan: not a ciyuan index")

	// ErrFormatTooNew is returned when the file was written by a later version
	// with a format that this one does not know.
	ErrFormatTooNew = errors.New("ciyuan: index format is too new")
)

// These errors can occur in transactions.
var (
	// ErrClosed is returned when a store is used after Close.
	ErrClosed = errors.New("ciyuan: index is closed")

	// ErrReadOnly is returned by Update on a store that was opened read-only.
	ErrReadOnly = errors.New("ciyuan: index is read-only")

	// ErrReplaced is returned by Update when the path no longer leads to the
	// open file, because it was compacted by another process, replaced or
	// removed: writing on would be lost. Open it again.
	ErrReplaced = errors.New("ciyuan: index file was replaced or removed")

	// ErrCorrupt is returned when stored bytes are damaged. The error that
	// wraps it is a *CorruptError, which names the place.
	ErrCorrupt = errors.New("ciyuan: index is damaged")

	// ErrKeySize is returned when a key is empty or longer than MaxKeyBytes.
	ErrKeySize = errors.New("ciyuan: key is empty or too long")

	// ErrNotFound is returned when a record that was asked for by its id is
	// not there.
	ErrNotFound = errors.New("ciyuan: not found")

	// ErrFormatOld is returned when something is to be stored for which the
	// format of the file has no room. Migrate changes that.
	ErrFormatOld = errors.New("ciyuan: index format has no room for this")
)

// A CorruptError says what is damaged. errors.Is(err, ErrCorrupt) holds.
type CorruptError struct {
	Bucket string // name of the bucket, "" for the file's own structure
	Key    string // printable key, "" where the damage is not one value's
	Reason string
	Err    error // what the system said, nil if nothing
}

// Error returns one line that names the bucket and the key.
func (e *CorruptError) Error() string {
	var b strings.Builder
	b.WriteString(ErrCorrupt.Error())
	if e.Bucket != "" {
		b.WriteString(": bucket " + e.Bucket)
	}
	if e.Key != "" {
		b.WriteString(", key " + e.Key)
	}
	b.WriteString(": " + e.Reason)
	if e.Err != nil {
		b.WriteString(": " + e.Err.Error())
	}
	return b.String()
}

// Is reports whether target is ErrCorrupt.
func (e *CorruptError) Is(target error) bool { return target == ErrCorrupt }

// Unwrap returns what the system said, nil if nothing.
func (e *CorruptError) Unwrap() error { return e.Err }

// damaged returns a CorruptError without a place; callers that know it add it.
func damaged(format string, args ...any) error {
	return &CorruptError{Reason: fmt.Sprintf(format, args...)}
}

// damagedAt returns err with its place added if it is a CorruptError without
// one, else a CorruptError that holds it.
func damagedAt(b Bucket, key []byte, err error) error {
	var c *CorruptError
	if !errors.As(err, &c) {
		return &CorruptError{Bucket: b.String(), Key: b.keyString(key), Reason: "cannot be read", Err: err}
	}
	if c.Bucket != "" {
		return err
	}
	return &CorruptError{Bucket: b.String(), Key: b.keyString(key), Reason: c.Reason, Err: c.Err}
}

// A missing record was asked for by its id and is not there.
type missing struct {
	bucket Bucket
	key    []byte
	what   string
}

func (e *missing) Error() string        { return e.what + ": " + ErrNotFound.Error() }
func (e *missing) Is(target error) bool { return target == ErrNotFound }

// notFound returns ErrNotFound with what was asked for.
func notFound(b Bucket, key []byte, format string, args ...any) error {
	return &missing{bucket: b, key: key, what: fmt.Sprintf(format, args...)}
}

// Dangling returns err, but ErrNotFound as the ErrCorrupt that it is where
// another record says that what was asked for is there.
func Dangling(err error) error {
	if e := (*missing)(nil); errors.As(err, &e) {
		return &CorruptError{Bucket: e.bucket.String(), Key: e.bucket.keyString(e.key), Reason: e.what + " is missing"}
	}
	return err
}
