package main

import (
	"bytes"
	"os"
	"strconv"
	"sync"
	"time"
)

// watchMemory reads the memory of this process again and again until the function that
// it returns is called, which returns the peaks: of its own memory, and of files that it
// has mapped.
func watchMemory() func() (anon, files int64) {
	var anon, files int64
	look := func() {
		status, err := os.ReadFile("/proc/self/status")
		if err != nil {
			return
		}
		anon, files = max(anon, statusBytes(status, "RssAnon:")), max(files, statusBytes(status, "RssFile:"))
	}
	stop := make(chan struct{})
	var watcher sync.WaitGroup
	watcher.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				look()
			case <-stop:
				return
			}
		}
	})
	return func() (int64, int64) {
		close(stop)
		watcher.Wait()
		look()
		return anon, files
	}
}

// statusBytes returns a size that /proc/PID/status gives in kB.
func statusBytes(status []byte, name string) int64 {
	_, rest, ok := bytes.Cut(status, []byte("\n"+name))
	if !ok {
		return 0
	}
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	n, err := strconv.ParseInt(string(bytes.TrimSpace(bytes.TrimSuffix(bytes.TrimSpace(line), []byte("kB")))), 10, 64)
	if err != nil {
		return 0
	}
	return n << 10
}
