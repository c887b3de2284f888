package submit_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/submit"
)

// The clocks of processes may differ by years: what they wrote down of time does
// not decide who holds what.
func TestLease_skewedClocks(t *testing.T) {
	t.Parallel()
	for _, skew := range []time.Duration{-365 * 24 * time.Hour, 0, 365 * 24 * time.Hour} {
		bubble(t, fmt.Sprint(skew), func(t *testing.T) {
			w := &world{}
			store := &skewed{Memory: submit.NewMemory(), by: skew}
			first := newProcess(w, store)
			first.hook = func(what string) {
				if what == "before write" {
					first.kill()
				}
			}
			s, stopFirst := first.starts(t)
			_, err := s.Submit(first.ctx, "a", order{"x"})
			require.Error(t, err)
			stopFirst()

			second, stop := newProcess(w, store.Memory).starts(t, func(o *options) { o.Resubmit.KeyHonouredFor = 24 * time.Hour })
			defer stop()
			time.Sleep(14 * time.Second)
			assert.Zero(t, second.Progress().Reading)
			time.Sleep(time.Minute)
			want := 0
			if skew == 0 { // else nobody knows whether the key is still honoured
				want = 1
			}
			assert.Equal(t, want, w.sent("a"))
		})
	}
}

// skewed is a store as a process sees it whose clock is off.
type skewed struct {
	*submit.Memory
	by time.Duration
}

func (s *skewed) Create(ctx context.Context, r submit.Record) (uint64, error) {
	var rec map[string]any
	if r.Kind == submit.KindJob && json.Unmarshal(r.Value, &rec) == nil {
		at, _ := time.Parse(time.RFC3339Nano, rec["intent"].(string))
		rec["intent"] = at.Add(s.by)
		r.Value, _ = json.Marshal(rec)
	}
	return s.Memory.Create(ctx, r)
}

// What a newer version wrote, or nobody knows who, is left as it is.
func TestLease_leavesUnknownAlone(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{
		"newer, odd": `{"submit":2,"state":"kept","holder":7}`,
		"newer":      `{"submit":2,"state":"queued","holder":"x","job":{"Name":"x"}}`,
		"not JSON":   `{`,
		"no state":   `{"submit":1,"holder":"x"}`,
		"odd state":  `{"submit":1,"state":"lost","holder":"x"}`,
		"no version": `{"state":"queued","holder":"x"}`,
		"no outcome": `{"submit":1,"state":"ended","holder":"x"}`,
		"bad job":    `{"submit":1,"state":"queued","holder":"x","job":7}`,
	} {
		bubble(t, name, func(t *testing.T) {
			w := &world{}
			store := submit.NewMemory()
			revision, err := store.Create(t.Context(), submit.Record{Kind: submit.KindJob, Key: "a", Value: []byte(value)})
			require.NoError(t, err)
			s := w.on(t, store)
			defer running(s)()
			time.Sleep(time.Hour)
			r, err := store.Get(t.Context(), submit.KindJob, "a")
			require.NoError(t, err)
			assert.Equal(t, revision, r.Revision)
			if strings.HasPrefix(name, "newer") {
				_, err = s.Lookup(t.Context(), "a")
				assert.ErrorContains(t, err, "newer version: 2, not 1")
			}
			if name != "bad job" {
				_, err = s.Submit(within(t, time.Minute), "a", order{"x"})
				require.Error(t, err)
				assert.True(t, strings.Contains(err.Error(), "record"), err.Error())
				_, err = s.Lookup(t.Context(), "a")
				require.ErrorContains(t, err, "record")
			}
			assert.Zero(t, w.sent("a"))
		})
	}
}

// A job of a holder that is gone and whose lease nobody saw is found in the end.
func TestLease_neverSeen(t *testing.T) {
	t.Parallel()
	bubble(t, "recorded by who died at once", func(t *testing.T) {
		w := &world{}
		store := submit.NewMemory()
		defer running(w.on(t, store))()
		time.Sleep(time.Minute)
		value := `{"submit":1,"state":"queued","holder":"gone","intent":"2000-01-01T00:01:00Z","print":"","job":{"Name":"x"}}`
		_, err := store.Create(t.Context(), submit.Record{Kind: submit.KindJob, Key: "a", Value: []byte(value)})
		require.NoError(t, err)
		time.Sleep(62 * 15 * time.Second)
		assert.Equal(t, 1, w.sent("a"))
	})
}

// A lease that nobody can read is over once it has not changed for its length, as any:
// its jobs are gone on with.
func TestLease_damagedIsOverAfterItsLength(t *testing.T) {
	t.Parallel()
	for name, value := range map[string]string{"nonsense": "{", "empty": "", "newer": `{"submit":9,"left":7}`} {
		bubble(t, name, func(t *testing.T) {
			w := &world{}
			store := submit.NewMemory()
			_, err := store.Create(t.Context(), submit.Record{Kind: submit.KindLease, Key: "x", Value: []byte(value)})
			require.NoError(t, err)
			_, err = store.Create(t.Context(), submit.Record{Kind: submit.KindJob, Key: "a",
				Value: []byte(`{"submit":1,"state":"queued","holder":"x","intent":"2000-01-01T00:00:00Z","print":"","job":{"Name":"x"}}`)})
			require.NoError(t, err)
			s := w.on(t, store)
			defer running(s)()
			time.Sleep(10 * time.Second)
			assert.Zero(t, w.sent("a"), "it may be alive")
			time.Sleep(30 * time.Second)
			assert.Equal(t, 1, w.sent("a"))
			assert.NotContains(t, leases(t, store), "x")
		})
	}
}
