package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/ciyuan-search/ciyuan"
	"github.com/ciyuan-search/ciyuan/tokenizer"
)

// spareCollections is for commands that answer one question: that takes some
// megabytes as a rule, and collecting them would only cost time. The limit is for
// the exceptions.
func spareCollections() {
	const limit = 64 << 20
	debug.SetGCPercent(400)
	debug.SetMemoryLimit(limit)
}

func dictFlag() cli.Flag {
	return &cli.StringFlag{
		Name: "dict", Usage: "a `FILE` of words to keep whole: word [frequency] [tag] a line",
		EnvVars: []string{"CIYUAN_DICT"}, TakesFile: true,
	}
}

func modeFlag(usage string) cli.Flag {
	var names []string
	for _, m := range tokenizer.Modes() {
		names = append(names, m.String())
	}
	return choice("mode", tokenizer.Viterbi.String(), usage, names...)
}

// tokenizerOptions reads --mode and --dict.
func tokenizerOptions(ctx *cli.Context) (tokenizer.Options, error) {
	mode, err := tokenizer.ParseMode(ctx.String("mode"))
	if err != nil {
		return tokenizer.Options{}, err
	}
	o := tokenizer.Options{Mode: mode}
	if name := ctx.String("dict"); name != "" {
		if o.Dict, err = readDict(name); err != nil {
			return o, err
		}
	}
	return o, nil
}

func readDict(name string) (*tokenizer.Dict, error) {
	file, err := os.Open(name)
	if err != nil {
		return nil, fmt.Errorf("reading the dictionary: %w", err)
	}
	defer discard(file)
	dict, err := tokenizer.ParseDict(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return dict, nil
}

// openReader opens the index for reading; other processes can read it too.
func (c *console) openReader(ctx *cli.Context) (*ciyuan.DB, error) {
	o, err := tokenizerOptions(ctx)
	if err != nil {
		return nil, err
	}
	opts := &ciyuan.Options{ReadOnly: true, Dict: o.Dict}
	if err := c.vectors(ctx, opts); err != nil {
		return nil, err
	}
	return c.openIndex(opts)
}

// openIndex is ciyuan.Open, with an error that says in few words what is
// missing.
func (c *console) openIndex(o *ciyuan.Options) (*ciyuan.DB, error) {
	db, err := ciyuan.Open(c.index, o)
	if errors.Is(err, ciyuan.ErrNoIndex) {
		return nil, &restated{text: "there is no index " + c.index, err: err}
	}
	if errors.Is(err, ciyuan.ErrModelMismatch) {
		line := programName + " --index " + quoted(c.index) + " re-encode --encoder " + quoted(cmp.Or(c.encoderSpec, encoderDefault))
		err = withHint(err, "name the encoder that it was made with: --encoder default, static:FILE, hf:DIR or http:URL", "or give the index these vectors: "+line)
	}
	return db, err
}

// withWriter calls work with the index opened for writing, which is made if it
// is not there, and closes it. verb and unit are what the progress line says.
func (c *console) withWriter(ctx *cli.Context, verb, unit string, work func(*ciyuan.DB, *progress) error) error {
	return c.withIndex(ctx, false, verb, unit, work)
}

// withIndex is withWriter; mustExist refuses to make an index.
func (c *console) withIndex(ctx *cli.Context, mustExist bool, verb, unit string, work func(*ciyuan.DB, *progress) error) (err error) {
	o, err := tokenizerOptions(ctx)
	if err != nil {
		return err
	}
	pr := c.progress(verb, unit)
	defer pr.finish()
	opts := &ciyuan.Options{
		MustExist: mustExist, Mode: o.Mode, Dict: o.Dict,
		Progress: func(p ciyuan.Progress) { pr.enter(p.Phase, p.Done, p.Total, p.Unit) },
	}
	if err := c.vectors(ctx, opts); err != nil {
		return err
	}
	if !strings.HasPrefix(ctx.String("encoder"), encoderHF+":") {
		// Garbage is collected more often when there is much of it. A transformer
		// has its own needs.
		const limit = 200 << 20
		debug.SetMemoryLimit(limit)
	}
	db, err := c.openIndex(opts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := c.checkMode(ctx, db, o.Mode); err != nil {
		return err
	}
	return work(db, pr)
}

// checkMode refuses a mode that the index was not made with: it would have no
// effect.
func (c *console) checkMode(ctx *cli.Context, db *ciyuan.DB, mode tokenizer.Mode) error {
	if !ctx.IsSet("mode") {
		return nil
	}
	stats, err := db.Stats(ctx.Context)
	if err != nil {
		return err
	}
	if stats.Mode != mode.String() {
		return withHint(usagef("flag --mode: the index was made with mode %s", stats.Mode),
			"index the documents into another file: --index FILE")
	}
	return nil
}

// isStdin reports whether the first argument stands for standard input.
func (c *console) isStdin(ctx *cli.Context) bool { return ctx.Args().First() == "-" }

// stdin returns standard input, which gives up waiting when ctx ends.
func (c *console) stdin(ctx context.Context) io.Reader {
	return &patient{ctx: ctx, r: c.in}
}

// A patient reader returns when its context ends, even if what it reads from
// keeps it waiting, as a terminal does. What comes too late is lost.
type patient struct {
	ctx context.Context
	r   io.Reader
	buf []byte
	got chan int
	err error
	n   int // bytes in buf not yet handed out, from at
	at  int
}

func (p *patient) Read(dst []byte) (int, error) {
	for p.n == 0 {
		if p.err != nil {
			return 0, p.err
		}
		if p.buf == nil {
			p.buf, p.got = make([]byte, 64<<10), make(chan int, 1)
		}
		var err error
		go func() {
			var n int
			n, err = p.r.Read(p.buf)
			p.got <- n
		}()
		select {
		case n := <-p.got:
			p.at, p.n, p.err = 0, n, err
		case <-p.ctx.Done():
			p.err = p.ctx.Err()
			// The buffer belongs to the reader that is still waiting.
			return 0, p.err
		}
	}
	n := copy(dst, p.buf[p.at:p.at+p.n])
	p.at += n
	p.n -= n
	return n, nil
}

// discard closes what was only read from: there is nothing that a failure could
// lose.
func discard(c io.Closer) { _ = c.Close() }
