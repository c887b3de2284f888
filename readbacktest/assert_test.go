package readbacktest_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/testing/inbubble"
	"github.com/readback-go/readback/readbacktest"
)

// bubble runs a parallel subtest with a clock of its own.
var bubble = inbubble.Run

// Each assertion takes one outcome and no other.
func TestOutcomes(t *testing.T) {
	t.Parallel()
	broken := consistency.Create[string, *workspace]("create workspace", nil, nil)
	tests := []struct {
		name string
		flow consistency.Flow[string, *workspace]
		want consistency.Outcome // the zero one: no assertion takes it
	}{
		{"visible", (&service{answers: []any{status(404), "active"}}).flow(), consistency.Confirmed},
		{"never visible", (&service{answers: []any{status(404)}}).flow(), consistency.Unconfirmed},
		{"refused", (&service{write: status(422)}).flow(), consistency.Failed},
		{"no flow at all", broken, 0},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			for asked, assertion := range map[consistency.Outcome]func(readbacktest.TestingT){
				consistency.Confirmed:   func(t readbacktest.TestingT) { readbacktest.Confirm(t, everySecond, tt.flow) },
				consistency.Unconfirmed: func(t readbacktest.TestingT) { readbacktest.Unconfirmed(t, everySecond, tt.flow) },
				consistency.Failed:      func(t readbacktest.TestingT) { readbacktest.Failed(t, everySecond, tt.flow) },
			} {
				got := under(func(t *fakeT) { assertion(t) })
				assert.Equal(t, asked == tt.want, got.passed, "%v: %s", asked, got.text())
				assert.Equal(t, asked != tt.want, got.ended, "%v", asked)
				if asked != tt.want {
					assert.Len(t, got.said, 1, "%v", asked)
				}
			}
		})
	}
}

func TestConfirm_value(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		s := &service{answers: []any{status(404), status(403), "active"}}
		ws := readbacktest.Confirm(t, everySecond, s.flow())
		assert.Equal(t, &workspace{"active"}, ws)
		assert.Equal(t, 2*time.Second+8*time.Millisecond, time.Since(begin))
	})
}

func TestUnconfirmed_result(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{answers: []any{status(404)}}
		res, err := readbacktest.Unconfirmed(t, everySecond, s.flow())
		assert.Equal(t, "ws-7", res.Written)
		assert.False(t, res.Pending.IsZero())
		assert.Equal(t, res.History.Reads(), err.Reads)
		require.ErrorIs(t, err, consistency.ErrUnconfirmed)
		require.ErrorIs(t, err, status(404))
	})
}

func TestFailed_result(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{write: status(422)}
		res, err := readbacktest.Failed(t, everySecond, s.flow())
		assert.Equal(t, consistency.Failed, res.Outcome)
		require.ErrorIs(t, err, status(422))
		assert.Zero(t, s.reads)
	})
}

// The observer of the policy hears of everything all the same.
func TestConfirm_observer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var phases []consistency.Phase
		p := everySecond
		p.Observer = func(e consistency.Event) { phases = append(phases, e.Phase) }
		readbacktest.Confirm(t, p, (&service{answers: []any{"active"}}).flow())
		assert.Equal(t, []consistency.Phase{consistency.PhaseWrite, consistency.PhaseRead, consistency.PhaseEnd}, phases)
	})
}

// withContext is a test with another context.
type withContext struct {
	readbacktest.TestingT
	ctx context.Context
}

func (t withContext) Context() context.Context { return t.ctx }

type key struct{}

func TestConfirm_context(t *testing.T) {
	t.Parallel()
	errWhy := errors.New("the suite is over")
	timely := func(parent context.Context) (context.Context, context.CancelFunc) {
		return context.WithTimeoutCause(parent, 3*time.Second, errWhy)
	}
	tests := []struct {
		name     string
		make     func(context.Context) (context.Context, context.CancelFunc)
		wantPass bool
		wantTime time.Duration
	}{
		{"goes on", context.WithCancel, true, 5*time.Second + 11*time.Millisecond},
		{"ends", timely, false, 3 * time.Second},
		{"was cancelled before, as in a cleanup", func(parent context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(parent)
			cancel()
			return ctx, cancel
		}, true, 5*time.Second + 11*time.Millisecond},
		{"was over before", func(parent context.Context) (context.Context, context.CancelFunc) {
			return context.WithDeadlineCause(parent, time.Now(), errWhy)
		}, false, 0},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			begin := time.Now()
			s := &service{answers: []any{status(404), status(404), status(404), status(404), status(404), "active"}}
			f := s.flow()
			f.Read = func(ctx context.Context, id string) (*workspace, error) {
				assert.Equal(t, "value", ctx.Value(key{}))
				return s.get(ctx, id)
			}
			ctx, cancel := tt.make(context.WithValue(t.Context(), key{}, "value"))
			defer cancel()
			got := under(func(t *fakeT) { readbacktest.Confirm(withContext{t, ctx}, everySecond, f) })
			assert.Equal(t, tt.wantPass, got.passed, got.text())
			assert.Equal(t, tt.wantTime, time.Since(begin))
			if !tt.wantPass {
				assert.Contains(t, got.text(), errWhy.Error())
			}
		})
	}
}

// The context of a test has ended when its cleanups run.
func TestConfirm_inCleanup(t *testing.T) {
	t.Parallel()
	var value *workspace
	t.Run("test", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			t.Cleanup(func() {
				value = readbacktest.Confirm(t, everySecond, (&service{answers: []any{status(404), "active"}}).flow())
			})
		})
	})
	assert.Equal(t, &workspace{"active"}, value)
}
