//go:build unix

package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// These tests need a process of its own, for its signals, limits and memory.
// testscript.Main has put the program on the path.

// ciyuanIn runs the program and returns its exit code and what it printed.
func ciyuanIn(t *testing.T, dir string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	cmd := exec.Command(programName, args...)
	cmd.Dir = dir
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	return exitCode(t, cmd.Run()), out.String(), problems.String()
}

func exitCode(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	if err == nil {
		return 0
	}
	return exit.ExitCode()
}

// wantOK runs the program and returns its output.
func wantOK(t *testing.T, dir string, args ...string) string {
	t.Helper()
	code, stdout, stderr := ciyuanIn(t, dir, args...)
	if code != 0 {
		t.Fatalf("%s: exit code %d: %s", strings.Join(args, " "), code, stderr)
	}
	return stdout
}

// writeFiles fills a folder with files of about 2 kB of different words each.
func writeFiles(t *testing.T, dir string, n int) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		var text strings.Builder
		for j := range 40 {
			fmt.Fprintf(&text, "第%d段说的是编程、天气和第 w%dx%d 号事情。\n", j, i, j)
		}
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%05d.txt", i)), []byte(text.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// cutShort indexes dir/notes, sends a signal as soon as there is an index, and
// returns how the command ended.
func cutShort(t *testing.T, dir string, signal os.Signal) (code int, errors string) {
	t.Helper()
	cmd := exec.Command(programName, "index", "notes")
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	deadline := time.Now().Add(time.Minute)
	for {
		if _, err := os.Stat(filepath.Join(dir, defaultIndex)); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("no index after a minute")
		}
		time.Sleep(time.Millisecond)
	}
	if err := cmd.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	return exitCode(t, cmd.Wait()), stderr.String()
}

// A run that is cut short leaves an index that is whole, and the next run goes
// on from there.
func TestIndex_CutShort(t *testing.T) {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
		t.Run(signal.String(), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			const files = 1000
			writeFiles(t, filepath.Join(dir, "notes"), files)
			code, stderr := 0, ""
			for range 10 { // the command may end before this process gets its turn
				if code, stderr = cutShort(t, dir, signal); code != 0 {
					break
				}
				if err := os.Remove(filepath.Join(dir, defaultIndex)); err != nil {
					t.Fatal(err)
				}
			}
			if signal != syscall.SIGKILL {
				if code != exitInterrupted {
					t.Errorf("exit code %d, want %d", code, exitInterrupted)
				}
				if !strings.HasPrefix(stderr, "error: interrupted\nhint: ") {
					t.Errorf("got %q", stderr)
				}
			}
			if got := wantOK(t, dir, "check"); got != "ok\n" {
				t.Errorf("check: %s", got)
			}
			wantOK(t, dir, "index", "notes")
			if got := strings.Count(wantOK(t, dir, "list"), "\n"); got != files {
				t.Errorf("%d documents after the second run, want %d", got, files)
			}
		})
	}
}

