package consistency_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
)

// visits does what Do does, by visits.
func visits(ctx context.Context, p consistency.Policy, f flow) (result, error) {
	var course consistency.Course
	h, err := consistency.NewStepper(p, f).Send(ctx, consistency.Pending{}, &course)
	var doubt, why *consistency.Error
	if errors.As(err, &doubt) && (doubt.Outcome == failed || doubt.Cause != nil || doubt.Context != nil) {
		return result{Outcome: doubt.Outcome, Pending: h, Elapsed: doubt.Elapsed, History: doubt.History}, err
	}
	res, end := visitAll(ctx, p, f, h, &course)
	if errors.As(err, &doubt) && errors.As(end, &why) {
		why.Write = doubt.Write
	}
	return res, end
}

func visitAll[W, R any](ctx context.Context, p consistency.Policy, f consistency.Flow[W, R], h consistency.Pending, course *consistency.Course) (consistency.Result[W, R], error) {
	for {
		time.Sleep(time.Until(course.Next()))
		res, err := consistency.NewStepper(p, f).Visit(ctx, &h, course, time.Time{})
		if res.Outcome != 0 {
			return res, err
		}
		if err != nil {
			return res, fmt.Errorf("no outcome, but an error: %w", err)
		}
	}
}

// randomService answers anything at all.
func randomService(r *rand.Rand, goal consistency.Goal) *service {
	pick := func(list ...int) int { return list[r.IntN(len(list))] }
	s := &service{writes: []reply{{status: pick(200, 201, 202, 302, 404, 409, 503, 0), took: time.Duration(r.IntN(900)) * time.Millisecond}}}
	for range 1 + r.IntN(12) {
		s.reads = append(s.reads, reply{
			status:  pick(200, 200, 200, 404, 404, 404, 403, 410, 503, 429, 202, 0, 401),
			version: r.IntN(3),
			took:    time.Duration(r.IntN(4)*r.IntN(800)) * time.Millisecond,
		})
		if r.IntN(3) > 0 && s.reads[len(s.reads)-1].status == 401 {
			s.reads[len(s.reads)-1].status = 200
		}
	}
	if r.IntN(2) == 0 {
		s.found = [][]string{nil, {"x", "w1"}, {"w1"}}
	}
	if status := s.writes[0].status; (status == 202 || status == 302) && r.IntN(2) == 0 && goal != consistency.ToAbsent {
		for range 1 + r.IntN(3) {
			s.monitored = append(s.monitored, reply{status: pick(202, 403, 404, 503)})
		}
		s.monitored = append(s.monitored, reply{status: 200})
		if r.IntN(4) == 0 {
			s.monitored = append(s.monitored[:1], reply{err: fmt.Errorf("%w: no", consistency.ErrOperation)})
		}
	}
	return s
}

