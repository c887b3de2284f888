package consistency_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
)

func TestPolicy_observer(t *testing.T) {
	t.Parallel()
	bubble(t, "every step in order", func(t *testing.T) {
		s := &service{
			writes:    []reply{{status: 429}, {status: 202, took: time.Second}},
			monitored: answers(202, 200),
			reads:     []reply{{status: 404}, {status: 503, took: 2 * time.Second}, {status: 200}},
		}
		p := s.policy()
		p.Resend.OnRateLimited = true
		res, err := consistency.Do(t.Context(), p, s.to(consistency.ToPresent))
		require.NoError(t, err)
		s.told(t, res, err)
		for i := range s.events {
			if s.events[i].Err != nil {
				s.events[i].Err = errors.New(s.events[i].Err.Error())
			}
		}
		const (
			flow    = "create item"
			write   = consistency.PhaseWrite
			monitor = consistency.PhaseMonitor
			read    = consistency.PhaseRead
			second  = time.Second
		)
		assert.Equal(t, []consistency.Event{
			{Flow: flow, Phase: write, N: 1, Status: 429, Class: refused, Err: errors.New("status 429")},
			{Flow: flow, Phase: write, N: 2, Began: -second, Status: 202, Class: accepted},
			{Flow: flow, Phase: monitor, N: 1, Reason: "running"},
			{Flow: flow, Phase: monitor, N: 2, Began: second, Ended: second, Verdict: poll.Ready},
			{Flow: flow, Phase: read, N: 3, Began: second, Ended: second, Status: 404, Reason: consistency.NotFound, Err: errors.New("status 404")},
			{Flow: flow, Phase: read, N: 4, Began: 2 * second, Ended: 4 * second, Status: 503, Verdict: poll.Unknown, Reason: "unavailable", Err: errors.New("status 503")},
			{Flow: flow, Phase: read, N: 5, Began: 5 * second, Ended: 5 * second, Status: 200, Verdict: poll.Ready},
			{Flow: flow, Phase: consistency.PhaseEnd, N: 5, Ended: 5 * second, Status: 200, Class: accepted, Outcome: confirmed},
		}, s.events)
	})
	bubble(t, "bad input ends too", func(t *testing.T) {
		var s service
		p := s.policy()
		p.Settle = -1
		_, err := consistency.Do(t.Context(), p, s.create())
		assert.Equal(t, []consistency.Event{
			{Flow: "create item", Phase: consistency.PhaseEnd, Outcome: failed, Err: err},
		}, s.events)
	})
	bubble(t, "a resumed flow has no write", func(t *testing.T) {
		s := &service{writes: answers(201), reads: answers(401)}
		res, _ := consistency.Do(t.Context(), consistency.Policy{}, s.create())
		_, err := consistency.Resume(t.Context(), s.policy(), s.create(), res.Pending)
		require.Len(t, s.events, 2)
		assert.Equal(t, consistency.PhaseRead, s.events[0].Phase)
		assert.Equal(t, consistency.Event{
			Flow: "create item", Phase: consistency.PhaseEnd, N: 1, Status: 401, Class: applied, Reason: "refused", Outcome: unconfirmed, Err: err,
		}, s.events[1])
	})
}

// Names and values of fields do not change: dashboards depend on them.
func TestPolicy_logger(t *testing.T) {
	t.Parallel()
	type fields = map[string]any
	logged := func(t *testing.T, s *service, f flow) []fields {
		core, logs := observer.New(zap.DebugLevel)
		res, err := consistency.Do(t.Context(), consistency.Policy{Schedule: everySecond, Logger: zap.New(core)}, f)
		s.onePlainWrite(t, res, err)
		var got []fields
		for _, entry := range logs.All() {
			assert.Equal(t, zap.DebugLevel, entry.Level)
			m := entry.ContextMap()
			assert.Equal(t, "readback "+m["phase"].(string), entry.Message)
			got = append(got, m)
		}
		return got
	}
	bubble(t, "confirmed", func(t *testing.T) {
		s := &service{writes: []reply{{status: 201, took: time.Second}}, reads: answers(404, 200)}
		assert.Equal(t, []fields{
			{"flow": "create item", "phase": "write", "n": int64(1), "began": -time.Second, "ended": time.Duration(0), "status": int64(201), "class": "applied"},
			{"flow": "create item", "phase": "read", "n": int64(1), "began": time.Duration(0), "ended": time.Duration(0), "status": int64(404), "verdict": "pending", "reason": "not found", "error": "status 404"},
			{"flow": "create item", "phase": "read", "n": int64(2), "began": time.Second, "ended": time.Second, "status": int64(200), "verdict": "ready"},
			{"flow": "create item", "phase": "end", "n": int64(2), "began": time.Duration(0), "ended": time.Second, "status": int64(200), "outcome": "confirmed"},
		}, logged(t, s, s.create()))
	})
	bubble(t, "unconfirmed", func(t *testing.T) {
		s := &service{writes: answers(202), monitored: answers(202, 401)}
		assert.Equal(t, []fields{
			{"flow": "create item", "phase": "write", "n": int64(1), "began": time.Duration(0), "ended": time.Duration(0), "status": int64(202), "class": "accepted"},
			{"flow": "create item", "phase": "monitor", "n": int64(1), "began": time.Duration(0), "ended": time.Duration(0), "verdict": "pending", "reason": "running"},
			{"flow": "create item", "phase": "monitor", "n": int64(2), "began": time.Second, "ended": time.Second, "status": int64(401), "verdict": "stop", "reason": "refused", "error": "status 401"},
			{
				"flow": "create item", "phase": "end", "n": int64(2), "began": time.Duration(0), "ended": time.Second, "status": int64(401), "outcome": "unconfirmed", "reason": "refused",
				"error": "readback: create item: unconfirmed after 2 reads in 1s, seen last: refused: status 401; last status 401 to a look at the operation",
			},
		}, logged(t, s, s.to(consistency.ToPresent)))
	})
	bubble(t, "silent above debug", func(t *testing.T) {
		core, logs := observer.New(zap.InfoLevel)
		s := &service{writes: answers(201), reads: answers(200)}
		_, err := consistency.Do(t.Context(), consistency.Policy{Logger: zap.New(core)}, s.create())
		require.NoError(t, err)
		assert.Zero(t, logs.Len())
	})
}
