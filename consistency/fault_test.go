package consistency_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
)

var errNoQuota = errors.New("state FAILED: no quota")

// fails says that an item of that version shows that the write failed.
func fails(version int) func(ref, *item) error {
	return func(_ ref, i *item) error {
		if i.Version == version {
			return errNoQuota
		}
		return nil
	}
}

// Case D13: what will never be ends the run, once it has settled as often as a
// ready value must.
func TestFault(t *testing.T) {
	t.Parallel()
	const (
		present = consistency.ToPresent
		match   = consistency.ToMatch
		absent  = consistency.ToAbsent
	)
	of := func(versions ...int) []reply {
		var replies []reply
		for _, v := range versions {
			replies = append(replies, reply{status: 200, version: v})
			if v == 0 {
				replies[len(replies)-1] = reply{status: 404}
			}
			if v == 503 {
				replies[len(replies)-1] = reply{status: 503}
			}
		}
		return replies
	}
	tests := []struct {
		name   string
		goal   consistency.Goal
		write  int
		settle int
		reads  []reply
		want   consistency.Outcome
		wantAt time.Duration
	}{
		{"at once", present, 201, 0, of(9), failed, 0},
		{"after lag", present, 201, 0, of(0, 0, 9), failed, 2 * time.Second},
		{"to match", match, 200, 0, of(1, 1, 9), failed, 2 * time.Second},
		{"settled", present, 201, 3, of(9), failed, 2 * time.Second},
		{"seen once, by a replica that is behind", match, 200, 2, of(9, 2, 2), confirmed, 2 * time.Second},
		{"seen by every other replica", match, 200, 2, of(9, 2, 9, 2, 9, 9), failed, 5 * time.Second},
		{"begins anew after a pending read", match, 200, 2, of(9, 1, 9, 9), failed, 3 * time.Second},
		{"an unknown read does not reset it", match, 200, 2, of(9, 503, 9), failed, 2 * time.Second},
		{"of a deletion", absent, 204, 0, of(3, 9, 9), failed, 2 * time.Second},
		{"of a deletion, and then it is gone", absent, 204, 0, of(9, 0, 0), confirmed, 2 * time.Second},
		{"of a deletion, after an outage", absent, 204, 0, of(9, 503, 0, 0, 0), confirmed, 4 * time.Second},
		{"after a doubtful write", present, 503, 0, of(9), unconfirmed, 0},
		{"of an accepted write", present, 202, 2, of(9), failed, time.Second},
	}
	for _, tt := range tests {
		bubble(t, fmt.Sprintf("%s, to %s", tt.name, tt.goal), func(t *testing.T) {
			s := &service{writes: answers(tt.write), reads: tt.reads, found: [][]string{{"w1"}}}
			f := s.to(tt.goal)
			f.Fault = fails(9)
			p := s.policy()
			p.Settle = tt.settle
			res, err := consistency.Do(t.Context(), p, f)
			s.onePlainWrite(t, res, err)
			assert.Equal(t, tt.want, res.Outcome, "%v", err)
			assert.Equal(t, tt.wantAt, res.Elapsed)
			if tt.want == confirmed {
				return
			}
			assert.ErrorIs(t, err, consistency.ErrOperation)
			assert.ErrorIs(t, err, errNoQuota)
			assert.ErrorContains(t, err, "no quota")
			assert.Equal(t, "w1", res.Written.ID, "parts may exist")
			assert.Equal(t, 9, res.Value.Version)

			got, end := visits(t.Context(), p, s.again(tt.goal, f))
			assert.Equal(t, tt.want, got.Outcome)
			assert.ErrorIs(t, end, errNoQuota)
		})
	}
}

// again returns the flow once more, for a service that begins anew.
func (s *service) again(goal consistency.Goal, like flow) flow {
	next := &service{writes: s.writes, reads: s.reads, found: s.found, monitored: s.monitored}
	f := next.to(goal)
	f.Fault = like.Fault
	return f
}

// A handle keeps the doubt: a fault that is seen later is no proof either.
func TestFault_handleKeepsTheDoubt(t *testing.T) {
	t.Parallel()
	for write, want := range map[int]consistency.Outcome{201: failed, 503: unconfirmed} {
		bubble(t, fmt.Sprint(write), func(t *testing.T) {
			s := &service{writes: answers(write), reads: answers(401), found: [][]string{{"w1"}}}
			res, _ := consistency.Do(t.Context(), s.policy(), s.to(consistency.ToPresent))
			s.reads = []reply{{status: 200, version: 9}}
			f := s.to(consistency.ToPresent)
			f.Fault = fails(9)
			res, err := consistency.Resume(t.Context(), s.policy(), f, stored(t, res.Pending))
			assert.Equal(t, want, res.Outcome)
			assert.ErrorIs(t, err, consistency.ErrOperation)
		})
	}
}

