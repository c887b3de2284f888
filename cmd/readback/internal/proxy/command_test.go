package proxy_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/proxy"
)

// A day in the life of the command: the URL on stdout, all else on stderr, and a
// signal that waits for what is in flight.
func TestCommand(t *testing.T) {
	t.Parallel()
	s := newService(time.Hour)
	upstream := httptest.NewServer(s)
	t.Cleanup(upstream.Close)
	p := prepare(t, "proxy", "--upstream", upstream.URL, "--listen", "127.0.0.1:0", "-v", "--interval", "10ms", "--max-interval", "10ms")
	p.Cmd.Stderr = nil
	errs, err := p.StderrPipe()
	require.NoError(t, err)
	p.begin(t)
	url := p.line(t)
	told := bufio.NewReader(errs)
	said, err := told.ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "readback: proxy to "+upstream.URL+" on "+url+"\n", said)
	client := newClient(t)
	req, err := http.NewRequest("POST", url+"/things?token=hunter2", strings.NewReader("body"))
	require.NoError(t, err)
	req.SetBasicAuth("alice", "hunter2")
	resp, err := client.Do(req)
	require.NoError(t, err)
	_ = text(t, resp)
	require.Equal(t, 201, resp.StatusCode)

	answer := make(chan *http.Response, 1)
	go func() {
		req, _ := http.NewRequest("GET", url+resp.Header.Get("Location")+"?token=hunter2", nil)
		req.SetBasicAuth("alice", "hunter2")
		resp, _ := client.Do(req)
		answer <- resp
	}()
	require.Eventually(t, func() bool { return len(s.requests()) > 1 }, time.Minute, time.Millisecond)
	require.NoError(t, p.Process.Signal(syscall.SIGTERM))
	said, err = told.ReadString('\n')
	require.NoError(t, err)
	assert.Equal(t, "readback: received terminated: answering what is in flight\n", said)
	s.show()
	resp = <-answer
	require.NotNil(t, resp)
	assert.Equal(t, "thing", text(t, resp))
	assert.Regexp(t, `^confirmed; reads=\d+; elapsed=\d+\.\d{3}$`, resp.Header.Get(proxy.Header))

	last, err := io.ReadAll(told)
	require.NoError(t, err)
	rest, status := p.end(t)
	assert.Empty(t, rest)
	assert.Equal(t, 0, status)
	assert.Regexp(t, `^readback: held GET `+upstream.URL+`/things/1: confirmed after \d+ reads in [\d.]+m?s, answered 200
$`, string(last))
	assert.Equal(t, map[string]int{"body": 1}, s.written())
}

func TestCommand_quiet(t *testing.T) {
	t.Parallel()
	p := start(t, "proxy", "--upstream", "http://127.0.0.1:1", "--listen", "127.0.0.1:0", "-q")
	assert.Equal(t, http.StatusBadGateway, raw(t, p.line(t), "GET / HTTP/1.0").StatusCode)
	require.NoError(t, p.Process.Signal(os.Interrupt))
	rest, status := p.end(t)
	assert.Empty(t, rest)
	assert.Equal(t, 0, status)
	assert.Empty(t, p.Stderr.String())
}

// The second signal does not wait.
func TestCommand_secondSignal(t *testing.T) {
	t.Parallel()
	b := newBlocking()
	upstream := httptest.NewServer(b)
	t.Cleanup(upstream.Close)
	p := start(t, "proxy", "--upstream", upstream.URL, "--listen", "127.0.0.1:0", "--grace", "10m")
	url := p.line(t)
	go func() { _ = get(newClient(t), url, 200) }()
	<-b.came
	require.NoError(t, p.Process.Signal(os.Interrupt))
	untilRefused(t, url)
	require.NoError(t, p.Process.Signal(os.Interrupt))
	_, status := p.end(t)
	assert.Equal(t, -1, status, "killed by the signal")
}

func TestCommand_cutOff(t *testing.T) {
	t.Parallel()
	b := newBlocking()
	upstream := httptest.NewServer(b)
	t.Cleanup(upstream.Close)
	p := start(t, "proxy", "--upstream", upstream.URL, "--listen", "127.0.0.1:0", "--grace", "20ms", "-q")
	url := p.line(t)
	go func() { _ = get(newClient(t), url, 200) }()
	<-b.came
	require.NoError(t, p.Process.Signal(os.Interrupt))
	_, status := p.end(t)
	assert.Equal(t, 1, status)
	assert.Equal(t, "readback: requests were cut off: 1 of them after 20ms\n", p.Stderr.String())
}

