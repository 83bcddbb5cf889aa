//go:build race

package index

// raceEnabled is whether the race detector is on, under which a sync.Pool forgets
// on purpose.
const raceEnabled = true
