package consistency_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
)

const (
	applied     = consistency.Applied
	accepted    = consistency.Accepted
	notExecuted = consistency.NotExecuted
	refused     = consistency.Refused
	ambiguous   = consistency.Ambiguous

	confirmed   = consistency.Confirmed
	unconfirmed = consistency.Unconfirmed
	failed      = consistency.Failed
)

// The table "What a write's answer proves", row by row and status by status.
// Each write is read back by 404, then what was asked for.
func TestDo_writeTable(t *testing.T) {
	t.Parallel()
	toBe := []consistency.Goal{consistency.ToPresent, consistency.ToMatch}
	gone := []consistency.Goal{consistency.ToAbsent}
	tests := []struct {
		row         string
		statuses    []int
		goals       []consistency.Goal
		want        consistency.Class
		wantOutcome consistency.Outcome
		wantReads   []time.Duration
	}{
		{"2xx but 202", []int{200, 201, 203, 204, 205, 206, 207, 208, 226, 299}, goals, applied, confirmed, seconds(0, 1)},
		{"202", []int{202}, goals, accepted, confirmed, seconds(0, 1)},
		{"see elsewhere", []int{301, 302, 303}, goals, accepted, confirmed, seconds(0, 1)},
		{"send elsewhere", []int{307, 308}, goals, notExecuted, failed, nil},
		{"404, 410 to a delete", []int{404, 410}, gone, applied, confirmed, seconds(0, 1)},
		{
			"a no",
			[]int{400, 401, 402, 405, 406, 411, 413, 414, 415, 416, 417, 422, 426, 428, 431, 451, 501},
			goals, refused, failed, nil,
		},
		{"404, 410 otherwise", []int{404, 410}, toBe, refused, failed, nil},
		{"403", []int{403}, goals, refused, failed, nil},
		{"409, 412", []int{409, 412}, goals, refused, failed, nil},
		{"429", []int{429}, goals, refused, failed, nil},
		{
			"ambiguous", []int{408, 425, 500, 502, 503, 504, 520, 521, 522, 523, 524, 525, 526, 527, 528, 529},
			goals, ambiguous, confirmed, seconds(0, 1),
		},
		{"no status found", []int{0}, goals, ambiguous, confirmed, seconds(0, 1)},
		{
			"any status not listed", []int{100, 101, 103, 199, 300, 304, 305, 306, 309, 399, 407, 418, 419, 421, 423, 424, 427, 430, 499, 505, 507, 511, 530, 599, 600, 999},
			goals, ambiguous, confirmed, seconds(0, 1),
		},
	}
	for _, tt := range tests {
		for _, goal := range tt.goals {
			for _, status := range tt.statuses {
				bubble(t, fmt.Sprintf("%s/%d to %s", tt.row, status, goal), func(t *testing.T) {
					s := &service{
						// A lost answer is an error, whatever its status.
						writes: []reply{{status: status, asError: tt.want == ambiguous, took: time.Second}},
						reads:  []reply{{status: 404}, {status: 200, version: wanted}},
						found:  [][]string{{"w1"}},
					}
					if goal == consistency.ToAbsent {
						s.reads = answers(404)
					}
					if status == 409 || status == 412 {
						s.found = [][]string{{"x"}} // another's; for one's own, see conflict_test.go
					}
					began := time.Now()
					res, err := consistency.Do(t.Context(), s.policy(), s.to(goal))
					s.onePlainWrite(t, res, err)
					assert.Equal(t, tt.want, s.class())
					assert.Equal(t, tt.wantOutcome, res.Outcome, "%v", err)
					assert.Equal(t, tt.wantReads, s.readAt)
					assert.Equal(t, time.Second+res.Elapsed, time.Since(began), "the write, then the reads")
					if tt.wantOutcome == failed {
						assert.Empty(t, s.started)
						var e *consistency.Error
						require.ErrorAs(t, err, &e)
						assert.Equal(t, status, e.Status)
					} else {
						require.Len(t, s.started, 1)
						assert.Equal(t, "w1", res.Written.ID)
					}
				})
			}
		}
	}
}

