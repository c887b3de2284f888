package readbackhttp_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
	"github.com/readback-go/readback/readbackhttp"
)

func TestTransport_report(t *testing.T) {
	t.Parallel()
	read := func(t *testing.T, ctx context.Context, answers ...string) (report readbackhttp.Report, err error) {
		t.Helper()
		client := serve(t, script{"PUT /a": {"204"}, "GET /a": answers}.handler()).over(slowly)
		answered(t, "204", client, "PUT", api+"/a")
		time.Sleep(time.Second)
		_, err = ask(readbackhttp.WithHold(ctx, readbackhttp.Hold{Report: &report, Within: 5 * time.Second}), client, "GET", api+"/a")
		return report, err
	}
	bubble(t, "confirmed", func(t *testing.T) {
		report, err := read(t, t.Context(), "404", "503", "200")
		require.NoError(t, err)
		assert.Equal(t, 3, report.Reads)
		assert.Equal(t, 2*time.Second, report.Elapsed)
		assert.Equal(t, consistency.Confirmed, report.Outcome)
		require.NoError(t, report.Err)
		var lines []string
		for r := range report.History.All() {
			lines = append(lines, r.Began.String()+" "+r.Verdict.String()+" "+string(r.Reason))
		}
		assert.Equal(t, []string{"1s pending not found", "2s unknown unavailable", "3s ready "}, lines)
	})
	bubble(t, "unconfirmed", func(t *testing.T) {
		report, err := read(t, t.Context(), "404")
		require.NoError(t, err)
		assert.Equal(t, consistency.Unconfirmed, report.Outcome)
		require.ErrorIs(t, report.Err, consistency.ErrUnconfirmed)
		require.ErrorIs(t, report.Err, poll.ErrDeadline)
		assert.ErrorContains(t, report.Err, "readback: GET http://api.test/a: unconfirmed after 5 reads in 5s")
	})
	bubble(t, "answered otherwise", func(t *testing.T) {
		report, err := read(t, t.Context(), "404", "405")
		require.NoError(t, err)
		assert.Equal(t, consistency.Unconfirmed, report.Outcome)
		assert.ErrorContains(t, report.Err, "the answer does not show the write; last status 405")
	})
	bubble(t, "cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(2500*time.Millisecond, func() { cancel(errGone) })
		report, err := read(t, ctx, "404")
		require.ErrorIs(t, err, errGone)
		assert.Equal(t, consistency.Unconfirmed, report.Outcome)
		require.ErrorIs(t, report.Err, errGone)
	})
	bubble(t, "one who waited for another's poll", func(t *testing.T) {
		var reads atomic.Int32
		client := &http.Client{Transport: readbackhttp.NewTransport(transport(func(req *http.Request) (*http.Response, error) {
			switch {
			case req.Method != "GET":
				return reply(req, 204, ""), nil
			case reads.Add(1) <= 2:
				return reply(req, 403, `{"status":403}`), nil
			}
			return nil, errGone
		}), slowly)}
		answered(t, "204", client, "PUT", api+"/a")
		var both sync.WaitGroup
		for range 2 {
			both.Go(func() {
				var report readbackhttp.Report
				_, err := ask(readbackhttp.WithHold(t.Context(), readbackhttp.Hold{Report: &report}), client, "GET", api+"/a")
				assert.NoError(t, err)
				assert.Equal(t, consistency.Unconfirmed, report.Outcome)
				assert.ErrorIs(t, report.Err, poll.ErrWindow)
				assert.ErrorIs(t, report.Err, errGone, "the last read's")
			})
		}
		both.Wait()
	})
	bubble(t, "not held", func(t *testing.T) {
		report, err := read(t, t.Context(), "200")
		require.NoError(t, err)
		assert.Equal(t, readbackhttp.Report{}, report)
	})
}

// Each poll is told of, and no secret.
func TestTransport_observed(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		core, logs := observer.New(zap.DebugLevel)
		var events []consistency.Event
		options := slowly
		options.Policy.Logger = zap.New(core)
		options.Policy.Observer = func(e consistency.Event) { events = append(events, e) }
		client := serve(t, script{"PUT /a": {"204"}, "GET /a": {"404", lost, "200 | X-Cache: HIT"}}.handler()).over(options)
		answered(t, "204", client, "PUT", api+"/a?api_key=s3cret", "Authorization: Bearer s3cret")
		answered(t, "200", client, "GET", api+"/a?api_key=s3cret", "Authorization: Bearer s3cret")
		require.NotEmpty(t, events)
		last := events[len(events)-1]
		assert.Equal(t, consistency.PhaseEnd, last.Phase)
		assert.Equal(t, consistency.Confirmed, last.Outcome)
		assert.Equal(t, "GET http://api.test/a", last.Flow)
		assert.Equal(t, "X-Cache: HIT", events[len(events)-2].Note)
		assert.Equal(t, len(events), logs.Len())
		for _, e := range logs.All() {
			for name, value := range e.ContextMap() {
				assert.NotContains(t, fmt.Sprint(value), "s3cret", name)
			}
		}
	})
}

