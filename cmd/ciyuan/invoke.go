package main

import (
	"context"
	"flag"
	"io"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
)

// invoke runs the command of a line that was taken apart. The library's own Run would
// take it apart again, and bring with it the templates of its help, which nothing here
// uses: with them the linker keeps every method of every type, a twentieth of the
// program.
func invoke(ctx context.Context, app *cli.App, inv *invocation) error {
	global, err := setFlags(programName, app.Flags, inv.globals, nil)
	if err != nil {
		return err
	}
	top := cli.NewContext(app, global, &cli.Context{Context: ctx})
	if err := app.Before(top); err != nil {
		return err
	}
	local, err := setFlags(inv.command.Name, inv.command.Flags, inv.flags, inv.args)
	if err != nil {
		return err
	}
	c := cli.NewContext(app, local, top)
	c.Command = inv.command
	return inv.command.Action(c)
}

// setFlags returns a set of flags with the values that the line and the environment
// give them, and the arguments behind them.
func setFlags(name string, flags []cli.Flag, given, args []string) (*flag.FlagSet, error) {
	set := flag.NewFlagSet(name, flag.ContinueOnError)
	set.SetOutput(io.Discard)
	for _, f := range flags {
		if err := f.Apply(set); err != nil {
			return nil, usagef("%v", err) // a value of the environment; the line was checked
		}
	}
	if err := set.Parse(slices.Concat(given, []string{"--"}, args)); err != nil {
		return nil, usagef("%v", err)
	}
	return set, nil
}

// listFlag is a flag that may be repeated, with a value as it is each time; the
// library's own cuts values at commas.
type listFlag struct{ *cli.GenericFlag }

// newListFlag returns a flag whose values list returns.
func newListFlag(name, usage string) listFlag {
	return listFlag{&cli.GenericFlag{Name: name, Usage: usage, Value: &list{}}}
}

// list holds the values of a listFlag.
type list struct{ values []string }

// Set adds a value.
func (l *list) Set(value string) error {
	l.values = append(l.values, value)
	return nil
}

// String returns the values, for the library.
func (l *list) String() string { return strings.Join(l.values, " ") }

// values returns those of a listFlag.
func values(ctx *cli.Context, name string) []string {
	if l, ok := ctx.Generic(name).(*list); ok {
		return l.values
	}
	return nil
}
