package submit_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/submit"
)

// Case E6: the JSON of a Progress says why the store told nothing.
func TestProgress_json(t *testing.T) {
	t.Parallel()
	for _, p := range []submit.Progress{
		{Queued: 3, Err: fmt.Errorf("store: %w", errors.New("disk full at https://u:hunter2@store/"))},
		{Queued: 3},
	} {
		data, err := json.Marshal(map[string]any{"progress": p})
		require.NoError(t, err)
		var got struct{ Progress map[string]any }
		require.NoError(t, json.Unmarshal(data, &got))
		assert.Equal(t, 3.0, got.Progress["Queued"])
		assert.Contains(t, got.Progress, "Lag")
		if p.Err == nil {
			assert.Nil(t, got.Progress["Err"])
			continue
		}
		assert.Contains(t, got.Progress["Err"], "store: disk full")
		assert.NotContains(t, string(data), "hunter2")
	}
}

func TestProgress(t *testing.T) {
	t.Parallel()
	bubble(t, "of a few jobs", func(t *testing.T) {
		w := &world{took: time.Second, lag: 10 * time.Second}
		s := w.on(t, submit.NewMemory(), everySecond, func(o *options) { o.Workers = 2 })
		assert.Zero(t, s.Progress())
		defer running(s)()
		start := time.Now()
		enqueue(t, s, 6)
		time.Sleep(time.Second / 2)
		p := s.Progress()
		assert.Equal(t, [3]int{4, 2, 0}, [3]int{p.Queued, p.Sending, p.Reading})
		assert.Equal(t, start, p.Oldest.Local())
		time.Sleep(time.Second)
		p = s.Progress()
		assert.Equal(t, [3]int{2, 2, 2}, [3]int{p.Queued, p.Sending, p.Reading})
		time.Sleep(time.Minute)
		p = s.Progress()
		assert.Equal(t, submit.Progress{Confirmed: 6, Lag: p.Lag}, p)
		for _, lag := range []time.Duration{p.Lag.P50, p.Lag.P90, p.Lag.P99} {
			assert.GreaterOrEqual(t, lag, 10*time.Second)
			assert.LessOrEqual(t, lag, 12*time.Second+time.Second)
		}
	})
	bubble(t, "visible at once", func(t *testing.T) {
		s := (&world{}).on(t, submit.NewMemory())
		_, err := s.Submit(t.Context(), "a", order{"x"})
		require.NoError(t, err)
		assert.Equal(t, 100*time.Microsecond, s.Progress().Lag.P50)
	})
	bubble(t, "quantiles", func(t *testing.T) {
		w := &world{}
		s := w.on(t, submit.NewMemory(), func(o *options) { o.Policy.Schedule = every(20 * time.Millisecond) })
		defer running(s)()
		for i := range 100 {
			w.mu.Lock()
			w.lag = time.Duration(i+1) * 100 * time.Millisecond
			w.mu.Unlock()
			require.NoError(t, s.Enqueue(t.Context(), fmt.Sprint(i), order{"x"}))
			time.Sleep(20 * time.Millisecond)
		}
		time.Sleep(time.Minute)
		lag := s.Progress().Lag
		for want, got := range map[time.Duration]time.Duration{5 * time.Second: lag.P50, 9 * time.Second: lag.P90, 9900 * time.Millisecond: lag.P99} {
			assert.GreaterOrEqual(t, got, want)
			assert.LessOrEqual(t, got, want*125/100)
		}
	})
}

// Operators are told what became of processes and of the store, and secrets in
// errors are hidden.
func TestLog(t *testing.T) {
	t.Parallel()
	bubble(t, "a takeover and an outage", func(t *testing.T) {
		core, logs := observer.New(zapcore.InfoLevel)
		w := &world{lag: time.Minute}
		store := submit.NewMemory()
		first := newProcess(w, store)
		s, stopFirst := first.starts(t)
		require.NoError(t, s.Enqueue(t.Context(), "a", order{"x"}))
		time.Sleep(time.Second)
		first.kill()
		stopFirst()
		second := newProcess(w, store)
		secret := errors.New("GET https://user:hunter2@store/: connection refused")
		var failing atomic.Bool
		second.fails = func(string) (bool, bool) { return failing.Load(), false }
		_, stop := second.starts(t, func(o *options) {
			o.Store = hiding{second, secret}
			o.Policy.Logger = zap.New(core)
		})
		time.Sleep(time.Minute + 2500*time.Millisecond) // it renews its lease every 5 s
		failing.Store(true)
		time.Sleep(10 * time.Second)
		failing.Store(false)
		time.Sleep(11 * time.Second)
		stop()
		var told []string
		for _, entry := range logs.All() {
			told = append(told, entry.Message)
			assert.NotContains(t, fmt.Sprint(entry.Message, entry.ContextMap()), "hunter2")
		}
		assert.Equal(t, []string{
			"submit: a lease is over", "submit: jobs were taken over",
			"submit: the store fails", "submit: the store answers again",
			"submit: the lease could not be given up", // the process is dead
		}, told)
	})
}

// hiding is a store that fails with an error that has a secret.
type hiding struct {
	*process
	secret error
}

// No goroutine is left behind, whatever came in between: a bubble with one does
// not end well.
func TestRun_leavesNoGoroutine(t *testing.T) {
	t.Parallel()
	bubble(t, "of those who submit while others run", func(t *testing.T) {
		w := &world{}
		store := submit.NewMemory()
		for i := range 5 {
			s := w.on(t, store)
			_, err := s.Submit(t.Context(), fmt.Sprint(i), order{"x"})
			require.NoError(t, err)
			stop := running(s)
			_, err = s.Submit(t.Context(), fmt.Sprint("run ", i), order{"x"})
			require.NoError(t, err)
			stop()
		}
	})
}

func TestNew_invalid(t *testing.T) {
	t.Parallel()
	tests := map[string]func(*options){
		"Store":          func(o *options) { o.Store = nil },
		"Flow":           func(o *options) { o.Flow = nil },
		"Workers":        func(o *options) { o.Workers = -1 },
		"Lease":          func(o *options) { o.Lease = time.Millisecond },
		"Keep":           func(o *options) { o.Keep = -1 },
		"ReadsPerSecond": func(o *options) { o.ReadsPerSecond = -1 },
		"KeyHonouredFor": func(o *options) { o.Resubmit.KeyHonouredFor = -1 },
		"Group":          func(o *options) { o.Group = func(order) string { return "" } },
		"Policy":         func(o *options) { o.Policy.Settle = -1 },
	}
	for field, spoil := range tests {
		opts := options{Store: submit.NewMemory(), Flow: (&world{}).flow}
		_, err := submit.New(opts)
		require.NoError(t, err)
		spoil(&opts)
		_, err = submit.New(opts)
		require.Error(t, err, field)
		assert.True(t, strings.HasPrefix(err.Error(), "submit: Options."), err.Error())
		assert.ErrorContains(t, err, field)
	}
	opts := options{Store: submit.NewMemory(), Flow: (&world{}).flow, Policy: consistency.Policy{Within: -1}}
	_, err := submit.New(opts)
	assert.ErrorIs(t, err, consistency.ErrInvalid)
}
