package crashtest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"unsafe"

	"github.com/ciyuan-search/ciyuan/internal/failpoint"
)

// sectorBytes is what a disk writes whole or not at all.
const sectorBytes = 512

// WriteAt is the way in which bbolt writes its pages.
type WriteAt = func(b []byte, off int64) (int, error)

// Tap lets around stand in front of the function with which a *bbolt.DB writes.
// bbolt has that function in a variable for its own tests.
func Tap(bolt any, around func(next WriteAt) WriteAt) {
	f := reflect.ValueOf(bolt).Elem().FieldByName("ops").FieldByName("writeAt")
	next := reflect.NewAt(f.Type(), unsafe.Pointer(f.UnsafeAddr())).Interface().(*func([]byte, int64) (int, error))
	*next = around(*next)
}

// IsMeta reports whether a *bbolt.DB that writes at off writes a meta page. It
// writes one in each commit, behind the sync of all other pages.
func IsMeta(bolt any, off int64) bool {
	return off < 2*reflect.ValueOf(bolt).Elem().FieldByName("pageSize").Int()
}

// syncs reports whether a *bbolt.DB waits for the disk.
func syncs(bolt any) bool { return !reflect.ValueOf(bolt).Elem().FieldByName("NoSync").Bool() }

type kind uint8

const (
	write   kind = iota // bytes at an offset
	resize              // the file got this size
	synced              // what came before is on the disk
	link                // the name leads to the file
	unlink              // the name is gone
	rename              // the name leads to where the other did, which is gone
	durable             // the names are on the disk
	mark                // of the test
)

// An event is something that happened to the disk.
type event struct {
	kind kind
	file int
	off  int64 // or the size, or the test's number
	data []byte
	name string
	from string
}

// A Disk is a record of all that is written to indexes in one folder: bytes,
// sizes, names and what was made durable, in their order. Syncs of bbolt follow
// from its settings and the order of its writes: a commit writes its pages,
// syncs, writes a meta page and syncs. That it does so is what a test of package
// store shows.
type Disk struct {
	dir string

	mu      sync.Mutex
	events  []event
	now     map[string]int   // where names lead
	handles map[*os.File]int // open files
	sizes   []int64          // of files
	waiting int              // file whose meta page was written and is being synced; -1 for none
}

// Record records what is written to indexes in dir until Stop.
func Record(dir string) *Disk {
	d := &Disk{dir: dir, now: map[string]int{}, handles: map[*os.File]int{}, waiting: -1}
	failpoint.Hook = d.hook
	return d
}

// Stop ends the record.
func (d *Disk) Stop() { failpoint.Hook = nil }

// Mark adds a number of the test's own to the record.
func (d *Disk) Mark(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.add(event{kind: mark, off: int64(n)})
}

// Len returns the number of events so far.
func (d *Disk) Len() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.settle()
	return len(d.events)
}

// Marked returns the number of events before the last mark with that number, -1
// if there is none.
func (d *Disk) Marked(n int) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	for i, e := range slices.Backward(d.events) {
		if e.kind == mark && e.off == int64(n) {
			return i
		}
	}
	return -1
}

// settle notes the sync that ended the last commit: whatever is done next is
// done after it.
func (d *Disk) settle() {
	if d.waiting >= 0 {
		d.events = append(d.events, event{kind: synced, file: d.waiting})
		d.waiting = -1
	}
}

func (d *Disk) add(e event) {
	d.settle()
	d.events = append(d.events, e)
}

// here reports whether a path lies in the folder of the record, and its name.
func (d *Disk) here(path any) (string, bool) {
	dir, name := filepath.Split(path.(string))
	return name, filepath.Clean(dir) == d.dir
}

func (d *Disk) hook(point string, args ...any) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch point {
	case "opened":
		if name, ok := d.here(args[0]); ok {
			d.opened(name, args[1], args[2].(*os.File))
		}
	case "seal":
		if n, ok := d.handles[args[0].(*os.File)]; ok {
			d.add(event{kind: write, file: n, data: slices.Clone(args[1].([]byte)), off: args[2].(int64)})
		}
	case "cut":
		if n, ok := d.handles[args[0].(*os.File)]; ok {
			d.sizes[n] = args[1].(int64)
			d.add(event{kind: resize, file: n, off: d.sizes[n]})
		}
	case "synced":
		if n, ok := d.handles[args[0].(*os.File)]; ok {
			d.add(event{kind: synced, file: n})
		}
	case "linked", "renamed":
		from, ok := d.here(args[0])
		to, _ := d.here(args[1])
		if !ok {
			break
		}
		d.now[to] = d.now[from]
		if point == "linked" {
			d.add(event{kind: link, file: d.now[to], name: to})
		} else {
			delete(d.now, from)
			d.add(event{kind: rename, file: d.now[to], name: to, from: from})
		}
	case "removed":
		if name, ok := d.here(args[0]); ok {
			delete(d.now, name)
			d.add(event{kind: unlink, name: name})
		}
	case "durable":
		if args[0].(string) == d.dir {
			d.add(event{kind: durable})
		}
	}
	return nil
}