// A flow that is visited whenever that is due goes as one that is waited for:
// the same reads at the same times, the same events, the same outcome.
func TestVisit_likeDo(t *testing.T) {
	t.Parallel()
	for seed := range uint64(400) {
		goal := goals[seed%3]
		bubble(t, fmt.Sprint(goal, " ", seed), func(t *testing.T) {
			var outcome [2]consistency.Outcome
			var events [2][]string
			var pending [2]consistency.Pending
			var elapsed [2]time.Duration
			var text [2]string
			var lags [2][]readback.Lag
			for way, run := range []func(context.Context, consistency.Policy, flow) (result, error){
				consistency.Do[ref, *item], visits,
			} {
				r := rand.New(rand.NewPCG(seed, 1))
				s := randomService(r, goal)
				p := s.policy()
				learned := &learner{Schedule: p.Schedule}
				p.Schedule = learned
				p.Settle = r.IntN(4)
				p.Within = time.Duration(1+r.IntN(30)) * time.Second
				p.Windows = consistency.Windows{NotFound: time.Duration(r.IntN(2)*r.IntN(20)) * time.Second, Forbidden: time.Duration(r.IntN(5)) * time.Second}
				if r.IntN(2) == 0 {
					p.OnForbidden = func(context.Context) { s.events = append(s.events, consistency.Event{Note: "refreshed"}) }
				}
				f := s.to(goal)
				if seed%5 == 0 {
					f.NoChange = func(ref) bool { return true }
				}
				res, err := run(t.Context(), p, f)
				outcome[way], elapsed[way] = res.Outcome, res.Elapsed
				pending[way] = unanswered(t, res.Pending, s.answered)
				assert.Equal(t, res.Outcome, consistency.OutcomeOf(err))
				for _, e := range s.events {
					if e.Phase == consistency.PhaseEnd {
						e.Ended, e.Err = 0, nil
					}
					events[way] = append(events[way], fmt.Sprintf("%+v", e))
				}
				var why *consistency.Error
				if errors.As(err, &why) {
					if s.class() == consistency.Applied || s.class() == consistency.Accepted {
						why.Write = nil // an answer that is as good as none; Send keeps none
					}
					text[way] = fmt.Sprint(why.Cause, why.Write, why.Status, why.Body, why.Reads)
				}
				lags[way] = learned.lags
			}
			assert.Equal(t, outcome[0], outcome[1])
			assert.Equal(t, events[0], events[1])
			assert.Equal(t, pending[0], pending[1])
			assert.Equal(t, text[0], text[1])
			assert.Equal(t, len(lags[0]), len(lags[1]))
			for i := range lags[0] {
				lags[0][i].ReadTime, lags[1][i].ReadTime = 0, 0 // the mean of answered reads, of those that told something
				if lags[1][i].First < 0 {
					lags[0][i].First = -1 // of a flow in pieces the first read is not known
				}
				assert.Equal(t, lags[0][i], lags[1][i])
			}
			assert.InDelta(t, elapsed[0], elapsed[1], float64(time.Millisecond), "no wait for a deadline that no read can meet")
		})
	}
}

// However late a visit comes, the job is read: once more after its time was up.
func TestVisit_lateStillReads(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		write int
		reads []reply
		late  []time.Duration // before each visit
		want  consistency.Outcome
	}{
		{"the first", 201, answers(200), seconds(3600), confirmed},
		{"the first, not shown", 201, answers(404), seconds(3600), unconfirmed},
		{"the second", 201, answers(404, 200), seconds(0, 3600), confirmed},
		{"the last of a streak", 201, answers(404, 200, 200), seconds(0, 3600, 0), confirmed},
		{"in the window of 403", 201, answers(403, 200), seconds(0, 3600), confirmed},
		{"lost answer", 503, answers(404, 404, 200), seconds(0, 0, 3600), confirmed},
		{"slow reads", 201, []reply{{status: 404, took: time.Second}, {status: 200, took: 2 * time.Second}}, seconds(0, 3600), confirmed},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			s := &service{writes: answers(tt.write), reads: tt.reads, found: [][]string{{"w1"}}}
			f, p := s.to(consistency.ToPresent), s.policy()
			if len(tt.late) > 2 && tt.write == 201 {
				p.Settle = 2
			}
			var course consistency.Course
			h, _ := consistency.NewStepper(p, f).Send(t.Context(), consistency.Pending{}, &course)
			for i, late := range tt.late {
				time.Sleep(time.Until(course.Next()) + late)
				res, err := consistency.NewStepper(p, f).Visit(t.Context(), &h, &course, time.Time{})
				assert.Equal(t, i+1, len(s.readAt))
				if i+1 < len(tt.late) {
					require.NoError(t, err)
					require.Zero(t, res.Outcome)
					continue
				}
				assert.Equal(t, tt.want, res.Outcome, "%v", err)
			}
		})
	}
}

// A visit before its time does nothing, and one that its context ends leaves all
// as it was.
func TestVisit_outOfTurn(t *testing.T) {
	t.Parallel()
	bubble(t, "early and cut", func(t *testing.T) {
		s := &service{writes: answers(201), reads: []reply{{status: 404}, {status: 200, took: time.Second}, {status: 200}}}
		f, p := s.to(consistency.ToPresent), s.policy()
		var course consistency.Course
		h, err := consistency.NewStepper(p, f).Send(t.Context(), consistency.Pending{}, &course)
		require.NoError(t, err)
		for range 5 {
			res, err := consistency.NewStepper(p, f).Visit(t.Context(), &h, &course, time.Time{})
			require.NoError(t, err)
			assert.Zero(t, res.Outcome)
			assert.Len(t, s.readAt, 1)
		}
		time.Sleep(time.Second)
		before, handle := course, h
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		for range 2 { // cut short, and ended from the beginning
			res, err := consistency.NewStepper(p, f).Visit(ctx, &h, &course, time.Time{})
			assert.Equal(t, unconfirmed, res.Outcome)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			assert.Equal(t, before, course)
			assert.Equal(t, handle, h)
		}
		res, err := consistency.NewStepper(p, f).Visit(t.Context(), &h, &course, time.Time{})
		require.NoError(t, err)
		assert.Equal(t, confirmed, res.Outcome)
		assert.Equal(t, 2, res.History.Reads(), "the one that was cut is not counted")
		assert.Equal(t, 1, res.History.Omitted())
	})
}

