package main

import (
	"strings"
	"testing"
	"time"
)

func TestProgressLine(t *testing.T) {
	tests := []struct {
		p    *progress
		took time.Duration
		want string
	}{
		{&progress{verb: "reading", unit: "files", done: 10}, 2 * time.Second, "reading 10 files, 5/s"},
		{&progress{verb: "reading", unit: "files", done: 10, total: 40}, 2 * time.Second, "reading 10/40 files, 5/s, 6s left"},
		{&progress{verb: "reading", unit: "files", done: 1, total: 2, bytes: 1_000_000, allBytes: 5_000_000}, 2 * time.Second, "reading 1/2 files, 1.0 MB, 500 kB/s, 8s left"},
		{&progress{verb: "indexing", unit: "documents", done: 10, total: 10, bytes: 3_000_000}, 2 * time.Second, "indexing 10/10 documents, 3.0 MB, 1.5 MB/s"},
	}
	for _, tt := range tests {
		if got := tt.p.line(tt.took); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

func TestProgress_Terminal(t *testing.T) {
	var screen strings.Builder
	con := &console{err: &screen, errTerminal: true}
	p := con.progress("indexing", "documents")
	start := p.begun
	p.mu.Lock()
	p.now = func() time.Time { return start.Add(10 * time.Second) }
	p.mu.Unlock()
	p.add(5, 0)
	p.expect(10, 0)
	p.draw()
	p.enter("compact", 3, 9, "passages")
	p.draw()
	p.finish()
	got := screen.String()
	if !strings.Contains(got, "indexing 5/10 documents, 0/s, 10s left") || !strings.Contains(got, "\r\x1b[Kcompacting 3/9 passages") || !strings.HasSuffix(got, "\r\x1b[K") {
		t.Errorf("got %q", got)
	}
}

func TestProgress_Piped(t *testing.T) {
	var stderr strings.Builder
	con := &console{err: &stderr}
	p := con.progress("indexing", "documents")
	p.add(5, 0)
	p.finish()
	if stderr.Len() > 0 {
		t.Errorf("progress wrote %q where no terminal is", stderr.String())
	}
}

func TestSizeText(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1.0 kB", 9_949: "9.9 kB", 12_345_678: "12 MB", 999_600: "1.0 MB", 5_000_000_000_000: "5.0 TB"} {
		if got := sizeText(n); got != want {
			t.Errorf("sizeText(%d) = %q, want %q", n, got, want)
		}
	}
}