// opened notes a file that bbolt has opened, and all that it will write to it.
func (d *Disk) opened(name string, bolt any, f *os.File) {
	n, ok := d.now[name]
	if !ok {
		data, err := os.ReadFile(f.Name())
		if err != nil {
			panic(err)
		}
		n = len(d.sizes)
		d.now[name], d.sizes = n, append(d.sizes, int64(len(data)))
		// The name and what bbolt has written before it handed the file out.
		d.add(event{kind: link, file: n, name: name})
		d.add(event{kind: write, file: n, data: data})
	}
	d.handles[f] = n
	Tap(bolt, func(next WriteAt) WriteAt {
		return func(b []byte, off int64) (int, error) {
			d.mu.Lock()
			if info, err := f.Stat(); err != nil {
				panic(err)
			} else if size := info.Size(); size != d.sizes[n] {
				// bbolt has let the file grow, and waited for it.
				d.sizes[n] = size
				d.add(event{kind: resize, file: n, off: size})
				if syncs(bolt) {
					d.add(event{kind: synced, file: n})
				}
			}
			if IsMeta(bolt, off) && syncs(bolt) {
				d.add(event{kind: synced, file: n})
			}
			d.add(event{kind: write, file: n, data: slices.Clone(b), off: off})
			d.sizes[n] = max(d.sizes[n], off+int64(len(b)))
			if IsMeta(bolt, off) && syncs(bolt) {
				d.waiting = n
			}
			d.mu.Unlock()
			return next(b, off)
		}
	})
}

// A content is what a file holds: what is on the disk for sure, and what was
// written since, all, some or none of which may be there.
type content struct {
	sure []byte
	open []event
}

// A Replay goes through the record of a disk.
type Replay struct {
	d     *Disk
	next  int
	marks []int
	files []content
	sure  map[string]int // names that are on the disk
	open  []event        // changes of names since
}

// Replay returns a replay that stands at the beginning.
func (d *Disk) Replay() *Replay {
	return &Replay{d: d, sure: map[string]int{}}
}

// Step goes on to the moment after n events.
func (r *Replay) Step(n int) {
	r.d.mu.Lock()
	defer r.d.mu.Unlock()
	for ; r.next < n; r.next++ {
		e := r.d.events[r.next]
		for len(r.files) < len(r.d.sizes) {
			r.files = append(r.files, content{})
		}
		switch e.kind {
		case write, resize:
			f := &r.files[e.file]
			f.open = append(f.open, e)
		case synced:
			f := &r.files[e.file]
			for _, w := range f.open {
				f.sure = apply(f.sure, w, nil)
			}
			f.open = nil
		case link, unlink, rename:
			r.open = append(r.open, e)
		case durable:
			r.sure = r.names(func() bool { return true })
			r.open = nil
		case mark:
			r.marks = append(r.marks, int(e.off))
		}
	}
}

// Marks returns the marks that were passed.
func (r *Replay) Marks() []int { return r.marks }

// Open reports whether something was written that is not on the disk for sure.
func (r *Replay) Open() bool {
	return len(r.open) > 0 || slices.ContainsFunc(r.files, func(f content) bool { return len(f.open) > 0 })
}

// names returns where the names lead, with those of the open changes that keep
// chooses.
func (r *Replay) names(keep func() bool) map[string]int {
	names := maps.Clone(r.sure)
	for _, e := range r.open {
		if !keep() {
			continue
		}
		switch e.kind {
		case unlink:
			delete(names, e.name)
		case rename:
			delete(names, e.from)
			fallthrough
		default:
			names[e.name] = e.file
		}
	}
	return names
}

// apply writes e to b, which may grow. keep, if not nil, says for each sector
// whether it is written.
func apply(b []byte, e event, keep func() bool) []byte {
	if e.kind == resize {
		if n := int(e.off); n <= len(b) {
			return b[:n]
		}
		return append(b, make([]byte, int(e.off)-len(b))...)
	}
	for from := 0; from < len(e.data); {
		at := int(e.off) + from
		to := min(from+sectorBytes-at%sectorBytes, len(e.data))
		if keep == nil || keep() {
			if end := int(e.off) + to; end > len(b) {
				b = append(b, make([]byte, end-len(b))...)
			}
			copy(b[at:], e.data[from:to])
		}
		from = to
	}
	return b
}

// The ways in which a power cut treats what is not on the disk for sure.
const (
	dropAll = iota
	keepAll
	cutOff  // all up to a sector of one write
	reorder // some writes, whole
	tear    // some sectors of each write
	ways
)

// Cut writes into the folder dir what a power cut at this moment might leave,
// as rng chooses.
func (r *Replay) Cut(dir string, rng *rand.Rand) error {
	way := rng.IntN(ways)
	toss := func() bool { return rng.IntN(2) == 0 }
	names := r.names(func() bool { return way == keepAll || way != dropAll && toss() })
	for name, file := range names {
		if err := os.WriteFile(filepath.Join(dir, name), r.files[file].cut(way, rng), 0o644); err != nil {
			return fmt.Errorf("writing an image: %w", err)
		}
	}
	return nil
}

func (c *content) cut(way int, rng *rand.Rand) []byte {
	b := slices.Clone(c.sure)
	toss := func() bool { return rng.IntN(2) == 0 }
	switch way {
	case keepAll:
		for _, e := range c.open {
			b = apply(b, e, nil)
		}
	case cutOff:
		n := rng.IntN(len(c.open) + 1)
		for _, e := range c.open[:n] {
			b = apply(b, e, nil)
		}
		if n < len(c.open) {
			left := rng.IntN(len(c.open[n].data)/sectorBytes + 1)
			b = apply(b, c.open[n], func() bool { left--; return left >= 0 })
		}
	case reorder:
		for _, e := range c.open {
			if toss() {
				b = apply(b, e, nil)
			}
		}
	case tear:
		for _, e := range c.open {
			if e.kind == write || toss() {
				b = apply(b, e, toss)
			}
		}
	}
	return b
}
