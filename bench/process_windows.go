package main

import (
	"os"
	"syscall"
	"time"
)

// processTime returns the processor time, user and system, of this process.
func processTime() time.Duration {
	var created, exited, kernel, user syscall.Filetime
	self, err := syscall.GetCurrentProcess()
	if err == nil {
		err = syscall.GetProcessTimes(self, &created, &exited, &kernel, &user)
	}
	if err != nil {
		return 0
	}
	ticks := func(t syscall.Filetime) int64 { return int64(t.HighDateTime)<<32 | int64(t.LowDateTime) }
	return time.Duration(100 * (ticks(kernel) + ticks(user)))
}

// maxResident returns 0: Windows tells only of processes that still run.
func maxResident(*os.ProcessState) int64 { return 0 }
