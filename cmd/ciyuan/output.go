package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"
)

// console is where a command reads and writes. Results go to out, which is
// flushed when the command ends; everything else goes to err.
type console struct {
	in  io.Reader
	out *bufio.Writer
	err io.Writer

	outTerminal, errTerminal bool
	color                    bool // colours on out
	quiet                    bool
	afterDashes              int // how many arguments stood after "--"
}

func newConsole(stdin io.Reader, stdout, stderr *os.File) *console {
	return &console{
		in:          stdin,
		out:         bufio.NewWriterSize(stdout, 32<<10),
		err:         stderr,
		outTerminal: term.IsTerminal(int(stdout.Fd())),
		errTerminal: term.IsTerminal(int(stderr.Fd())),
	}
}

// configure applies the flags that every command shares.
func (c *console) configure(ctx *cli.Context) error {
	c.quiet = ctx.Bool("quiet")
	switch ctx.String("color") {
	case "always":
		c.color = true
	case "auto":
		c.color = c.outTerminal && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	}
	if c.color && c.outTerminal {
		c.color = enableColors()
	}
	return nil
}

// note writes a line that is no result, unless the user wants none.
func (c *console) note(format string, args ...any) {
	if !c.quiet {
		fmt.Fprintf(c.err, format+"\n", args...)
	}
}

// printJSON writes one object on one line.
func (c *console) printJSON(value any) error {
	enc := json.NewEncoder(c.out)
	enc.SetEscapeHTML(false)
	return enc.Encode(value)
}

// Styles of the select graphic rendition, ECMA-48 section 8.3.117.
const (
	styleBold  = "1"
	styleFaint = "2"
	stylePath  = "35"
	styleLine  = "32"
	styleMatch = "1;31"
)

// paint returns text in a style where colours are wanted.
func (c *console) paint(style, text string) string {
	if !c.color || text == "" {
		return text
	}
	return "\x1b[" + style + "m" + text + "\x1b[0m"
}
