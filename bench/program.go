package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/ciyuan-search/ciyuan/eval"
)

// maxBinary is the goal for the size of the stripped program, 10^6 bytes.
const maxBinary = 28

// binary builds the program, stripped, once.
func (b *bench) binary(ctx context.Context) (string, error) {
	if b.program != "" {
		return b.program, nil
	}
	path := filepath.Join(b.dir, "ciyuan")
	if runtime.GOOS == "windows" {
		path += ".exe"
	}
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, "github.com/ciyuan-search/ciyuan/cmd/ciyuan")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("building the program: %w", err)
	}
	b.program = path
	return path, nil
}

// measureBinary says how large the program is.
func measureBinary(ctx context.Context, b *bench) error {
	path, err := b.binary(ctx)
	if err != nil {
		return err
	}
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	b.report.atMost("binary", "binary, stripped", maxBinary, "MB", exactly(round(float64(info.Size())/1e6)),
		runtime.GOOS+"/"+runtime.GOARCH+`, -trimpath -ldflags "-s -w", no cgo`)
	return nil
}

// process is what a finished process has used.
type process struct {
	wall, cpu time.Duration
	anonymous int64 // peak of RssAnon in bytes, 0 if it was not watched
	mapped    int64 // peak of RssFile in bytes, likewise
	resident  int64 // peak of all resident memory in bytes, mapped files included
}

// command is a call of the program.
type command struct {
	args   []string
	env    []string // beside that of this process
	watch  bool     // follow the memory; without a pause this takes a processor
	pause  time.Duration
	misses bool // to find nothing, exit code 1, is no error
	stdin  io.Reader
	stdout *strings.Builder
}

// start runs the program once, from the start of the process to its end.
func (b *bench) start(ctx context.Context, c command) (process, error) {
	path, err := b.binary(ctx)
	if err != nil {
		return process{}, err
	}
	cmd := exec.CommandContext(ctx, path, c.args...)
	cmd.Env = append(os.Environ(), c.env...)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	cmd.Stdin = c.stdin
	if c.stdout != nil {
		cmd.Stdout = c.stdout
	}
	var p process
	began := time.Now()
	if err := cmd.Start(); err != nil {
		return p, err
	}
	if c.watch {
		p.anonymous, p.mapped = peakMemory(cmd.Process.Pid, c.pause)
	}
	err = cmd.Wait()
	p.wall = time.Since(began)
	if err != nil && !(c.misses && cmd.ProcessState.ExitCode() == 1) {
		return p, fmt.Errorf("%s: %w: %s", strings.Join(cmd.Args, " "), err, strings.TrimSpace(stderr.String()))
	}
	p.cpu = cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
	p.resident = maxResident(cmd.ProcessState)
	return p, nil
}

// folder returns a folder with the 10,000 sentences as files, and the path of
// an index that `ciyuan index` made of it on one core.
func (b *bench) folder(ctx context.Context) (dir, index string, err error) {
	dir, index = filepath.Join(b.dir, "sentences"), filepath.Join(b.dir, "sentences.db")
	if _, err := os.Stat(index); err == nil {
		return dir, index, nil
	}
	documents, err := eval.ChineseSentences(b.shared, sentenceCount, sentencesOf)
	if err != nil {
		return "", "", err
	}
	if err := eval.WriteFolder(dir, documents); err != nil {
		return "", "", err
	}
	_, err = b.start(ctx, command{args: []string{"--index", index, "index", dir}, env: []string{"GOMAXPROCS=1"}})
	return dir, index, err
}
