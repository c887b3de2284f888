package command

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/readback-go/readback/cmd/readback/internal/exit"
)

// newVersion returns the command version, which says what --version says.
func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Tell the version",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintf(cmd.OutOrStdout(), "readback %s\n", cmd.Root().Version)
			return exit.With(exit.Output, err)
		},
	}
}
