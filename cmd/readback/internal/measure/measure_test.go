package measure_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/lags"
	"github.com/readback-go/readback/cmd/readback/internal/report"
	"github.com/readback-go/readback/examples/workspaces"
)

// A lag of 300 ms, then 403s up to 700 ms: what is told holds the truth, to a
// sixteenth, from few reads.
func TestMeasure_lag(t *testing.T) {
	t.Parallel()
	options := workspaces.Options{WorkspacesLag: 300 * ms, MembershipsLag: 700 * ms}
	bubble(t, "", options, func(t *testing.T, w *world) {
		status, r := w.measured(t.Context(), create("--count", "12")...)
		assert.Zero(t, status)
		s := r.Summary()
		assert.Equal(t, 12, s.Confirmed)
		assert.Zero(t, s.Left)
		for _, span := range []*report.Span{s.Lag.Quantiles[0].Span, s.Lag.Quantiles[1].Span, s.Lag.Longest} {
			require.NotNil(t, span)
			assert.LessOrEqual(t, span.From.Duration(), 700*ms)
			assert.GreaterOrEqual(t, span.To.Duration(), 700*ms)
			assert.Less(t, (span.To - span.From).Duration(), 700*ms*2/16)
		}
		assert.Nil(t, s.Lag.Quantiles[2].Span, "too few for a p99")
		require.Len(t, s.Reasons, 2)
		assert.Equal(t, "not found", s.Reasons[0].Reason)
		assert.InDelta(t, 300, float64(s.Reasons[0].Until)/1e6, 25)
		assert.Equal(t, "forbidden", s.Reasons[1].Reason)
		assert.InDelta(t, 400, float64(s.Reasons[1].Phase)/1e6, 60)
		assert.Zero(t, s.Flips.Total)
		assert.Less(t, s.Reads.Total, 12*(20+20+21))

		assert.Len(t, w.asked("POST"), 12, "each write is sent once")
		assert.Len(t, w.asked("DELETE"), 12, "and taken back")
		assert.Equal(t, "POST http://api.test/v1/workspaces", r.Write)
		assert.Equal(t, "GET {location}", r.Read)
		assert.Equal(t, "DELETE {location}", r.Cleanup)
		assert.Equal(t, "present", r.For)
	})
}

// Reads never come closer than the interval, the first is at once, and the
// watching goes on for as long as was asked for.
func TestMeasure_pace(t *testing.T) {
	t.Parallel()
	options := workspaces.Options{WorkspacesLag: 2 * time.Second}
	bubble(t, "", options, func(t *testing.T, w *world) {
		_, r := w.measured(t.Context(), create("--count", "5", "--interval", "50ms", "--settle-for", "600ms", "--pause", "0")...)
		offsets := map[report.Millis]bool{}
		for _, f := range r.Flows {
			require.NotEmpty(t, f.Reads)
			assert.Zero(t, f.Reads[0].Began)
			hit := report.Millis(-1)
			for i, read := range f.Reads[1:] {
				before := f.Reads[i]
				gap := (read.Began - before.Began).Duration()
				assert.GreaterOrEqual(t, gap, 50*ms)
				if hit < 0 {
					assert.LessOrEqual(t, gap, max(100*ms, before.Began.Duration()/16+time.Microsecond))
				}
				if read.Verdict == "ready" && hit < 0 {
					hit = read.Began
				}
			}
			last := f.Reads[len(f.Reads)-1]
			assert.Equal(t, 600*ms, (last.Began - hit).Duration(), "watched")
			offsets[f.Reads[1].Began] = true
			assert.Less(t, len(f.Reads), 50, "few reads tell a long lag to a sixteenth")
		}
		assert.Greater(t, len(offsets), 3, "the reads of flows fall on different times")
	})
}

// Two replicas of which one lags: the lag lasts until both have caught up.
func TestMeasure_flips(t *testing.T) {
	t.Parallel()
	options := workspaces.Options{WorkspacesLag: 200 * ms, Replicas: 2, ReplicaSpread: 300 * ms}
	bubble(t, "", options, func(t *testing.T, w *world) {
		_, r := w.measured(t.Context(), create("--count", "4")...)
		s := r.Summary()
		assert.Equal(t, 4, s.Flips.Flows)
		assert.Equal(t, 1, s.Flips.Streak)
		require.NotNil(t, s.Advice)
		assert.Equal(t, 2, s.Advice.Settle)
		assert.LessOrEqual(t, s.Lag.Longest.From.Duration(), 500*ms)
		// The replica that lags is not asked by the read just before, perhaps.
		assert.GreaterOrEqual(t, s.Lag.Longest.To.Duration(), 460*ms)
	})
}

