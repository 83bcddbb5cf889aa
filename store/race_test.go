//go:build race

package store

// raceEnabled tells that the race detector makes tests ten times slower.
const raceEnabled = true
