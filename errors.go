package ciyuan

import (
	"errors"

	"github.com/ciyuan-search/ciyuan/encoder"
	"github.com/ciyuan-search/ciyuan/index"
	"github.com/ciyuan-search/ciyuan/store"
)

// These errors can come from opening an index.
var (
	// ErrNoIndex is returned when there is no file at the path and it may not
	// be created.
	ErrNoIndex = store.ErrNotExist

	// ErrNotIndex is returned when the file is not a ciyuan index.
	ErrNotIndex = store.ErrNotIndex

	// ErrLocked is returned when another process holds the file.
	ErrLocked = store.ErrLocked

	// ErrFormatTooNew is returned when a newer release wrote the file.
	ErrFormatTooNew = store.ErrFormatTooNew

	// ErrModelMismatch is returned when the vectors at hand are not the ones
	// that the index was made with.
	ErrModelMismatch = errors.New("ciyuan: the index was made with another encoder")

	// ErrNoDefault is returned when the program was built without the embedded
	// vectors (build tag ciyuan_nodefault).
	ErrNoDefault = encoder.ErrNoDefault
)

// These errors can come from using an open index.
var (
	// ErrClosed is returned by every method after Close.
	ErrClosed = store.ErrClosed

	// ErrReadOnly is returned by writing methods of an index opened read-only.
	ErrReadOnly = store.ErrReadOnly

	// ErrCorrupt is returned when stored data fail their checksum or cannot be
	// what was written. The message names the bucket and the key.
	ErrCorrupt = store.ErrCorrupt

	// ErrReplaced is returned when another process has put a new file in the
	// place of the open one, as compact does. Close and open again.
	ErrReplaced = store.ErrReplaced

	// ErrNotFound is returned when no document has the id.
	ErrNotFound = errors.New("ciyuan: document not found")

	// ErrNoID is returned when a document to be added has no id.
	ErrNoID = errors.New("ciyuan: document has no id")

	// ErrDimension is returned for vectors of another dimension than those of the
	// index, and for numbers that are no whole rows.
	ErrDimension = errors.New("ciyuan: wrong dimension")

	// ErrVector is returned for a vector without a direction: of zeros, or with a NaN
	// or an infinity. The message names the document and the row.
	ErrVector = errors.New("ciyuan: not a vector to compare with")

	// ErrFormatOld is returned when token vectors are added to an index of a format that
	// has no room for them; Migrate gives it one.
	ErrFormatOld = store.ErrFormatOld

	// ErrEmptyQuery is returned when a query has no word to search for.
	ErrEmptyQuery = errors.New("ciyuan: the query has no words")

	// ErrOnlyConditions is returned when a query with operators has conditions
	// on documents and no word to rank them by.
	ErrOnlyConditions = errors.New("ciyuan: the query only excludes or filters")

	// ErrOption is returned when an option is out of its range.
	ErrOption = errors.New("ciyuan: option out of range")

	// ErrGraphTooLarge is returned when a graph implementation is asked to
	// hold more words than it can.
	ErrGraphTooLarge = index.ErrGraphTooLarge

	// ErrNoCoder is returned when GraphCoder is asked for on Windows, where
	// github.com/coder/hnsw does not compile.
	ErrNoCoder = index.ErrNoCoder
)
