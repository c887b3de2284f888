package measure_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/report"
	"github.com/readback-go/readback/examples/workspaces"
)

// process is the command as a process, against a service on loopback.
type process struct {
	*exec.Cmd
	out, err bytes.Buffer
}

func start(t *testing.T, options workspaces.Options) (service *workspaces.Service, url string) {
	t.Helper()
	options.NoSync = true
	service, err := workspaces.Open(options)
	require.NoError(t, err)
	server := httptest.NewServer(service)
	t.Cleanup(func() {
		server.Close()
		require.NoError(t, service.Close())
	})
	return service, server.URL
}

// measure returns the command with the arguments that create workspaces there.
func measureAt(url string, more ...string) *process {
	p := &process{Cmd: exec.Command(os.Args[0], append([]string{"measure", "-X", "POST", url + "/v1/workspaces"}, more...)...)}
	p.Env = append(os.Environ(), asCommand+"=1")
	p.Stdout, p.Stderr = &p.out, &p.err
	return p
}

var asAlice = []string{
	"-H", "Authorization: ApiKey alice-key", "-d", `{"workspaceName":"lag-{run}-{n}"}`,
	"--then", "GET", "{location}", "--cleanup", "DELETE", "{location}",
}

// left returns how many workspaces were created and not deleted.
func left(t *testing.T, service *workspaces.Service) (n int) {
	t.Helper()
	for e, err := range service.Events() {
		require.NoError(t, err)
		switch e.Kind {
		case workspaces.Created:
			n++
		case workspaces.Deleted:
			n--
		}
	}
	return n
}

func TestProcess(t *testing.T) {
	t.Parallel()
	service, url := start(t, workspaces.Options{WorkspacesLag: 60 * ms, MembershipsLag: 120 * ms})
	dir := t.TempDir()
	first, page, second := filepath.Join(dir, "first.json"), filepath.Join(dir, "lag.html"), filepath.Join(dir, "second.json")

	p := measureAt(url, append(asAlice, "--count", "10", "--settle-for", "50ms", "--pause", "20ms", "--save", first, "--report", page)...)
	require.NoError(t, p.Run(), p.err.String())
	assert.Contains(t, p.out.String(), "10 flows: 10 confirmed\n")
	assert.Contains(t, p.out.String(), "policy := consistency.Policy{")
	assert.NotContains(t, p.out.String(), "10 of 10", "progress goes to stderr")
	assert.Contains(t, p.err.String(), "readback: 10 of 10 flows\n")
	assert.Zero(t, left(t, service))
	html, err := os.ReadFile(page)
	require.NoError(t, err)
	assert.Equal(t, 8, bytes.Count(html, []byte("<svg ")))

	saved, err := os.Open(first)
	require.NoError(t, err)
	defer saved.Close()
	r, err := report.Load(saved)
	require.NoError(t, err)
	// The service's lag begins with the write, and what is measured with its answer.
	answered := time.Hour
	for _, f := range r.Flows {
		answered = min(answered, f.Took.Duration())
	}
	span := r.Summary().Lag.Longest
	assert.GreaterOrEqual(t, span.To.Duration(), 119*ms-answered)

	p = measureAt(url, append(asAlice, "--count", "3", "--settle-for", "50ms", "--pause", "0", "-o", "json", "-q", "--compare", first, "--save", second)...)
	require.NoError(t, p.Run(), p.err.String())
	assert.Empty(t, p.err.String(), "quiet")
	var told struct {
		Version    int
		Flows      []any
		Comparison []struct{ Figure string }
	}
	require.NoError(t, json.Unmarshal(p.out.Bytes(), &told))
	assert.Equal(t, report.Version, told.Version)
	assert.Len(t, told.Flows, 3)
	assert.Equal(t, "p50 of the lag", told.Comparison[0].Figure)

	// What was saved can be told again, and makes the same page.
	again := filepath.Join(dir, "again.html")
	p = &process{Cmd: exec.Command(os.Args[0], "measure", "--load", first, "--report", again)}
	p.Env = append(os.Environ(), asCommand+"=1")
	p.Stdout, p.Stderr = &p.out, &p.err
	require.NoError(t, p.Run(), p.err.String())
	assert.Empty(t, p.err.String())
	same, err := os.ReadFile(again)
	require.NoError(t, err)
	assert.True(t, bytes.Equal(html, same))
}

