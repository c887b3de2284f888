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

// The matrix of what Find shows after a lost answer, by goal. References that
// begin with w are this write's, others are not.
func TestFind_afterAmbiguousWrite(t *testing.T) {
	t.Parallel()
	const (
		present = consistency.ToPresent
		match   = consistency.ToMatch
	)
	type candidates [][]string
	var none []string
	tests := []struct {
		name   string
		goal   consistency.Goal
		found  candidates
		noMine bool
		// what is expected
		confirmed bool
		wantAt    []time.Duration // reads, not finds; of a run that ends in time
		wantIDs   []string
		notMine   bool // ErrNotProvablyMine
	}{
		{name: "one proven", goal: present, found: candidates{{"w1"}}, confirmed: true, wantAt: seconds(0), wantIDs: []string{"w1"}},
		{name: "one proven among others", goal: present, found: candidates{{"x", "w2", "y"}}, confirmed: true, wantAt: seconds(0), wantIDs: []string{"w2"}},
		{name: "one proven, late", goal: present, found: candidates{none, none, {"x"}, {"x", "w1"}}, confirmed: true, wantAt: seconds(3), wantIDs: []string{"w1"}},
		{name: "several proven, then one", goal: present, found: candidates{{"w1", "w2"}, {"w2"}}, confirmed: true, wantAt: seconds(1), wantIDs: []string{"w2"}},
		{name: "none", goal: present, found: candidates{none}, notMine: true},
		{name: "one foreign", goal: present, found: candidates{{"x"}}, notMine: true},
		{name: "several foreign", goal: present, found: candidates{{"x", "y"}}, notMine: true},
		{name: "several proven", goal: present, found: candidates{{"w1", "w2"}}, notMine: true},
		{name: "one unproven", goal: present, found: candidates{{"w1"}}, noMine: true, notMine: true},
		{name: "several unproven", goal: present, found: candidates{{"w1", "x"}}, noMine: true, notMine: true},
		{name: "none unproven", goal: present, found: candidates{none}, noMine: true, notMine: true},

		{name: "one proven", goal: match, found: candidates{{"w1"}}, confirmed: true, wantAt: seconds(0), wantIDs: []string{"w1"}},
		{name: "one foreign", goal: match, found: candidates{{"x"}}, notMine: true},
		{name: "one that needs no proof", goal: match, found: candidates{{"x"}}, noMine: true, confirmed: true, wantAt: seconds(0), wantIDs: []string{"x"}},
		{name: "several, then one", goal: match, found: candidates{{"x", "y"}, {"x"}}, noMine: true, confirmed: true, wantAt: seconds(1), wantIDs: []string{"x"}},
		{name: "several", goal: match, found: candidates{{"x", "y"}}, noMine: true, notMine: true},
		{name: "none", goal: match, found: candidates{none}, notMine: true},
	}
	for _, tt := range tests {
		bubble(t, fmt.Sprintf("%s to %s", tt.name, tt.goal), func(t *testing.T) {
			s := &service{
				writes: answers(503),
				reads:  []reply{{status: 200, version: wanted}},
				found:  tt.found,
			}
			f := s.to(tt.goal)
			if tt.noMine {
				f.Mine = nil
			}
			res, err := consistency.Do(t.Context(), s.policy(), f)
			s.onePlainWrite(t, res, err)
			assert.Equal(t, ambiguous, s.class())
			assert.Equal(t, tt.wantAt, s.readAt)
			assert.Equal(t, tt.wantIDs, s.readIDs)
			assert.Equal(t, tt.notMine, errors.Is(err, consistency.ErrNotProvablyMine), "%v", err)
			require.Len(t, s.started, 1, "a handle before the first look")
			if tt.confirmed {
				assert.Equal(t, confirmed, res.Outcome)
				assert.Equal(t, tt.wantIDs[0], res.Written.ID)
				return
			}
			assert.Equal(t, unconfirmed, res.Outcome)
			assert.Zero(t, res.Written)
			if tt.noMine && tt.goal == present && len(tt.found[0]) > 0 {
				assert.Zero(t, res.Elapsed, "no later look could prove it")
			} else {
				assert.Equal(t, 2*time.Minute, res.Elapsed)
			}
		})
	}
}

