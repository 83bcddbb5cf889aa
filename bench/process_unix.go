//go:build unix

package main

import (
	"os"
	"runtime"
	"syscall"
	"time"
)

// processTime returns the processor time, user and system, of this process.
func processTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// maxResident returns the peak resident memory of a finished process in bytes.
func maxResident(state *os.ProcessState) int64 {
	r, ok := state.SysUsage().(*syscall.Rusage)
	if !ok {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return int64(r.Maxrss) // bytes there, kibibytes elsewhere
	}
	return int64(r.Maxrss) << 10
}
