package submit_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/submit"
)

// A job goes the same way with and without a Run.
func TestSubmit(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		world   *world
		want    consistency.Outcome
		elapsed time.Duration
		cause   error
	}{
		{"at once", &world{}, confirmed, 0, nil},
		{"after a lag", &world{lag: 3 * time.Second}, confirmed, 3 * time.Second, nil},
		{"slow", &world{took: time.Second, lag: time.Second, readFor: time.Second}, confirmed, 2 * time.Second, nil},
		{"lost answer", &world{lag: time.Second, answer: errLost}, confirmed, time.Second, nil},
		{"refused", &world{refuse: status(409)}, failed, 0, status(409)},
		{"lost answer, not seen in time", &world{lag: time.Hour, answer: errLost}, unconfirmed, 2 * time.Minute, errLost},
		{"not seen in time", &world{lag: time.Hour}, unconfirmed, 30 * time.Second, status(404)},
	}
	for _, tt := range tests {
		for _, run := range []bool{true, false} {
			name := tt.name
			if !run {
				name += ", without a Run"
			}
			bubble(t, name, func(t *testing.T) {
				w := &world{lag: tt.world.lag, took: tt.world.took, readFor: tt.world.readFor, answer: tt.world.answer, refuse: tt.world.refuse}
				store := submit.NewMemory()
				s := w.on(t, store, everySecond)
				if run {
					defer running(s)()
				}
				start := time.Now()
				res, err := s.Submit(t.Context(), "a", order{"x"})
				assert.Equal(t, tt.want, res.Outcome)
				assert.Equal(t, tt.want, consistency.OutcomeOf(err))
				assert.Equal(t, err, res.Err)
				assert.Equal(t, tt.elapsed, time.Since(start).Round(10*time.Millisecond))
				if tt.cause != nil {
					assert.ErrorIs(t, err, tt.cause)
				}
				assert.Equal(t, 1, w.sent("a"))
				if tt.want == confirmed {
					assert.Equal(t, "a", res.Written)
				}
				assert.Equal(t, tt.want == unconfirmed, !res.Pending.IsZero())

				kept, err := s.Lookup(t.Context(), "a")
				require.NoError(t, err)
				assert.Equal(t, tt.want, kept.Outcome)
				assert.Equal(t, res.Written, kept.Written)
				assert.Equal(t, start, kept.Intent.Local())
				if tt.want != confirmed {
					assert.Equal(t, res.Err.Error(), kept.Err.Error(), "the store keeps all reasons")
				}
				if !run {
					assert.Empty(t, leases(t, store))
				}
			})
		}
	}
}

// The last read that told something stays findable, though those after it hang
// until they are cut short.
func TestSubmit_lastReadCutShort(t *testing.T) {
	t.Parallel()
	bubble(t, "hanging", func(t *testing.T) {
		w := &world{lag: time.Hour}
		store := submit.NewMemory()
		start := time.Now()
		s := w.on(t, store, everySecond, func(o *options) {
			o.Flow = func(key string, o order) consistency.Flow[string, *thing] {
				f := w.flow(key, o)
				read := f.Read
				f.Read = func(ctx context.Context, id string) (*thing, error) {
					if time.Since(start) > 27*time.Second {
						<-ctx.Done()
						return nil, ctx.Err()
					}
					return read(ctx, id)
				}
				return f
			}
		})
		defer running(s)()
		res, err := s.Submit(t.Context(), "a", order{"x"})
		assert.Equal(t, unconfirmed, res.Outcome)
		assert.ErrorIs(t, err, status(404))
		assert.NotErrorIs(t, err, context.DeadlineExceeded)
		assert.ErrorContains(t, err, "last status 404")
		assert.Equal(t, 30*time.Second, time.Since(start).Round(time.Millisecond))
		kept, err := w.on(t, store).Lookup(t.Context(), "a")
		require.NoError(t, err)
		assert.ErrorContains(t, kept.Err, "last read: status 404")
	})
}

func everySecond(o *options) { o.Policy.Schedule = every(time.Second) }

func leases(t *testing.T, store submit.Store) (keys []string) {
	for r, err := range store.List(t.Context(), submit.KindLease) {
		require.NoError(t, err)
		keys = append(keys, r.Key)
	}
	return keys
}

