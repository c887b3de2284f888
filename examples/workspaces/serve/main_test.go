package main

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRun(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	printed, stdout := io.Pipe()
	ended := make(chan error, 1)
	var stderr bytes.Buffer
	go func() {
		ended <- run(ctx, []string{
			"-listen", "127.0.0.1:0", "-no-sync", "-workspaces-lag", "1h", "-fail-next", "1", "-fault", "504 at-once",
		}, stdout, &stderr)
		_ = stdout.Close()
	}()
	lines := bufio.NewScanner(printed)
	require.True(t, lines.Scan(), "nothing printed")
	address, found := strings.CutPrefix(lines.Text(), "workspaces serves on ")
	require.True(t, found, lines.Text())
	curls := 0
	for lines.Scan() && !strings.HasPrefix(lines.Text(), "Keys:") {
		if strings.HasPrefix(lines.Text(), "  curl ") {
			curls++
			assert.Contains(t, lines.Text(), address+"/v1/workspaces")
		}
	}
	assert.Equal(t, 3, curls)

	post := func() int {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, address+"/v1/workspaces",
			strings.NewReader(`{"workspaceName":"alpha"}`))
		require.NoError(t, err)
		r.Header.Set("Authorization", "ApiKey alice-key")
		response, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		return response.StatusCode
	}
	assert.Equal(t, http.StatusGatewayTimeout, post())
	assert.Equal(t, http.StatusConflict, post(), "the first was executed all the same")

	stop()
	require.NoError(t, <-ended)
	assert.Empty(t, stderr.String())
}

func TestRun_refuses(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = taken.Close() })
	for _, tt := range []struct {
		name string
		args []string
		want string
	}{
		{"help", []string{"-h"}, flag.ErrHelp.Error()},
		{"unknown flag", []string{"-nonsense"}, "flag provided but not defined"},
		{"argument", []string{"nonsense"}, `unexpected argument "nonsense"`},
		{"negative lag", []string{"-workspaces-lag", "-1s"}, "WorkspacesLag is negative"},
		{"unknown fault", []string{"-fault", "500 never"}, "neither 503 nor 504"},
		{"negative count", []string{"-fail-next", "-1"}, "negative number of commands"},
		{"address in use", []string{"-listen", taken.Addr().String()}, "listen tcp"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			err := run(t.Context(), tt.args, io.Discard, io.Discard)
			assert.ErrorContains(t, err, tt.want)
		})
	}
}
