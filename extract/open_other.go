//go:build !unix

package extract

import "os"

func openFile(path string) (*os.File, error) { return os.Open(path) }
