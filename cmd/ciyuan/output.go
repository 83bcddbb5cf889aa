package main

import (
	"bufio"
	"bytes"
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
	to  *slowWriter // that out writes to
	err io.Writer

	outTerminal, errTerminal bool
	color                    bool // colours on out
	quiet                    bool
	index                    string // the index file
	indexGiven               bool   // by the flag on this line
	encoderSpec              string // as the line has it
	dashes                   bool   // "--" stood on the line

	closers []io.Closer // of what stays open until the command has ended
}

func newConsole(stdin io.Reader, stdout, stderr *os.File) *console {
	to := &slowWriter{w: stdout}
	return &console{
		in:          stdin,
		out:         bufio.NewWriterSize(to, 32<<10),
		to:          to,
		err:         stderr,
		outTerminal: term.IsTerminal(int(stdout.Fd())),
		errTerminal: term.IsTerminal(int(stderr.Fd())),
	}
}

// configure applies the flags that every command shares.
func (c *console) configure(ctx *cli.Context) error {
	c.quiet = ctx.Bool("quiet")
	switch c.index = ctx.String("index"); {
	case c.index != "":
	case c.indexGiven:
		return usagef("--index needs the name of a file")
	default:
		// An empty variable of the environment is like none.
		c.index = defaultIndex
	}
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

// warn writes a line about something that went wrong while the command goes on.
func (c *console) warn(format string, args ...any) {
	fmt.Fprintf(c.err, "warning: %s\n", oneLine(fmt.Sprintf(format, args...)))
}

// printJSON writes one object on one line.
func (c *console) printJSON(value any) error {
	text, err := toJSON(value)
	if err != nil {
		return err
	}
	_, err = c.out.Write(append(text, '\n'))
	return err
}

// toJSON is json.Marshal without the escapes that are for HTML pages.
func toJSON(value any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(value)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// Styles of the select graphic rendition, ECMA-48 section 8.3.117.
const (
	styleBold  = "1"
	styleFaint = "2"
	stylePath  = "35"
	styleLine  = "32"
	styleMatch = "1;31"
	styleNear  = "4;33"
)

// paint returns text in a style where colours are wanted.
func (c *console) paint(style, text string) string {
	if !c.color || text == "" {
		return text
	}
	return "\x1b[" + style + "m" + text + "\x1b[0m"
}
