//go:build unix

package main_test

import (
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

// shells returns a call of run whose write and read are scripts.
func shells(dir, write, read string, flags ...string) call {
	args := append(append([]string{"run"}, flags...), "--", "sh", "-c", write, "--then", "--", "sh", "-c", read)
	return call{dir: dir, args: args}
}

// A command writes, once, and another reads until it exits with 0.
func TestCommands(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p := shells(dir, "echo x >> in.writes; echo written", "echo x >> in.reads; test $(wc -l < in.reads) -ge 3 && echo shown", fast...).run(t)
	assert.Equal(t, 0, p.status, p.stderr)
	assert.Regexp(t, `^sh: confirmed after 3 reads in [0-9.]+m?s: exit status 0$`, one(t, p.stdout))
	assert.Contains(t, p.stderr, "readback: sh: applied in ")
	assert.Contains(t, p.stderr, "pending (exit status 1)\n")
	assert.True(t, strings.HasSuffix(p.stderr, "\nshown\n"), p.stderr)
	writes, err := os.ReadFile(filepath.Join(dir, "in.writes"))
	require.NoError(t, err)
	assert.Equal(t, "x\n", string(writes))
}

// What a command ends with says what became of the write: unless told otherwise,
// all but 0 proves nothing.
func TestCommands_ends(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name        string
		write, read string
		flags       []string
		status      int
		want        string
	}{
		{"refused", "echo no such table >&2; exit 3", "true", []string{"--refused-status", "1,3-5"}, 1, ": failed; write: exit status 3: no such table"},
		{"ambiguous after all", "exit 4", "true", []string{"--refused-status", "1-5", "--ambiguous-status", "4"}, 0, "confirmed after 1 read"},
		{"ambiguous, and there", "exit 1", "true", nil, 0, "confirmed after 1 read"},
		{"ambiguous, and not there", "exit 1", "exit 7", []string{"--within", "300ms"}, 124, "; last exit status 7"},
		{"killed", "kill -9 $$", "exit 1", []string{"--within", "300ms"}, 124, "write: it ended by a signal"},
		{"too long", "sleep 60", "exit 1", []string{"--write-timeout", "100ms", "--within", "300ms"}, 124, "in the time of --max-time or --write-timeout"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := shells("", tt.write, tt.read, append([]string{"-q"}, tt.flags...)...).run(t)
			assert.Equal(t, tt.status, p.status, p.stdout+p.stderr)
			assert.Contains(t, one(t, p.stdout), tt.want)
			if tt.status == 124 {
				assert.Contains(t, p.stderr, "may have been carried out")
				assert.Contains(t, p.stderr, " --then -- '...'\n")
			}
		})
	}
}

// What the write printed is known to expressions, to variables and to whole
// arguments, and nowhere else.
func TestCommands_answer(t *testing.T) {
	t.Parallel()
	const created = `printf '{"id":9007199254740993,"flag":"-rf","q":"a b; echo $HOME"}'`
	p := shells("", created, `printf '{"id":9007199254740993,"state":"done"}'`, "-q", "--expect", `.id == $write.body.id and .state == "done" and $status == 0`).run(t)
	assert.Equal(t, 0, p.status, p.stdout)

	p = shells("", created, `test "$READBACK_WRITE_BODY" = '{"id":9007199254740993,"flag":"-rf","q":"a b; echo $HOME"}'`, "-q").run(t)
	assert.Equal(t, 0, p.status, p.stdout)

	write := []string{"run", "-q", "--within", "1s", "--", "sh", "-c", created, "--then", "--"}
	p = readback(t, append(write, "test", "{q}", "=", "a b; echo $HOME")...)
	assert.Equal(t, 0, p.status, p.stdout)
	p = readback(t, append(write, "test", "x{id}", "=", "x{id}")...)
	assert.Equal(t, 0, p.status, "never inside an argument")
	p = readback(t, append(write, "echo", "{flag}")...)
	assert.Equal(t, 124, p.status)
	assert.Contains(t, p.stdout, "begins like a flag")
	p = readback(t, append(write, "echo", "{nope}")...)
	assert.Equal(t, 124, p.status)
	assert.Contains(t, p.stdout, "the write's answer has no {nope} for the command")

	p = readback(t, "run", "--print", "{id} {state}", "-q", "--", "sh", "-c", created, "--then", "--", "sh", "-c", `echo '{"state":"new"}'`)
	assert.Equal(t, "9007199254740993 new\n", p.stdout, p.stderr)
	p = readback(t, "wait", "-q", "--print", "{state}", "--", "sh", "-c", `echo '{"state":"new"}'`)
	assert.Equal(t, "new\n", p.stdout, p.stderr)
	p = readback(t, "wait", "-q", "--within", "1s", "--fail", `.state == "failed"`, "--", "sh", "-c", `echo '{"state":"failed"}'; exit 1`)
	assert.Equal(t, 1, p.status, p.stdout)
}

