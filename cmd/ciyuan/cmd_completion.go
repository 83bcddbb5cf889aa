package main

import (
	"strings"

	"github.com/urfave/cli/v2"
)

// completeCommand is the first argument of the calls that the scripts below
// make. It is answered before any command could run: urfave/cli's own
// completion runs the command where "--" stands on the line (its pull request
// 2379), which for an indexer means writing.
const completeCommand = "__complete"

func completionCommand(c *console) *cli.Command {
	return command(cli.Command{
		Name:      "completion",
		Usage:     "print a completion script for bash, zsh or fish",
		ArgsUsage: "bash|zsh|fish",
		Description: `bash:  source <(ciyuan completion bash)
zsh:   ciyuan completion zsh > "${fpath[1]}/_ciyuan"
fish:  ciyuan completion fish > ~/.config/fish/completions/ciyuan.fish`,
		Action: func(ctx *cli.Context) error {
			shell := ctx.Args().First()
			script, ok := completionScripts[shell]
			if !ok || ctx.NArg() != 1 {
				return usagef("completion needs one of bash, zsh, fish").suggest(nearest(shell, []string{"bash", "zsh", "fish"}))
			}
			_, err := c.out.WriteString(script)
			return err
		},
	})
}

var completionScripts = map[string]string{
	"bash": `_ciyuan() {
	local IFS=$'\n' line
	COMPREPLY=()
	while read -r line; do
		COMPREPLY+=("${line%%$'\t'*}")
	done < <(ciyuan __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o default -o bashdefault -F _ciyuan ciyuan
`,
	"zsh": `#compdef ciyuan
_ciyuan() {
	local line
	local -a found
	while read -r line; do
		found+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
	done < <(ciyuan __complete "${(@)words[2,CURRENT]}" 2>/dev/null)
	if (( ${#found} )); then
		_describe 'ciyuan' found
	else
		_files
	fi
}
if [ "$funcstack[1]" = "_ciyuan" ]; then
	_ciyuan "$@"
else
	compdef _ciyuan ciyuan
fi
`,
	"fish": `complete -c ciyuan -a '(ciyuan __complete (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null)'
`,
}

// complete prints what may stand in place of the last of the words, a line
// each with a description behind a tab. It prints nothing where a file name or
// free text belongs; the shell then offers files.
func (c *console) complete(app *cli.App, words []string) error {
	if len(words) == 0 {
		return nil
	}
	last, before := words[len(words)-1], words[:len(words)-1]
	commands := app.Commands
	var cmd *cli.Command
	var pending cli.Flag // waits for its value
	for _, word := range before {
		switch {
		case pending != nil:
			pending = nil
		case word == "--":
			return nil
		case len(word) > 1 && word[0] == '-':
			name, _, hasValue := strings.Cut(strings.TrimPrefix(word[1:], "-"), "=")
			if f := lookup(app, cmd, name); f != nil && takesValue(f) && !hasValue {
				pending = f
			}
		default:
			if next := findCommand(commands, word); next != nil {
				cmd, commands = next, next.Subcommands
			}
		}
	}
	offer := func(prefix, name, usage string) {
		if strings.HasPrefix(name, prefix) {
			_, text := placeholder(usage)
			_, _ = c.out.WriteString(name + "\t" + text + "\n")
		}
	}
	switch {
	case pending != nil:
		if choices, ok := pending.(*choiceFlag); ok {
			for _, value := range choices.values {
				offer(last, value, "")
			}
		}
	case strings.HasPrefix(last, "-"):
		flags := app.Flags
		if cmd != nil {
			flags = append(append([]cli.Flag(nil), cmd.Flags...), app.Flags...)
		}
		for _, f := range flags {
			doc, ok := f.(cli.DocGenerationFlag)
			if !ok {
				continue
			}
			for _, name := range f.Names() {
				offer(last, dashed(name), doc.GetUsage())
			}
		}
		offer(last, "--help", "print help")
	default:
		for _, next := range commands {
			if !next.Hidden {
				offer(last, next.Name, next.Usage)
			}
		}
		if cmd != nil && cmd.Name == "completion" {
			for _, shell := range []string{"bash", "zsh", "fish"} {
				offer(last, shell, "")
			}
		}
	}
	return nil
}
