package readbackhttp_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
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

func TestTransport_passes(t *testing.T) {
	t.Parallel()
	for _, header := range []string{
		"Range: bytes=0-1", "Expect: 100-continue", "Upgrade: websocket", "If-Match: a", "If-None-Match: a",
		"If-Modified-Since: Mon, 23 Nov 2026 00:00:00 GMT", "If-Unmodified-Since: Mon, 23 Nov 2026 00:00:00 GMT", "If-Range: a",
	} {
		t.Run(header, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				client := serve(t, lagging("/things/7")).over(slowly)
				answered(t, "201", client, "POST", api+"/things")
				assert.False(t, held(t, client, api+"/things/7", header))
			})
		})
	}
	t.Run("a body", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			client := serve(t, lagging("/things/7")).over(slowly)
			answered(t, "201", client, "POST", api+"/things")
			got, err := do(client, send("GET", api+"/things/7", "query"))
			require.NoError(t, err)
			assert.Equal(t, "404", got)
		})
	})
	t.Run("other methods", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			client := serve(t, script{"PUT /a": {"204"}, "OPTIONS /a": {"404", "200"}, "TRACE /a": {"404", "200"}}.handler()).over(slowly)
			answered(t, "204", client, "PUT", api+"/a")
			answered(t, "404", client, "OPTIONS", api+"/a")
			answered(t, "404", client, "TRACE", api+"/a")
		})
	})
}

// What is not held is the caller's request and the base's answer, not a copy.
func TestTransport_noCopy(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var got *http.Request
		status := 204
		var given *http.Response
		base := transport(func(req *http.Request) (*http.Response, error) {
			got = req
			given = reply(req, status, "body")
			return given, nil
		})
		tr := readbackhttp.NewTransport(base, slowly)
		trip := func(method, path string, code int) (*http.Request, *http.Response) {
			status = code
			req := send(method, api+path, "")
			resp, err := tr.RoundTrip(req)
			require.NoError(t, err)
			return req, resp
		}
		for range 2 { // without and with something to remember
			for _, code := range []int{200, 206, 301, 304, 404, 403, 500} {
				req, resp := trip("GET", "/other", code)
				assert.Same(t, req, got)
				assert.Same(t, given, resp)
				assert.IsType(t, &readCloser{}, resp.Body, "%d", code)
			}
			req, resp := trip("PUT", "/a", 204)
			assert.Same(t, given, resp)
			assert.Same(t, req, resp.Request)
		}
	})
}

