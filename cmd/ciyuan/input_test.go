package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestEachLine(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{"empty", "", nil},
		{"no end mark", "a", []string{"a"}},
		{"end mark", "a\n", []string{"a"}},
		{"empty lines", "\n\na", []string{"", "", "a"}},
		{"windows", "a\r\nb\r\n", []string{"a", "b"}},
		{"longer than the buffer", strings.Repeat("词", 50_000) + "\nb", []string{strings.Repeat("词", 50_000), "b"}},
		{"NUL and invalid UTF-8", "a\x00b\n\xff\n", []string{"a\x00b", "\xff"}},
	}
	for _, tt := range tests {
		var got []string
		err := eachLine(t.Context(), strings.NewReader(tt.text), "input", func(n int, line string) error {
			if n != len(got)+1 {
				t.Errorf("%s: line %d came as number %d", tt.name, len(got)+1, n)
			}
			got = append(got, line)
			return nil
		})
		if err != nil {
			t.Errorf("%s: %v", tt.name, err)
		}
		if diff := cmp.Diff(tt.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
}

// endless gives the same byte for ever.
type endless byte

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(e)
	}
	return len(p), nil
}

func TestEachLine_TooLong(t *testing.T) {
	err := eachLine(t.Context(), endless('x'), "standard input", func(int, string) error { return nil })
	want := fmt.Sprintf("standard input: line 1 is longer than %d MiB", maxLineBytes>>20)
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestEachLine_Interrupted(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	lines := 0
	err := eachLine(ctx, endless('\n'), "standard input", func(int, string) error {
		if lines++; lines == 3 {
			cancel()
		}
		return nil
	})
	if !errors.Is(err, context.Canceled) || lines != 3 {
		t.Errorf("got %v after %d lines, want a cancelled context after 3", err, lines)
	}
}