// A request may write and a command read, and the other way round.
func TestCommands_mixed(t *testing.T) {
	t.Parallel()
	r := recording(t, func(w http.ResponseWriter, n int, req *http.Request) {
		w.Header().Set("Location", "/things/7")
		_, _ = w.Write([]byte(`{"id":7}`))
	})
	p := readback(t, "run", "-q", r.url, "-d", "x", "--then", "--", "sh", "-c", `test "$READBACK_WRITE_LOCATION" = `+r.url+`/things/7 && test "$READBACK_WRITE_STATUS" = 200 && test "$1" = 7`, "sh", "{id}")
	assert.Equal(t, 0, p.status, p.stdout)
	assert.Regexp(t, "^POST "+r.url+": confirmed after 1 read in .*: exit status 0\n$", p.stdout)

	p = readback(t, "run", "-q", "--", "sh", "-c", `echo '{"id":7}'`, "--then", "GET", r.url+"/things/{id}", "-H", authorization)
	assert.Equal(t, 0, p.status, p.stdout)
	got := r.requests()
	require.Len(t, got, 2)
	assert.Equal(t, "GET /things/7", got[1].line)
	assert.Equal(t, "ApiKey "+key, got[1].header.Get("Authorization"))
}

// A handle holds no command: both are given again.
func TestCommands_resume(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	secret := "echo " + password + " >/dev/null; printf '{\"id\":7}'"
	p := shells(dir, secret, "exit 1", "--within", "300ms", "--handle-file", "h.json").run(t)
	require.Equal(t, 124, p.status, p.stderr)
	assert.Contains(t, p.stderr, "carried out (exit status 0); do not send it again. To go on reading:\n  readback resume h.json --then -- '...'\n")
	text, err := os.ReadFile(filepath.Join(dir, "h.json"))
	require.NoError(t, err)
	holdsNoSecret(t, string(text))
	assert.NotContains(t, string(text), "printf")

	p = call{dir: dir, args: []string{"resume", "h.json"}}.run(t)
	assert.Equal(t, 2, p.status)
	assert.Contains(t, one(t, p.stderr), "the handle holds no command")
	p = call{dir: dir, args: []string{"resume", "h.json", "--within", "30s", "--then", "--", "test", "{id}", "=", "7"}}.run(t)
	assert.Equal(t, 0, p.status, p.stderr)
	assert.NoFileExists(t, filepath.Join(dir, "h.json"))
}

// Ctrl-C while a command writes leaves a write that may have been carried out.
func TestCommands_signal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	cmd := shells(dir, "echo x > in.began; sleep 60", "true").cmd(t)
	require.NoError(t, cmd.Start())
	require.Eventually(t, func() bool { _, err := os.Stat(filepath.Join(dir, "in.began")); return err == nil }, time.Minute, time.Millisecond)
	require.NoError(t, cmd.Process.Signal(syscall.SIGINT))
	_ = cmd.Wait()
	assert.Equal(t, 130, cmd.ProcessState.ExitCode())
}

func TestCommands_usage(t *testing.T) {
	t.Parallel()
	for want, args := range map[string][]string{
		"say how to read back":                            {"run", "--", "true"},
		"executable file not found":                       {"run", "--", "no-such-command", "--then", "--", "true"},
		"there is no command after --":                    {"run", "http://h/", "-d", "x", "--then", "--"},
		"either a request or a command":                   {"run", "http://h/", "--", "true", "--then", "--", "true"},
		"needs an absolute URL":                           {"run", "--", "true", "--then", "/x"},
		"unknown flag":                                    {"run", "--", "true", "--then", "--nope", "http://h/"},
		"have no use with a command":                      {"run", "--resend", "not-sent", "--", "true", "--then", "--", "true"},
		"--find and --mine have no use":                   {"run", "--find", "/x", "--mine", "a=b", "--", "true", "--then", "--", "true"},
		"--for absent has no meaning":                     {"run", "--for", "absent", "--", "true", "--then", "--", "true"},
		"1 to 255":                                        {"run", "--refused-status", "0", "--", "true", "--then", "--", "true"},
		"are for a write that is a command":               {"run", "http://h/", "-d", "x", "--refused-status", "1"},
		"after a command, --then":                         {"run", "--", "true", "--then", "http://{id}/x"},
		"--refused-status \"5-1\": want what the command": {"run", "--refused-status", "5-1", "--", "true", "--then", "--", "true"},
	} {
		p := readback(t, args...)
		assert.Equal(t, 2, p.status, args)
		assert.Contains(t, one(t, p.stderr), want)
	}
	p := readback(t, "run", "--dry-run", "--", "sh", "-c", "exit 1", "--then", "--", "true")
	assert.Equal(t, "sh, once; then true, until it is as expected\n", p.stdout, p.stderr)
}
