package main

import (
	"context"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/urfave/cli/v2"
)

// testApp has one flag of every kind.
func testApp() *cli.App {
	none := func(*cli.Context) error { return nil }
	return &cli.App{
		Name:   "x",
		Before: none,
		Flags:  []cli.Flag{&cli.StringFlag{Name: "index"}, &cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}}},
		Commands: []*cli.Command{
			{
				Name: "search", ArgsUsage: "QUERY...", Action: none,
				Flags: []cli.Flag{
					&cli.IntFlag{Name: "limit", Aliases: []string{"k"}},
					&cli.Float64Flag{Name: "min-score"},
					&cli.BoolFlag{Name: "json"},
					&cli.DurationFlag{Name: "wait"},
					newListFlag("filter", ""),
					choice("score", "softmax", "`NAME`", "softmax", "maxsim"),
				},
			},
			{Name: "model", Subcommands: []*cli.Command{{Name: "info", Action: none, Flags: []cli.Flag{&cli.BoolFlag{Name: "long"}}}}},
		},
	}
}

// inOrder returns a line with its parts where they belong.
func inOrder(inv *invocation) []string {
	return slices.Concat(inv.globals, inv.path, inv.flags, []string{"--"}, inv.args)
}

func TestParseArgs(t *testing.T) {
	tests := []struct {
		line string
		want string // the line in order
	}{
		{"search a b", "search -- a b"},
		{"search a -k 5 b", "search --limit=5 -- a b"},
		{"search a -k=5", "search --limit=5 -- a"},
		{"search a -k5", "search --limit=5 -- a"},
		{"search a --limit 5", "search --limit=5 -- a"},
		{"search a -k 010", "search --limit=10 -- a"},
		{"search a -limit 5", "search --limit=5 -- a"},
		{"search -k 5 -k 6 a", "search --limit=5 --limit=6 -- a"},
		{"-k 5 search a", "search --limit=5 -- a"},
		{"--json search a", "search --json -- a"},
		{"search a --json=false", "search --json=false -- a"},
		{"search a --index f", "--index=f search -- a"},
		{"search --index=f -q a", "--index=f --quiet search -- a"},
		{"--index f search a", "--index=f search -- a"},
		{"search --min-score -0.5 a", "search --min-score=-0.5 -- a"},
		{"search -5 a", "search -- -5 a"},
		{"search a -- -k 5", "search -- a -k 5"},
		{"search -- -- a", "search -- -- a"},
		{"search -", "search -- -"},
		{"search --filter a,b --filter c q", "search --filter=a,b --filter=c -- q"},
		{"search --filter a=b q", "search --filter=a=b -- q"},
		{"search --score maxsim q", "search --score=maxsim -- q"},
		{"-- search -k", "search -- -k"},
		{"-- model info x", "model info -- x"},
		{"search search", "search -- search"},
		{"search help", "search -- help"},
		{"model info --long", "model info --long --"},
		{"model --long info", "model info --long --"},
	}
	for _, tt := range tests {
		inv, err := parseArgs(testApp(), strings.Fields(tt.line))
		if err != nil {
			t.Errorf("%q: %v", tt.line, err)
			continue
		}
		if got := strings.Join(inOrder(inv), " "); strings.TrimSpace(got) != tt.want {
			t.Errorf("%q: got %q, want %q", tt.line, got, tt.want)
		}
	}
}

func TestParseArgs_Help(t *testing.T) {
	for _, line := range []string{"search --help", "--help search", "search a -h", "help search", "search -k 5 --help"} {
		inv, err := parseArgs(testApp(), strings.Fields(line))
		if err != nil {
			t.Errorf("%q: %v", line, err)
			continue
		}
		if !inv.help || inv.command == nil || inv.command.Name != "search" {
			t.Errorf("%q: got %+v, want the help of search", line, inv)
		}
	}
	inv, err := parseArgs(testApp(), []string{"search", "--", "--help"})
	if err != nil || inv.help {
		t.Errorf("search -- --help: help %v, error %v; want a query", inv.help, err)
	}
}

