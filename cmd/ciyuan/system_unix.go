//go:build unix

package main

import (
	"errors"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// errno values of a disk, a quota or a file size limit that is used up.
var diskFull = []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG}

// isDiskFull also looks at the text, because bbolt reports some errors of the
// system by their text alone.
func isDiskFull(err error) bool {
	for _, no := range diskFull {
		if errors.Is(err, no) || strings.HasSuffix(err.Error(), no.Error()) {
			return true
		}
	}
	return false
}

// isReadOnlyDisk reports whether a disk refused a write because it is read-only.
func isReadOnlyDisk(err error) bool { return errors.Is(err, syscall.EROFS) }

// ignoreSignals makes writes that the system would end the process for return
// an error: to a closed pipe, and beyond the limit of a file's size.
func ignoreSignals() { signal.Ignore(syscall.SIGPIPE, syscall.SIGXFSZ) }

// enableColors reports whether the terminal understands escape sequences.
func enableColors() bool { return true }

// processorTime returns the processor time, user and system, of this process.
func processorTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
