package measure_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/cli"
	"github.com/readback-go/readback/cmd/readback/internal/exit"
	"github.com/readback-go/readback/cmd/readback/internal/measure"
	"github.com/readback-go/readback/cmd/readback/internal/report"
	"github.com/readback-go/readback/examples/workspaces"
	"github.com/readback-go/readback/internal/testing/pipenet"
)

const ms = time.Millisecond

// world is a service and the command in a bubble, where every lag is exact.
type world struct {
	t         *testing.T
	transport *http.Transport
	start     time.Time

	mu   sync.Mutex
	seen []asked

	Out, Err bytes.Buffer
	Streams  cli.Streams
	Metrics  func(address string, h http.Handler)
}

// asked is a request that the service got.
type asked struct {
	At     time.Duration
	Method string
	Path   string
	Header http.Header
	Body   string
}

// bubble runs test against a service of its own, on a fake clock.
func bubble(t *testing.T, name string, options workspaces.Options, test func(*testing.T, *world)) {
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) {
			options.NoSync = true
			service, err := workspaces.Open(options)
			require.NoError(t, err)
			test(t, newWorld(t, service))
			require.NoError(t, service.Close())
		})
	})
}

// against runs test against a handler, on a fake clock.
func against(t *testing.T, name string, handler http.HandlerFunc, test func(*testing.T, *world)) {
	t.Run(name, func(t *testing.T) {
		t.Parallel()
		synctest.Test(t, func(t *testing.T) { test(t, newWorld(t, handler)) })
	})
}

func newWorld(t *testing.T, handler http.Handler) *world {
	w := &world{t: t, start: time.Now()}
	w.transport = pipenet.Serve(t, &http.Server{Handler: w.remember(handler)})
	w.Streams = cli.Streams{
		In: strings.NewReader(""), Out: &w.Out, Err: &w.Err,
		Width: func() int { return 80 }, LookupEnv: func(string) (string, bool) { return "", false },
	}
	return w
}

func (w *world) remember(handler http.Handler) http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		w.mu.Lock()
		w.seen = append(w.seen, asked{time.Since(w.start), r.Method, r.URL.Path, r.Header.Clone(), string(body)})
		w.mu.Unlock()
		handler.ServeHTTP(rw, r)
	})
}

// asked returns the requests of a method.
func (w *world) asked(method string) (found []asked) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, a := range w.seen {
		if a.Method == method {
			found = append(found, a)
		}
	}
	return found
}

// run runs the command and returns its exit status.
func (w *world) run(ctx context.Context, args ...string) int {
	cmd := measure.CommandOver(w.Streams, w.transport, args, w.Metrics)
	cmd.SilenceErrors, cmd.SilenceUsage = true, true
	cmd.SetArgs(args)
	err := cmd.ExecuteContext(ctx)
	if told, ok := errors.AsType[*exit.Error](err); err != nil && (!ok || told.Err != nil) {
		w.Err.WriteString("readback: " + err.Error() + "\n")
	}
	return exit.StatusOf(err, exit.Usage)
}

// measured runs the command with its result as JSON, and returns that.
func (w *world) measured(ctx context.Context, args ...string) (status int, r *report.Run) {
	w.t.Helper()
	status = w.run(ctx, append(args, "--json")...)
	r, err := report.Load(&w.Out)
	require.NoError(w.t, err, w.Err.String())
	return status, r
}

// create are the arguments that measure the creation of workspaces.
func create(more ...string) []string {
	return append([]string{
		"-X", "POST", "http://api.test/v1/workspaces", "-H", "Authorization: ApiKey alice-key",
		"-d", `{"workspaceName":"lag-{run}-{n}","reference":"{uuid}"}`,
		"--then", "GET", "{location}", "--cleanup", "DELETE", "{location}",
	}, more...)
}
