//go:build unix

package main_test

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// interrupted calls the command, and sends it a signal after the line on stderr
// that contains after.
func interrupted(t *testing.T, s os.Signal, after string, args ...string) process {
	t.Helper()
	cmd := call{args: args}.cmd(t)
	var stdout, seen bytes.Buffer
	cmd.Stdout = &stdout
	stderr, err := cmd.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	lines := bufio.NewScanner(io.TeeReader(stderr, &seen))
	lines.Buffer(nil, 1<<20)
	sent := false
	for lines.Scan() {
		if !sent && strings.Contains(lines.Text(), after) {
			sent = true
			require.NoError(t, cmd.Process.Signal(s))
		}
	}
	_ = cmd.Wait()
	require.True(t, sent, seen.String())
	p := process{stdout.String(), seen.String(), cmd.ProcessState.ExitCode()}
	holdsNoSecret(t, p.stdout, p.stderr)
	return p
}

func TestSignal(t *testing.T) {
	t.Parallel()
	r, show := patient(t)
	p := interrupted(t, os.Interrupt, "read 2", "run", r.url+"/v1/things", "-H", authorization, "-d", body("a"), "--interval", "20ms", "--max-interval", "20ms")
	assert.Equal(t, 130, p.status)
	assert.Contains(t, one(t, p.stdout), "unconfirmed after ")
	assert.Contains(t, p.stdout, "received interrupt")
	assert.Contains(t, p.stderr, "the write was sent and carried out (answered 201); do not send it again")

	show()
	p = readback(t, "resume", resumeLine(t, p.stderr), "--origin", r.url, "-H", authorization)
	assert.Equal(t, 0, p.status, p.stderr)
	assert.Contains(t, one(t, p.stdout), "POST "+r.url+"/v1/things: confirmed after ")
	posts := 0
	for _, got := range r.requests() {
		if got.line == "POST /v1/things" {
			posts++
		}
	}
	assert.Equal(t, 1, posts, "to resume sends nothing")
}

func TestSignal_terminate(t *testing.T) {
	t.Parallel()
	s := lagging(t, never)
	p := interrupted(t, syscall.SIGTERM, "read 1", "wait", s.url+"/x", "-H", authorization)
	assert.Equal(t, 143, p.status)
	assert.Contains(t, one(t, p.stdout), "received terminated")
}

// A terminal that goes away takes no outcome with it.
func TestSignal_hangUp(t *testing.T) {
	t.Parallel()
	s := lagging(t, never)
	p := interrupted(t, syscall.SIGHUP, "read 1", "run", s.url, "-H", authorization, "-d", body("a"))
	assert.Equal(t, 129, p.status)
	assert.Contains(t, one(t, p.stdout), "received hangup")
	assert.Contains(t, p.stderr, "\n  readback resume ")
}

// A write that is on its way when the signal comes may have been carried out.
func TestSignal_whileWriting(t *testing.T) {
	t.Parallel()
	arrived := make(chan struct{}, 1)
	r := recording(t, func(_ http.ResponseWriter, _ int, req *http.Request) {
		arrived <- struct{}{}
		<-req.Context().Done()
	})
	cmd := call{args: []string{"run", "-X", "PUT", r.url, "--for", "present", "--json"}}.cmd(t)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	require.NoError(t, cmd.Start())
	<-arrived
	require.NoError(t, cmd.Process.Signal(os.Interrupt))
	_ = cmd.Wait()
	assert.Equal(t, 130, cmd.ProcessState.ExitCode())
	assert.Contains(t, stdout.String(), `"outcome":"unconfirmed","exit":130,`)
	assert.Contains(t, stderr.String(), "may have been carried out, or may be later (no answer came)")
	assert.Len(t, r.requests(), 1)
}

// The handle is in its file before the first read: a crash loses nothing.
func TestSignal_kill(t *testing.T) {
	t.Parallel()
	s := lagging(t, usual)
	file := filepath.Join(t.TempDir(), "h.json")
	cmd := call{args: []string{"run", s.url, "-H", authorization, "-d", body("a"), "--handle-file", file, "--first-read", "1m"}}.cmd(t)
	require.NoError(t, cmd.Start())
	require.Eventually(t, func() bool {
		text, _ := os.ReadFile(file)
		return strings.Contains(string(text), `"class": "applied"`)
	}, time.Minute, time.Millisecond)
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	assert.Zero(t, s.sent("GET"))
	p := readback(t, "resume", file, "-H", authorization, "--first-read", "1ms")
	assert.Equal(t, 0, p.status, p.stderr)
	assert.Equal(t, 1, s.sent("POST"))
}

// A wait for a command is interrupted between its runs, and tells what it saw.
func TestSignal_command(t *testing.T) {
	t.Parallel()
	p := interrupted(t, os.Interrupt, "read 1", "wait", "--interval", "10ms", "--", "sh", "-c", "echo seen; exit 3")
	assert.Equal(t, 130, p.status)
	assert.Contains(t, p.stdout, "sh: unconfirmed after ")
	assert.Contains(t, p.stdout, "last exit status 3")
	assert.Contains(t, p.stderr, "seen\n")
}

// Who types the body can stop, too: nothing was sent yet.
func TestSignal_input(t *testing.T) {
	t.Parallel()
	r := recording(t, at7)
	for _, args := range [][]string{
		{"run", r.url, "-d", "@-"},
		{"wait", r.url, "-H", "@-"},
		{"measure", r.url, "-d", "@-"},
	} {
		in, typed, err := os.Pipe()
		require.NoError(t, err)
		cmd := call{args: args}.cmd(t)
		var stdout, stderr bytes.Buffer
		cmd.Stdin, cmd.Stdout, cmd.Stderr = in, &stdout, &stderr
		require.NoError(t, cmd.Start())
		require.NoError(t, in.Close())
		// More than a pipe holds, so that it has been read when all is written.
		_, err = typed.Write(make([]byte, 256<<10))
		require.NoError(t, err)
		require.NoError(t, cmd.Process.Signal(os.Interrupt))
		_ = cmd.Wait()
		require.NoError(t, typed.Close())
		assert.Equal(t, 130, cmd.ProcessState.ExitCode())
		assert.Empty(t, stdout.String())
		assert.Contains(t, one(t, stderr.String()), ": received interrupt; nothing was sent")
	}
	assert.Empty(t, r.requests())
}

// Interrupted before there is a connection: the write was not sent, and that is
// said.
func TestSignal_connecting(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // and no handshake
	require.NoError(t, err)
	t.Cleanup(func() { _ = silent.Close() })
	cmd := call{args: []string{"run", "https://" + silent.Addr().String(), "-d", "x"}}.cmd(t)
	var stdout bytes.Buffer
	cmd.Stdout = &stdout
	require.NoError(t, cmd.Start())
	conn, err := silent.Accept()
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	require.NoError(t, cmd.Process.Signal(syscall.SIGTERM))
	_ = cmd.Wait()
	assert.Equal(t, 143, cmd.ProcessState.ExitCode())
	assert.Contains(t, one(t, stdout.String()), ": failed; ")
	assert.Contains(t, stdout.String(), "; the write was not sent")
}
