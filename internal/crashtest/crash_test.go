package crashtest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ciyuan-search/ciyuan"
)

var loops = flag.Int("loops", fromEnv("CIYUAN_CRASH_LOOPS", 500), "how many processes to kill")

const (
	// operations that a child does if nobody kills it.
	operations = 20

	// lifetime is how many loops an index is used for, one child after the
	// other, before the next one starts with a new file.
	lifetime = 12
)

// A victim is an index to which one child after the other does something until
// it is killed.
type victim struct {
	path   string
	oracle oracle
	rng    *rand.Rand
	plant  string

	now    state
	copied []state // what the backup may hold
	copies bool    // a backup was acknowledged: it has to be there
}

// killed says how a child ended.
type killed struct {
	point    string // it ended itself there, "" if it was killed from outside or ran to its end
	inCommit bool
	inOp     string // "" between two
	ended    bool   // it ran to its end
}

// run starts a child, kills it, or lets it kill itself, and returns what it has
// said, line by line.
func (v *victim) run(o orders, after int, pause time.Duration) (said []string, err error) {
	text, err := json.Marshal(&o)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+string(text), "GORACE=atexit_sleep_ms=0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		said = append(said, lines.Text())
		if len(said) == after {
			// What it says until then is read after its death.
			time.AfterFunc(pause, func() { _ = cmd.Process.Kill() })
		}
	}
	err = errors.Join(lines.Err(), cmd.Wait())
	var exit *exec.ExitError
	if errors.As(err, &exit) && !exit.Exited() {
		err = nil // by a signal
	}
	if err != nil || stderr.Len() > 0 {
		return said, fmt.Errorf("the child failed: %w\n%s", err, stderr.Bytes())
	}
	return said, nil
}

// once lets a child work and die, and compares what is there with what it has
// acknowledged.
func (v *victim) once(point string) (killed, error) {
	o := orders{Path: v.path, Seed: v.rng.Uint64(), Operations: operations, Plant: v.plant, Point: point}
	after := 0
	switch point {
	case "":
		// A child says four lines for an operation, so this is any moment of its
		// life, wherever the machine's speed puts it.
		after = 1 + v.rng.IntN(4*operations)
		// Some write slowly, so that kills fall into commits on any machine.
		o.Slow = v.rng.IntN(2) == 0
	case "merge", "purge": // seldom
		o.Nth, o.Operations = 1, 3*operations
	case "link", "linked", "removed": // once
		o.Nth = 1
	default:
		o.Nth = 1 + v.rng.IntN(3)
	}
	said, err := v.run(o, after, time.Duration(v.rng.IntN(3000))*time.Microsecond)
	if err != nil {
		return killed{}, err
	}
	// What may be there: the last acknowledged state, and the next if a child
	// died on the way to it.
	draw := rand.New(rand.NewPCG(o.Seed, 3))
	how := killed{point: point}
	states := []state{v.now}
	made := v.now != nil
	var under *op
	for _, line := range said {
		what, number, _ := strings.Cut(line, " ")
		switch what {
		case "start":
			under = &op{Kind: opReopen}
			if number != "0" {
				next := drawOp(draw)
				under = &next
			}
			states = append(states[:1:1], under.after(states[0]))
			if under.Kind == opBackup {
				v.copied = append(v.copied, states[0])
			}
		case "ack":
			if len(states) < 2 {
				return how, fmt.Errorf("operation %s was acknowledged twice", number)
			}
			if under.Kind == opBackup {
				v.copied, v.copies = v.copied[len(v.copied)-1:], true
			}
			made = true
			states, under = states[1:], nil
		case "begin":
			how.inCommit = true
		case "end":
			how.inCommit = false
		}
	}
	if under != nil {
		how.inOp = opNames[under.Kind]
	}
	how.ended = len(said) > 0 && said[len(said)-1] == fmt.Sprint("ack ", o.Operations)
	db, err := ciyuan.Open(v.path, &ciyuan.Options{MustExist: true, GraphWords: -1, Workers: 1})
	if errors.Is(err, ciyuan.ErrNoIndex) && !made {
		return how, nil
	}
	if err != nil {
		return how, err
	}
	at, err := matches(db, states)
	if err == nil {
		v.now = states[at]
		if v.now == nil {
			v.now = state{}
		}
		err = v.oracle.agree(db, v.now)
	}
	if err := errors.Join(err, db.Close()); err != nil {
		return how, fmt.Errorf("killed in %q, in a commit %v: %w", how.inOp, how.inCommit, err)
	}
	if len(v.copied) > 0 {
		if err := whole(v.path, v.copied, !v.copies); err != nil {
			return how, err
		}
	}
	if err := swept(v.path); err != nil {
		return how, err
	}
	if _, err := os.Stat(backupOf(v.path)); err != nil {
		v.copied, v.copies = nil, false
	}
	return how, nil
}

