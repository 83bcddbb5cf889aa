package store

import (
	"fmt"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// holders returns the ids of the processes that hold a lock on the file at
// path, as far as the kernel tells: not those in other containers.
func holders(path string) []string {
	info, err := os.Stat(path)
	if err != nil {
		return nil
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil
	}
	table, err := os.ReadFile("/proc/locks")
	if err != nil {
		return nil
	}
	// 1: FLOCK  ADVISORY  WRITE 4711 fe:00:1316 0 EOF
	file := fmt.Sprintf("%02x:%02x:%d", unix.Major(st.Dev), unix.Minor(st.Dev), st.Ino)
	var pids []string
	for line := range strings.Lines(string(table)) {
		f := strings.Fields(line)
		if len(f) >= 6 && f[1] == "FLOCK" && f[5] == file && f[4] != "0" {
			pids = append(pids, f[4])
		}
	}
	return pids
}
