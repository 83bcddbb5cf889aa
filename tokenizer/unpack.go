package tokenizer

import (
	"compress/gzip"
	"fmt"
	"io"
	"strings"
)

// unpack returns what a table holds that is embedded compressed, as those are that few
// processes need: they take some milliseconds of these instead of megabytes of all.
func unpack(name, data string) string {
	var out strings.Builder
	r, err := gzip.NewReader(strings.NewReader(data))
	if err == nil {
		_, err = io.Copy(&out, r)
	}
	if err != nil {
		panic(fmt.Sprintf("tokenizer: %s: %v", name, err))
	}
	return out.String()
}
