//go:build unix

package extract

import (
	"os"
	"syscall"
)

// openFile opens for reading without waiting: opening a named pipe that nobody
// writes to would otherwise never return.
func openFile(path string) (*os.File, error) {
	return os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
}
