package measure_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/report"
	"github.com/readback-go/readback/examples/workspaces"
)

// Objectives decide the exit status by the intervals: all met, one missed, or one
// that cannot be told.
func TestSLO(t *testing.T) {
	t.Parallel()
	options := workspaces.Options{WorkspacesLag: 300 * ms, MembershipsLag: 300 * ms, Jitter: 200 * ms}
	tests := []struct {
		name string
		slo  []string
		want int
		says string
	}{
		{"met", []string{"p50<2s", "p90<=2s"}, 0, "p50<2s: met; it is between "},
		{"missed", []string{"p50<2s", "p50<100ms", "p99<1ms"}, 1, "p50<100ms: missed; it is between "},
		{"too few flows", []string{"p50<2s", "p99<2s"}, 124, "p99<2s: cannot be told; it is over "},
		{"missed before it cannot be told", []string{"p99<2s", "p90<10ms"}, 1, "p90<10ms: missed"},
		{"missed by its lower end alone", []string{"p99<10ms"}, 1, "p99<10ms: missed; it is over "},
	}
	for _, tt := range tests {
		args := create("--count", "40", "--settle-for", "0")
		for _, text := range tt.slo {
			args = append(args, "--slo", text)
		}
		bubble(t, tt.name, options, func(t *testing.T, w *world) {
			assert.Equal(t, tt.want, w.run(t.Context(), args...), w.Out.String())
			assert.Contains(t, w.Out.String(), "\n"+tt.says)
		})
	}
}

// An objective within the interval cannot be told. Where that lies is chance, so the
// run is judged again by the middle of its own.
func TestSLO_within(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "run.json")
	bubble(t, "", workspaces.Options{WorkspacesLag: 300 * ms, Jitter: 200 * ms}, func(t *testing.T, w *world) {
		status, r := w.measured(t.Context(), create("--count", "40", "--settle-for", "0", "--save", file)...)
		require.Zero(t, status)
		p50 := r.Summary().Lag.Quantiles[0]
		middle := (p50.Interval.From.Duration() + p50.Interval.To.Duration()) / 2
		w.Out.Reset()
		assert.Equal(t, 124, w.run(t.Context(), "--load", file, "--slo", fmt.Sprint("p50<", middle)), w.Out.String())
		assert.Contains(t, w.Out.String(), ": cannot be told; it is between ")
	})
}

// What was saved can be judged again, by other objectives.
func TestSLO_load(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "run.json")
	bubble(t, "", workspaces.Options{WorkspacesLag: 300 * ms}, func(t *testing.T, w *world) {
		require.Zero(t, w.run(t.Context(), create("--count", "10", "--settle-for", "0", "--save", file, "--slo", "p50<2s")...))
		status, r := w.measured2(t, "--load", file, "--slo", "p50<1ms")
		assert.Equal(t, 1, status)
		require.Len(t, r.SLO, 1)
		assert.Equal(t, "p50<1ms", r.SLO[0])
		w.Out.Reset()
		assert.Zero(t, w.run(t.Context(), "--load", file), "without --slo nothing is judged")
		assert.Contains(t, w.Out.String(), "p50<2s: met")
	})
}

// measured2 is measured once more, with stdout from the beginning.
func (w *world) measured2(t *testing.T, args ...string) (int, *report.Run) {
	w.Out.Reset()
	return w.measured(t.Context(), args...)
}

// Where nothing was measured the flows decide, as without objectives.
func TestSLO_nothing(t *testing.T) {
	t.Parallel()
	against(t, "refused", echo(422), func(t *testing.T, w *world) {
		assert.Equal(t, 1, w.run(t.Context(), "-X", "POST", "http://api.test/things", "--count", "9", "--slo", "p50<2s"))
	})
	never := func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.WriteHeader(http.StatusNotFound)
		}
	}
	against(t, "never seen", never, func(t *testing.T, w *world) {
		began := time.Now()
		assert.Equal(t, 124, w.run(t.Context(), "-X", "PUT", "http://api.test/things", "--for", "present", "--count", "7", "--within", "1s", "--slo", "p50<2s"))
		assert.Less(t, time.Since(began), time.Minute)
	})
}
