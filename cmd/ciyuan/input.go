package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
)

// maxLineBytes bounds what one line of input may ask of memory, where a line
// is one text to work on at a time.
const maxLineBytes = 16 << 20

// eachLine calls f with every line of r, without its end mark, until the input
// or the context ends. name is the input's name for errors.
func eachLine(ctx context.Context, r io.Reader, name string, f func(n int, line string) error) error {
	br := bufio.NewReaderSize(r, 64<<10)
	var long []byte
	for n := 1; ; n++ {
		long = long[:0]
		var err error
		for {
			var part []byte
			part, err = br.ReadSlice('\n')
			if len(long)+len(part) > maxLineBytes {
				return fmt.Errorf("%s: line %d is longer than %d MiB", name, n, maxLineBytes>>20)
			}
			long = append(long, part...)
			if !errors.Is(err, bufio.ErrBufferFull) {
				break
			}
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return fmt.Errorf("reading %s: %w", name, err)
		}
		if len(long) == 0 && err != nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		line := bytes.TrimSuffix(bytes.TrimSuffix(long, []byte("\n")), []byte("\r"))
		if err := f(n, string(line)); err != nil {
			return err
		}
	}
}