// An honest 404 must not become a timeout.
func TestTransport_deadline(t *testing.T) {
	t.Parallel()
	slow := func(w http.ResponseWriter, r *http.Request) {
		if r.Method == "GET" {
			select {
			case <-r.Context().Done():
			case <-time.After(50 * time.Millisecond):
			}
			w.WriteHeader(404)
			_, _ = w.Write([]byte("none"))
		}
	}
	t.Run("http.Client.Timeout", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			client := serve(t, http.HandlerFunc(slow)).over(slowly)
			answered(t, "200", client, "PUT", api+"/a")
			client.Timeout = time.Second
			start := time.Now()
			answered(t, "404 none", client, "GET", api+"/a")
			assert.Equal(t, 900*time.Millisecond, time.Since(start)) // twice 50 ms are kept
		})
	})
	t.Run("context", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			client := serve(t, http.HandlerFunc(slow)).over(slowly)
			answered(t, "200", client, "PUT", api+"/a")
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			start := time.Now()
			got, err := ask(ctx, client, "GET", api+"/a")
			require.NoError(t, err)
			assert.Equal(t, "404 none", got)
			assert.Equal(t, 4900*time.Millisecond, time.Since(start))
		})
	})
	t.Run("a poll that hangs is cut", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			reads := 0
			s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != "GET" {
					return
				}
				if reads++; reads > 1 {
					<-r.Context().Done()
					return
				}
				slow(w, r)
			}))
			client := s.over(slowly)
			answered(t, "200", client, "PUT", api+"/a")
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			start := time.Now()
			got, err := ask(ctx, client, "GET", api+"/a")
			require.NoError(t, err)
			assert.Equal(t, "404 none", got)
			assert.Equal(t, 4900*time.Millisecond, time.Since(start))
		})
	})
	t.Run("the closing poll comes in time", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			s := serve(t, script{"PUT /a": {"204"}, "GET /a": {"404", "200 | new"}}.handler())
			options := readbackhttp.TransportOptions{Policy: consistency.Policy{Schedule: readback.Backoff{Initial: time.Hour, Max: time.Hour, NoJitter: true}}}
			client := s.over(options)
			answered(t, "204", client, "PUT", api+"/a")
			start := time.Now()
			answered(t, "200 new", client, "GET", api+"/a")
			assert.InDelta(t, 30*time.Second, time.Since(start), float64(5*time.Millisecond))
			assert.Less(t, time.Since(start), 30*time.Second)
		})
	})
	t.Run("too late for a poll", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			s := serve(t, script{"PUT /a": {"204"}, "GET /a": {"404 | none"}}.handler())
			client := s.over(slowly)
			answered(t, "204", client, "PUT", api+"/a")
			time.Sleep(30 * time.Second)
			start := time.Now()
			answered(t, "404 none", client, "GET", api+"/a")
			assert.Zero(t, time.Since(start))
		})
	})
	t.Run("the window counts from the write", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			s := serve(t, script{"PUT /a": {"204"}, "GET /a": {"404 | none"}}.handler())
			client := s.over(slowly)
			answered(t, "204", client, "PUT", api+"/a")
			time.Sleep(20 * time.Second)
			start := time.Now()
			answered(t, "404 none", client, "GET", api+"/a")
			assert.Equal(t, 10*time.Second, time.Since(start))
		})
	})
	t.Run("windows of the policy", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			s := serve(t, script{"PUT /a": {"204"}, "GET /a": {"404", "404", hidden, "404"}}.handler())
			options := slowly
			options.Policy.Windows = consistency.Windows{NotFound: 3500 * time.Millisecond, Forbidden: 5 * time.Second}
			client := s.over(options)
			answered(t, "204", client, "PUT", api+"/a")
			start := time.Now()
			answered(t, "404", client, "GET", api+"/a")
			assert.Equal(t, 3500*time.Millisecond, time.Since(start).Round(10*time.Millisecond))
		})
	})
	t.Run("an ambiguous write has two minutes", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			s := serve(t, script{"PUT /a": {"503"}, "GET /a": {"404"}}.handler())
			client := s.over(slowly)
			answered(t, "503", client, "PUT", api+"/a")
			start := time.Now()
			answered(t, "404", client, "GET", api+"/a")
			assert.Equal(t, 2*time.Minute, time.Since(start).Round(10*time.Millisecond))
		})
	})
}

var errGone = errors.New("nobody waits any more")

