//go:build !ciyuan_nodefault

package encoder

import (
	_ "embed"
	"sync"
	"unsafe"
)

// The table as a string, not as bytes: strings lie in the read-only part of the
// program, whose pages are shared and never written.
//
//go:embed default.bin
var defaultData string

// Default returns the embedded table, always the same one. Its words and vectors
// are credited in the file NOTICE. It fails only in a damaged program.
func Default() (*Table, error) { return defaultTable() }

var defaultTable = sync.OnceValues(func() (*Table, error) {
	return NewTable(unsafe.Slice(unsafe.StringData(defaultData), len(defaultData)))
})