func TestCommand_metrics(t *testing.T) {
	t.Parallel()
	address := unused(t)
	p := start(t, "proxy", "--upstream", "http://127.0.0.1:1", "--listen", "127.0.0.1:0", "--metrics", address)
	url := p.line(t)
	assert.Equal(t, 502, raw(t, url, "GET /metrics HTTP/1.0").StatusCode, "the upstream's")
	resp, err := newClient(t).Get("http://" + address + "/metrics")
	require.NoError(t, err)
	assert.Contains(t, text(t, resp), "readback_proxy_requests_total{kind=\"read\"} 1\n")
	require.NoError(t, p.Process.Signal(os.Interrupt))
	_, status := p.end(t)
	assert.Equal(t, 0, status)
}

// A flag may come from the environment.
func TestCommand_environment(t *testing.T) {
	t.Parallel()
	p := prepare(t, "proxy", "--", "sh", "-c", "echo $READBACK_PROXY_URL")
	p.Env = append(p.Env, "READBACK_UPSTREAM=http://127.0.0.1:1", "READBACK_LISTEN=localhost:0", "READBACK_ALLOW_HOST=a\nb")
	out, err := p.Output()
	require.NoError(t, err)
	assert.Regexp(t, `^http://127\.0\.0\.1:\d+\n$`, string(out))
}

// What is wrong with the arguments is said in one line, and nothing begins.
func TestCommand_usage(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = taken.Close() })
	broken := filepath.Join(t.TempDir(), "state")
	require.NoError(t, os.WriteFile(broken, []byte(`{"version":`), 0o600))
	tests := []struct{ args, want string }{
		{"", "--upstream is missing"},
		{"--upstream 127.0.0.1:8080", "--upstream is not a URL of http or https, such as https://api.example"},
		{"--upstream api.example", "the upstream is not a URL of http or https"},
		{"--upstream https://alice:hunter2@api.example", "the upstream has credentials: clients send their own"},
		{"--upstream https://alice:hunter2%zz@api.example", "--upstream is not a URL"},
		{"--upstream https://api.example/v1?token=hunter2", "the upstream is more than an origin: the path and the query come from the clients"},
		{"--upstream @ --within 0s", "--within: want more than 0, not 0s"},
		{"--upstream @ --remember 0s", "--remember: want more than 0, not 0s"},
		{"--upstream @ --grace -1s", "--grace: -1s is negative"},
		{"--upstream @ --polls-per-second -1", "--polls-per-second: -1 is not a rate"},
		{"--upstream @ --polls-per-second inf", "--polls-per-second: +Inf is not a rate"},
		{"--upstream @ --interval -1s", "--interval and --max-interval cannot be negative"},
		{"--upstream @ --interval 2s --max-interval 1s", "Initial"},
		{"--upstream @ --window 500=1s", `--window "500=1s": want one of 404, 403, stale, still-there, behind-token`},
		{"--upstream @ --window 404", `--window "404": want REASON=TIME with a time above 0, such as 403=10s`},
		{"--upstream @ --token zookie", `--token "zookie": want mittwald, vault, cosmos or two headers, such as ETag:If-Event-Reached:412`},
		{"--upstream @ --interval 1s --learn-state x", "--learn-state has no use with --interval"},
		{"--upstream @ --learn-state " + broken, broken + " is not what this version of readback learned, and stays as it is"},
		{"--upstream @ --learn-state " + broken + "/x", "not a directory"},
		{"--upstream @ --learn-state " + filepath.Dir(broken) + "/none/x", "no such file or directory"},
		{"--upstream @ --listen " + taken.Addr().String(), "--listen: listen tcp"},
		{"--upstream @ --listen 127.0.0.1:0 --metrics " + taken.Addr().String(), "--metrics: listen tcp"},
		{"--upstream @ --cacert /none", "--cacert: "},
		{"--upstream @ --tls-cert x", "--tls-cert and --tls-key belong together"},
		{"--upstream @ --tls-key x", "--tls-cert and --tls-key belong together"},
		{"--upstream @ --tls-cert /none --tls-key /none", "--tls-cert and --tls-key: open /none: no such file"},
		{"--upstream @ --forwarded all", `--forwarded: want x-forwarded, forwarded or none, not "all"`},
		{"--upstream @ --listen unix:", "--listen: unix: has no path behind it"},
		{"--upstream @ --env A=B -- true", `--env: "A=B" is no name of a variable`},
		{"--upstream @ --who=", "--who was given without a value"},
		{"--upstream @ --who cookie:", "--who: one of them names no header, no cookie and no parameter"},
		{"--upstream @ --who query:", "--who: one of them names no header, no cookie and no parameter"},
		{"--upstream @ --who query:api[key] --window 404", "--window"},
		{"--upstream @ --who cookie:session --who X-Api-Key --window 404", "--window"},
		{"--upstream @ --window behind-token=1s --token ETag:X-Min:412 --interval 1s --learn-state x", "--learn-state has no use"},
		{"--upstream @ --env A", "--env has no use without a command"},
		{"--upstream @ pytest", `unexpected argument "pytest": a command stands behind --`},
		{"--upstream @ pytest -- pytest", `unexpected argument "pytest": a command stands behind --`},
		{"--upstream @ --", "no command behind --"},
		{"--no-such-flag", "unknown flag: --no-such-flag"},
	}
	for _, tt := range tests {
		t.Run(tt.args, func(t *testing.T) {
			t.Parallel()
			args := strings.Fields("proxy " + strings.ReplaceAll(tt.args, "@", "http://127.0.0.1:1"))
			if strings.Contains(tt.args, "alice") {
				args = strings.Fields("proxy " + tt.args)
			}
			p := prepare(t, args...)
			p.Env = append(p.Env, "READBACK_LISTEN=127.0.0.1:0") // whoever has 8080
			stdout, err := p.Output()
			stderr := p.Stderr.String()
			assert.Equal(t, 2, statusOf(t, err))
			assert.Empty(t, stdout)
			assert.Contains(t, stderr, tt.want)
			assert.Equal(t, 1, strings.Count(stderr, "\n"), stderr)
			assert.True(t, strings.HasPrefix(stderr, "readback: "))
			assert.NotContains(t, stderr, "hunter2")
		})
	}
}