func TestTransport_cancelled(t *testing.T) {
	t.Parallel()
	t.Run("while it waits", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			s := serve(t, script{"PUT /a": {"204"}, "GET /a": {"404"}}.handler())
			client := s.over(slowly)
			answered(t, "204", client, "PUT", api+"/a")
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(2500*time.Millisecond, func() { cancel(errGone) })
			start := time.Now()
			_, err := ask(ctx, client, "GET", api+"/a")
			require.ErrorIs(t, err, errGone)
			assert.Equal(t, 2500*time.Millisecond, time.Since(start))
		})
	})
	t.Run("while it polls", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			reads := 0
			s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if reads++; reads > 2 {
					<-r.Context().Done()
				}
				if r.Method == "GET" {
					w.WriteHeader(404)
				}
			}))
			client := s.over(slowly)
			answered(t, "200", client, "PUT", api+"/a")
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(2500*time.Millisecond, func() { cancel(errGone) })
			start := time.Now()
			_, err := ask(ctx, client, "GET", api+"/a")
			require.ErrorIs(t, err, errGone)
			assert.Equal(t, 2500*time.Millisecond, time.Since(start))
		})
	})
	t.Run("by Request.Cancel", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			s := serve(t, script{"PUT /a": {"204"}, "GET /a": {"404"}}.handler())
			client := s.over(slowly)
			answered(t, "204", client, "PUT", api+"/a")
			req := send("GET", api+"/a", "")
			cancel := make(chan struct{})
			//lint:ignore SA1019 as http.Client does for its Timeout
			req.Cancel = cancel
			time.AfterFunc(2500*time.Millisecond, func() { close(cancel) })
			start := time.Now()
			_, err := client.Transport.RoundTrip(req)
			require.ErrorIs(t, err, context.Canceled)
			assert.Equal(t, 2500*time.Millisecond, time.Since(start))
		})
	})
	t.Run("the answer outlives the poll, not the request", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			reads := 0
			s := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != "GET" {
					return
				}
				if reads++; reads == 1 {
					w.WriteHeader(404)
					return
				}
				for r.Context().Err() == nil {
					_, _ = w.Write([]byte("tick "))
					_ = http.NewResponseController(w).Flush()
					select {
					case <-r.Context().Done():
					case <-time.After(10 * time.Second):
					}
				}
			}))
			client := s.over(slowly)
			answered(t, "200", client, "PUT", api+"/a")
			ctx, cancel := context.WithCancel(t.Context())
			req := send("GET", api+"/a", "").WithContext(ctx)
			resp, err := client.Do(req)
			require.NoError(t, err)
			buf := make([]byte, 10)
			for range 10 { // longer than the window, and any read's timeout
				n, err := resp.Body.Read(buf)
				require.NoError(t, err)
				assert.Equal(t, "tick ", string(buf[:n]))
			}
			cancel()
			_, err = resp.Body.Read(buf)
			require.ErrorIs(t, err, context.Canceled)
			require.NoError(t, resp.Body.Close())
		})
	})
}

func TestTransport_ownHold(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		hold   readbackhttp.Hold
		script script
		want   string
		at     time.Duration
	}{
		{"off", readbackhttp.Hold{Off: true},
			script{"PUT /a": {"204"}, "GET /a": {"404 | none", "200"}}, "404 none", 0},
		{"a shorter window", readbackhttp.Hold{Within: 5 * time.Second},
			script{"PUT /a": {"204"}, "GET /a": {"404 | none"}}, "404 none", 5 * time.Second},
		{"a longer window", readbackhttp.Hold{Within: time.Minute},
			script{"PUT /a": {"204"}, "GET /a": {hidden}}, hidden[6:], time.Minute},
		{"not longer than the memory", readbackhttp.Hold{Within: time.Hour},
			script{"PUT /a": {"204"}, "GET /a": {"404 | none"}}, "404 none", 2 * time.Minute},
		{"match", readbackhttp.Hold{Match: readbackhttp.HasJSON("/v", 2)},
			script{"PUT /a": {"204"}, "GET /a": {`200 | {"v":1}`, "404", `200 | {"v":1}`, `200 | {"v":2}`}}, `200 {"v":2}`, 3 * time.Second},
		{"match, in vain", readbackhttp.Hold{Match: readbackhttp.HasJSON("/v", 2)},
			script{"PUT /a": {"204"}, "GET /a": {`200 | {"v":1}`, `200 | {"v":1, "n":2}`}}, `200 {"v":1, "n":2}`, 30 * time.Second},
		{"match at once", readbackhttp.Hold{Match: readbackhttp.HasJSON("/v", 2)},
			script{"PUT /a": {"204"}, "GET /a": {`200 | {"v":2}`}}, `200 {"v":2}`, 0},
		{"ETag", readbackhttp.Hold{Match: readbackhttp.HasETag(`"2"`)},
			script{"PUT /a": {"204"}, "GET /a": {`200 | ETag: "1" | old`, `200 | ETag: "2" | new`}}, "200 new", time.Second},
		{"version", readbackhttp.Hold{Match: readbackhttp.AtLeast("/v", 3)},
			script{"PUT /a": {"204"}, "GET /a": {`200 | {"v":2}`, `200 | {"v":"4"}`}}, `200 {"v":"4"}`, time.Second},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				client := serve(t, tt.script.handler()).over(slowly)
				answered(t, "204", client, "PUT", api+"/a")
				start := time.Now()
				got, err := ask(readbackhttp.WithHold(t.Context(), tt.hold), client, "GET", api+"/a")
				require.NoError(t, err)
				assert.Equal(t, strings.TrimPrefix(tt.want, "| "), strings.TrimPrefix(got, "403 "))
				assert.Equal(t, tt.at, time.Since(start).Round(10*time.Millisecond))
			})
		})
	}
	t.Run("match asks nothing of what is not covered", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			client := serve(t, script{"PUT /a": {"204"}, "GET /b": {"200 | old"}}.handler()).over(slowly)
			answered(t, "204", client, "PUT", api+"/a")
			hold := readbackhttp.Hold{Match: func(readbackhttp.Ref, *readbackhttp.Document) bool { panic("asked") }}
			got, err := ask(readbackhttp.WithHold(t.Context(), hold), client, "GET", api+"/b")
			require.NoError(t, err)
			assert.Equal(t, "200 old", got)
		})
	})
}

