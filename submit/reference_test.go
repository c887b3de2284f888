package submit_test

import (
	"context"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/submit"
)

// refs are jobs whose reference is a W that the service makes.
func refs[W any](t *testing.T, w *world, store submit.Store, make func() W, logger *zap.Logger) *submit.Submitter[order, W, *thing] {
	t.Helper()
	s, err := submit.New(submit.Options[order, W, *thing]{
		Store: store, Policy: consistency.Policy{Schedule: every(time.Second), Logger: logger},
		Flow: func(key string, o order) consistency.Flow[W, *thing] {
			f := consistency.Create("create thing",
				func(ctx context.Context) (none W, _ error) {
					if _, err := w.write(ctx, key, o); err != nil {
						return none, err
					}
					return make(), nil
				},
				func(ctx context.Context, _ W) (*thing, error) { return w.read(ctx, key) })
			f.Find = func(context.Context) ([]W, error) {
				if found, err := w.find(key); len(found) == 0 || err != nil {
					return nil, err
				}
				return []W{make()}, nil
			}
			f.Mine = func(W) bool { return true }
			return f
		},
	})
	require.NoError(t, err)
	return s
}

// A reference that JSON does not carry exactly is never another one later: whoever has
// the outcome from its record gets none, and who waited for it here the one that it is.
func TestReference_inexact(t *testing.T) {
	t.Parallel()
	inexact(t, "an integer in an interface", func() any { return int64(9007199254740993) })
	inexact(t, "an integer in a map", func() map[string]any { return map[string]any{"id": int64(9007199254740993)} })
	inexact(t, "not a number", math.NaN)
	inexact(t, "hidden", func() hidden { return hidden{"x", "y"} })
	inexact(t, "another type", func() any { return order{"x"} })
}

func inexact[W any](t *testing.T, name string, make func() W) {
	t.Helper()
	for _, crash := range []bool{false, true} {
		bubble(t, fmt.Sprint(name, ", crash ", crash), func(t *testing.T) {
			core, logs := observer.New(zap.WarnLevel)
			w := &world{lag: 5 * time.Second}
			store := submit.NewMemory()
			s := refs(t, w, store, make, zap.New(core))
			if crash {
				stop := running(s)
				require.NoError(t, s.Enqueue(t.Context(), "a", order{"x"}))
				time.Sleep(2 * time.Second)
				stop()
				s = refs(t, w, store, make, zap.New(core))
			}
			res, err := s.Submit(within(t, time.Hour), "a", order{"x"})
			require.NoError(t, err)
			assert.Equal(t, confirmed, res.Outcome)
			assert.Equal(t, fmt.Sprintf("%#v", make()), fmt.Sprintf("%#v", res.Written), "here it is known")
			assert.Equal(t, 1, w.sent("a"))
			assert.Equal(t, 1, logs.FilterMessageSnippet("reference").Len())
			var none W
			elsewhere := refs(t, w, store, make, nil)
			for way, ask := range map[string]func() (submit.Result[W], error){
				"Lookup": func() (submit.Result[W], error) { return elsewhere.Lookup(t.Context(), "a") },
				"Submit": func() (submit.Result[W], error) { return elsewhere.Submit(t.Context(), "a", order{"x"}) },
			} {
				res, err = ask()
				require.NoError(t, err, way)
				assert.Equal(t, confirmed, res.Outcome)
				assert.Equal(t, none, res.Written, way)
			}
		})
	}
}

// A reference of a type that JSON never carries is refused before anything is sent.
func TestReference_refused(t *testing.T) {
	t.Parallel()
	bubble(t, "a channel", func(t *testing.T) {
		w := &world{}
		res, err := refs(t, w, submit.NewMemory(), func() chan int { return nil }, nil).Submit(t.Context(), "a", order{"x"})
		assert.Equal(t, failed, res.Outcome)
		require.ErrorIs(t, err, consistency.ErrInvalid)
		assert.Zero(t, w.sent("a"))
	})
	bubble(t, "an interface with methods", func(t *testing.T) {
		w := &world{}
		res, err := refs(t, w, submit.NewMemory(), func() fmt.Stringer { return time.Second }, nil).Submit(t.Context(), "a", order{"x"})
		assert.Equal(t, failed, res.Outcome)
		require.ErrorIs(t, err, consistency.ErrInvalid)
		assert.Zero(t, w.sent("a"))
	})
}

// A reference that is nothing, as of a typed client's 204, is never read; it is looked
// for, also after a crash.
func TestReference_none(t *testing.T) {
	t.Parallel()
	for _, crash := range []bool{false, true} {
		bubble(t, fmt.Sprint("crash ", crash), func(t *testing.T) {
			w := &world{lag: 5 * time.Second}
			calls := 0
			store := submit.NewMemory()
			s := refs(t, w, store, func() *order {
				if calls++; calls == 1 {
					return nil
				}
				return &order{"found"}
			}, nil)
			if crash {
				stop := running(s)
				require.NoError(t, s.Enqueue(t.Context(), "a", order{"x"}))
				time.Sleep(2 * time.Second)
				stop()
			}
			res, err := s.Submit(within(t, time.Hour), "a", order{"x"})
			require.NoError(t, err)
			assert.Equal(t, confirmed, res.Outcome)
			assert.Equal(t, &order{"found"}, res.Written)
			assert.Equal(t, 1, w.sent("a"))
		})
	}
}

// A reference of another type since a deploy hides the outcome nowhere.
func TestReference_anotherType(t *testing.T) {
	t.Parallel()
	for want, refuse := range map[consistency.Outcome]error{confirmed: nil, failed: status(422)} {
		bubble(t, fmt.Sprint(want), func(t *testing.T) {
			w := &world{refuse: refuse}
			store := submit.NewMemory()
			_, _ = refs(t, w, store, func() string { return "x" }, nil).Submit(t.Context(), "a", order{"x"})
			s := refs(t, w, store, func() int { return 7 }, nil)
			type result = submit.Result[int]
			one := func(yield func(string, order) bool) { yield("a", order{"x"}) }
			for way, ask := range map[string]func() result{
				"SubmitAll": func() (got result) {
					for _, res := range s.SubmitAll(t.Context(), one) {
						got = res
					}
					return got
				},
				"Wait": func() (got result) {
					for _, res := range s.Wait(t.Context(), "a") {
						got = res
					}
					return got
				},
				"Jobs": func() (got result) {
					for job, err := range s.Jobs(t.Context(), submit.Filter{}) {
						require.NoError(t, err)
						got = job.Result
					}
					return got
				},
				"Feed": func() result {
					for job, err := range s.Feed(t.Context(), 0) {
						require.NoError(t, err)
						return job.Result
					}
					return result{}
				},
			} {
				res := ask()
				assert.Equal(t, want, res.Outcome, way)
				assert.Zero(t, res.Written, way)
				var why *consistency.Error
				require.ErrorAs(t, res.Err, &why, way)
				assert.Equal(t, want, why.Outcome, way)
				if refuse == nil {
					assert.ErrorContains(t, res.Err, "does not fit", way)
				}
			}
			require.NoError(t, s.Enqueue(t.Context(), "a", order{"x"}))
		})
	}
}
