//go:build !windows

package main

// enableColors reports whether the terminal understands escape sequences.
func enableColors() bool { return true }
