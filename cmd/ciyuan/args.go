package main

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"
)

// invocation is a command line taken apart: flags may have stood anywhere.
type invocation struct {
	command *cli.Command // nil where none was named
	path    []string     // names that lead to the command
	globals []string     // --name or --name=value, by the flag's first name
	flags   []string
	args    []string
	dashes  bool // "--" stood on the line
	help    bool
	version bool
}

func (inv *invocation) enter(cmd *cli.Command) {
	inv.command = cmd
	inv.path = append(inv.path, cmd.Name)
}

// parseArgs splits a command line into the command, its flags and its
// arguments. "--" ends the flags, "-" is an argument, and so is a negative
// number that is not a flag's value. Names, values and choices are checked
// here, so that every mistake is one kind of error.
func parseArgs(app *cli.App, args []string) (*invocation, error) {
	inv := &invocation{}
	commands := app.Commands
	// A flag may stand in front of the command that it belongs to, so flags
	// are looked up only when the command is known.
	type given struct {
		name, text string // name without dashes; text as written
		value      string
		hasValue   bool
	}
	var flags []given
	for i := 0; i < len(args); i++ {
		arg := args[i]
		if arg == "--" {
			inv.dashes = true
			rest := args[i+1:]
			for len(commands) > 0 && len(rest) > 0 {
				cmd := findCommand(commands, rest[0])
				if cmd == nil {
					return nil, noSuchCommand(commands, inv.path, rest[0])
				}
				inv.enter(cmd)
				commands, rest = cmd.Subcommands, rest[1:]
			}
			inv.args = append(inv.args, rest...)
			break
		}
		if len(arg) < 2 || arg[0] != '-' {
			if len(commands) == 0 {
				inv.args = append(inv.args, arg)
				continue
			}
			cmd := findCommand(commands, arg)
			if cmd == nil && arg == "help" && inv.command == nil {
				inv.help = true
				continue
			}
			if cmd == nil {
				return nil, noSuchCommand(commands, inv.path, arg)
			}
			inv.enter(cmd)
			commands = cmd.Subcommands
			continue
		}
		name, value, hasValue := strings.Cut(strings.TrimPrefix(arg[1:], "-"), "=")
		f := lookup(app, inv.command, name)
		if f == nil && !hasValue && isHelp(name) {
			inv.help = true
			continue
		}
		if f == nil && name == "version" && !hasValue && inv.command == nil {
			inv.version = true
			continue
		}
		if f == nil {
			if _, err := strconv.ParseFloat(arg, 64); err == nil && len(commands) == 0 {
				inv.args = append(inv.args, arg)
				continue
			}
			// -k5 for -k 5
			if short := lookup(app, inv.command, name[:min(1, len(name))]); short != nil && takesValue(short) && arg[1] != '-' && len(arg) > 2 {
				f, name, value, hasValue = short, arg[1:2], arg[2:], true
			}
		}
		if f == nil {
			return nil, noSuchFlag(app, inv, arg, name)
		}
		if takesValue(f) && !hasValue {
			if i+1 == len(args) {
				return nil, usagef("flag %s needs a value", arg).forCommand(inv)
			}
			i++
			value, hasValue = args[i], true
		}
		flags = append(flags, given{name: name, text: arg, value: value, hasValue: hasValue})
	}
	if inv.help || inv.version {
		return inv, nil
	}
	for _, g := range flags {
		global := true
		f := findFlag(app.Flags, g.name)
		if f == nil && inv.command != nil {
			f, global = findFlag(inv.command.Flags, g.name), false
		}
		if f == nil {
			return nil, noSuchFlag(app, inv, g.text, g.name)
		}
		value, problem := checkValue(f, dashed(g.name), g.value, g.hasValue)
		if problem != nil {
			return nil, problem.forCommand(inv)
		}
		line := "--" + f.Names()[0]
		if g.hasValue {
			line += "=" + value
		}
		if global {
			inv.globals = append(inv.globals, line)
		} else {
			inv.flags = append(inv.flags, line)
		}
	}
	if inv.command != nil && len(inv.command.Subcommands) > 0 && inv.command.Action == nil {
		return nil, usagef("%s needs one of %s", strings.Join(inv.path, " "), strings.Join(commandNames(inv.command.Subcommands), ", "))
	}
	return inv, nil
}

func isHelp(name string) bool { return name == "help" || name == "h" }

// lookup finds a flag by name. Before the command is known, any command's
// flag will do: all commands agree on which names take a value.
func lookup(app *cli.App, cmd *cli.Command, name string) cli.Flag {
	if f := findFlag(app.Flags, name); f != nil {
		return f
	}
	if cmd != nil && len(cmd.Subcommands) == 0 {
		return findFlag(cmd.Flags, name)
	}
	commands := app.Commands
	if cmd != nil {
		commands = cmd.Subcommands
	}
	return lookupIn(commands, name)
}

