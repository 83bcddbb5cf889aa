//go:build !race

package ciyuan_test

const raceEnabled = false
