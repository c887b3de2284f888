package main_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/cli"
	"github.com/readback-go/readback/cmd/readback/internal/command"
	"github.com/readback-go/readback/examples/workspaces"
)

// asCommand makes the test binary the command itself, so that each test runs a
// real process and nothing has to be built.
const asCommand = "RUN_AS_COMMAND=1"

func TestMain(m *testing.M) {
	name, value, _ := strings.Cut(asCommand, "=")
	if os.Getenv(name) == value {
		os.Exit(command.Main(os.Args[1:], cli.System()))
	}
	// Whoever runs the tests may ignore the signal, as nohup does. Processes that
	// are started would inherit that, but nothing that is caught here.
	if signal.Ignored(syscall.SIGHUP) {
		signal.Notify(make(chan os.Signal, 1), syscall.SIGHUP)
	}
	os.Exit(m.Run())
}

// Secrets that tests give to the command. No output of any test holds one.
const (
	key      = "alice-key"
	password = "hunter2hunter2"
)

const authorization = "Authorization: ApiKey " + key

// process is how a process of the command ended.
type process struct {
	stdout, stderr string
	status         int
}

// call is one call of the command.
type call struct {
	args  []string
	env   []string
	stdin string
	dir   string
}

// cmd returns the process of a call, in an environment that says nothing of
// itself. It is killed when the test ends.
func (c call) cmd(t *testing.T) *exec.Cmd {
	t.Helper()
	self, err := os.Executable()
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, self, c.args...)
	// A process with the race detector would sleep for a second at its end.
	cmd.Env = append([]string{asCommand, "GORACE=atexit_sleep_ms=0", "PATH=" + os.Getenv("PATH"), "HOME=" + os.Getenv("HOME"), "TERM=xterm"}, c.env...)
	cmd.Stdin = strings.NewReader(c.stdin)
	if cmd.Dir = c.dir; c.dir == "" {
		cmd.Dir = t.TempDir()
	}
	return cmd
}

func (c call) run(t *testing.T) process {
	t.Helper()
	cmd := c.cmd(t)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if _, ended := err.(*exec.ExitError); err != nil && !ended {
		require.NoError(t, err)
	}
	p := process{stdout.String(), stderr.String(), cmd.ProcessState.ExitCode()}
	holdsNoSecret(t, p.stdout, p.stderr)
	noSecretFiles(t, cmd.Dir)
	return p
}

// readback calls the command.
func readback(t *testing.T, args ...string) process {
	t.Helper()
	return call{args: args}.run(t)
}

func holdsNoSecret(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		for _, secret := range []string{key, password, "aHVudGVyMmh1bnRlcjI", "odW50ZXIyaHVudGVyM"} { // also in basic authentication
			assert.NotContains(t, text, secret, "a secret shows")
		}
	}
}

// noSecretFiles looks into what the command wrote, but for inputs of tests,
// whose names begin with in.
func noSecretFiles(t *testing.T, dir string) {
	t.Helper()
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, f := range files {
		if !f.IsDir() && !strings.HasPrefix(f.Name(), "in") {
			content, err := os.ReadFile(filepath.Join(dir, f.Name()))
			if errors.Is(err, fs.ErrNotExist) {
				continue // the temporary file of a run that goes on beside this one
			}
			require.NoError(t, err)
			holdsNoSecret(t, string(content))
		}
	}
}

// service is the example's service on a real socket. Its reads lag by less than
// a test can be bothered by.
type service struct {
	*workspaces.Service
	url string // of the workspaces
}

func lagging(t *testing.T, options workspaces.Options) service {
	t.Helper()
	options.NoSync, options.AllowFaults = true, true
	s, err := workspaces.Open(options)
	require.NoError(t, err)
	server := httptest.NewServer(s)
	t.Cleanup(func() {
		server.Close()
		assert.NoError(t, s.Close())
	})
	return service{s, server.URL + "/v1/workspaces"}
}

// usual lags for as long as two or three reads take.
var usual = workspaces.Options{WorkspacesLag: 30 * time.Millisecond, MembershipsLag: 60 * time.Millisecond}

// never lags for longer than any test.
var never = workspaces.Options{WorkspacesLag: time.Hour}

// sent returns the requests that the service got of that method.
func (s service) sent(method string) int {
	n := 0
	for request, count := range s.Requests() {
		if strings.HasPrefix(request, method+" ") {
			n += count
		}
	}
	return n
}

// recorder is a server that keeps what it was asked.
type recorder struct {
	url string

	mu  sync.Mutex
	got []recorded
}

type recorded struct {
	line   string // method, path and query
	host   string
	header http.Header
	body   string
}

func (r *recorder) requests() []recorded {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.got)
}

// recording answers by a function, which gets the number of the request.
func recording(t *testing.T, answer func(w http.ResponseWriter, n int, req *http.Request)) *recorder {
	t.Helper()
	r := &recorder{}
	server := httptest.NewServer(r.handler(answer))
	t.Cleanup(server.Close)
	r.url = server.URL
	return r
}

func (r *recorder) handler(answer func(w http.ResponseWriter, n int, req *http.Request)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, _ := io.ReadAll(req.Body)
		r.mu.Lock()
		r.got = append(r.got, recorded{req.Method + " " + req.URL.RequestURI(), req.Host, req.Header, string(body)})
		n := len(r.got)
		r.mu.Unlock()
		answer(w, n, req)
	})
}

// one asserts that a text is one line, and returns it.
func one(t *testing.T, text string) string {
	t.Helper()
	line, rest, found := strings.Cut(text, "\n")
	assert.True(t, found, "no line in %q", text)
	assert.Empty(t, rest, "more than one line")
	return line
}
