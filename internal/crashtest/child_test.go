package crashtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/internal/failpoint"
)

// childEnv holds the orders of a child process.
const childEnv = "CIYUAN_CRASH_CHILD"

// orders say what a child process does to an index.
type orders struct {
	Path       string
	Seed       uint64
	Operations int
	Point      string // where the process ends itself, "" for nowhere
	Nth        int    // the how many'th time it gets there
	Plant      string // a bug, "" for none
	Slow       bool   // writes take a while, as on a disk
}

// points are where a child ends itself: the failpoints, and two of bbolt's own.
var points = []string{
	"commit", // before anything is written
	"page",   // while pages are written
	"meta",   // the pages are on the disk, the meta page is not written
	"synced meta",
	"committed", // and not acknowledged
	"seal",
	"fold", "merge", "purge", "graph",
	"cut", "synced", "rename", "renamed", "durable", // of compaction, migration, and backup
	"backup", "migrate",
}

// birth are those that are reached while a file is made.
var birth = []string{"page", "meta", "synced meta", "link", "linked", "durable", "removed"}

func TestMain(m *testing.M) {
	if text := os.Getenv(childEnv); text != "" {
		var o orders
		err := json.Unmarshal([]byte(text), &o)
		if err == nil {
			err = o.obey()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(2)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// say tells the parent in one write how far the child is: "start N", "ack N"
// about operation N, "begin" and "end" about commits.
func say(format string, args ...any) {
	if _, err := fmt.Fprintf(os.Stdout, format+"\n", args...); err != nil {
		os.Exit(3) // the parent is gone
	}
}

// obey does the operations.
func (o *orders) obey() error {
	rng := rand.New(rand.NewPCG(o.Seed, 3))
	w := &world{path: o.Path, opts: &ciyuan.Options{GraphWords: -1, Workers: 1}}
	doing, acked := 0, 0
	reached := 0
	at := func(point string) {
		if point == o.Point {
			if reached++; reached == o.Nth {
				kill()
			}
		}
	}
	failpoint.Hook = func(point string, args ...any) error {
		switch point {
		case "opened":
			bolt := args[1]
			Tap(bolt, func(next WriteAt) WriteAt {
				return func(b []byte, off int64) (int, error) {
					name := "page"
					if IsMeta(bolt, off) {
						name = "meta"
					}
					at(name)
					if o.Slow {
						time.Sleep(200 * time.Microsecond)
					}
					n, err := next(b, off)
					at("synced " + name)
					return n, err
				}
			})
		case "present":
			return errors.New("migrate all the same")
		case "commit":
			say("begin")
			if o.Plant == "acknowledged before the commit" && acked < doing {
				acked = doing
				say("ack %d", doing)
			}
		case "committed":
			say("end")
		case "removed":
			if o.Plant == "a file is left" {
				return os.WriteFile(o.Path+".left", nil, 0o644)
			}
		}
		at(point)
		return nil
	}
	say("start 0")
	if err := w.open(); err != nil {
		return err
	}
	say("ack 0")
	for doing = 1; doing <= o.Operations; doing++ {
		next := drawOp(rng)
		say("start %d", doing)
		if err := w.do(&next); err != nil {
			return fmt.Errorf("%s: %w", opNames[next.Kind], err)
		}
		if o.Plant == "a document is lost" && len(next.Docs) > 0 {
			if _, err := w.db.Delete(context.Background(), next.Docs[0].ID); err != nil {
				return err
			}
		}
		if acked < doing {
			say("ack %d", doing)
		}
	}
	return w.db.Close()
}