// ticking answers like a service that makes writes visible at the ticks of a
// clock of its own.
func ticking(tick time.Duration) http.HandlerFunc {
	var (
		mu      sync.Mutex
		began   time.Time // of the first request, in a bubble
		visible = map[string]time.Duration{}
	)
	return func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if began.IsZero() {
			began = time.Now().Add(-700 * ms)
		}
		now := time.Since(began)
		switch at, there := visible[r.URL.Path]; {
		case r.Method == http.MethodPut:
			visible[r.URL.Path] = (now/tick + 1) * tick
		case r.Method == http.MethodGet && (!there || now < at):
			w.WriteHeader(http.StatusNotFound)
		}
		fmt.Fprint(w, `{"n":1}`)
	}
}

// A tick of two or five seconds is measured as it is: by default flows are not in
// step with it, and where they are made to be, that is told.
func TestMeasure_tick(t *testing.T) {
	t.Parallel()
	args := []string{"-X", "PUT", "http://api.test/things/{n}", "-d", "x", "--for", "present", "--cleanup", "DELETE", "http://api.test/things/{n}"}
	for _, tick := range []time.Duration{2 * time.Second, 5 * time.Second} {
		against(t, tick.String(), ticking(tick), func(t *testing.T, w *world) {
			_, r := w.measured(t.Context(), args...)
			var s lags.Sample
			for i := range r.Flows {
				lag, told := r.Flows[i].Lag(r.For)
				require.True(t, told)
				s = append(s, lag)
			}
			for _, q := range []float64{0.5, 0.9} {
				got, truth := s.Interval(q), time.Duration(q*float64(tick))
				// One interval in twenty misses by nature, but not by a tenth of the
				// tick, which is more than three standard deviations.
				assert.LessOrEqual(t, got.From, truth+tick/10, "p%g", q*100)
				assert.GreaterOrEqual(t, got.To, truth-tick/10, "p%g", q*100)
			}
			// Whether lags seem to depend on something is a matter of chance in a few
			// campaigns of a hundred; TestSpread_tick bounds them.
		})
	}
	against(t, "in step", ticking(2*time.Second), func(t *testing.T, w *world) {
		_, r := w.measured(t.Context(), append(args, "--pause", "500ms")...)
		require.Len(t, r.Summary().Depends, 1)
		assert.Contains(t, r.Summary().Depends[0].Words, "the longer ago the flow before was over, the shorter the lag")
	})
}

func TestMeasure_atOnce(t *testing.T) {
	t.Parallel()
	against(t, "", echo(201), func(t *testing.T, w *world) {
		_, r := w.measured(t.Context(), "-X", "POST", "http://api.test/things", "--count", "3", "--pause", "1s", "--settle-for", "0")
		s := r.Summary()
		assert.Equal(t, 3, s.Lag.AtOnce)
		assert.Zero(t, s.Lag.Longest.From)
		assert.Equal(t, 3, s.Reads.Total, "without a watch one read is enough")
		assert.Zero(t, s.Advice.First)
		posts := w.asked("POST")
		assert.NotEqual(t, posts[1].At-posts[0].At, posts[2].At-posts[1].At, "pauses are random")
		for i := range posts[1:] {
			assert.LessOrEqual(t, posts[i+1].At-posts[i].At, time.Second)
		}
	})
}

// A write is watched for a second, or for a quarter of a shorter time for a flow.
func TestMeasure_watchUnsaid(t *testing.T) {
	t.Parallel()
	for within, want := range map[string]time.Duration{"30s": time.Second, "2s": 500 * ms} {
		against(t, within, echo(201), func(t *testing.T, w *world) {
			_, r := w.measured(t.Context(), "-X", "POST", "http://api.test/things", "--count", "1", "--within", within)
			assert.Equal(t, want, r.Watch.Duration())
		})
	}
}

