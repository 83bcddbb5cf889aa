//go:build race

package main

// raceEnabled tells that the race detector takes memory and time of its own.
const raceEnabled = true
