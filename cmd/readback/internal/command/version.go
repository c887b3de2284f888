package command

import (
	"fmt"
	"runtime/debug"

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

// version returns the version of the module, as go install knows it. Of a clone
// it is devel, with the revision if that is known.
func version(info *debug.BuildInfo, known bool) string {
	if !known {
		return "devel"
	}
	if v := info.Main.Version; v != "" && v != "(devel)" {
		return v
	}
	text := "devel"
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			text += " " + s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			text += ", modified"
		}
	}
	return text
}
