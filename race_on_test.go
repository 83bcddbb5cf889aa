//go:build race

package ciyuan_test

// raceEnabled tells tests that are slow under the race detector to do less.
const raceEnabled = true