// The only candidate is no proof of a creation that was only accepted: it may yet fail,
// and the candidate be another's.
func TestFind_afterAccepted(t *testing.T) {
	t.Parallel()
	bubble(t, "without a monitor", func(t *testing.T) {
		s := &service{writes: answers(202), reads: answers(200), found: [][]string{{"w1"}}}
		f := s.to(consistency.ToPresent)
		f.Write = func(context.Context) (ref, error) { return ref{}, &fault{status: 202} }
		f.Mine, f.MineValue = nil, nil
		res, err := consistency.Do(t.Context(), s.policy(), f)
		assert.Equal(t, unconfirmed, res.Outcome)
		assert.ErrorIs(t, err, consistency.ErrNotProvablyMine)
	})
}

func TestFind_isNotAskedAgain(t *testing.T) {
	t.Parallel()
	bubble(t, "once there is a reference", func(t *testing.T) {
		s := &service{writes: answers(503), reads: answers(404, 403, 200), found: [][]string{nil, {"w1"}, {"w2"}}}
		res, err := consistency.Do(t.Context(), s.policy(), s.to(consistency.ToPresent))
		require.NoError(t, err)
		s.onePlainWrite(t, res, err)
		assert.Equal(t, seconds(0, 1), s.findAt)
		assert.Equal(t, seconds(1, 2, 3), s.readAt)
		assert.Equal(t, 4, res.History.Reads())
	})
	for _, status := range []int{201, 202} {
		bubble(t, fmt.Sprintf("nor at all after %d", status), func(t *testing.T) {
			s := &service{writes: answers(status), reads: answers(404, 200), found: [][]string{{"w2"}}}
			res, err := consistency.Do(t.Context(), s.policy(), s.to(consistency.ToPresent))
			require.NoError(t, err)
			s.onePlainWrite(t, res, err)
			assert.Empty(t, s.findAt)
			assert.Equal(t, []string{"w1", "w1"}, s.readIDs)
		})
	}
}

// An error of Find means what it would mean for a read.
func TestFind_errors(t *testing.T) {
	t.Parallel()
	tests := []struct {
		status int
		want   shown
		wantAt []time.Duration // finds
	}{
		{404, notFound, seconds(0, 1)},
		{403, forbidden, seconds(0, 1)},
		{503, down, seconds(0, 1)},
		{0, down, seconds(0, 1)},
		{401, no, seconds(0)},
	}
	for _, tt := range tests {
		for _, goal := range []consistency.Goal{consistency.ToPresent, consistency.ToMatch} {
			bubble(t, fmt.Sprintf("%d to %s", tt.status, goal), func(t *testing.T) {
				s := &service{writes: answers(504), reads: []reply{{status: 200, version: wanted}}}
				f := s.to(goal)
				var at []time.Duration
				f.Find = func(context.Context) ([]ref, error) {
					at = append(at, time.Since(s.answered))
					if len(at) == 1 {
						return nil, reply{status: tt.status}.error()
					}
					return []ref{{ID: "w1"}}, nil
				}
				f.Mine = isMine
				res, err := consistency.Do(t.Context(), s.policy(), f)
				s.onePlainWrite(t, res, err)
				verdict, reason := s.judged(1)
				assert.Equal(t, tt.want, shown{verdict, reason})
				assert.Equal(t, tt.wantAt, at)
				assert.Equal(t, tt.want.verdict == poll.Stop, res.Outcome == unconfirmed)
			})
		}
	}
}

// A list without a candidate breaks a run of 403 as a 404 does.
func TestFind_noneBreaksARunOfForbidden(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		s := &service{writes: answers(503)}
		f := s.create()
		looks := 0
		f.Find = func(context.Context) ([]ref, error) {
			if looks++; looks == 2 {
				return nil, nil
			}
			return nil, &fault{status: 403}
		}
		res, err := consistency.Do(t.Context(), s.policy(), f)
		s.onePlainWrite(t, res, err)
		assert.ErrorIs(t, err, poll.ErrWindow)
		assert.Equal(t, 12*time.Second, res.Elapsed, "10 s from the second 403, at 2 s")
	})
}

