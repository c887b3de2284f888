package show

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/cmd/readback/internal/cli"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
)

// The line says as much as there is room for, and what matters first.
func TestLine(t *testing.T) {
	t.Parallel()
	s := state{began: time.Now(), within: 30 * time.Second, reads: 7, status: 404, reason: "not found", next: 12500 * time.Millisecond}
	const elapsed = 12300 * time.Millisecond
	for _, tt := range []struct {
		width int
		want  string
	}{
		{80, "12.3s of 30s, 7 reads, last 404 not found, next in 0.2s"},
		{54, "12.3s of 30s, 7 reads, 404 not found, next in 0.2s"},
		{49, "12.3s of 30s, 7 reads, 404, next in 0.2s"},
		{39, "12.3s of 30s, 7 reads, 404"},
		{25, "12.3s of 30s, 404"},
		{16, "12.3s of 30s"},
		{11, "12.3s"},
		{3, "12."},
		{0, ""},
		{-1, ""},
	} {
		assert.Equal(t, tt.want, s.line(elapsed, tt.width, false), tt.width)
	}
	assert.Equal(t, "12.3s of 30s, 7 reads, last \x1b[33m404\x1b[0m not found, next in 0.2s", s.line(elapsed, 80, true))
	s.verdict = poll.Unknown
	assert.Contains(t, s.line(elapsed, 80, true), "\x1b[31m404")
}

func TestLine_states(t *testing.T) {
	t.Parallel()
	now := time.Now()
	for want, s := range map[string]state{
		"sending the write":                         {},
		"1.0s of 30s, 0 reads, reading":             {began: now, within: 30 * time.Second, reading: true},
		"1.0s of 30s, 1 read, last 200 ok":          {began: now, within: 30 * time.Second, reads: 1, status: 200},
		"1.0s of 10m, 2 reads, last exit status 1":  {began: now, within: 10 * time.Minute, reads: 2, reason: "exit status 1"},
		"1.0s of 1.5s, 1 read, next in 0.4s":        {began: now, within: 1500 * time.Millisecond, reads: 1, next: 1400 * time.Millisecond},
		"1.0s of 1.1s, 1 read, next in 0.1s":        {began: now, within: 1100 * time.Millisecond, reads: 1, next: time.Hour}, // the closing reads
		"1.0s of 30s, 1 read, last 503 unavailable": {began: now, within: 30 * time.Second, reads: 1, status: 503, reason: "unavailable", next: time.Second / 2},
	} {
		assert.Equal(t, want, s.line(1001*time.Millisecond, 80, false))
	}
}

// The schedule is asked as before, and what it says is known.
func TestWatch(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	policy := consistency.Policy{Schedule: readback.Backoff{Initial: time.Second, NoJitter: true}}
	p := NewProgress(cli.Streams{Err: &out}, Usual, policy, strings.ToUpper, true)
	watched := p.Watch(policy)
	assert.NoError(t, watched.Validate())
	at := watched.Schedule.Plan().Next(readback.Step{Reads: 1, Settle: 1, Ended: time.Second, Deadline: time.Minute})
	assert.Equal(t, 2*time.Second, at)
	assert.Equal(t, at, p.state.next)

	bad := p.Watch(consistency.Policy{Schedule: readback.Backoff{Initial: -1}})
	assert.ErrorIs(t, bad.Validate(), consistency.ErrInvalid)

	watched.Observer(consistency.Event{Phase: consistency.PhaseRead, N: 3, Ended: 1500 * time.Millisecond, Status: 404, Reason: consistency.NotFound})
	assert.Equal(t, 3, p.state.reads)
	assert.Equal(t, "READBACK: READ 3 AFTER 1.5S: 404, PENDING (NOT FOUND)\n", out.String(), "as it was scrubbed")
}

// A line says each thing once, and in words that people know.
func TestProgress_errors(t *testing.T) {
	t.Parallel()
	cut := errors.New("read cut short after 1ms: readbackhttp: Get \"http://h/\": read cut short")
	for _, tt := range []struct {
		level Level
		event consistency.Event
		want  string
	}{
		{Usual, consistency.Event{Phase: consistency.PhaseRead, N: 1, Reason: "read cut short", Err: cut}, "readback: read 1 after 0s: unknown (read cut short)\n"},
		{Verbose, consistency.Event{Phase: consistency.PhaseRead, N: 1, Reason: "read cut short", Err: cut},
			"readback: read 1 after 0s: unknown (read cut short); read cut short after 1ms: Get \"http://h/\": read cut short\n"},
		{Usual, consistency.Event{Phase: consistency.PhaseRead, N: 1, Reason: "unavailable", Err: io.EOF}, "readback: read 1 after 0s: unknown (unavailable); EOF\n"},
		{Usual, consistency.Event{Phase: consistency.PhaseRead, N: 1, Status: 500, Reason: "unavailable", Err: io.EOF}, "readback: read 1 after 0s: 500, unknown (unavailable)\n"},
		{Usual, consistency.Event{Phase: consistency.PhaseWrite, Flow: "POST http://h/", Class: consistency.Ambiguous, Err: io.EOF}, "readback: POST http://h/: ambiguous in 0s; EOF\n"},
		{Usual, consistency.Event{Phase: consistency.PhaseWrite, Flow: "POST http://h/", Class: consistency.Applied, Status: 201}, "readback: POST http://h/: 201, applied in 0s\n"},
		{Quiet, consistency.Event{Phase: consistency.PhaseRead, N: 1, Err: io.EOF}, ""},
	} {
		var out bytes.Buffer
		p := NewProgress(cli.Streams{Err: &out}, tt.level, consistency.Policy{}, strings.Clone, true)
		tt.event.Verdict = poll.Unknown
		p.observe(tt.event)
		assert.Equal(t, tt.want, out.String())
	}
}
