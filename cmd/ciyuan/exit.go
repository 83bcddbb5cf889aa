package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"syscall"
)

// Exit codes are part of the contract with scripts: 0 means results.
const (
	exitNoResult    = 1
	exitError       = 2
	exitInterrupted = 130
)

// errNoResult ends a command that worked and found nothing.
var errNoResult = errors.New("no result")

// usageError is a command line that cannot be run as it stands.
type usageError struct {
	text  string
	hints []string
}

func (e *usageError) Error() string { return e.text }

func usagef(format string, args ...any) *usageError {
	return &usageError{text: fmt.Sprintf(format, args...)}
}

func (e *usageError) hint(text string) *usageError {
	e.hints = append(e.hints, text)
	return e
}

// suggest adds what was probably meant, if anything comes near.
func (e *usageError) suggest(name string) *usageError {
	if name == "" {
		return e
	}
	return e.hint("did you mean " + name + "?")
}

// forCommand points to the help of the command on the line.
func (e *usageError) forCommand(inv *invocation) *usageError {
	line := append([]string{programName}, inv.path...)
	return e.hint("see: " + strings.Join(line, " ") + " --help")
}

// hintedError carries what to do about an error.
type hintedError struct {
	err   error
	hints []string
}

func (e *hintedError) Error() string { return e.err.Error() }
func (e *hintedError) Unwrap() error { return e.err }

// restated is an error said in other words; what it is remains to be seen by
// errors.Is.
type restated struct {
	text string
	err  error
}

func (e *restated) Error() string { return e.text }
func (e *restated) Unwrap() error { return e.err }

// withHint adds hints to an error; nil stays nil.
func withHint(err error, hints ...string) error {
	if err == nil {
		return nil
	}
	return &hintedError{err: err, hints: hints}
}

// report prints an error, if there is one to print, and returns the exit code.
func (c *console) report(ctx context.Context, err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errNoResult):
		return exitNoResult
	case errors.Is(err, syscall.EPIPE):
		// Whoever read our output has seen enough.
		return 0
	}
	interrupted := ctx.Err() != nil && errors.Is(err, context.Canceled)
	text := plainError(err)
	if interrupted {
		text = "interrupted"
	}
	fmt.Fprintf(c.err, "error: %s\n", text)
	var said []string
	for _, hint := range slices.Concat(hintsOf(err), adviceFor(err)) {
		if slices.Contains(said, hint) {
			continue
		}
		said = append(said, hint)
		fmt.Fprintf(c.err, "hint: %s\n", oneLine(hint))
	}
	if interrupted {
		return exitInterrupted
	}
	return exitError
}

// hintsOf collects the hints of an error and of what it wraps, outermost first.
func hintsOf(err error) []string {
	var hints []string
	switch e := err.(type) {
	case *usageError:
		hints = e.hints
	case *hintedError:
		hints = e.hints
	}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		hints = slices.Concat(hints, hintsOf(e.Unwrap()))
	case interface{ Unwrap() []error }:
		for _, part := range e.Unwrap() {
			hints = slices.Concat(hints, hintsOf(part))
		}
	}
	return hints
}

func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), " ")
}