// A handle alone is enough to begin with, as for Resume.
func TestVisit_resumed(t *testing.T) {
	t.Parallel()
	bubble(t, "of another process", func(t *testing.T) {
		s := &service{writes: answers(503), reads: answers(404), found: [][]string{{"w1"}}}
		res, _ := consistency.Do(t.Context(), s.policy(), s.to(consistency.ToPresent))
		time.Sleep(24 * time.Hour)
		got, err := visitAll(t.Context(), s.policy(), s.to(consistency.ToPresent), stored(t, res.Pending), new(consistency.Course))
		assert.Equal(t, unconfirmed, got.Outcome)
		require.Error(t, err)
		assert.InDelta(t, 2*time.Minute, got.Elapsed, float64(time.Millisecond))
		assert.Len(t, s.writeAt, 1)
		s.reads = answers(200)
		got, err = visitAll(t.Context(), s.policy(), s.to(consistency.ToPresent), stored(t, got.Pending), new(consistency.Course))
		require.NoError(t, err)
		assert.Equal(t, "w1", got.Written.ID)
	})
	bubble(t, "that does not fit", func(t *testing.T) {
		s := &service{writes: answers(503), reads: answers(404), found: [][]string{{"w1"}}}
		h := s.to(consistency.ToPresent).Lost()
		for _, wrong := range []flow{s.to(consistency.ToMatch), {}} {
			got := h
			res, err := consistency.NewStepper(s.policy(), wrong).Visit(t.Context(), &got, new(consistency.Course), time.Time{})
			assert.Equal(t, unconfirmed, res.Outcome)
			require.ErrorIs(t, err, consistency.ErrInvalid)
			assert.Equal(t, h, res.Pending)
			assert.Equal(t, h, got)
		}
		assert.Empty(t, s.findAt)
	})
}

// A reference that is found while reading does not lead back to the operation,
// no more than with Do.
func TestVisit_foundWhileReading(t *testing.T) {
	inBubble(t, func(t *testing.T) {
		followed := 0
		f := consistency.Create("create",
			func(context.Context) (string, error) {
				return "", consistency.As(consistency.Accepted, errors.New("303"))
			},
			func(_ context.Context, id string) (string, error) { return id, nil })
		f.Find, f.Mine = consistency.Known("w1"), func(string) bool { return true }
		f.Monitor = func(context.Context, *string) (bool, error) { followed++; return true, nil }
		p := consistency.Policy{Settle: 3}
		var course consistency.Course
		h, err := consistency.NewStepper(p, f).Send(t.Context(), consistency.Pending{}, &course)
		require.NoError(t, err)
		for range 3 {
			time.Sleep(time.Until(course.Next()))
			res, err := consistency.NewStepper(p, f).Visit(t.Context(), &h, &course, time.Time{})
			require.NoError(t, err)
			if res.Outcome != 0 {
				assert.Equal(t, confirmed, res.Outcome)
				assert.Zero(t, followed)
				return
			}
		}
		assert.Fail(t, "it was not confirmed")
	})
}

// unanswered returns a handle without the time when its write was answered, which
// must be that.
func unanswered(t *testing.T, h consistency.Pending, at time.Time) consistency.Pending {
	t.Helper()
	if h.IsZero() {
		return h
	}
	data, err := json.Marshal(h)
	require.NoError(t, err)
	var fields map[string]any
	require.NoError(t, json.Unmarshal(data, &fields))
	assert.EqualValues(t, at.UnixMilli(), fields["answered"])
	delete(fields, "answered")
	data, err = json.Marshal(fields)
	require.NoError(t, err)
	var got consistency.Pending
	require.NoError(t, json.Unmarshal(data, &got))
	return got
}