// When the caller gives up, the job goes on.
func TestSubmit_givenUp(t *testing.T) {
	t.Parallel()
	bubble(t, "Run goes on", func(t *testing.T) {
		w := &world{took: time.Second, lag: 10 * time.Second}
		s := w.on(t, submit.NewMemory(), everySecond)
		defer running(s)()
		for _, d := range []time.Duration{time.Second / 2, 5 * time.Second} {
			start := time.Now()
			res, err := s.Submit(within(t, d), "a", order{"x"})
			assert.Equal(t, d, time.Since(start))
			assert.Equal(t, unconfirmed, res.Outcome)
			assert.ErrorIs(t, err, consistency.ErrUnconfirmed)
			assert.ErrorIs(t, err, context.DeadlineExceeded)
		}
		res, err := s.Submit(t.Context(), "a", order{"x"})
		require.NoError(t, err)
		assert.Equal(t, confirmed, res.Outcome)
		assert.Equal(t, 1, w.sent("a"))
	})
	bubble(t, "without a Run it is for the next", func(t *testing.T) {
		w := &world{lag: 10 * time.Second}
		store := submit.NewMemory()
		s := w.on(t, store, everySecond)
		res, _ := s.Submit(within(t, 5*time.Second), "a", order{"x"})
		assert.Equal(t, unconfirmed, res.Outcome)
		assert.Zero(t, s.Progress().Reading)
		time.Sleep(20 * time.Second)
		reads := w.seen().reads
		next := w.on(t, store, everySecond)
		stop := running(next)
		time.Sleep(time.Second)
		stop()
		assert.Greater(t, w.seen().reads, reads)
		ended(t, s, "a", confirmed)
		assert.Equal(t, 1, w.sent("a"))
		assert.Empty(t, leases(t, store))
		assert.Zero(t, next.Progress().Lag, "it did not see the answer")
	})
	bubble(t, "cut short while it is sent", func(t *testing.T) {
		w := &world{took: 10 * time.Second}
		store := submit.NewMemory()
		s := w.on(t, store, everySecond)
		start := time.Now()
		res, err := s.Submit(within(t, 5*time.Second), "a", order{"x"})
		assert.Equal(t, 5*time.Second, time.Since(start))
		assert.Equal(t, unconfirmed, res.Outcome)
		assert.ErrorIs(t, err, context.DeadlineExceeded)
		got, err := s.Lookup(t.Context(), "a")
		require.NoError(t, err)
		assert.Zero(t, got.Outcome)
	})
}

// Bad input is refused before anything is recorded.
func TestSubmit_badInput(t *testing.T) {
	t.Parallel()
	bubble(t, "keys and contexts", func(t *testing.T) {
		w := &world{}
		s := w.on(t, nothing{})
		for _, key := range []string{"", string(make([]byte, 256)), "a\n", "ü", "\x7f"} {
			res, err := s.Submit(t.Context(), key, order{})
			assert.ErrorIs(t, err, consistency.ErrInvalid)
			assert.ErrorIs(t, err, consistency.ErrFailed)
			assert.Equal(t, failed, res.Outcome)
			assert.ErrorIs(t, s.Enqueue(t.Context(), key, order{}), consistency.ErrInvalid)
			_, err = s.Lookup(t.Context(), key)
			assert.ErrorIs(t, err, consistency.ErrInvalid)
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		over := errors.New("over")
		cancel(over)
		_, err := s.Submit(ctx, "a", order{})
		assert.ErrorIs(t, err, over)
		assert.ErrorIs(t, err, context.Canceled)
		assert.ErrorIs(t, err, consistency.ErrUnconfirmed, "the key may be that of a job that was sent before")
		assert.ErrorIs(t, s.Enqueue(ctx, "a", order{}), over)
	})
	bubble(t, "a job that is too long", func(t *testing.T) {
		w := &world{}
		_, err := w.on(t, nothing{}).Submit(t.Context(), "a", order{strings.Repeat("x", 256<<10)})
		assert.ErrorIs(t, err, consistency.ErrInvalid)
		res, err := w.on(t, submit.NewMemory()).Submit(t.Context(), "a", order{strings.Repeat("x", 255<<10)})
		require.NoError(t, err)
		assert.Equal(t, confirmed, res.Outcome)
	})
	bubble(t, "a reason that is too long", func(t *testing.T) {
		w := &world{refuse: consistency.As(consistency.Refused, errors.New(strings.Repeat("ü", 1<<20)))}
		store := submit.NewMemory()
		res, err := w.on(t, store).Submit(t.Context(), "a", order{"x"})
		require.ErrorIs(t, err, w.refuse)
		assert.Equal(t, failed, res.Outcome)
		r, err := store.Get(t.Context(), submit.KindJob, "a")
		require.NoError(t, err)
		assert.Less(t, len(r.Value), 20<<10)
		res, err = w.on(t, store).Lookup(t.Context(), "a")
		require.NoError(t, err)
		assert.ErrorContains(t, res.Err, "üü")
	})
	bubble(t, "a job that is no JSON", func(t *testing.T) {
		s, err := submit.New(submit.Options[chan int, string, int]{
			Store: nothing{}, Flow: func(string, chan int) (f consistency.Flow[string, int]) { return f },
		})
		require.NoError(t, err)
		_, err = s.Submit(t.Context(), "a", make(chan int))
		assert.ErrorIs(t, err, consistency.ErrInvalid)
	})
	bubble(t, "a flow that says nothing", func(t *testing.T) {
		w := &world{}
		s := w.on(t, submit.NewMemory(), func(o *options) {
			o.Flow = func(string, order) (f consistency.Flow[string, *thing]) { return f }
		})
		_, err := s.Submit(t.Context(), "a", order{})
		assert.ErrorIs(t, err, consistency.ErrInvalid)
		assert.ErrorIs(t, err, consistency.ErrFailed)
	})
}

// nothing is a store that must not be asked.
type nothing struct{ submit.Store }
