package consistency_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
)

func TestMonitor(t *testing.T) {
	t.Parallel()
	operation := func(how string) reply {
		return reply{err: fmt.Errorf("%w: %s", consistency.ErrOperation, how)}
	}
	tests := []struct {
		name        string
		monitored   []reply
		reads       []reply
		want        consistency.Outcome
		wantMonitor []time.Duration
		wantReads   []time.Duration
		wantElapsed time.Duration
	}{
		{"done at once", answers(200), answers(200), confirmed, seconds(0), seconds(0), 0},
		{"running, then done", answers(202, 202, 200), answers(404, 200), confirmed, seconds(0, 1, 2), seconds(2, 3), 3 * time.Second},
		{"404 first", answers(404, 404, 202, 200), answers(200), confirmed, seconds(0, 1, 2, 3), seconds(3), 3 * time.Second},
		{"403 first", answers(403, 200), answers(200), confirmed, seconds(0, 1), seconds(1), time.Second},
		{"unavailable for a while", answers(503, 0, 200), answers(200), confirmed, seconds(0, 1, 2), seconds(2), 2 * time.Second},
		{"failed", []reply{{status: 202}, operation("failed")}, nil, failed, seconds(0, 1), nil, time.Second},
		{"cancelled", []reply{operation("cancelled")}, nil, failed, seconds(0), nil, 0},
		{"refused", answers(401), nil, unconfirmed, seconds(0), nil, 0},
		{"a missing role", []reply{{status: 403, body: roleMissing}}, nil, unconfirmed, seconds(0), nil, 0},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			s := &service{writes: answers(202), monitored: tt.monitored, reads: tt.reads}
			res, err := consistency.Do(t.Context(), s.policy(), s.to(consistency.ToPresent))
			s.onePlainWrite(t, res, err)
			assert.Equal(t, accepted, s.class())
			assert.Equal(t, tt.want, res.Outcome, "%v", err)
			assert.Equal(t, tt.wantMonitor, s.monitorAt)
			assert.Equal(t, tt.wantReads, s.readAt)
			assert.Equal(t, tt.wantElapsed, res.Elapsed)
			assert.Equal(t, "w1", res.Written.ID, "kept in every outcome")
			assert.Equal(t, tt.want == failed, errors.Is(err, consistency.ErrOperation))
			require.Len(t, s.started, 1, "before the first look")
			assert.Equal(t, len(tt.wantMonitor)+len(tt.wantReads), res.History.Reads())
		})
	}
}

func TestMonitor_time(t *testing.T) {
	t.Parallel()
	bubble(t, "runs for ten minutes at most", func(t *testing.T) {
		s := &service{writes: answers(202), monitored: answers(202), reads: answers(200)}
		p := s.policy()
		p.Schedule = every(10 * time.Second)
		res, err := consistency.Do(t.Context(), p, s.to(consistency.ToPresent))
		s.onePlainWrite(t, res, err)
		assert.Equal(t, unconfirmed, res.Outcome)
		assert.Equal(t, 10*time.Minute, res.Elapsed)
		assert.ErrorIs(t, err, poll.ErrDeadline)
		assert.Empty(t, s.readAt)
	})
	bubble(t, "and the reads have what it leaves", func(t *testing.T) {
		s := &service{writes: answers(202), reads: answers(404)}
		for range 60 {
			s.monitored = append(s.monitored, reply{status: 202})
		}
		s.monitored = append(s.monitored, reply{status: 200})
		p := s.policy()
		p.Within = 90 * time.Second
		res, err := consistency.Do(t.Context(), p, s.to(consistency.ToPresent))
		s.onePlainWrite(t, res, err)
		assert.Equal(t, 90*time.Second, res.Elapsed)
		assert.Equal(t, seconds(60, 61), first(2, s.readAt))
	})
	bubble(t, "is looked at once for one good answer, however long the streak", func(t *testing.T) {
		s := &service{writes: answers(202), monitored: answers(202, 200), reads: answers(200)}
		p := s.policy()
		p.Settle = 3
		res, err := consistency.Do(t.Context(), p, s.to(consistency.ToPresent))
		require.NoError(t, err)
		s.onePlainWrite(t, res, err)
		assert.Equal(t, seconds(0, 1), s.monitorAt)
		assert.Equal(t, seconds(1, 2, 3), s.readAt)
	})
}

// Only a write that was answered well is followed.
func TestMonitor_notAsked(t *testing.T) {
	t.Parallel()
	for _, status := range []int{422, 503} {
		bubble(t, fmt.Sprint(status), func(t *testing.T) {
			s := &service{
				writes: answers(status), monitored: answers(200), reads: answers(200),
				found: [][]string{{"w1"}},
			}
			res, err := consistency.Do(t.Context(), s.policy(), s.to(consistency.ToPresent))
			s.onePlainWrite(t, res, err)
			assert.Empty(t, s.monitorAt)
		})
	}
}

