package measure_test

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/cmd/readback/internal/exit"
	"github.com/readback-go/readback/cmd/readback/internal/report"
	"github.com/readback-go/readback/examples/workspaces"
)

// after returns a context that a signal ends after a while.
func after(t *testing.T, d time.Duration) context.Context {
	ctx, cancel := context.WithCancelCause(t.Context())
	time.AfterFunc(d, func() { cancel(exit.Signal{Signal: os.Interrupt}) })
	return ctx
}

func TestInterrupt(t *testing.T) {
	t.Parallel()
	options := workspaces.Options{WorkspacesLag: time.Second}
	for name, tt := range map[string]struct {
		after     time.Duration
		flows     int
		confirmed int
	}{
		"before the first read that shows it": {500 * ms, 1, 0},
		"while it is watched":                 {1500 * ms, 1, 0},
		"in the second flow":                  {2800 * ms, 2, 1},
	} {
		bubble(t, name, options, func(t *testing.T, w *world) {
			status, r := w.measured(after(t, tt.after), create("--count", "5", "--pause", "0")...)
			assert.Equal(t, 130, status)
			assert.Len(t, r.Flows, tt.flows)
			assert.True(t, r.Interrupted)
			s := r.Summary()
			assert.Equal(t, tt.confirmed, s.Confirmed)
			assert.Equal(t, tt.flows, s.Lag.Flows, "what was read of the last flow counts too")
			assert.Equal(t, tt.flows-tt.confirmed, s.Lag.Censored)
			assert.Len(t, w.asked("DELETE"), tt.flows)
			assert.Zero(t, s.Left)
			assert.Less(t, time.Since(w.start), tt.after+100*ms, "at once")
		})
	}
}

// An interrupt between two flows ends the pause.
func TestInterrupt_pause(t *testing.T) {
	t.Parallel()
	bubble(t, "", workspaces.Options{}, func(t *testing.T, w *world) {
		status := w.run(after(t, time.Second), create("--count", "5", "--pause", "1000h", "--settle-for", "0")...)
		assert.Equal(t, 130, status)
		assert.Equal(t, time.Second, time.Since(w.start))
		assert.Empty(t, w.asked("POST"))
	})
}

// A write that is under way is waited for, since it must be taken back; one that
// hangs is not waited for for ever.
func TestInterrupt_write(t *testing.T) {
	t.Parallel()
	slow := func(d time.Duration) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodPost {
				select {
				case <-time.After(d):
				case <-r.Context().Done():
					return
				}
				w.Header().Set("Location", "/things/7")
				w.WriteHeader(http.StatusCreated)
			}
		}
	}
	args := []string{"-X", "POST", "http://api.test/things", "-d", "x", "--cleanup", "{location}", "--count", "3", "--pause", "0"}
	against(t, "slow", slow(3*time.Second), func(t *testing.T, w *world) {
		status, r := w.measured(after(t, time.Second), args...)
		assert.Equal(t, 130, status)
		assert.Equal(t, 3*time.Second, time.Since(w.start))
		require.Len(t, r.Flows, 1)
		assert.Equal(t, "applied", r.Flows[0].Class)
		assert.Equal(t, "unconfirmed", r.Flows[0].Outcome)
		assert.Equal(t, report.Cleaned, r.Flows[0].Cleanup)
	})
	against(t, "hangs", slow(time.Hour), func(t *testing.T, w *world) {
		status, r := w.measured(after(t, time.Second), args...)
		assert.Equal(t, 130, status)
		assert.Equal(t, 11*time.Second, time.Since(w.start))
		assert.Equal(t, "ambiguous", r.Flows[0].Class)
		assert.Contains(t, r.Flows[0].Cleanup, "answer was lost")
	})
}

// All is measured when the interrupt comes: the status says so, the result not.
func TestInterrupt_late(t *testing.T) {
	t.Parallel()
	against(t, "", func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			time.Sleep(2 * time.Second)
		}
		w.Header().Set("Location", "/7")
		fmt.Fprint(w, `{"id":7}`)
	}, func(t *testing.T, w *world) {
		status, r := w.measured(after(t, time.Second), "-X", "POST", "http://api.test/things", "-d", "x", "--cleanup", "{location}", "--count", "1", "--pause", "0", "--settle-for", "0")
		assert.Equal(t, 130, status)
		assert.False(t, r.Interrupted)
		assert.Equal(t, "confirmed", r.Flows[0].Outcome)
	})
}