func TestFind_errNoFind(t *testing.T) {
	t.Parallel()
	for _, goal := range []consistency.Goal{consistency.ToPresent, consistency.ToMatch} {
		bubble(t, "ambiguous, to "+goal.String(), func(t *testing.T) {
			s := &service{writes: answers(503), reads: answers(200)}
			res, err := consistency.Do(t.Context(), s.policy(), s.to(goal))
			s.onePlainWrite(t, res, err)
			assert.Equal(t, unconfirmed, res.Outcome)
			assert.ErrorIs(t, err, consistency.ErrNoFind)
			var lost *fault
			require.ErrorAs(t, err, &lost)
			assert.Equal(t, 503, lost.status)
			assert.Zero(t, res.Elapsed, "at once")
			assert.Empty(t, s.readAt)
			assert.Empty(t, s.started)
		})
		bubble(t, "applied without a reference, to "+goal.String(), func(t *testing.T) {
			s := &service{writes: []reply{{status: 201, asError: true}}, reads: answers(200)}
			res, err := consistency.Do(t.Context(), s.policy(), s.to(goal))
			s.onePlainWrite(t, res, err)
			assert.Equal(t, unconfirmed, res.Outcome)
			assert.ErrorIs(t, err, consistency.ErrNoReference)
			assert.Empty(t, s.readAt)
		})
	}
}

func TestKnown(t *testing.T) {
	t.Parallel()
	bubble(t, "an update that was lost", func(t *testing.T) {
		s := &service{writes: answers(0), reads: []reply{{status: 200, version: 1}, {status: 200, version: wanted}}}
		f := s.update()
		f.Find = consistency.Known(ref{ID: "a"})
		res, err := consistency.Do(t.Context(), s.policy(), f)
		require.NoError(t, err)
		s.onePlainWrite(t, res, err)
		assert.Equal(t, []string{"a", "a"}, s.readIDs)
		assert.Equal(t, seconds(0, 1), s.readAt)
	})
	bubble(t, "a create with an id of its own", func(t *testing.T) {
		s := &service{writes: answers(0), reads: answers(404, 200)}
		f := s.create()
		f.Find = consistency.Known(ref{ID: "a"})
		f.Mine = func(ref) bool { return true }
		res, err := consistency.Do(t.Context(), s.policy(), f)
		require.NoError(t, err)
		s.onePlainWrite(t, res, err)
		assert.Equal(t, seconds(0, 1), s.readAt)
	})
	bubble(t, "a create that nobody vouches for", func(t *testing.T) {
		s := &service{writes: answers(0), reads: answers(200)}
		f := s.create()
		f.Find = consistency.Known(ref{ID: "a"})
		res, err := consistency.Do(t.Context(), s.policy(), f)
		s.onePlainWrite(t, res, err)
		assert.Equal(t, unconfirmed, res.Outcome)
		assert.ErrorIs(t, err, consistency.ErrNotProvablyMine)
		assert.Empty(t, s.readAt)
	})
}

// A delete knows what it deletes.
func TestDo_deleteAfterAmbiguousWrite(t *testing.T) {
	t.Parallel()
	for _, status := range []int{0, 503, 504} {
		bubble(t, fmt.Sprint(status), func(t *testing.T) {
			s := &service{writes: answers(status), reads: answers(200, 200, 404, 404)}
			res, err := consistency.Do(t.Context(), s.policy(), s.delete())
			require.NoError(t, err)
			s.onePlainWrite(t, res, err)
			assert.Equal(t, "w1", res.Written.ID)
			assert.Equal(t, seconds(0, 1, 2, 3), s.readAt)
		})
	}
	bubble(t, "executed late", func(t *testing.T) {
		s := &service{writes: answers(504)}
		for range 100 {
			s.reads = append(s.reads, reply{status: 200})
		}
		s.reads = append(s.reads, reply{status: 404})
		res, err := consistency.Do(t.Context(), s.policy(), s.delete())
		require.NoError(t, err)
		s.onePlainWrite(t, res, err)
		assert.Equal(t, 101*time.Second, res.Elapsed)
	})
}

// Read never gets a reference that neither Write nor Find supplied, whatever
// the write answers.
func TestDo_readGetsOnlySuppliedReferences(t *testing.T) {
	t.Parallel()
	for status := range 600 {
		for _, asError := range []bool{true, false} {
			t.Run("", func(t *testing.T) {
				s := &service{writes: []reply{{status: status, asError: asError}}, reads: answers(200), found: [][]string{{"w2"}}}
				f := s.to(consistency.ToPresent)
				write := f.Write
				f.Write = func(ctx context.Context) (ref, error) {
					w, err := write(ctx)
					if err != nil {
						w.ID = "half an answer"
					}
					return w, err
				}
				_, _ = consistency.Do(t.Context(), s.policy(), f)
				require.Len(t, s.writeAt, 1)
				for _, id := range s.readIDs {
					require.Contains(t, []string{"w1", "w2"}, id)
				}
			})
		}
	}
}