func TestAtLeast(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]bool{
		`{"v":5}`: true, `{"v":6}`: true, `{"v":4}`: false, `{"v":"5"}`: true, `{"v":"4"}`: false,
		`{"v":5.5}`: true, `{"v":4.9}`: false, `{"v":1e3}`: true, `{"v":-7}`: false, `{"v":null}`: false,
		`{"v":true}`: false, `{"v":"x"}`: false, `{"v":[5]}`: false, `{}`: false, `garbage`: false, ``: false,
		`{"v":99999999999999999999}`: true, `{"v":-99999999999999999999}`: false, `{"v":1e999999999}`: false,
	} {
		doc := &readbackhttp.Document{Body: []byte(body)}
		assert.Equal(t, want, readbackhttp.AtLeast("/v", 5)(readbackhttp.Ref{}, doc), body)
	}
}

func TestHasETag(t *testing.T) {
	t.Parallel()
	doc := &readbackhttp.Document{Header: http.Header{"Etag": {`"a"`}}}
	assert.True(t, readbackhttp.HasETag(`"a"`)(readbackhttp.Ref{}, doc))
	assert.False(t, readbackhttp.HasETag(`"b"`)(readbackhttp.Ref{}, doc))
	assert.False(t, readbackhttp.HasETag("")(readbackhttp.Ref{}, &readbackhttp.Document{}))
}

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
	t.Run("confirmed", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
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
	})
	t.Run("unconfirmed", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			report, err := read(t, t.Context(), "404")
			require.NoError(t, err)
			assert.Equal(t, consistency.Unconfirmed, report.Outcome)
			require.ErrorIs(t, report.Err, consistency.ErrUnconfirmed)
			require.ErrorIs(t, report.Err, poll.ErrDeadline)
			assert.ErrorContains(t, report.Err, "readback: GET http://api.test/a: unconfirmed after 5 reads in 5s")
		})
	})
	t.Run("answered otherwise", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			report, err := read(t, t.Context(), "404", "410")
			require.NoError(t, err)
			assert.Equal(t, consistency.Unconfirmed, report.Outcome)
			assert.ErrorContains(t, report.Err, "the answer does not show the write; last status 410")
		})
	})
	t.Run("cancelled", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			time.AfterFunc(2500*time.Millisecond, func() { cancel(errGone) })
			report, err := read(t, ctx, "404")
			require.ErrorIs(t, err, errGone)
			assert.Equal(t, consistency.Unconfirmed, report.Outcome)
			require.ErrorIs(t, report.Err, errGone)
		})
	})
	t.Run("not held", func(t *testing.T) {
		inBubble(t, func(t *testing.T) {
			report, err := read(t, t.Context(), "200")
			require.NoError(t, err)
			assert.Equal(t, readbackhttp.Report{}, report)
		})
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
		t.Run(tt.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T) {
				client := serve(t, tt.script.handler()).over(slowly)
				answered(t, "204", client, "PUT", api+"/a")
				start := time.Now()
				answered(t, "200", client, "GET", api+"/a")
				assert.InDelta(t, tt.want, time.Since(start), float64(tt.want)/10)
				if tt.name != "capped by the window" {
					assert.GreaterOrEqual(t, time.Since(start), tt.want)
				}
			})
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
