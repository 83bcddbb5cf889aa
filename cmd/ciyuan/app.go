package main

import (
	"context"
	"errors"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"

	"github.com/urfave/cli/v2"
)

const programName = "ciyuan"

// run executes one command line, without the program's name, and returns its
// exit code.
func run(args []string, stdin io.Reader, stdout, stderr *os.File) int {
	ignoreSignals()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// The second signal ends the process at once.
	context.AfterFunc(ctx, stop)

	con := newConsole(stdin, stdout, stderr)
	err := con.dispatch(ctx, args)
	for _, closer := range con.closers {
		discard(closer)
	}
	if flushed := con.out.Flush(); flushed != nil && (err == nil || errors.Is(err, errNoResult)) {
		err = flushed
	}
	return con.report(ctx, err)
}

// dispatch puts the arguments in the order that the command line library
// understands and runs the command they name.
func (c *console) dispatch(ctx context.Context, args []string) error {
	app := newApp(c)
	if len(args) > 0 && args[0] == completeCommand {
		return c.complete(app, args[1:])
	}
	inv, err := parseArgs(app, args)
	if err != nil {
		return err
	}
	c.indexGiven = slices.ContainsFunc(inv.globals, func(flag string) bool { return strings.HasPrefix(flag, "--index=") })
	c.dashes = inv.dashes
	switch {
	case inv.help:
		return printHelp(c.out, app, inv)
	case inv.version:
		return c.printVersion(false)
	case inv.command == nil:
		if err := printHelp(c.err, app, inv); err != nil {
			return err
		}
		return usagef("no command given")
	}
	return invoke(ctx, app, inv)
}

// newApp returns the command tree. It is built at every start, so it only
// fills in structs.
func newApp(c *console) *cli.App {
	return &cli.App{
		Name:  programName,
		Usage: "词元: search texts token by token, in one file, offline",
		Flags: []cli.Flag{
			&cli.StringFlag{
				Name:      "index",
				Usage:     "the index `FILE`",
				Value:     defaultIndex,
				EnvVars:   []string{"CIYUAN_INDEX"},
				TakesFile: true,
			},
			choice("color", "auto", "`WHEN` to use colours", "auto", "always", "never"),
			&cli.BoolFlag{Name: "quiet", Aliases: []string{"q"}, Usage: "no progress and no notes on standard error"},
		},
		Commands: []*cli.Command{
			indexCommand(c),
			searchCommand(c),
			askCommand(c),
			similarCommand(c),
			expandCommand(c),
			tokensCommand(c),
			encodeCommand(c),
			segmentCommand(c),
			alignCommand(c),
			dictCommand(c),
			translateWordsCommand(c),
			tmCommand(c),
			getCommand(c),
			listCommand(c),
			deleteCommand(c),
			infoCommand(c),
			checkCommand(c),
			compactCommand(c),
			reencodeCommand(c),
			backupCommand(c),
			migrateCommand(c),
			exportCommand(c),
			importCommand(c),
			importVectorsCommand(c),
			modelCommand(c),
			evalCommand(c),
			benchCommand(c),
			completionCommand(c),
			versionCommand(c),
		},
		Reader:    c.in,
		Writer:    c.out,
		ErrWriter: c.err,
		// Help, usage errors and exit codes are ours: see args.go, invoke.go and exit.go.
		HideHelp:    true,
		HideVersion: true,
		Before:      c.configure,
	}
}

const defaultIndex = "ciyuan.db"

// command fills in what every command shares.
func command(cmd cli.Command) *cli.Command {
	cmd.HideHelp = true
	return &cmd
}
