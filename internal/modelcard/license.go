// Package modelcard reads what a model's folder says of it in the header of its
// README.md, as on the Hugging Face hub.
package modelcard

import (
	"bufio"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// maxHeader bounds how much of a README is read.
const maxHeader = 1 << 20

// License returns the "license:" line of the header of README.md in a folder, ""
// where there is none.
func License(dir string) string {
	f, err := os.Open(filepath.Join(dir, "README.md"))
	if err != nil {
		return ""
	}
	defer f.Close() //nolint:errcheck // only read
	lines := bufio.NewScanner(io.LimitReader(f, maxHeader))
	for i := 0; lines.Scan(); i++ {
		line := strings.TrimSpace(lines.Text())
		if (i == 0) != (line == "---") {
			return "" // no header, or its end
		}
		if value, ok := strings.CutPrefix(line, "license:"); ok {
			return strings.Trim(strings.TrimSpace(value), `"'`)
		}
	}
	return ""
}
