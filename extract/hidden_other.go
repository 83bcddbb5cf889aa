//go:build !windows

package extract

import "io/fs"

// hiddenAttribute is false: outside Windows only the name hides a file.
func hiddenAttribute(fs.DirEntry) bool { return false }