// lookupIn finds a flag of any of the commands, or of those below them.
func lookupIn(commands []*cli.Command, name string) cli.Flag {
	for _, cmd := range commands {
		if f := findFlag(cmd.Flags, name); f != nil {
			return f
		}
		if f := lookupIn(cmd.Subcommands, name); f != nil {
			return f
		}
	}
	return nil
}

func findFlag(flags []cli.Flag, name string) cli.Flag {
	for _, f := range flags {
		if slices.Contains(f.Names(), name) {
			return f
		}
	}
	return nil
}

func findCommand(commands []*cli.Command, name string) *cli.Command {
	for _, cmd := range commands {
		if cmd.HasName(name) {
			return cmd
		}
	}
	return nil
}

func commandNames(commands []*cli.Command) []string {
	var names []string
	for _, cmd := range commands {
		if !cmd.Hidden {
			names = append(names, cmd.Name)
		}
	}
	return names
}

func takesValue(f cli.Flag) bool {
	doc, ok := f.(cli.DocGenerationFlag)
	return ok && doc.TakesValue()
}

// checkValue returns a flag's value in the form that the library parses, or
// what is wrong with it. A flag without a value may be given true or false.
func checkValue(f cli.Flag, name, value string, given bool) (string, *usageError) {
	switch f := f.(type) {
	case *cli.BoolFlag:
		if _, err := strconv.ParseBool(value); given && err != nil {
			return "", usagef("flag %s takes no value (or true, false), not %q", name, value)
		}
	case *cli.IntFlag:
		n, err := strconv.Atoi(value)
		if err != nil {
			return "", usagef("flag %s needs a whole number, not %q", name, value)
		}
		// The library would read 010 as octal.
		return strconv.Itoa(n), nil
	case *cli.Float64Flag:
		if x, err := strconv.ParseFloat(value, 64); err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
			return "", usagef("flag %s needs a number, not %q", name, value)
		}
	case *cli.DurationFlag:
		if _, err := time.ParseDuration(value); err != nil {
			return "", usagef("flag %s needs a duration such as 500ms or 2s, not %q", name, value)
		}
	case *choiceFlag:
		if !slices.Contains(f.values, value) {
			return "", usagef("flag %s needs one of %s, not %q", name, strings.Join(f.values, ", "), value).
				suggest(nearest(value, f.values))
		}
	}
	return value, nil
}

func noSuchCommand(commands []*cli.Command, path []string, name string) error {
	kind := "command"
	if len(path) > 0 {
		kind = strings.Join(path, " ") + " command"
	}
	return usagef("unknown %s %q", kind, name).suggest(nearest(name, commandNames(commands)))
}

func noSuchFlag(app *cli.App, inv *invocation, arg, name string) error {
	var names []string
	flags := app.Flags
	if inv.command != nil {
		flags = slices.Concat(inv.command.Flags, flags)
	}
	for _, f := range flags {
		names = append(names, f.Names()...)
	}
	before, _, _ := strings.Cut(arg, "=")
	err := usagef("unknown flag %s", before)
	if found := nearest(name, names); found != "" {
		err = err.suggest(dashed(found))
	}
	if inv.command != nil && inv.command.ArgsUsage != "" {
		err = err.hint("an argument that begins with a dash goes after --")
	}
	return err.forCommand(inv)
}

// dashed returns a flag's name as it is written on the line.
func dashed(name string) string {
	if len(name) == 1 {
		return "-" + name
	}
	return "--" + name
}

// choiceFlag is a string flag with a closed set of values.
type choiceFlag struct {
	*cli.StringFlag
	values []string
}

func choice(name, value, usage string, values ...string) *choiceFlag {
	return &choiceFlag{&cli.StringFlag{Name: name, Value: value, Usage: usage}, values}
}

// nearest returns the name that is a few slips away from what was typed or
// begins with it, or "" where none does.
func nearest(typed string, names []string) string {
	best, found := max(1, len(typed)/3)+1, ""
	if len(typed) < 2 {
		return ""
	}
	for _, name := range names {
		if d := slips(typed, name); d < best {
			best, found = d, name
		} else if found == "" && strings.HasPrefix(name, typed) {
			found = name
		}
	}
	return found
}

// slips counts the insertions, deletions, changes and swaps of neighbours that
// turn a into b: the restricted Damerau-Levenshtein distance, over bytes.
func slips(a, b string) int {
	rows := [3][]int{make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		row, above, above2 := rows[i%3], rows[(i+2)%3], rows[(i+1)%3]
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(above[j]+1, row[j-1]+1, above[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], above2[j-2]+1)
			}
		}
	}
	return rows[len(a)%3][len(b)]
}
