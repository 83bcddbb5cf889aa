package store

import (
	"fmt"
	"strings"
)

// locked returns ErrLocked with the processes that hold the file at path.
func locked(path string) error {
	pids := holders(path)
	if len(pids) == 0 {
		return ErrLocked
	}
	name := "process"
	if len(pids) > 1 {
		name = "processes"
	}
	return fmt.Errorf("%w: %s %s", ErrLocked, name, strings.Join(pids, ", "))
}