func TestTransport_onForbidden(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		calls := 0
		options := slowly
		options.Policy.OnForbidden = func(context.Context) { calls++ }
		s := serve(t, script{"PUT /a": {"204"}, "GET /a": {"404", hidden, hidden, "404", hidden, "200"}}.handler())
		client := s.over(options)
		answered(t, "204", client, "PUT", api+"/a")
		answered(t, "200", client, "GET", api+"/a")
		assert.Equal(t, 2, calls) // once in each run of 403s
	})
}

// Retry-After holds for whoever polls next, however long it is.
func TestTransport_retryAfterHandOver(t *testing.T) {
	t.Parallel()
	for _, seconds := range []string{"100", "99999999999"} {
		bubble(t, seconds, func(t *testing.T) {
			start := time.Now()
			var mu sync.Mutex
			var times []time.Duration
			client := &http.Client{Transport: readbackhttp.NewTransport(transport(func(req *http.Request) (*http.Response, error) {
				if req.Method != "GET" {
					return reply(req, 204, ""), nil
				}
				mu.Lock()
				defer mu.Unlock()
				times = append(times, time.Since(start))
				if len(times) != 3 {
					return reply(req, 404, ""), nil
				}
				resp := reply(req, 503, "")
				resp.Header.Set("Retry-After", seconds)
				return resp, nil
			}), slowly)}
			answered(t, "204", client, "PUT", api+"/a")
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(1500*time.Millisecond, func() { cancel(errGone) })
			var both sync.WaitGroup
			both.Go(func() {
				_, err := ask(ctx, client, "GET", api+"/a")
				assert.ErrorIs(t, err, errGone)
			})
			time.Sleep(time.Millisecond) // so that it leads
			both.Go(func() { answered(t, "404", client, "GET", api+"/a") })
			both.Wait()
			assert.Equal(t, []time.Duration{0, time.Millisecond, time.Second, 30*time.Second - time.Millisecond}, times)
		})
	}
}

// Those who wait together need new credentials once, not each.
func TestTransport_onForbiddenTogether(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var calls atomic.Int32
		start := time.Now()
		options := slowly
		options.Policy.OnForbidden = func(context.Context) { calls.Add(1) }
		client := &http.Client{Transport: readbackhttp.NewTransport(transport(func(req *http.Request) (*http.Response, error) {
			switch {
			case req.Method != "GET":
				return reply(req, 204, ""), nil
			case time.Since(start) < 1500*time.Millisecond:
				return reply(req, 403, `{"status":403}`), nil
			}
			return reply(req, 200, "new"), nil
		}), options)}
		answered(t, "204", client, "PUT", api+"/a")
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() { answered(t, "200 new", client, "GET", api+"/a") })
		}
		all.Wait()
		assert.EqualValues(t, 1, calls.Load())
	})
}

// Retry-After is a floor, also that of the first answer, and a date counts from
// the server's own clock.
func TestTransport_retryAfter(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		script script
		want   time.Duration
	}{
		{"seconds", script{"PUT /a": {"204"}, "GET /a": {"404 | Retry-After: 4", "200"}}, 4 * time.Second},
		{"of a poll", script{"PUT /a": {"204"}, "GET /a": {"404", "503 | Retry-After: 4", "200"}}, 5 * time.Second},
		{"a date of a clock that is wrong by years",
			script{"PUT /a": {"204"}, "GET /a": {"404 | Date: Fri, 01 Jan 1999 00:00:00 GMT | Retry-After: Fri, 01 Jan 1999 00:00:03 GMT", "200"}},
			3 * time.Second},
		{"capped by the window", script{"PUT /a": {"204"}, "GET /a": {"404 | Retry-After: 4000", "200"}}, 30 * time.Second},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			client := serve(t, tt.script.handler()).over(slowly)
			answered(t, "204", client, "PUT", api+"/a")
			start := time.Now()
			answered(t, "200", client, "GET", api+"/a")
			assert.InDelta(t, tt.want, time.Since(start), float64(tt.want)/10)
			if tt.name != "capped by the window" {
				assert.GreaterOrEqual(t, time.Since(start), tt.want)
			}
		})
	}
}

func TestNewTransport_invalid(t *testing.T) {
	t.Parallel()
	nan := 0.0
	nan /= nan
	for name, options := range map[string]readbackhttp.TransportOptions{
		"MaxWrites":      {MaxWrites: -1},
		"Remember":       {Remember: -1},
		"PollsPerSecond": {PollsPerSecond: nan},
		"token":          {Token: readbackhttp.HeaderToken{Answer: "X Y", Request: "X"}},
		"Within":         {Policy: consistency.Policy{Within: -1}},
		"Schedule":       {Policy: consistency.Policy{Schedule: readback.Backoff{Max: -1}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sent := transport(func(*http.Request) (*http.Response, error) { panic("sent") })
			closed := &readCloser{Reader: strings.NewReader("body")}
			req := send("POST", api+"/a", "")
			req.Body = closed
			resp, err := readbackhttp.NewTransport(sent, options).RoundTrip(req)
			require.ErrorIs(t, err, consistency.ErrInvalid)
			require.ErrorContains(t, err, name)
			assert.Nil(t, resp)
			assert.Equal(t, 1, closed.closed)
		})
	}
}
