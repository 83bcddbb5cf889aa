//go:build race

package crashtest

// raceEnabled tells that the race detector makes tests ten times slower.
const raceEnabled = true
