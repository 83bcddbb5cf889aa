//go:build unix

package main

import (
	"bytes"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// addSoon adds a document while another command waits for input or for its
// reader. When that command begins to wait is not known, so it is tried for a
// minute: an index that is not given free stays in use.
func addSoon(t *testing.T, dir, id string) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		add := exec.Command(programName, "index", "--id", id, "--format", "text", "-")
		add.Dir, add.Stdin = dir, strings.NewReader("another")
		out, err := add.CombinedOutput()
		if err == nil {
			return
		}
		if !bytes.Contains(out, []byte("in use")) || time.Now().After(deadline) {
			t.Fatalf("the index is not free: %v: %s", err, out)
		}
	}
}

// TestSlowReader lets a command print into a pipe that nobody reads: meanwhile
// another can change the index, and what is read in the end is whole.
func TestSlowReader(t *testing.T) {
	for _, command := range []string{"list", "export"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			const documents = 6000
			var lines strings.Builder
			for i := range documents {
				fmt.Fprintf(&lines, `{"id":"%05d-%s","text":"document %d of the corpus"}`+"\n", i, strings.Repeat("x", 40), i)
			}
			add := exec.Command(programName, "index", "-")
			add.Dir, add.Stdin = dir, strings.NewReader(lines.String())
			if out, err := add.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s", err, out)
			}
			slow := exec.Command(programName, command)
			slow.Dir = dir
			out, err := slow.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			var problems bytes.Buffer
			slow.Stderr = &problems
			if err := slow.Start(); err != nil {
				t.Fatal(err)
			}
			first := make([]byte, 100)
			if _, err := io.ReadFull(out, first); err != nil {
				t.Fatal(err)
			}
			addSoon(t, dir, "zzz")
			rest, err := io.ReadAll(out)
			if err != nil {
				t.Fatal(err)
			}
			if err := slow.Wait(); err != nil {
				t.Fatalf("%v: %s", err, problems.String())
			}
			// What was there all the while is there once. The new one comes last; an
			// export has read some megabytes ahead of it.
			text := string(first) + string(rest)
			got, seen := strings.Count(text, "\n"), strings.Contains(text, "zzz")
			if got < documents || got > documents+1 || seen != (got > documents) || command == "list" && !seen {
				t.Errorf("%d lines, want %d and the new one: %v", got, documents, seen)
			}
		})
	}
}

// TestSlowInput lets a command wait for its input: meanwhile others can search.
func TestSlowInput(t *testing.T) {
	for _, format := range []string{formatJSONL, formatText} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			args := []string{"index", "--format", format, "-"}
			line := `{"id":"%d","text":"document %d of the corpus"}` + "\n"
			if format == formatText {
				args = append(args, "--id", "text")
			}
			slow := exec.Command(programName, args...)
			slow.Dir = dir
			in, err := slow.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			var problems bytes.Buffer
			slow.Stderr = &problems
			if err := slow.Start(); err != nil {
				t.Fatal(err)
			}
			// Enough that the command knows what it is and opens the index.
			for i := range 2 * textBytes / len(line) {
				if _, err := fmt.Fprintf(in, line, i, i); err != nil {
					t.Fatal(err)
				}
			}
			addSoon(t, dir, "other")
			if err := in.Close(); err != nil {
				t.Fatal(err)
			}
			if err := slow.Wait(); err != nil {
				t.Fatalf("%v: %s", err, problems.String())
			}
			if got := wantOK(t, dir, "search", "-k", "1", "corpus"); !strings.Contains(got, "corpus") {
				t.Errorf("got %q", got)
			}
			wantOK(t, dir, "get", "other")
			if got := wantOK(t, dir, "check"); got != "ok\n" {
				t.Errorf("check: %s", got)
			}
		})
	}
}
