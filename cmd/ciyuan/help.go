package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"
)

// printHelp writes the help of the command that a line names, or of the program
// where it names none.
func printHelp(w io.Writer, app *cli.App, inv *invocation) error {
	cmd, name := inv.command, strings.Join(inv.path, " ")
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if cmd == nil {
		fmt.Fprintf(tw, "%s - %s\n\nUsage: %s [flags] COMMAND ...\n\nCommands:\n", app.Name, app.Usage, app.Name)
		printCommands(tw, app.Commands)
		fmt.Fprint(tw, "\nFlags:\n")
		printFlags(tw, app.Flags)
		fmt.Fprintf(tw, "\nFlags may stand anywhere on the line, -- ends them, - is standard input.\n"+
			"Exit codes: 0 results, 1 no result, 2 usage or error, 130 interrupted.\n"+
			"More: %s COMMAND --help\n", app.Name)
		return tw.Flush()
	}
	fmt.Fprintf(tw, "%s %s - %s\n\nUsage: %s %s", app.Name, name, cmd.Usage, app.Name, name)
	if len(cmd.Flags) > 0 {
		fmt.Fprint(tw, " [flags]")
	}
	if len(cmd.Subcommands) > 0 {
		fmt.Fprint(tw, " COMMAND ...")
	}
	if cmd.ArgsUsage != "" {
		fmt.Fprintf(tw, " %s", cmd.ArgsUsage)
	}
	fmt.Fprintln(tw)
	if cmd.Description != "" {
		fmt.Fprintf(tw, "\n%s\n", strings.TrimSpace(cmd.Description))
	}
	if len(cmd.Subcommands) > 0 {
		fmt.Fprint(tw, "\nCommands:\n")
		printCommands(tw, cmd.Subcommands)
	}
	if len(cmd.Flags) > 0 {
		fmt.Fprint(tw, "\nFlags:\n")
		printFlags(tw, cmd.Flags)
	}
	fmt.Fprint(tw, "\nGlobal flags:\n")
	printFlags(tw, app.Flags)
	return tw.Flush()
}

func printCommands(w io.Writer, commands []*cli.Command) {
	for _, cmd := range commands {
		if !cmd.Hidden {
			fmt.Fprintf(w, "  %s\t%s\n", cmd.Name, cmd.Usage)
		}
	}
}

// printFlags writes one line a flag: names, value, usage, default.
func printFlags(w io.Writer, flags []cli.Flag) {
	for _, f := range flags {
		doc, ok := f.(cli.DocGenerationFlag)
		if !ok {
			continue
		}
		value, usage := placeholder(doc.GetUsage())
		var names []string
		for _, name := range f.Names() {
			names = append(names, dashed(name))
		}
		line := strings.Join(names, ", ")
		if doc.TakesValue() {
			line += " " + value
		}
		if choices, ok := f.(*choiceFlag); ok {
			usage += ": " + strings.Join(choices.values, ", ")
		}
		var notes []string
		if text := strings.Trim(doc.GetDefaultText(), `"`); doc.TakesValue() && text != "" {
			notes = append(notes, "default "+text)
		}
		for _, name := range doc.GetEnvVars() {
			notes = append(notes, "or $"+name)
		}
		if len(notes) > 0 {
			usage += " (" + strings.Join(notes, ", ") + ")"
		}
		fmt.Fprintf(w, "  %s\t%s\n", line, usage)
	}
}

// placeholder takes the name of a flag's value out of its usage text, where it
// stands between back quotes, and returns the text without them.
func placeholder(usage string) (value, text string) {
	before, rest, ok := strings.Cut(usage, "`")
	if !ok {
		return "VALUE", usage
	}
	value, after, _ := strings.Cut(rest, "`")
	return value, before + value + after
}