// slaughter kills children and returns how they died; the error is the first
// thing that was wrong.
func slaughter(t *testing.T, n int, seed uint64, plant string) ([]killed, error) {
	t.Helper()
	jobs := make(chan uint64)
	var mu sync.Mutex
	var deaths []killed
	var wrong error
	var workers sync.WaitGroup
	for range 2 {
		workers.Go(func() {
			oracles := memoryDir(t)
			for job := range jobs {
				dir := t.TempDir()
				v := &victim{path: filepath.Join(dir, "a.db"), oracle: oracle{dir: oracles}, rng: rand.New(rand.NewPCG(seed, job)), plant: plant}
				for i := range lifetime {
					point := ""
					if (i+int(job))%2 == 1 { // every other, in turn
						turn := (int(job)*lifetime + i) / 2
						point = points[turn%len(points)]
						if i == 0 {
							point = birth[turn%len(birth)]
						}
					}
					how, err := v.once(point)
					mu.Lock()
					deaths = append(deaths, how)
					if err != nil && wrong == nil {
						wrong = fmt.Errorf("index %d, child %d (-seed %d): %w", job, i, seed, err)
					}
					mu.Unlock()
					if err != nil {
						break
					}
				}
			}
		})
	}
	for job := range uint64((n + lifetime - 1) / lifetime) {
		mu.Lock()
		stop := wrong != nil
		mu.Unlock()
		if stop {
			break
		}
		jobs <- job
	}
	close(jobs)
	workers.Wait()
	return deaths, wrong
}

// TestCrash kills processes that change an index, from outside at any moment and
// from inside at every failpoint in turn. Nothing that was acknowledged is lost,
// nothing is left behind, nobody panics.
func TestCrash(t *testing.T) {
	n := *loops
	if raceEnabled || testing.Short() {
		n = min(n, 2*lifetime)
	}
	begun := time.Now()
	deaths, err := slaughter(t, n, *seed, "")
	if err != nil {
		t.Fatal(err)
	}
	inCommit, outside, inOp, inPoint := map[string]int{}, 0, map[string]int{}, map[string]int{}
	for _, d := range deaths {
		where := "outside"
		if d.point != "" {
			where = "at a point"
		} else {
			outside++
		}
		switch {
		case d.ended:
			where += ", had ended"
		case d.inCommit:
			where += ", in a commit"
		}
		inCommit[where]++
		inOp[d.inOp]++
		if !d.ended {
			inPoint[d.point]++
		}
	}
	t.Logf("%d processes (%.0f s):%s", len(deaths), time.Since(begun).Seconds(), counted(inCommit))
	t.Logf("during:%s", counted(inOp))
	t.Logf("points:%s", counted(inPoint))
	if len(deaths) >= 10*len(points) {
		if inCommit["outside, in a commit"] < outside/20 {
			t.Error("too few processes were killed inside of a commit")
		}
		for _, p := range append(birth, points...) {
			if inPoint[p] == 0 {
				t.Errorf("no process died at %q", p)
			}
		}
	}
}

// TestCrash_Finds plants bugs: each of them has to be found.
func TestCrash_Finds(t *testing.T) {
	for _, plant := range []string{"acknowledged before the commit", "a document is lost", "a file is left"} {
		t.Run(plant, func(t *testing.T) {
			deaths, err := slaughter(t, 100, *seed, plant)
			if err == nil {
				t.Fatalf("not found in %d loops", len(deaths))
			}
			t.Logf("found after %d loops: %.200v", len(deaths), err)
		})
	}
}
