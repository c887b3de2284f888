package measure_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/examples/workspaces"
)

// scrape returns what the metrics say.
func scrape(t *testing.T, h http.Handler) string {
	t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, rec.Code)
	return rec.Body.String()
}

// A canary goes on until it is stopped, at its rate, takes all of its writes back,
// and tells Prometheus of them.
func TestCanary(t *testing.T) {
	t.Parallel()
	bubble(t, "", workspaces.Options{WorkspacesLag: 300 * ms, MembershipsLag: 700 * ms}, func(t *testing.T, w *world) {
		var metrics http.Handler
		var at string
		w.Metrics = func(address string, h http.Handler) { at, metrics = address, h }
		status := w.run(after(t, time.Hour), create("--watch", "--every", "30s", "--metrics", ":9464")...)
		assert.Zero(t, status, w.Err.String())
		assert.Equal(t, "127.0.0.1:9464", at)
		assert.Equal(t, "readback: metrics at http://127.0.0.1:9464/metrics\nreadback: a flow every 30s or so, until it is stopped\n", w.Err.String())

		posts := w.asked("POST")
		assert.InDelta(t, 120, len(posts), 30, "an hour of 30 s, at random")
		assert.Len(t, w.asked("DELETE"), len(posts))
		assert.Less(t, posts[0].At, time.Second, "the first at once")
		told := scrape(t, metrics)
		for _, line := range []string{
			`readback_canary_flows_total{outcome="failed"} 0`,
			`readback_canary_lag_seconds_bucket{le="0.5"} 0`,
			`readback_canary_left_behind_total 0`,
		} {
			assert.Contains(t, told, line+"\n")
		}
		found := regexp.MustCompile(`readback_canary_lag_seconds_bucket\{le="1"\} (\d+)`).FindStringSubmatch(told)
		require.NotNil(t, found)
		assert.Contains(t, told, "readback_canary_lag_seconds_count "+found[1]+"\n", "all between 0.5 s and 1 s")
		assert.Contains(t, w.Out.String(), "confirmed", "the end tells what was measured")
	})
}

// What is not seen in time is in no bucket but the last, which has no end.
func TestCanary_unseen(t *testing.T) {
	t.Parallel()
	bubble(t, "", workspaces.Options{WorkspacesLag: time.Hour}, func(t *testing.T, w *world) {
		var metrics http.Handler
		w.Metrics = func(_ string, h http.Handler) { metrics = h }
		w.run(after(t, 10*time.Minute), create("--watch", "--within", "10s", "--metrics", "9464", "-q")...)
		told := scrape(t, metrics)
		assert.Contains(t, told, `readback_canary_lag_seconds_bucket{le="5"} 0`+"\n")
		assert.NotContains(t, told, `lag_seconds_bucket{le="10"}`)
		assert.NotContains(t, told, `lag_seconds_bucket{le="+Inf"} 0`+"\n")
		assert.Contains(t, told, "readback_canary_last_confirmed_timestamp_seconds 0\n")
	})
}

// Five flows in a row that fail end it, and so do five writes that it could not
// take back; one that worked in between begins the row anew.
func TestCanary_stops(t *testing.T) {
	t.Parallel()
	posts := 0
	good := echo(201)
	failing := func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			if posts++; posts != 4 {
				w.WriteHeader(http.StatusUnprocessableEntity)
				return
			}
		}
		good(w, r)
	}
	args := []string{"-X", "POST", "http://api.test/things", "--cleanup", "{location}", "--watch", "--settle-for", "0"}
	against(t, "failing", failing, func(t *testing.T, w *world) {
		assert.Equal(t, 1, w.run(t.Context(), args...))
		assert.Len(t, w.asked("POST"), 9)
		assert.Contains(t, w.Err.String(), "readback: ended: 5 flows in a row failed\n")
		assert.Contains(t, w.Err.String(), "readback: flow 9: ", "told as it happens")
	})
	against(t, "left behind", echo(201, 204, 500, 500, 500, 204, 500), func(t *testing.T, w *world) {
		assert.Equal(t, 1, w.run(t.Context(), args...))
		assert.Len(t, w.asked("POST"), 7, "the second and the last five are left")
		assert.Contains(t, w.Err.String(), "readback: flow 7 was not cleaned up: ")
		assert.Contains(t, w.Err.String(), "readback: ended: 5 writes could not be taken back\n")
	})
}

// An interrupt in the middle of a flow takes its write back, and is no failure of
// the service.
func TestCanary_interrupted(t *testing.T) {
	t.Parallel()
	bubble(t, "", workspaces.Options{WorkspacesLag: time.Minute}, func(t *testing.T, w *world) {
		var metrics http.Handler
		w.Metrics = func(_ string, h http.Handler) { metrics = h }
		assert.Zero(t, w.run(after(t, 5*time.Second), create("--watch", "--metrics", "9464")...))
		assert.Len(t, w.asked("DELETE"), 1)
		assert.Contains(t, scrape(t, metrics), "readback_canary_lag_seconds_count 0\n")
	})
}

// As a process it listens where it was told, answers while it goes on, and ends
// well when it is stopped.
func TestCanary_process(t *testing.T) {
	t.Parallel()
	service, url := start(t, workspaces.Options{WorkspacesLag: 30 * ms})
	p := measureAt(url, append(asAlice, "--watch", "--every", "1h", "--settle-for", "50ms", "--metrics", "0")...)
	p.Stderr = nil
	told, err := p.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, p.Start())
	line := make([]byte, 1)
	for !strings.HasSuffix(p.err.String(), "\n") {
		_, err := told.Read(line)
		require.NoError(t, err, p.err.String())
		p.err.Write(line)
	}
	at := regexp.MustCompile(`^readback: metrics at (http://127\.0\.0\.1:\d+/metrics)\n$`).FindStringSubmatch(p.err.String())
	require.NotNil(t, at, p.err.String())
	for body := ""; !strings.Contains(body, `readback_canary_flows_total{outcome="confirmed"} 1`); { // the first flow is over
		resp, err := http.Get(at[1])
		require.NoError(t, err)
		all, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		body = string(all)
	}
	require.NoError(t, p.Process.Signal(syscall.SIGTERM))
	_, _ = io.Copy(&p.err, told)
	require.NoError(t, p.Wait(), p.err.String())
	assert.Zero(t, left(t, service))
	assert.Contains(t, p.out.String(), "1 flow: 1 confirmed\n")
}
