package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/urfave/cli/v2"
)

func versionCommand(c *console) *cli.Command {
	return command(cli.Command{
		Name:  "version",
		Usage: "print the version",
		Flags: []cli.Flag{jsonFlag()},
		Action: func(ctx *cli.Context) error {
			if err := noArgs(ctx); err != nil {
				return err
			}
			return c.printVersion(ctx.Bool("json"))
		},
	})
}

// versionInfo is the JSON form of version.
type versionInfo struct {
	Version  string `json:"version"`
	Commit   string `json:"commit,omitempty"`
	Time     string `json:"time,omitempty"`
	Modified bool   `json:"modified,omitempty"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

// buildVersion reads what the Go tool wrote into the binary.
func buildVersion() versionInfo {
	v := versionInfo{Version: "(unknown)", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	v.Version = info.Main.Version
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			v.Commit = setting.Value
		case "vcs.time":
			v.Time = setting.Value
		case "vcs.modified":
			v.Modified = setting.Value == "true"
		}
	}
	return v
}

func (c *console) printVersion(asJSON bool) error {
	v := buildVersion()
	if asJSON {
		return c.printJSON(v)
	}
	fmt.Fprintf(c.out, "%s %s", programName, v.Version)
	if v.Commit != "" {
		fmt.Fprintf(c.out, " (%s", v.Commit[:min(12, len(v.Commit))])
		if v.Modified {
			fmt.Fprint(c.out, ", modified")
		}
		fmt.Fprint(c.out, ")")
	}
	fmt.Fprintf(c.out, " %s %s\n", v.Go, v.Platform)
	return nil
}