func TestParseArgs_Errors(t *testing.T) {
	tests := []struct {
		line  string
		text  string
		hints []string
	}{
		{"serch a", `unknown command "serch"`, []string{"did you mean search?"}},
		{"zzz", `unknown command "zzz"`, nil},
		{"-- serch", `unknown command "serch"`, []string{"did you mean search?"}},
		{"model inf", `unknown model command "inf"`, []string{"did you mean info?"}},
		{"model", `model needs one of info`, nil},
		{"search --jsn a", "unknown flag --jsn", []string{"did you mean --json?", "an argument that begins with a dash goes after --", "see: ciyuan search --help"}},
		{"search --jsn=1 a", "unknown flag --jsn", []string{"did you mean --json?", "an argument that begins with a dash goes after --", "see: ciyuan search --help"}},
		{"search -x a", "unknown flag -x", []string{"an argument that begins with a dash goes after --", "see: ciyuan search --help"}},
		{"search --long a", "unknown flag --long", []string{"an argument that begins with a dash goes after --", "see: ciyuan search --help"}},
		{"--nope", "unknown flag --nope", []string{"see: ciyuan --help"}},
		{"search a -k", "flag -k needs a value", []string{"see: ciyuan search --help"}},
		{"search a -k x", `flag -k needs a whole number, not "x"`, []string{"see: ciyuan search --help"}},
		{"search a -k 99999999999999999999", `flag -k needs a whole number, not "99999999999999999999"`, []string{"see: ciyuan search --help"}},
		{"search a --min-score NaN", `flag --min-score needs a number, not "NaN"`, []string{"see: ciyuan search --help"}},
		{"search a --wait 5", `flag --wait needs a duration such as 500ms or 2s, not "5"`, []string{"see: ciyuan search --help"}},
		{"search a --json=maybe", `flag --json takes no value (or true, false), not "maybe"`, []string{"see: ciyuan search --help"}},
		{"search a --score sofmax", `flag --score needs one of softmax, maxsim, not "sofmax"`, []string{"did you mean softmax?", "see: ciyuan search --help"}},
	}
	for _, tt := range tests {
		_, err := parseArgs(testApp(), strings.Fields(tt.line))
		var usage *usageError
		if !errors.As(err, &usage) {
			t.Errorf("%q: got error %v, want a usage error", tt.line, err)
			continue
		}
		if usage.text != tt.text {
			t.Errorf("%q: got %q, want %q", tt.line, usage.text, tt.text)
		}
		if diff := cmp.Diff(tt.hints, usage.hints); diff != "" {
			t.Errorf("%q: hints (-want +got):\n%s", tt.line, diff)
		}
	}
}

// TestFlagsAgree: while the command is not known, the parser looks at the
// flags of all commands, so they must agree on which names take a value.
func TestFlagsAgree(t *testing.T) {
	app := newApp(newConsole(os.Stdin, os.Stdout, os.Stderr))
	takes := map[string]bool{}
	check := func(where string, flags []cli.Flag) {
		seen := map[string]bool{}
		for _, f := range flags {
			for _, name := range f.Names() {
				if seen[name] {
					t.Errorf("%s: two flags %s", where, name)
				}
				seen[name] = true
				if old, ok := takes[name]; ok && old != takesValue(f) {
					t.Errorf("%s: flag %s takes a value here only, or everywhere else", where, name)
				}
				takes[name] = takesValue(f)
			}
		}
	}
	check("global", app.Flags)
	var walk func(commands []*cli.Command)
	walk = func(commands []*cli.Command) {
		for _, cmd := range commands {
			check(cmd.Name, append(app.Flags[:len(app.Flags):len(app.Flags)], cmd.Flags...))
			walk(cmd.Subcommands)
		}
	}
	walk(app.Commands)
}

func TestNearest(t *testing.T) {
	names := []string{"index", "info", "search", "segment"}
	for typed, want := range map[string]string{"serach": "search", "seg": "segment", "indx": "index", "zzzz": "", "": "", "s": ""} {
		if got := nearest(typed, names); got != want {
			t.Errorf("nearest(%q) = %q, want %q", typed, got, want)
		}
	}
}

func FuzzParseArgs(f *testing.F) {
	f.Add("search -k 5 a -- b")
	f.Add("--index=x model info --long=")
	f.Add("-k search\x00--\x00-")
	f.Fuzz(func(t *testing.T, line string) {
		inv, err := parseArgs(testApp(), strings.FieldsFunc(line, func(r rune) bool { return r == ' ' || r == 0 }))
		if err != nil || inv.help || inv.version || inv.command == nil {
			return
		}
		if err := invoke(context.Background(), testApp(), inv); err != nil {
			t.Errorf("%q became %q, which does not parse: %v", line, inOrder(inv), err)
		}
	})
}
