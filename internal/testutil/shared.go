// Package testutil holds what the tests of several packages need.
package testutil

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// Shared returns the path of name inside the folder of evaluation data and
// models: $CIYUAN_SHARED if it is set, else a folder named "shared" beside the
// checkout. The data is too large for the repository, so the test is skipped,
// with the reason, where it is not there.
func Shared(tb testing.TB, name string) string {
	tb.Helper()
	dir := os.Getenv("CIYUAN_SHARED")
	if dir == "" {
		dir = filepath.Join(Root(), "..", "shared")
	}
	path := filepath.Join(dir, filepath.FromSlash(name))
	if _, err := os.Stat(path); err != nil {
		tb.Skipf("needs the evaluation data %s (set CIYUAN_SHARED): %v", name, err)
	}
	return path
}

// Root returns the root folder of the checkout that holds this source file.
func Root() string {
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		panic("testutil: no caller information")
	}
	return filepath.Join(filepath.Dir(file), "..", "..")
}