// An operation that failed proves nothing of an earlier try.
func TestMonitor_failsAfterADoubtfulTry(t *testing.T) {
	t.Parallel()
	operation := reply{err: fmt.Errorf("%w: failed", consistency.ErrOperation)}
	bubble(t, "one that was sent again", func(t *testing.T) {
		s := &service{writes: answers(503, 202), monitored: []reply{operation}}
		p := s.policy()
		p.Resend.WithKey = time.Minute
		res, err := consistency.Do(t.Context(), p, s.to(consistency.ToPresent))
		s.told(t, res, err)
		assert.Len(t, s.writeAt, 2)
		assert.Equal(t, unconfirmed, res.Outcome)
		assert.ErrorIs(t, err, consistency.ErrOperation)

		// The handle remembers.
		res, err = consistency.Resume(t.Context(), p, s.to(consistency.ToPresent), stored(t, res.Pending))
		assert.Equal(t, unconfirmed, res.Outcome)
		assert.ErrorIs(t, err, consistency.ErrOperation)
		assert.Len(t, s.writeAt, 2)
	})
}

// The end of an operation may tell what its beginning did not.
func TestMonitor_completesTheReference(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := &service{writes: answers(202), monitored: answers(202, 200), reads: answers(401)}
		f := s.to(consistency.ToPresent)
		f.Monitor = func(ctx context.Context, w *ref) (bool, error) {
			done, err := s.monitor(ctx, w)
			if done {
				w.ID = "whole"
			}
			return done, err
		}
		res, err := consistency.Do(t.Context(), s.policy(), f)
		s.onePlainWrite(t, res, err)
		assert.Equal(t, []string{"whole"}, s.readIDs)
		assert.Equal(t, "whole", res.Written.ID)

		s.reads = answers(200)
		_, err = consistency.Resume(t.Context(), s.policy(), f, stored(t, res.Pending))
		require.NoError(t, err)
		assert.Equal(t, []string{"whole", "whole"}, s.readIDs)
		assert.Len(t, s.monitorAt, 2, "it has ended: nobody asks again")
	})
}

func TestMonitor_resumed(t *testing.T) {
	t.Parallel()
	bubble(t, "to its end", func(t *testing.T) {
		s := &service{writes: answers(202), monitored: answers(202), reads: answers(200)}
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		res, err := consistency.Do(ctx, s.policy(), s.to(consistency.ToPresent))
		s.onePlainWrite(t, res, err)
		assert.Equal(t, unconfirmed, res.Outcome)
		assert.Empty(t, s.readAt)

		again := &service{answered: time.Now(), monitored: answers(202, 202, 200), reads: answers(200)}
		res, err = consistency.Resume(t.Context(), again.policy(), again.to(consistency.ToPresent), stored(t, res.Pending))
		require.NoError(t, err)
		assert.Equal(t, confirmed, res.Outcome)
		assert.Equal(t, seconds(0, 1, 2), again.monitorAt)
		assert.Equal(t, seconds(2), again.readAt)
		assert.Empty(t, again.writeAt)
	})
	bubble(t, "and failed", func(t *testing.T) {
		s := &service{writes: answers(202), monitored: answers(401)}
		res, err := consistency.Do(t.Context(), s.policy(), s.to(consistency.ToPresent))
		s.onePlainWrite(t, res, err)
		s.monitored = []reply{{err: consistency.ErrOperation}}
		res, err = consistency.Resume(t.Context(), s.policy(), s.to(consistency.ToPresent), stored(t, res.Pending))
		s.onePlainWrite(t, res, err)
		assert.Equal(t, failed, res.Outcome)
		assert.Equal(t, "w1", res.Written.ID)
	})
}

// A typed client has no status to tell that a write was only accepted.
func TestMonitor_ofATypedClient(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		var s service
		writes, looks := 0, 0
		f := consistency.Update("resize",
			func(context.Context) (string, error) { writes++; return "op-1", nil },
			func(context.Context, string) (int, error) { return 8, nil },
			consistency.Field[string](func(size int) int { return size }, 8))
		f.Monitor = func(_ context.Context, op *string) (bool, error) {
			looks++
			assert.Equal(t, "op-1", *op)
			return looks == 60, nil
		}
		res, err := consistency.Do(t.Context(), s.policy(), f)
		require.NoError(t, err)
		assert.Equal(t, accepted, s.class())
		assert.Equal(t, 59*time.Second, res.Elapsed, "longer than an applied write has")
		assert.Equal(t, 1, writes)
	})
}
