//go:build ciyuan_nodefault

package encoder

// Default returns [ErrNoDefault]: this program was built without the table.
func Default() (*Table, error) { return nil, ErrNoDefault }
