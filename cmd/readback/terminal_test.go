//go:build unix

package main_test

import (
	"bytes"
	"net/http"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/creack/pty"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// onTerminal calls the command with stderr on a terminal of so many columns, and
// returns what it wrote there.
func onTerminal(t *testing.T, columns uint16, c call) process {
	t.Helper()
	return onTerminalUntil(t, columns, nil, c)
}

// onTerminalUntil interrupts the command once what it wrote is enough, if that is
// not nil.
func onTerminalUntil(t *testing.T, columns uint16, enough func(text string) bool, c call) (p process) {
	t.Helper()
	master, slave, err := pty.Open()
	require.NoError(t, err)
	defer func() { _ = master.Close() }()
	require.NoError(t, pty.Setsize(master, &pty.Winsize{Rows: 24, Cols: columns}))
	cmd := c.cmd(t)
	var stdout, seen bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, slave
	require.NoError(t, cmd.Start())
	require.NoError(t, slave.Close())
	var reader sync.WaitGroup
	reader.Go(func() {
		piece := make([]byte, 4096)
		for {
			n, err := master.Read(piece)
			seen.Write(piece[:n])
			if err != nil { // the last writer has gone
				return
			}
			if enough != nil && enough(seen.String()) {
				enough = nil
				_ = cmd.Process.Signal(os.Interrupt)
			}
		}
	})
	_ = cmd.Wait()
	reader.Wait()
	p = process{stdout.String(), seen.String(), cmd.ProcessState.ExitCode()}
	holdsNoSecret(t, p.stdout, p.stderr)
	return p
}

var control = regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]")

// drawn returns the lines that were drawn over each other.
func drawn(text string) []string {
	var lines []string
	for line := range strings.SplitSeq(control.ReplaceAllString(text, ""), "\r") {
		if line = strings.Trim(line, "\n"); line != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

func TestTerminal(t *testing.T) {
	t.Parallel()
	s := lagging(t, never)
	for name, columns := range map[string]uint16{"wide": 120, "40 columns": 40, "20 columns": 20, "of no size": 0} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			thrice := func(text string) bool { return strings.Count(text, "404") >= 3 }
			p := onTerminalUntil(t, columns, thrice, call{args: []string{"wait", s.url + "/x", "-H", authorization, "--interval", "150ms"}})
			assert.Equal(t, 130, p.status)
			assert.Contains(t, one(t, p.stdout), "unconfirmed after ")
			lines := drawn(p.stderr)
			require.Greater(t, len(lines), 2)
			width := int(columns)
			if width == 0 {
				width = 80
			}
			for _, line := range lines {
				assert.Less(t, len(line), width, line)
			}
			last := lines[len(lines)-1]
			switch columns {
			case 20:
				assert.Regexp(t, `^[0-9.]+s of 30s, 404$`, last)
			case 40:
				assert.Regexp(t, `^[0-9.]+s of 30s, \d+ reads?, 404`, last)
			default:
				assert.Regexp(t, `^[0-9.]+s of 30s, \d+ reads?, last 404 not found(, next in \d\.\ds|, reading)?$`, last)
			}
			assert.True(t, strings.HasSuffix(p.stderr, "\r\x1b[K"), "the line is taken away")
			assert.Contains(t, p.stderr, "\x1b[33m404\x1b[0m")
			assert.NotContains(t, p.stderr, "readback:", "no log lines")
		})
	}
}

// The line tells when the next read is due, also where the service says so.
func TestTerminal_next(t *testing.T) {
	t.Parallel()
	r := recording(t, func(w http.ResponseWriter, n int, _ *http.Request) {
		if n == 1 {
			w.Header().Set("Retry-After", "20")
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	due := func(text string) bool { return strings.Contains(text, "next in") }
	p := onTerminalUntil(t, 80, due, call{args: []string{"wait", r.url}})
	assert.Equal(t, 130, p.status)
	assert.Regexp(t, `s of 30s, 1 read, last 503 unavailable, next in (20|1?\d\.\d)`, strings.Join(drawn(p.stderr), "\n"))
}

func TestTerminal_plain(t *testing.T) {
	t.Parallel()
	s := lagging(t, never)
	wait := []string{"wait", s.url + "/x", "-H", authorization, "--within", "200ms"}

	p := onTerminal(t, 80, call{args: wait, env: []string{"NO_COLOR=1"}})
	assert.NotEmpty(t, drawn(p.stderr))
	assert.NotContains(t, p.stderr, "\x1b[3")
	assert.NotContains(t, p.stderr, "\x1b[0m")

	p = onTerminal(t, 80, call{args: wait, env: []string{"TERM=dumb"}})
	assert.NotContains(t, p.stderr, "\x1b")
	assert.Contains(t, p.stderr, "readback: read 1 after ")

	p = onTerminal(t, 80, call{args: append(wait, "-v")})
	assert.NotContains(t, p.stderr, "\x1b")
	assert.Contains(t, p.stderr, "readback: read 1 after ")

	p = onTerminal(t, 80, call{args: append(wait, "-q")})
	assert.Empty(t, p.stderr)
}

// What stays on the terminal in the end is how to go on.
func TestTerminal_unconfirmed(t *testing.T) {
	t.Parallel()
	s := lagging(t, never)
	p := onTerminal(t, 100, call{args: []string{"run", s.url, "-d", body("a"), "-H", authorization, "--within", "200ms"}})
	assert.Equal(t, 124, p.status)
	_, rest, found := strings.Cut(p.stderr, "readback: the write was sent and carried out (answered 201)")
	require.True(t, found, p.stderr)
	assert.Contains(t, rest, "\n  readback resume ")
	assert.NotContains(t, rest, "\x1b")
}
