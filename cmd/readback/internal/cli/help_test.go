package cli_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/spf13/cobra"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/cli"
)

// Help has the flags in sections, in lines that fit, with defaults as people
// write them.
func TestSetHelp(t *testing.T) {
	t.Parallel()
	root := &cobra.Command{Use: "root"}
	cmd := &cobra.Command{Use: "cmd [flags]", Example: "  root cmd", Run: func(*cobra.Command, []string) {}}
	fs := cmd.Flags()
	fs.SortFlags = false
	fs.Duration("time", 2*time.Minute, "how long it takes")
	fs.Duration("none", 0, "nothing unless given")
	cli.Section(fs, "When")
	fs.Bool("switch", false, "on or off")
	fs.StringArray("name", nil, "`NAME` of each, and of some more that are not named at all")
	cli.Section(fs, "What")
	root.AddCommand(cmd)
	width := 50
	cli.SetHelp(root, cli.Streams{Width: func() int { return width }})

	var out bytes.Buffer
	root.SetOut(&out)
	root.SetArgs([]string{"cmd", "--help"})
	require.NoError(t, root.Execute())
	assert.Equal(t, `Usage:
  root cmd [flags]

Examples:
  root cmd

When:
      --time TIME   how long it takes
                    (default 2m)
      --none TIME   nothing unless given

What:
      --switch      on or off
      --name NAME   NAME of each, and of
                    some more that are not
                    named at all
  -h, --help        help for cmd
`, out.String())

	out.Reset()
	root.SetArgs([]string{"--help"})
	require.NoError(t, root.Execute())
	assert.Contains(t, out.String(), "Usage:\n  root COMMAND\n")
	assert.Contains(t, out.String(), "Flags:\n  -h, --help   help for root\n")
}
