package main

import (
	"strings"

	"github.com/urfave/cli/v2"
)

func jsonFlag() cli.Flag {
	return &cli.BoolFlag{Name: "json", Usage: "print JSON"}
}

// noArgs reports arguments of a command that takes none.
func noArgs(ctx *cli.Context) error {
	if ctx.Args().Present() {
		return usagef("%s takes no argument: %q", ctx.Command.Name, ctx.Args().First())
	}
	return nil
}

// textArgs returns the arguments as one text, or an error that says what is
// missing.
func textArgs(ctx *cli.Context, what string) (string, error) {
	text := strings.Join(ctx.Args().Slice(), " ")
	if strings.TrimSpace(text) == "" {
		return "", usagef("%s needs %s", ctx.Command.Name, what).
			hint("see: " + programName + " " + ctx.Command.Name + " --help")
	}
	return text, nil
}

func filterFlag() cli.Flag {
	return newListFlag("filter", "only documents whose `FIELD=VALUE`: id, title, path or one of meta; may be repeated")
}

func threadsFlag() cli.Flag {
	return &cli.IntFlag{Name: "threads", Usage: "the `NUMBER` of texts computed at a time; 0 is the number of processors"}
}

func checkThreads(ctx *cli.Context) error {
	if n := ctx.Int("threads"); n < 0 {
		return usagef("flag --threads needs a number from 0, not %d", n)
	}
	return nil
}
