package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"strconv"
	"strings"
)

// phase is a function whose share of the processor time is reported.
type phase struct{ name, function string }

// cpuProfile is the file of a CPU profile.
type cpuProfile string

// profile runs fn under a CPU profile, which stays in -profiles DIR if that was
// asked for.
func (b *bench) profile(name string, fn func() error) (cpuProfile, error) {
	dir := b.profiles
	if dir == "" {
		dir = b.dir
	}
	path := filepath.Join(dir, name+".prof")
	file, err := os.Create(path)
	if err != nil {
		return "", err
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return "", errors.Join(err, file.Close())
	}
	err = fn()
	pprof.StopCPUProfile()
	return cpuProfile(path), errors.Join(err, file.Close())
}

// shares returns the per cent of the samples that have each of the functions on
// their stack, then what is left of a hundred. It asks `go tool pprof`.
func (p cpuProfile) shares(ctx context.Context, phases []phase) ([]string, error) {
	out, err := exec.CommandContext(ctx, "go", "tool", "pprof", "-top", "-cum", "-nodecount=100000", "-nodefraction=0", string(p)).Output()
	if err != nil {
		return nil, fmt.Errorf("go tool pprof: %w", err)
	}
	// A line is: flat flat% sum% cum cum% function.
	cum := map[string]float64{}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		fields := strings.Fields(lines.Text())
		if len(fields) < 6 {
			continue
		}
		if v, err := strconv.ParseFloat(strings.TrimSuffix(fields[4], "%"), 64); err == nil {
			name := fields[5]
			cum[name[strings.LastIndexByte(name, '/')+1:]] = v
		}
	}
	row := make([]string, 0, len(phases)+1)
	rest := 100.0
	for _, phase := range phases {
		v := cum[phase.function]
		rest -= v
		row = append(row, strconv.FormatFloat(v, 'f', 1, 64))
	}
	return append(row, strconv.FormatFloat(rest, 'f', 1, 64)), nil
}

// fileName makes a name of a corpus fit for a file.
func fileName(name string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case ' ':
			return '-'
		case ',':
			return -1
		}
		return r
	}, name)
}
