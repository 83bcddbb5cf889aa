// Package mapped reads files through the memory map of the operating system, so
// that opening gigabytes costs microseconds, takes no heap, and pages are shared
// between processes and dropped under pressure.
package mapped

import (
	"errors"
	"fmt"
	"math"
	"os"
)

// ErrNotRegular is returned when the path names a folder, a device or a pipe,
// which cannot be mapped.
var ErrNotRegular = errors.New("mapped: not a regular file")

// File is a read-only view of a whole file.
//
// A File is safe for concurrent use, but no slice of its bytes may be touched
// after [File.Close]: that is a fault of the process, not an error. A file
// that is shortened by somebody else while it is mapped has the same effect, so
// files are to be replaced by rename, never rewritten in place.
type File struct {
	data    []byte
	release func() error
}

// Open maps the file at path. An empty file gives an empty File. On systems
// without a memory map the file is read into the heap instead.
func Open(path string) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // opened for reading: a failed close loses nothing
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%w: %s", ErrNotRegular, path)
	}
	size := info.Size()
	if size > math.MaxInt {
		return nil, fmt.Errorf("mapping %s: %d bytes are more than this machine can address", path, size)
	}
	if size == 0 {
		return &File{}, nil
	}
	data, release, err := mapFile(f, int(size))
	if err != nil {
		return nil, fmt.Errorf("mapping %s: %w", path, err)
	}
	return &File{data: data, release: release}, nil
}

// Bytes returns the contents. Writing to them is a fault.
func (f *File) Bytes() []byte { return f.data }

// Close removes the mapping. A second call does nothing.
func (f *File) Close() error {
	release := f.release
	f.data, f.release = nil, nil
	if release == nil {
		return nil
	}
	return release()
}