// A proxy before itself would never end, nor would one that is its own way to the upstream.
func TestCommand_loop(t *testing.T) {
	t.Parallel()
	address := unused(t)
	_, port, err := net.SplitHostPort(address)
	require.NoError(t, err)
	const itself, way = "--upstream is the proxy itself", "--proxy, or http_proxy in the environment, is the proxy itself"
	for _, tt := range []struct{ listen, upstream, flag, env, want string }{
		{address, "http://localhost:" + port, "", "", itself},
		{address, "http://0.0.0.0:" + port, "", "", itself},
		{":" + port, "http://127.0.0.1:" + port, "", "", itself},
		{":" + port, "http://[::1]:" + port, "", "", itself},
		{address, "http://api.test", "", "http://" + address, way},
		{address, "https://api.test", "http://localhost:" + port, "", way},
	} {
		args := []string{"proxy", "--listen", tt.listen, "--upstream", tt.upstream}
		if tt.flag != "" {
			args = append(args, "--proxy", tt.flag)
		}
		p := prepare(t, args...)
		p.Env = append(p.Env, "HTTP_PROXY=", "http_proxy="+tt.env, "NO_PROXY=", "no_proxy=")
		assert.Equal(t, 2, statusOf(t, p.Run()), "%+v", tt)
		assert.Equal(t, "readback: "+tt.want+"\n", p.Stderr.String())
	}
	p := start(t, "proxy", "--listen", address, "--upstream", "http://127.0.0.2:"+port)
	assert.Equal(t, "http://"+address, p.line(t), "another address of this machine is another")
}

// Beyond loopback the names of the machine are not known, and whoever gets there
// is told of.
func TestCommand_beyondLoopback(t *testing.T) {
	t.Parallel()
	upstream := httptest.NewServer(newService(0))
	t.Cleanup(upstream.Close)
	for _, tt := range []struct {
		listen, allow string
		status        int
		warns         bool
	}{
		{"127.0.0.1:0", "", 403, false},
		{"127.0.0.1:0", "readback.internal", 200, false},
		{"0.0.0.0:0", "", 200, true},
		{"0.0.0.0:0", "other.internal", 403, true},
	} {
		args := []string{"proxy", "--upstream", upstream.URL, "--listen", tt.listen}
		if tt.allow != "" {
			args = append(args, "--allow-host", tt.allow)
		}
		p := start(t, args...)
		url := p.line(t)
		assert.Regexp(t, `^http://127\.0\.0\.1:\d+$`, url)
		assert.Equal(t, tt.status, raw(t, url, "GET /static HTTP/1.1\nHost: readback.internal").StatusCode)
		require.NoError(t, p.Process.Signal(os.Interrupt))
		_, _ = p.end(t)
		assert.Equal(t, tt.warns, strings.Contains(p.Stderr.String(), "whoever gets to 0.0.0.0:") ||
			strings.Contains(p.Stderr.String(), "whoever gets to [::]:"), p.Stderr.String())
	}
}
