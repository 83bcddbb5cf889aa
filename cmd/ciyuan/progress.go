package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
)

const (
	progressInterval = 200 * time.Millisecond
	// Work that ends sooner shows no line at all.
	progressDelay = 500 * time.Millisecond
)

// progress counts work done and, on a terminal, shows one line with the rate
// and the time left. The counter works without a terminal, so that callers
// need not care. It is safe for concurrent use. Library bars were left out:
// the known one links a web server.
type progress struct {
	w    io.Writer // nil: count only
	verb string
	unit string
	now  func() time.Time

	mu          sync.Mutex
	begun       time.Time
	done, total int64 // items; total 0: not known yet
	bytes       int64
	allBytes    int64  // 0: not known
	phase       string // instead of the counts: what is done behind them
	shown       bool
	stop        chan struct{}
	stopped     sync.WaitGroup
}

// progress starts a counter, for instance ("indexing", "documents").
func (c *console) progress(verb, unit string) *progress {
	p := &progress{verb: verb, unit: unit, now: time.Now, stop: make(chan struct{})}
	p.begun = p.now()
	if !c.errTerminal || c.quiet {
		return p
	}
	p.w = c.err
	p.stopped.Go(func() {
		tick := time.NewTicker(progressInterval)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				p.draw()
			case <-p.stop:
				return
			}
		}
	})
	return p
}

// add counts items and bytes that are done.
func (p *progress) add(items, bytes int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done += items
	p.bytes += bytes
	p.phase = ""
}

// expect sets how many items there are in all, and how many bytes they have;
// 0 stands for unknown.
func (p *progress) expect(total, bytes int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.total, p.allBytes = total, bytes
}

// phases says in plain words what the library reports.
var phases = map[string]string{
	"fold": "folding", "graph": "linking words", "compact": "compacting", "check": "checking",
	"backup": "copying", "migrate": "migrating",
}

// enter shows work of another kind, with how far it is where that is known,
// until the next item is added.
func (p *progress) enter(phase string, done, total int64, unit string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if name, ok := phases[phase]; ok {
		phase = name
	}
	p.phase = phase
	if total > 0 {
		p.phase += fmt.Sprintf(" %d/%d %s", done, total, unit)
	}
}

// rows counts rows of vectors; the total is 0 where it is not known.
func (p *progress) rows(done, total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done, p.total = int64(done), int64(total)
}

// clear takes the line away for a message; the next tick draws it again.
func (p *progress) clear() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.shown {
		fmt.Fprint(p.w, "\r\x1b[K")
		p.shown = false
	}
}

// finish takes the line away and returns the time that the work took.
func (p *progress) finish() time.Duration {
	close(p.stop)
	p.stopped.Wait()
	p.clear()
	return p.now().Sub(p.begun)
}

func (p *progress) draw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	took := p.now().Sub(p.begun)
	if took < progressDelay {
		return
	}
	p.shown = true
	fmt.Fprintf(p.w, "\r\x1b[K%s", p.line(took))
}

func (p *progress) line(took time.Duration) string {
	var b strings.Builder
	if p.phase != "" {
		return p.phase
	}
	fmt.Fprintf(&b, "%s %d", p.verb, p.done)
	if p.total > 0 {
		fmt.Fprintf(&b, "/%d", p.total)
	}
	fmt.Fprintf(&b, " %s", p.unit)
	seconds := took.Seconds()
	if p.bytes > 0 {
		fmt.Fprintf(&b, ", %s, %s/s", sizeText(p.bytes), sizeText(int64(float64(p.bytes)/seconds)))
	} else {
		fmt.Fprintf(&b, ", %.0f/s", float64(p.done)/seconds)
	}
	// Files differ in size, so bytes tell the time left better.
	done, left := p.bytes, p.allBytes-p.bytes
	if p.allBytes == 0 {
		done, left = p.done, p.total-p.done
	}
	if left > 0 && done > 0 {
		eta := time.Duration(seconds / float64(done) * float64(left) * float64(time.Second))
		fmt.Fprintf(&b, ", %s left", eta.Round(time.Second))
	}
	return b.String()
}

// sizeText writes a number of bytes in decimal units.
func sizeText(n int64) string {
	units := []string{"kB", "MB", "GB", "TB"}
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	x := float64(n) / 1000
	i := 0
	for x >= 999.5 && i < len(units)-1 {
		x /= 1000
		i++
	}
	if x < 10 {
		return fmt.Sprintf("%.1f %s", x, units[i])
	}
	return fmt.Sprintf("%.0f %s", x, units[i])
}
