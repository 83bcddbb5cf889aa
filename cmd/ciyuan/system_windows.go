package main

import (
	"errors"
	"os"
	"time"

	"golang.org/x/sys/windows"
)

func isDiskFull(err error) bool {
	return errors.Is(err, windows.ERROR_DISK_FULL) || errors.Is(err, windows.ERROR_HANDLE_DISK_FULL)
}

// isReadOnlyDisk reports whether a disk refused a write because it is protected.
func isReadOnlyDisk(err error) bool { return errors.Is(err, windows.ERROR_WRITE_PROTECT) }

// ignoreSignals does nothing: Windows sends none for a write.
func ignoreSignals() {}

// enableColors makes the console interpret escape sequences, which older ones
// do only when asked, and reports whether it does.
func enableColors() bool {
	handle := windows.Handle(os.Stdout.Fd())
	var mode uint32
	if windows.GetConsoleMode(handle, &mode) != nil {
		return false
	}
	return windows.SetConsoleMode(handle, mode|windows.ENABLE_VIRTUAL_TERMINAL_PROCESSING) == nil
}

// processorTime returns the processor time, user and system, of this process.
func processorTime() time.Duration {
	var created, exited, kernel, user windows.Filetime
	if windows.GetProcessTimes(windows.CurrentProcess(), &created, &exited, &kernel, &user) != nil {
		return 0
	}
	// These count time spent, in hundreds of nanoseconds, and no date.
	spent := func(t windows.Filetime) int64 { return int64(t.HighDateTime)<<32 | int64(t.LowDateTime) }
	return time.Duration(spent(kernel)+spent(user)) * 100
}
