package main

import (
	"io"
	"time"

	"github.com/ciyuan-search/ciyuan"
)

// patience is how long a write may wait for its reader before the index is given
// free.
const patience = 20 * time.Millisecond

// A slowWriter does something while a write takes long.
type slowWriter struct {
	w    io.Writer
	slow func() // nil: nothing
}

func (s *slowWriter) Write(p []byte) (int, error) {
	if s.slow != nil {
		defer time.AfterFunc(patience, s.slow).Stop()
	}
	return s.w.Write(p)
}

// releaseWhenSlow gives the index free whenever nobody reads what the command
// prints, as a pager does that shows its first page.
func (c *console) releaseWhenSlow(db *ciyuan.DB) {
	// What fails here fails again at the next use, which reports it.
	c.to.slow = func() { _ = db.Release() }
}
