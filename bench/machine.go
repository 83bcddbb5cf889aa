package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// machine is where the figures were taken.
type machine struct {
	CPU   string    `json:"cpu"`
	Cores int       `json:"cores"`
	OS    string    `json:"os"`
	Go    string    `json:"go"`
	Fsync quantiles `json:"fsync_ms"`
}

// quantiles of latencies, in milliseconds.
type quantiles struct {
	P50 float64 `json:"p50"`
	P95 float64 `json:"p95"`
}

func (p quantiles) String() string { return number(p.P50) + " / " + number(p.P95) + " ms" }

func quantilesOf(l latencies) quantiles { return quantiles{P50: l.at(0.5), P95: l.at(0.95)} }

func (m machine) String() string {
	return fmt.Sprintf("%s, %d cores, %s, %s; fsync of a 4 KiB page on its disk %s (p50 / p95)", m.CPU, m.Cores, m.OS, m.Go, m.Fsync)
}

// describeMachine names the machine and measures the disk under dir.
func describeMachine(dir string) (machine, error) {
	m := machine{
		CPU: cpuName(), Cores: runtime.NumCPU(), OS: runtime.GOOS + "/" + runtime.GOARCH, Go: runtime.Version(),
	}
	if release, err := os.ReadFile("/proc/sys/kernel/osrelease"); err == nil {
		m.OS += " " + strings.TrimSpace(string(release))
	}
	l, err := fsyncs(dir, 100)
	if err != nil {
		return m, err
	}
	m.Fsync = quantilesOf(l)
	return m, nil
}

func cpuName() string {
	info, err := os.ReadFile("/proc/cpuinfo")
	if err != nil {
		return "unknown processor"
	}
	name, family, model := "unknown processor", "", ""
	for line := range bytes.Lines(info) {
		key, value, _ := strings.Cut(string(line), ":")
		switch value = strings.TrimSpace(value); strings.TrimSpace(key) {
		case "model name":
			name = value
		case "cpu family":
			family = value
		case "model":
			model = value
		case "flags":
			if family == "" {
				return name
			}
			return fmt.Sprintf("%s (family %s, model %s)", name, family, model)
		}
	}
	return name
}

// fsyncs times n writes of a page, each followed by fsync, in a file of 1 MiB
// that is already there, as a database writes.
func fsyncs(dir string, n int) (latencies, error) {
	path := filepath.Join(dir, "fsync")
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	var l latencies
	page := make([]byte, 4096)
	err = func() error {
		if _, err := file.Write(make([]byte, 1<<20)); err != nil {
			return err
		}
		if err := file.Sync(); err != nil {
			return err
		}
		for i := range n {
			page[0] = byte(i)
			began := time.Now()
			if _, err := file.WriteAt(page, int64(i%256)*4096); err != nil {
				return err
			}
			if err := file.Sync(); err != nil {
				return err
			}
			l.add(time.Since(began))
		}
		return nil
	}()
	return l, errors.Join(err, file.Close(), os.Remove(path))
}
