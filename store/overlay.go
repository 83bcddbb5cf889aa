package store

import (
	"slices"
	"sort"
)

// overlay holds the changes that a transaction has made to one bucket. They
// reach bbolt at the commit, in the order of their keys: so an abandoned
// transaction costs nothing, a block that is rewritten a hundred times is
// written once, and pages are checked before bbolt meets them.
type overlay struct {
	changes map[string][]byte // sealed value, nil where deleted
	keys    []string          // of changes
	ordered bool
}

// set records the sealed value of key, nil to delete it.
func (o *overlay) set(key string, sealed []byte) {
	if _, known := o.changes[key]; !known {
		if n := len(o.keys); n > 0 && o.keys[n-1] >= key {
			o.ordered = false
		}
		o.keys = append(o.keys, key)
	}
	o.changes[key] = sealed
}

// sorted returns the keys in ascending order. They must not be changed.
func (o *overlay) sorted() []string {
	if !o.ordered {
		slices.Sort(o.keys)
		o.ordered = true
	}
	return o.keys
}

// from returns the index in sorted of the first key >= key.
func (o *overlay) from(key []byte) int {
	return sort.SearchStrings(o.sorted(), string(key))
}

// after returns the index in sorted of the first key > key. o may be nil.
func (o *overlay) after(key []byte) int {
	if o == nil {
		return 0
	}
	i := o.from(key)
	if i < len(o.keys) && o.keys[i] == string(key) {
		i++
	}
	return i
}
