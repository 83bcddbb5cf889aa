package crashtest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/internal/failpoint"
)

var (
	images = flag.Int("images", fromEnv("CIYUAN_CRASH_IMAGES", 2000), "how many images of a disk after a power cut to open")
	seed   = flag.Uint64("seed", uint64(fromEnv("CIYUAN_CRASH_SEED", 1)), "where chance begins")
)

// A history is what was done while a disk was recorded.
type history struct {
	disk   *Disk
	name   string
	states []state // before the operation with that number
	copies []int   // states that were last copied before the operation; -1 for none
	doing  int     // operation
}

// record does n operations and keeps a record of the disk. Marks 2i and 2i+1
// say that operation i has begun and was acknowledged; the first is opening.
// plant, if not nil, is a bug: it sees the points first, and those for which it
// returns true are not recorded.
func record(t *testing.T, dir string, n int, seed uint64, plant func(h *history, point string, args []any) bool) *history {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 1))
	h := &history{disk: Record(dir), name: "a.db", states: []state{{}, {}}, copies: []int{-1, -1}}
	defer h.disk.Stop()
	record := failpoint.Hook
	failpoint.Hook = func(point string, args ...any) error {
		if point == "present" {
			return errors.New("migrate all the same")
		}
		if plant != nil && plant(h, point, args) {
			return nil
		}
		return record(point, args...)
	}
	w := &world{path: filepath.Join(dir, h.name), opts: &ciyuan.Options{GraphWords: -1, Workers: 1}}
	h.disk.Mark(0)
	if err := w.open(); err != nil {
		t.Fatal(err)
	}
	h.disk.Mark(1)
	for i := 1; i < n; i++ {
		o := drawOp(rng)
		for i == 1 && len(o.Docs) == 0 { // every history has a change
			o = drawOp(rng)
		}
		h.doing = i
		h.disk.Mark(2 * i)
		if err := w.do(&o); err != nil {
			t.Fatalf("%s: %v", opNames[o.Kind], err)
		}
		h.disk.Mark(2*i + 1)
		h.states = append(h.states, o.after(h.states[i]))
		copied := h.copies[i]
		if o.Kind == opBackup {
			copied = i
		}
		h.copies = append(h.copies, copied)
	}
	if err := w.db.Close(); err != nil {
		t.Fatal(err)
	}
	return h
}

// copied returns the states that the backup may hold after these marks, and
// whether there need not be one.
func (h *history) copied(marks []int) (states []state, mayLack bool) {
	if len(marks) == 0 {
		return nil, true
	}
	op := marks[len(marks)-1]
	for i := op / 2; i <= (op+1)/2; i++ {
		if h.copies[i] >= 0 {
			states = append(states, h.states[h.copies[i]])
		}
	}
	if op%2 == 0 { // under way, it may have been done
		states = append(states, h.states[op/2])
	}
	return states, h.copies[op/2] < 0
}

// allowed returns the states that may be found after the marks that were
// passed: the last that was acknowledged, and the one that was under way. The
// first need not even exist.
func (h *history) allowed(marks []int) (states []state, mayLack bool) {
	if len(marks) == 0 {
		return []state{{}}, true
	}
	last := marks[len(marks)-1]
	if last%2 == 1 {
		return h.states[last/2+1 : last/2+2], false
	}
	return h.states[last/2 : last/2+2], last == 0
}

// moments returns n moments of the record, ascending, at which to cut the power.
// Half of them are anywhere. The others are aimed at operations that change what
// the index holds, so that no test depends on chance for having cut a commit: in
// turn when its first write has begun, at any moment of it, and when all of it is
// on the disk and not acknowledged.
func (h *history) moments(n int, rng *rand.Rand) []int {
	type span struct{ from, to int }
	var changes []span
	for i := 1; i < len(h.states)-1; i++ {
		if !reflect.DeepEqual(h.states[i], h.states[i+1]) {
			changes = append(changes, span{h.disk.Marked(2 * i), h.disk.Marked(2*i + 1)})
		}
	}
	at := make([]int, n)
	for i := range at {
		c := changes[rng.IntN(len(changes))]
		switch i % 6 {
		case 1:
			at[i] = c.from + 2
		case 3:
			at[i] = c.from + 2 + rng.IntN(c.to-c.from-1)
		case 5:
			at[i] = c.to
		default:
			at[i] = rng.IntN(h.disk.Len() + 1)
		}
	}
	slices.Sort(at)
	return at
}

// A verdict is what was found in an image.
type verdict struct {
	image   int
	outcome string
	err     error
}

