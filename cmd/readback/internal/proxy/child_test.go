//go:build unix

package proxy_test

import (
	"bufio"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/creack/pty"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// inside runs a shell command behind the proxy of an upstream that does not
// matter.
func inside(script string) []string {
	return []string{"proxy", "--upstream", "http://127.0.0.1:1", "-q", "--", "sh", "-c", script}
}

func TestChild_status(t *testing.T) {
	t.Parallel()
	plain := filepath.Join(t.TempDir(), "plain")
	require.NoError(t, os.WriteFile(plain, nil, 0o600))
	tests := []struct {
		name   string
		args   []string
		status int
		stderr string
	}{
		{"good", inside("exit 0"), 0, ""},
		{"bad", inside("exit 7"), 7, ""},
		{"usage", inside("exit 2"), 2, ""},
		{"terminated", inside("kill -TERM $$"), 128 + 15, ""},
		{"killed", inside("kill -KILL $$"), 128 + 9, ""},
		{"not found", []string{"proxy", "--upstream", "http://127.0.0.1:1", "--", "no-such-command"}, 127,
			"readback: exec: \"no-such-command\": executable file not found in $PATH\n"},
		{"not executable", []string{"proxy", "--upstream", "http://127.0.0.1:1", "--", plain}, 126,
			"readback: fork/exec " + plain + ": permission denied\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			stdout, stderr, status := run(t, tt.args...)
			assert.Equal(t, tt.status, status)
			assert.Empty(t, stdout)
			assert.Equal(t, tt.stderr, stderr)
		})
	}
}

// sayInterrupts prints a line for each SIGINT until there were two other signals.
func sayInterrupts() {
	signals := make(chan os.Signal, 10)
	signal.Notify(signals, os.Interrupt, syscall.SIGUSR1)
	fmt.Println("ready")
	for others := 0; others < 2; {
		s := <-signals
		fmt.Println(s)
		if s != os.Interrupt {
			others++
		}
	}
}

// The command finds the proxy by its environment, and has the streams for itself.
func TestChild(t *testing.T) {
	t.Parallel()
	s := newService(0)
	upstream := httptest.NewServer(s)
	t.Cleanup(upstream.Close)
	p := prepare(t, "proxy", "--upstream", upstream.URL, "--env", "API_URL", "--",
		"sh", "-c", `echo "$READBACK_PROXY_URL"; read line; echo "$line $1" >&2; test "$API_URL" = "$READBACK_PROXY_URL"`, "sh", "--upstream")
	stdin, err := p.StdinPipe()
	require.NoError(t, err)
	p.begin(t)
	url := p.line(t)
	assert.Regexp(t, `^http://127\.0\.0\.1:\d+$`, url)
	assert.NoError(t, get(newClient(t), url+"/static", http.StatusOK))
	require.NoError(t, stdin.Close())
	rest, status := p.end(t)
	assert.Empty(t, rest)
	assert.Equal(t, 0, status)
	assert.Equal(t, " --upstream\n", p.Stderr.String())
}

func TestChild_stdin(t *testing.T) {
	t.Parallel()
	p := prepare(t, inside("cat; exit 3")...)
	p.Stdin = strings.NewReader("from stdin")
	out, err := p.Output()
	assert.Equal(t, 3, statusOf(t, err))
	assert.Equal(t, "from stdin", string(out))
}

// Signals are the command's to heed, and the proxy ends when it does.
func TestChild_signals(t *testing.T) {
	t.Parallel()
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR1} {
		p := prepare(t, inside(`n=0; trap 'n=$((n+1)); echo again' HUP USR1 TERM INT; echo ready
			while [ $n -lt 2 ]; do sleep 0.01; done; exit 9`)...)
		// A group of its own, as of a program that runs in the background.
		p.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		p.begin(t)
		assert.Equal(t, "ready", p.line(t))
		for range 2 { // the first one ends nothing
			require.NoError(t, p.Process.Signal(s))
			assert.Equal(t, "again", p.line(t))
		}
		rest, status := p.end(t)
		assert.Empty(t, rest)
		assert.Equal(t, 9, status, s)
	}
}

// Ctrl-C reaches the command once, though the terminal sends it to the proxy, too.
func TestChild_ctrlC(t *testing.T) {
	t.Parallel()
	self, err := os.Executable()
	require.NoError(t, err)
	p := prepare(t, "proxy", "--upstream", "http://127.0.0.1:1", "--", self)
	p.Env = append(p.Env, asChild+"=1")
	p.Cmd.Stderr = nil
	terminal, err := pty.Start(p.Cmd)
	require.NoError(t, err)
	t.Cleanup(func() { _ = terminal.Close(); _ = p.Process.Kill() })
	p.Out = bufio.NewReader(terminal)
	assert.Equal(t, "ready\r", p.line(t))
	// The proxy is not to see it before the command has: two at once are one.
	require.NoError(t, p.Process.Signal(syscall.SIGSTOP))
	_, err = terminal.Write([]byte{3})
	require.NoError(t, err)
	assert.Equal(t, "^Cinterrupt\r", p.line(t))
	require.NoError(t, p.Process.Signal(syscall.SIGCONT))
	for range 2 { // what came before the first is passed on before the second
		require.NoError(t, p.Process.Signal(syscall.SIGUSR1))
		assert.Equal(t, "user defined signal 1\r", p.line(t))
	}
	assert.Equal(t, 0, statusOf(t, p.Wait()))
}
