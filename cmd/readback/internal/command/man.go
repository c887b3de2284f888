package command

import (
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/readback-go/readback/cmd/readback/internal/cli"
	"github.com/readback-go/readback/cmd/readback/internal/exit"
)

// exitStatuses are those of run, resume and wait.
var exitStatuses = []cli.Status{
	{Number: "0", Means: "confirmed"},
	{Number: "1", Means: "failed: there is proof that the write was not carried out as asked, and will not be; or --fail held, or --seen found nothing"},
	{Number: "2", Means: "the command line is wrong, or a file that it names: nothing was sent"},
	{Number: "3", Means: "unconfirmed, since a read was refused (400, 401, a certificate): waiting does not change that"},
	{Number: "74", Means: "confirmed, but the result could not be written"},
	{Number: "124", Means: "unconfirmed: neither could be shown in time, or it is not known where to read"},
	{Number: "129, 130, 143", Means: "interrupted by the end of the terminal, by Ctrl-C, by SIGTERM; a write that was sent may have been carried out"},
}

// ownStatuses are those of the other commands, which send a write as part of their work
// or none at all.
var ownStatuses = map[string][]cli.Status{
	"measure": {
		{Number: "0", Means: "a write was confirmed, and every --slo is met; of --watch, a signal ended it"},
		{Number: "1", Means: "an objective is missed; or none of the writes was carried out; or a canary ended by itself"},
		{Number: "2", Means: "the command line is wrong, or a file that it names"},
		{Number: "124", Means: "an objective cannot be told, and none is missed; or no write was confirmed"},
		{Number: "129, 130, 143", Means: "interrupted; what was measured until then is shown and saved"},
	},
	"proxy": {
		{Number: "0", Means: "a signal ended it, and all requests were answered"},
		{Number: "1", Means: "some requests were not answered within --grace, or it could not go on"},
		{Number: "2", Means: "the command line is wrong, or a file that it names, or the address is taken"},
		{Number: "126, 127", Means: "the COMMAND cannot be run, or is not there"},
		{Number: "any other", Means: "that of the COMMAND; 128 plus the number of the signal that killed it"},
	},
	"demo": {
		{Number: "0", Means: "a signal ended it"},
		{Number: "2", Means: "the command line is wrong, or the address is taken"},
	},
}

func statusesOf(cmd *cobra.Command) []cli.Status {
	if !cmd.HasParent() || slices.Contains([]string{"run", "resume", "wait"}, cmd.Name()) {
		return exitStatuses
	}
	return ownStatuses[cmd.Name()]
}

// newMan returns the command that writes the manual pages, for those who package
// the program.
func newMan() *cobra.Command {
	return &cobra.Command{
		Use:    "man DIRECTORY",
		Short:  "Write the manual pages into a directory",
		Hidden: true,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return exit.Usagef("there is no DIRECTORY for the pages, or more than one")
			}
			if err := os.MkdirAll(args[0], 0o777); err != nil {
				return exit.With(exit.Usage, err)
			}
			return exit.With(exit.Usage, cli.WriteMan(cmd.Root(), args[0], statusesOf))
		},
	}
}
