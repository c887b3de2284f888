package cli_test

import (
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/cli"
	"github.com/readback-go/readback/cmd/readback/internal/exit"
)

func TestSetFromEnv(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		args []string
		env  map[string]string
		want string // of --read-timeout, and the list
		list []string
	}{
		{name: "nothing", want: "usual"},
		{name: "a variable", env: map[string]string{"READBACK_READ_TIMEOUT": "5s"}, want: "5s"},
		{name: "an empty one", env: map[string]string{"READBACK_READ_TIMEOUT": ""}, want: "usual"},
		{name: "arguments go before", args: []string{"--read-timeout", "1s"}, env: map[string]string{"READBACK_READ_TIMEOUT": "5s"}, want: "1s"},
		{name: "also empty ones", args: []string{"--read-timeout="}, env: map[string]string{"READBACK_READ_TIMEOUT": "5s"}, want: ""},
		{name: "a list", env: map[string]string{"READBACK_LIST": " a, b\r\n\n c \n"}, want: "usual", list: []string{"a, b", "c"}},
		{name: "a list in arguments", args: []string{"--list", "x"}, env: map[string]string{"READBACK_LIST": "a"}, want: "usual", list: []string{"x"}},
		{name: "no help by a variable", env: map[string]string{"READBACK_HELP": "true"}, want: "usual"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			fs := pflag.NewFlagSet("x", pflag.ContinueOnError)
			text := fs.String("read-timeout", "usual", "")
			list := fs.StringArray("list", nil, "")
			help := fs.Bool("help", false, "")
			require.NoError(t, fs.Parse(tt.args))
			require.NoError(t, cli.SetFromEnv(fs, func(name string) (string, bool) { v, found := tt.env[name]; return v, found }))
			assert.Equal(t, tt.want, *text)
			assert.Equal(t, tt.list, *list)
			assert.False(t, *help)
		})
	}
}

func TestSetFromEnv_wrong(t *testing.T) {
	t.Parallel()
	fs := pflag.NewFlagSet("x", pflag.ContinueOnError)
	fs.Int("count", 1, "")
	err := cli.SetFromEnv(fs, func(string) (string, bool) { return "many", true })
	require.ErrorContains(t, err, "READBACK_COUNT: ")
	assert.Equal(t, exit.Usage, exit.StatusOf(err, 0))
}
