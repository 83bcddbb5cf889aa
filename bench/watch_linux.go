package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
	"unsafe"
)

// peakMemory reads RssAnon and RssFile of a process from /proc again and again
// until the process has ended, and returns the largest values in bytes. A reading
// takes some 10 microseconds, so that without a pause at most the last of the
// memory that a process takes just before its end is missed.
func peakMemory(pid int, pause time.Duration) (anonymous, mapped int64) {
	status, err := os.Open(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0, 0
	}
	defer func() { _ = status.Close() }() // read only
	var buf [4096]byte
	for {
		n, err := status.ReadAt(buf[:], 0)
		if n == 0 && err != nil {
			return anonymous, mapped
		}
		now, ok := memoryIn(buf[:n], "RssAnon:")
		if !ok {
			return anonymous, mapped // a zombie has no memory
		}
		anonymous = max(anonymous, now)
		now, _ = memoryIn(buf[:n], "RssFile:")
		mapped = max(mapped, now)
		if pause > 0 {
			time.Sleep(pause)
		}
	}
}

// memoryIn returns a value of /proc/PID/status in bytes.
func memoryIn(status []byte, name string) (int64, bool) {
	_, rest, ok := bytes.Cut(status, []byte(name))
	if !ok {
		return 0, false
	}
	fields := strings.Fields(string(rest[:min(len(rest), 40)]))
	if len(fields) == 0 {
		return 0, false
	}
	kib, err := strconv.ParseInt(fields[0], 10, 64)
	return kib << 10, err == nil
}

// openings watches folders for files that are opened, by any process.
type openings struct{ fd int }

// watchOpenings asks the kernel (inotify) for the openings of files in dirs.
func watchOpenings(dirs []string) (*openings, error) {
	fd, err := syscall.InotifyInit1(syscall.IN_CLOEXEC | syscall.IN_NONBLOCK)
	if err != nil {
		return nil, os.NewSyscallError("inotify_init1", err)
	}
	for _, dir := range dirs {
		if _, err := syscall.InotifyAddWatch(fd, dir, syscall.IN_OPEN); err != nil {
			return nil, errors.Join(os.NewSyscallError("inotify_add_watch", err), syscall.Close(fd))
		}
	}
	return &openings{fd}, nil
}

// count returns how many times files, not folders, were opened since the last
// call. Openings of one file right behind each other may count as one.
func (o *openings) count() (int, error) {
	buf := make([]byte, 1<<16)
	total := 0
	for {
		n, err := syscall.Read(o.fd, buf)
		if errors.Is(err, syscall.EAGAIN) {
			return total, nil
		}
		if err != nil {
			return total, os.NewSyscallError("read", err)
		}
		for at := 0; at+syscall.SizeofInotifyEvent <= n; {
			event := (*syscall.InotifyEvent)(unsafe.Pointer(&buf[at]))
			if event.Mask&syscall.IN_Q_OVERFLOW != 0 {
				return total, errors.New("more files were opened than the kernel could tell")
			}
			if event.Mask&syscall.IN_OPEN != 0 && event.Mask&syscall.IN_ISDIR == 0 {
				total++
			}
			at += syscall.SizeofInotifyEvent + int(event.Len)
		}
	}
}

func (o *openings) close() error { return syscall.Close(o.fd) }