// What was read from standard input when the user gives up is kept, and the
// program does not wait for input that never comes.
func TestIndex_InterruptedInput(t *testing.T) {
	dir := t.TempDir()
	cmd := exec.Command(programName, "index", "-")
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(in)
	for i := range 5000 {
		fmt.Fprintf(w, `{"id":"r%d","text":"%s"}`+"\n", i, strings.Repeat("编程是一种技能。", 10))
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Signal(os.Interrupt); err != nil {
		t.Fatal(err)
	}
	if code := exitCode(t, cmd.Wait()); code != exitInterrupted {
		t.Errorf("exit code %d, want %d: %s", code, exitInterrupted, stderr.String())
	}
	if got := wantOK(t, dir, "check"); got != "ok\n" {
		t.Errorf("check: %s", got)
	}
	if got := wantOK(t, dir, "list"); !strings.HasPrefix(got, "r0\n") {
		t.Errorf("nothing of what was read is in the index: %.40q", got)
	}
}

// What is said of a disk that refuses writes.
func TestAdviceFor_Disk(t *testing.T) {
	for no, want := range map[syscall.Errno]string{
		syscall.ENOSPC: "free some space", syscall.EROFS: "nothing can be written there", syscall.EACCES: "check who may read and write",
	} {
		err := fmt.Errorf("opening: %w", &os.PathError{Op: "open", Path: "x.db", Err: no})
		if got := adviceFor(err); len(got) != 1 || !strings.HasPrefix(got[0], want) {
			t.Errorf("%v: %q", err, got)
		}
	}
}

// A full disk: a limit on the size of files stands in for it, because a small
// file system takes a mount.
func TestIndex_DiskFull(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("needs a shell to set a limit")
	}
	t.Parallel()
	dir := t.TempDir()
	writeFiles(t, filepath.Join(dir, "few"), 10)
	writeFiles(t, filepath.Join(dir, "many"), 800)
	wantOK(t, dir, "index", "few")
	info, err := os.Stat(filepath.Join(dir, defaultIndex))
	if err != nil {
		t.Fatal(err)
	}
	// POSIX counts in blocks of 512 bytes, bash in KiB.
	blocks := info.Size()/512 + 1024
	cmd := exec.Command(sh, "-c", fmt.Sprintf("ulimit -f %d && exec %s index many", blocks, programName))
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if code := exitCode(t, cmd.Run()); code != exitError {
		t.Errorf("exit code %d, want %d", code, exitError)
	}
	if got := stderr.String(); !strings.HasPrefix(got, "error: ") || !strings.Contains(got, "file too large\n") ||
		!strings.Contains(got, "\nhint: free some space and run the command again; nothing that was in the index is lost\n") {
		t.Errorf("got %q", got)
	}
	if got := wantOK(t, dir, "check"); got != "ok\n" {
		t.Errorf("check: %s", got)
	}
	if got := strings.Count(wantOK(t, dir, "list", "few/"), "\n"); got != 10 {
		t.Errorf("%d of 10 documents are left", got)
	}
	wantOK(t, dir, "index", "many")
	if got := strings.Count(wantOK(t, dir, "list"), "\n"); got != 810 {
		t.Errorf("%d documents when there is room again, want 810", got)
	}
}

// A single line of 100 MB is indexed in bounded memory. What is held for each
// distinct word, while the graph is extended, comes on top of that.
func TestIndex_LongLine(t *testing.T) {
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("needs /proc to measure memory")
	}
	t.Parallel()
	lineBytes := 100_000_000
	if testing.Short() || raceEnabled {
		lineBytes = 12_000_000
	}
	dir := t.TempDir()
	file, err := os.Create(filepath.Join(dir, "line.txt"))
	if err != nil {
		t.Fatal(err)
	}
	w := bufio.NewWriter(file)
	for n, i := 0, 0; n < lineBytes; i++ {
		m, _ := fmt.Fprintf(w, "第%d句说的是编程和天气，its number is w%d。", i%20_000, i%5000)
		n += m
	}
	if err := errors.Join(w.Flush(), file.Close()); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(programName, "index", "line.txt")
	cmd.Dir = dir
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	peak := 0
	for running := true; running; {
		select {
		case err := <-done:
			if err != nil {
				t.Fatalf("%v: %s", err, stderr.String())
			}
			running = false
		case <-time.After(5 * time.Millisecond):
			peak = max(peak, rssAnon(t, cmd.Process.Pid))
		}
	}
	t.Logf("%d MB in a line: %d MB of anonymous memory at most", lineBytes/1_000_000, peak/1000)
	const limit = 200_000 // kB
	if peak > limit && !raceEnabled {
		t.Errorf("%d kB of anonymous memory, want at most %d", peak, limit)
	}
	if got := wantOK(t, dir, "search", "-k", "1", "编程", "w77"); !strings.HasPrefix(got, "line.txt:1:") {
		t.Errorf("got %q", got)
	}
	if got := wantOK(t, dir, "get", "line.txt"); len(got) < lineBytes {
		t.Errorf("got %d bytes back", len(got))
	}
}

// rssAnon returns the anonymous memory of a process in kB, 0 when it has gone.
func rssAnon(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		if value, ok := strings.CutPrefix(line, "RssAnon:"); ok {
			n, err := strconv.Atoi(strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(value), "kB")))
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	return 0
}