// No status is forgotten: whatever the lists above do not name is ambiguous.
func TestDo_writeTableIsComplete(t *testing.T) {
	t.Parallel()
	refusedOnes := []int{400, 401, 402, 403, 404, 405, 406, 409, 410, 411, 412, 413, 414, 415, 416, 417, 422, 426, 428, 429, 431, 451, 501}
	for _, goal := range goals {
		bubble(t, goal.String(), func(t *testing.T) {
			for status := range 1000 {
				want := ambiguous
				switch {
				case status == 202 || status >= 301 && status <= 303:
					want = accepted
				case status/100 == 2, goal == consistency.ToAbsent && (status == 404 || status == 410):
					want = applied
				case status == 307 || status == 308:
					want = notExecuted
				case slices.Contains(refusedOnes, status):
					want = refused
				}
				s := &service{writes: []reply{{status: status, asError: true}}, reads: answers(401)}
				_, err := consistency.Do(t.Context(), s.policy(), s.to(goal))
				require.Error(t, err)
				require.Equal(t, want, s.class(), "%d", status)
				require.Len(t, s.writeAt, 1)
				require.Equal(t, want == refused || want == notExecuted, consistency.OutcomeOf(err) == failed, "%d", status)
			}
		})
	}
}

// A write without a status and without an error was applied, or accepted if
// there is a monitor.
func TestDo_writeWithoutStatus(t *testing.T) {
	t.Parallel()
	type client = consistency.Flow[string, int]
	write := func(context.Context) (string, error) { return "id", nil }
	read := func(context.Context, string) (int, error) { return 1, nil }
	tests := []struct {
		name string
		set  func(*client)
		want consistency.Class
	}{
		{"applied", func(*client) {}, applied},
		{"accepted", func(f *client) {
			f.Monitor = func(context.Context, *string) (bool, error) { return true, nil }
		}, accepted},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			var s service
			f := consistency.Create("create", write, read)
			tt.set(&f)
			res, err := consistency.Do(t.Context(), s.policy(), f)
			require.NoError(t, err)
			assert.Equal(t, confirmed, res.Outcome)
			assert.Equal(t, tt.want, s.class())
		})
	}
}

func TestDo_withinByClass(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		status int
		within time.Duration
		want   time.Duration
	}{
		{"applied", 201, 0, 30 * time.Second},
		{"ambiguous", 503, 0, 2 * time.Minute},
		{"accepted", 202, 0, 10 * time.Minute},
		{"applied, set", 201, 5 * time.Second, 5 * time.Second},
		{"ambiguous, set", 503, 5 * time.Second, 5 * time.Second},
		{"accepted, set", 202, 5 * time.Second, 5 * time.Second},
	}
	for _, tt := range tests {
		for _, goal := range goals {
			bubble(t, tt.name+" to "+goal.String(), func(t *testing.T) {
				s := &service{
					writes: []reply{{status: tt.status, took: 3 * time.Second}}, // not counted
					reads:  answers(404),
					found:  [][]string{{"w1"}},
				}
				if goal == consistency.ToAbsent {
					s.reads = answers(200)
				}
				p := s.policy()
				p.Within = tt.within
				res, err := consistency.Do(t.Context(), p, s.to(goal))
				s.onePlainWrite(t, res, err)
				assert.Equal(t, unconfirmed, res.Outcome)
				assert.Equal(t, tt.want, res.Elapsed)
				assert.Equal(t, seconds(0, 1, 2, 3), first(4, s.readAt))
			})
		}
	}
}

// The write is bounded by the context alone.
func TestDo_writeHasNoTimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &service{writes: []reply{{status: 201, took: time.Hour}}, reads: answers(200)}
		p := s.policy()
		p.Within, p.ReadTimeout = time.Second, time.Second
		res, err := consistency.Do(t.Context(), p, s.create())
		require.NoError(t, err)
		s.onePlainWrite(t, res, err)
		assert.Zero(t, res.Elapsed)
		assert.Equal(t, -time.Hour, s.events[0].Began)
	})
}
