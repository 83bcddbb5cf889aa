package extract

import (
	"io/fs"
	"syscall"
)

// hiddenAttribute tells whether a file or folder has the hidden attribute.
func hiddenAttribute(child fs.DirEntry) bool {
	info, err := child.Info()
	if err != nil {
		return false
	}
	data, ok := info.Sys().(*syscall.Win32FileAttributeData)
	return ok && data.FileAttributes&syscall.FILE_ATTRIBUTE_HIDDEN != 0
}
