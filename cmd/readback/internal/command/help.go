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

// refuseOthers makes completion refuse shells that it does not know: without an
// action of its own it would print its help, which a shell would then read.
func refuseOthers(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	if cmd, _, err := root.Find([]string{"completion"}); err == nil {
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
	}
}

// oneLine returns an error of the parser in one line.
func oneLine(text string) string {
	if what, names, found := strings.Cut(text, "\n\nDid you mean this?"); found {
		text = what + "; did you mean " + strings.Join(strings.Fields(names), " or ") + "?"
	}
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r == '\n' || r == '\r' }), " ")
}
