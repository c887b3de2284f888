package command

import (
	"os"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"github.com/readback-go/readback/cmd/readback/internal/exit"
)

// newMan returns the command that writes the manual pages, for who packages
// this one.
func newMan() *cobra.Command {
	return &cobra.Command{
		Use:    "man DIRECTORY",
		Short:  "Write the manual pages into a directory",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o777); err != nil {
				return exit.With(exit.Usage, err)
			}
			header := &doc.GenManHeader{Section: "1", Source: "readback", Manual: "readback"}
			return exit.With(exit.Usage, doc.GenManTree(cmd.Root(), header, args[0]))
		},
	}
}
