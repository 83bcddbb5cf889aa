//go:build unix

package main

import (
	"errors"
	"os/signal"
	"syscall"
)

// errno values of a disk, a quota or a file size limit that is used up.
var diskFull = []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG}

func isDiskFull(err error) bool {
	for _, no := range diskFull {
		if errors.Is(err, no) {
			return true
		}
	}
	return false
}

// ignoreSignals makes writes that the system would end the process for return
// an error: to a closed pipe, and beyond the limit of a file's size.
func ignoreSignals() { signal.Ignore(syscall.SIGPIPE, syscall.SIGXFSZ) }

// enableColors reports whether the terminal understands escape sequences.
func enableColors() bool { return true }