// Case D14: a Find that knows that the write was not carried out.
func TestNotCarriedOut(t *testing.T) {
	t.Parallel()
	errAborted := errors.New("transaction 731 is aborted")
	tests := []struct {
		name   string
		tries  int
		single bool
		err    error
		want   consistency.Outcome
	}{
		{"one try, which was ambiguous", 1, false, &fault{status: 503}, failed},
		{"one try, and its answer was lost", 1, false, errLost, failed},
		{"one by the caller's word", 0, true, errLost, failed},
		{"nobody counted", 0, false, errLost, unconfirmed},
		{"two tries", 2, false, errLost, unconfirmed},
		{"two tries, whatever the caller says", 2, true, errLost, unconfirmed},
	}
	for _, tt := range tests {
		for _, goal := range []consistency.Goal{consistency.ToPresent, consistency.ToMatch} {
			bubble(t, tt.name+" to "+goal.String(), func(t *testing.T) {
				s := &service{}
				f := s.to(goal)
				f.Write = func(ctx context.Context) (ref, error) {
					for range tt.tries {
						consistency.CountTry(ctx)
					}
					return ref{}, tt.err
				}
				from := 2 * time.Second
				began := time.Now()
				f.Find = func(context.Context) ([]ref, error) {
					if time.Since(began) < from {
						return nil, &fault{status: 503}
					}
					return nil, fmt.Errorf("find: %w", consistency.NotCarriedOut(errAborted))
				}
				p := s.policy()
				p.SingleAttempt = tt.single
				res, err := consistency.Do(t.Context(), p, f)
				assert.Equal(t, tt.want, res.Outcome)
				assert.ErrorIs(t, err, errAborted)
				assert.ErrorContains(t, err, "not carried out")
				assert.Equal(t, 2*time.Second, res.Elapsed)

				// What the handle knows of the tries is enough for another process.
				began, from = time.Now(), time.Hour
				res, _ = consistency.Do(t.Context(), p, f)
				require.Equal(t, unconfirmed, res.Outcome)
				from = 0
				res, err = consistency.Resume(t.Context(), p, f, stored(t, res.Pending))
				assert.Equal(t, tt.want, res.Outcome)
				assert.ErrorIs(t, err, errAborted)
			})
		}
	}
	for how, join := range joins {
		bubble(t, "of one of two places, the other of which says nothing: "+how, func(t *testing.T) {
			for _, errs := range [][]error{
				{consistency.NotCarriedOut(errAborted), &fault{status: 503}},
				{io.ErrUnexpectedEOF, consistency.NotCarriedOut(errAborted)},
			} {
				s := &service{}
				f := s.create()
				f.Write = func(ctx context.Context) (ref, error) { consistency.CountTry(ctx); return ref{}, errLost }
				f.Find = func(context.Context) ([]ref, error) { return nil, join(errs...) }
				res, err := consistency.Do(t.Context(), s.policy(), f)
				assert.Equal(t, unconfirmed, res.Outcome)
				assert.NotErrorIs(t, err, consistency.ErrFailed)
				f.Find = func(context.Context) ([]ref, error) {
					return nil, join(consistency.NotCarriedOut(errAborted), consistency.NotCarriedOut(errLost))
				}
				res, _ = consistency.Do(t.Context(), s.policy(), f)
				assert.Equal(t, failed, res.Outcome, "both know")
			}
		})
	}
	bubble(t, "of a handle of version 1, whose tries are unknown", func(t *testing.T) {
		var h consistency.Pending
		require.NoError(t, h.UnmarshalJSON([]byte(`{"readback":1,"name":"create item","goal":"present","class":"ambiguous","doubtful":true}`)))
		s := &service{}
		f := s.create()
		f.Find = func(context.Context) ([]ref, error) { return nil, consistency.NotCarriedOut(errAborted) }
		res, err := consistency.Resume(t.Context(), s.policy(), f, h)
		assert.Equal(t, unconfirmed, res.Outcome)
		assert.ErrorIs(t, err, errAborted)
	})
	assert.EqualError(t, consistency.NotCarriedOut(nil), "the write was not carried out")
}