// An interrupt ends the measurement: what was measured is told, and nothing is
// left behind.
func TestProcess_interrupt(t *testing.T) {
	t.Parallel()
	service, url := start(t, workspaces.Options{WorkspacesLag: 30 * ms})
	p := measureAt(url, append(asAlice, "--count", "1000", "--settle-for", "200ms", "--pause", "0", "--json")...)
	p.Stderr = nil
	told, err := p.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, p.Start())
	// The first flow is over, and the second under way.
	line := make([]byte, 1)
	for !strings.HasSuffix(p.err.String(), "\n") {
		_, err := told.Read(line)
		require.NoError(t, err)
		p.err.Write(line)
	}
	require.NoError(t, p.Process.Signal(syscall.SIGINT))
	_, _ = io.Copy(&p.err, told)
	err = p.Wait()
	require.Error(t, err)
	assert.Equal(t, 130, p.ProcessState.ExitCode(), p.err.String())
	r, err := report.Load(&p.out)
	require.NoError(t, err)
	assert.True(t, r.Interrupted)
	assert.Equal(t, 1000, r.Count)
	require.NotEmpty(t, r.Flows)
	assert.Less(t, len(r.Flows), 1000)
	assert.Equal(t, "confirmed", r.Flows[0].Outcome)
	assert.Zero(t, left(t, service))
}

// Whoever reads stdout may go at any time: the measurement goes on, cleans up,
// and says that its result could not be written.
func TestProcess_brokenPipe(t *testing.T) {
	t.Parallel()
	service, url := start(t, workspaces.Options{})
	p := measureAt(url, append(asAlice, "--count", "2", "--settle-for", "0", "--pause", "0", "--save", filepath.Join(t.TempDir(), "kept.json"))...)
	p.Stdout = nil
	out, err := p.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.Start())
	require.NoError(t, out.Close())
	require.Error(t, p.Wait())
	assert.Equal(t, 74, p.ProcessState.ExitCode(), p.err.String())
	assert.Contains(t, p.err.String(), "broken pipe")
	assert.Zero(t, left(t, service))
	kept, err := os.ReadFile(p.Args[len(p.Args)-1])
	require.NoError(t, err)
	assert.Contains(t, string(kept), `"confirmed": 2`)
}

func TestProcess_statuses(t *testing.T) {
	t.Parallel()
	_, url := start(t, workspaces.Options{WorkspacesLag: time.Minute})
	tests := []struct {
		name string
		args []string
		want int
		says string
	}{
		{"wrong credentials", append([]string{"-d", "{}", "-H", "Authorization: ApiKey nobody-at-all"}, "--count", "5"), 1, "401"},
		{"never seen", append(asAlice, "--count", "1", "--within", "300ms", "--settle-for", "10ms"), 124, "unconfirmed"},
		{"usage", []string{"--count", "0"}, 2, "--count 0: want 1 to 10000"},
		{"unknown flag", []string{"--cuont", "3"}, 2, "unknown flag: --cuont"},
		{"a file that is missing", []string{"-d", "@/nowhere/body.json"}, 2, "no such file or directory"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := measureAt(url, tt.args...)
			require.Error(t, p.Run())
			assert.Equal(t, tt.want, p.ProcessState.ExitCode())
			assert.Contains(t, p.err.String(), tt.says)
			assert.NotContains(t, p.err.String(), "nobody-at-all")
			if tt.want == 2 {
				assert.Empty(t, p.out.String())
				assert.Equal(t, 1, strings.Count(p.err.String(), "\n"), "one line")
			}
		})
	}
}
