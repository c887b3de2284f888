package command

import (
	"strings"

	"github.com/spf13/cobra"

	"github.com/readback-go/readback/cmd/readback/internal/exit"
)

// newHelp returns the command help of root, which refuses what there is no help
// on.
func newHelp(root *cobra.Command) *cobra.Command {
	var names []cobra.Completion
	for _, cmd := range root.Commands() {
		if !cmd.Hidden {
			names = append(names, cobra.CompletionWithDesc(cmd.Name(), cmd.Short))
		}
	}
	return &cobra.Command{
		Use:               "help [COMMAND]",
		Short:             "Tell how a command is used",
		ValidArgsFunction: cobra.FixedCompletions(names, cobra.ShellCompDirectiveNoFileComp),
		RunE: func(_ *cobra.Command, args []string) error {
			cmd, rest, err := root.Find(args)
			if err != nil || len(rest) > 0 {
				return exit.Usagef("there is no command %q", strings.Join(args, " "))
			}
			cmd.InitDefaultHelpFlag()
			return cmd.Help()
		},
	}
}

// refuseOthers makes root and its completion refuse to go without a command, and
// completion those that it does not know. Without an action of their own they would
// print their help and end with 0, as if a write were confirmed.
func refuseOthers(root *cobra.Command) {
	root.RunE = func(*cobra.Command, []string) error {
		return exit.Usagef("there is no command: readback --help lists them")
	}
	root.InitDefaultCompletionCmd()
	if cmd, _, err := root.Find([]string{"completion"}); err == nil {
		cmd.RunE = func(*cobra.Command, []string) error {
			return exit.Usagef("say for which shell: bash, fish, powershell or zsh")
		}
	}
}

// oneLine returns an error of the parser in one line.
func oneLine(text string) string {
	if what, names, found := strings.Cut(text, "\n\nDid you mean this?"); found {
		text = what + "; did you mean " + strings.Join(strings.Fields(names), " or ") + "?"
	}
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), " ")
}