// examine opens what a power cut has left in dir, compares, writes to it and
// compares again.
func (h *history) examine(image int, dir string, marks []int, o *oracle) (outcome string, err error) {
	ctx := context.Background()
	path := filepath.Join(dir, h.name)
	states, mayLack := h.allowed(marks)
	db, err := ciyuan.Open(path, &ciyuan.Options{MustExist: true, GraphWords: -1, Workers: 1})
	switch {
	case errors.Is(err, ciyuan.ErrNoIndex) && mayLack:
		return "none", nil
	case errors.Is(err, ciyuan.ErrCorrupt):
		return "refused", nil
	case err != nil:
		return "", err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	at, err := matches(db, states)
	if err != nil {
		return "", err
	}
	if err := o.agree(db, states[at]); err != nil {
		return "", err
	}
	// Pages that are in use must not be taken for free ones.
	now := states[at]
	for i := range 3 {
		doc := ciyuan.Document{ID: fmt.Sprint("after", i), Text: "after the power came back " + vocabulary[i]}
		if err := db.Add(ctx, vectored(doc)); err != nil {
			return "", err
		}
		now = now.with(doc)
	}
	if _, err := matches(db, []state{now}); err != nil {
		return "", fmt.Errorf("after writing on: %w", err)
	}
	if copies, mayLack := h.copied(marks); image%4 == 0 {
		if err := whole(path, copies, mayLack); err != nil {
			return "", err
		}
	}
	switch {
	case len(states) == 1:
		return "acknowledged", nil
	case at == 0:
		return "under way, undone", nil
	}
	return "under way, done", nil
}

// cutPower makes images of a recorded disk and examines each.
func cutPower(t *testing.T, h *history, n int, seed uint64) []verdict {
	t.Helper()
	rng := rand.New(rand.NewPCG(seed, 2))
	moments := h.moments(n, rng)
	type job struct {
		image int
		dir   string
		marks []int
	}
	jobs, results := make(chan job), make(chan verdict)
	var workers sync.WaitGroup
	for range 2 {
		workers.Go(func() {
			o := &oracle{dir: t.TempDir()}
			for j := range jobs {
				outcome, err := h.examine(j.image, j.dir, j.marks, o)
				if err == nil && outcome != "none" && outcome != "refused" {
					err = swept(filepath.Join(j.dir, h.name))
				}
				err = errors.Join(err, os.RemoveAll(j.dir))
				results <- verdict{j.image, outcome, err}
			}
		})
	}
	root := memoryDir(t)
	go func() {
		defer close(jobs)
		r := h.disk.Replay()
		for i, moment := range moments {
			r.Step(moment)
			dir := filepath.Join(root, fmt.Sprint(i))
			err := os.Mkdir(dir, 0o755)
			if err == nil {
				err = r.Cut(dir, rng)
			}
			if err != nil {
				results <- verdict{i, "", err}
				continue
			}
			jobs <- job{i, dir, slices.Clone(r.Marks())}
		}
	}()
	verdicts := make([]verdict, n)
	for range n {
		v := <-results
		verdicts[v.image] = v
	}
	workers.Wait()
	return verdicts
}

// memoryDir returns a folder that is removed when the test ends, in memory
// where there is such a thing: an image has to be read, not to be kept.
func memoryDir(t *testing.T) string {
	dir, err := os.MkdirTemp("/dev/shm", "crashtest")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	return dir
}

// TestPowerCut cuts the power of a recorded disk at random moments and opens
// what is left: it is what was acknowledged last, or that and the operation that
// was under way.
func TestPowerCut(t *testing.T) {
	n := *images
	if raceEnabled || testing.Short() {
		n = min(n, 50)
	}
	for _, part := range []struct {
		name       string
		images     int
		operations int
	}{
		{"first", max(n/10, 30), 5}, // making the file, and a few changes
		{"long", n - n/10, 60 + n/50},
	} {
		t.Run(part.name, func(t *testing.T) {
			begun := time.Now()
			h := record(t, t.TempDir(), part.operations, *seed, nil)
			outcomes := map[string]int{}
			for _, v := range cutPower(t, h, part.images, *seed) {
				if v.err != nil {
					t.Fatalf("image %d: %v", v.image, v.err)
				}
				outcomes[v.outcome]++
			}
			t.Logf("%d images of %d events in %d operations:%s (%.0f s)",
				part.images, h.disk.Len(), part.operations, counted(outcomes), time.Since(begun).Seconds())
			// A sector is written whole, so no power cut damages anything.
			if outcomes["refused"] > 0 {
				t.Errorf("%d images could not be opened", outcomes["refused"])
			}
			if outcomes["under way, done"] == 0 || outcomes["under way, undone"] == 0 {
				t.Error("no image was taken inside of a commit")
			}
		})
	}
}

// TestPowerCut_Finds plants bugs: each of them has to be found.
func TestPowerCut_Finds(t *testing.T) {
	for name, plant := range map[string]func(h *history, point string, args []any) bool{
		"commits are not waited for": func(_ *history, point string, args []any) bool {
			if point == "opened" {
				reflect.ValueOf(args[1]).Elem().FieldByName("NoSync").SetBool(true)
			}
			return false
		},
		"names are not waited for":           func(_ *history, point string, _ []any) bool { return point == "durable" },
		"a compacted file is not waited for": func(_ *history, point string, _ []any) bool { return point == "synced" },
		"acknowledged before the commit": func(h *history, point string, _ []any) bool {
			if point == "commit" && h.doing > 0 {
				h.disk.Mark(2*h.doing + 1)
			}
			return false
		},
	} {
		t.Run(name, func(t *testing.T) {
			// Not every history has an operation that the bug spoils.
			const histories = 20
			for i := range uint64(histories) {
				h := record(t, t.TempDir(), 30, *seed+i<<32, plant)
				found := 0
				for _, v := range cutPower(t, h, 60, *seed+i<<32) {
					if v.err != nil || v.outcome == "refused" {
						found++
					}
				}
				if found > 0 {
					t.Logf("found in %d of 60 images of history %d", found, i+1)
					return
				}
			}
			t.Errorf("not found in %d histories", histories)
		})
	}
}

// fromEnv returns the number in an environment variable.
func fromEnv(name string, otherwise int) int {
	var n int
	if _, err := fmt.Sscan(os.Getenv(name), &n); err == nil && n > 0 {
		return n
	}
	return otherwise
}