// What is never seen is told as longer than it was waited for.
func TestMeasure_unconfirmed(t *testing.T) {
	t.Parallel()
	bubble(t, "", workspaces.Options{WorkspacesLag: time.Minute}, func(t *testing.T, w *world) {
		status, r := w.measured(t.Context(), create("--count", "2", "--within", "3s", "--settle-for", "100ms")...)
		assert.Equal(t, 124, status)
		s := r.Summary()
		assert.Equal(t, 2, s.Unconfirmed)
		assert.Equal(t, 2, s.Lag.Censored)
		assert.GreaterOrEqual(t, s.Lag.Longest.From.Duration(), 2900*ms)
		assert.Nil(t, s.Advice)
		assert.Len(t, w.asked("DELETE"), 2, "the command side knows it, and it is gone")
		assert.Zero(t, s.Left)
	})
}

func TestMeasure_parallel(t *testing.T) {
	t.Parallel()
	bubble(t, "", workspaces.Options{WorkspacesLag: time.Second}, func(t *testing.T, w *world) {
		before := time.Now()
		_, r := w.measured(t.Context(), create("--count", "10", "--parallel", "5", "--pause", "0")...)
		assert.Less(t, time.Since(before), 6*time.Second, "ten flows of two seconds and more")
		require.Len(t, r.Flows, 10)
		for i, f := range r.Flows {
			assert.Equal(t, i+1, f.N, "in order")
			assert.Equal(t, "confirmed", f.Outcome)
		}
	})
}

// A flow's placeholders are its own, in all of its requests.
func TestMeasure_placeholders(t *testing.T) {
	t.Parallel()
	handler := echo(201)
	against(t, "", handler, func(t *testing.T, w *world) {
		status := w.run(t.Context(), "-X", "PUT", "http://api.test/things/{run}-{n}", "-H", "X-Trace: {uuid}", "-d", `{"a":{"n":"{n}"},"u":"{uuid}","other":"{x}"}`,
			"--then", "http://api.test/things/{run}-{n}", "--expect-json", "/put=/things/{run}-{n}",
			"--cleanup", "http://api.test/things/{run}-{n}?u={uuid}", "--count", "2", "--settle-for", "0")
		require.Zero(t, status, w.Err.String())
		puts, gets, deletes := w.asked("PUT"), w.asked("GET"), w.asked("DELETE")
		require.Len(t, puts, 2)
		require.Len(t, gets, 2)
		require.Len(t, deletes, 2)
		for i, put := range puts {
			uuid := put.Header.Get("X-Trace")
			assert.Regexp(t, `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`, uuid)
			n := string(rune('1' + i))
			assert.Equal(t, `{"a":{"n":"`+n+`"},"u":"`+uuid+`","other":"{x}"}`, put.Body)
			assert.True(t, strings.HasSuffix(put.Path, "-"+n), put.Path)
			assert.Equal(t, put.Path, gets[i].Path)
			assert.Equal(t, put.Path, deletes[i].Path)
			assert.Equal(t, uuid, gets[i].Header.Get("X-Trace"))
			assert.Equal(t, uuid, deletes[i].Header.Get("X-Trace"))
			assert.Empty(t, deletes[i].Header.Get("Content-Type"))
			assert.Empty(t, deletes[i].Body)
		}
		assert.NotEqual(t, puts[0].Header.Get("X-Trace"), puts[1].Header.Get("X-Trace"))
		assert.Equal(t, strings.TrimSuffix(puts[0].Path, "1"), strings.TrimSuffix(puts[1].Path, "2"), "one run")
	})
}

// Flows that fail do not end a measurement in which one has worked.
func TestMeasure_someFail(t *testing.T) {
	t.Parallel()
	writes := 0
	good := echo(201)
	against(t, "", func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			if writes++; writes != 2 && writes != 8 {
				w.WriteHeader(http.StatusConflict)
				return
			}
		}
		good(w, r)
	}, func(t *testing.T, w *world) {
		status, r := w.measured(t.Context(), "-X", "POST", "http://api.test/things", "--count", "8", "--settle-for", "0")
		assert.Zero(t, status)
		s := r.Summary()
		assert.Equal(t, []int{2, 6}, []int{s.Confirmed, s.Failed})
		assert.Contains(t, w.Err.String(), "readback: flow 1 and 5 more: ")
	})
}
