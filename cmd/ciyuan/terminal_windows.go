package main

import (
	"os"

	"golang.org/x/sys/windows"
)

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
