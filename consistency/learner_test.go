package consistency_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
)

// learner is a schedule that keeps what it is told.
type learner struct {
	readback.Schedule
	lags []readback.Lag
}

func (l *learner) Observe(lag readback.Lag) { l.lags = append(l.lags, lag) }

func TestLearner(t *testing.T) {
	t.Parallel()
	const never = -1
	none := []readback.Lag(nil)
	one := func(after, by time.Duration, reads int) []readback.Lag {
		return []readback.Lag{{After: after, By: by, Reads: reads, Deadline: 30 * time.Second}}
	}
	tests := []struct {
		name   string
		writes []reply
		reads  []reply
		goal   consistency.Goal
		policy consistency.Policy
		flow   func(*flow)
		want   []readback.Lag
	}{
		{name: "at once", reads: answers(200), want: one(never, 0, 1)},
		{name: "after a while", reads: answers(404, 403, 200), want: one(time.Second, 2*time.Second, 3)},
		{name: "unknown reads say nothing", reads: answers(404, 503, 200), want: one(0, 2*time.Second, 3)},
		{name: "settled", reads: answers(404, 200), policy: consistency.Policy{Settle: 3}, want: one(0, time.Second, 2)},
		{name: "flapping", reads: answers(200, 404, 200), policy: consistency.Policy{Settle: 2}, want: one(time.Second, 2*time.Second, 3)},
		{name: "stale", goal: consistency.ToMatch, reads: []reply{{status: 200, version: 1}, {status: 200, version: 2}}, want: one(0, time.Second, 2)},
		{name: "deleted", goal: consistency.ToAbsent, reads: answers(200, 404), want: one(0, time.Second, 2)},
		{name: "unconfirmed, but missed", reads: answers(404, 404, 401), want: one(time.Second, never, 3)},
		{name: "unconfirmed, and nothing seen", reads: answers(401), want: none},
		{name: "unconfirmed, and nothing known", reads: answers(503), want: none},
		{name: "failed", writes: answers(422), want: none},
		{name: "accepted", writes: answers(202), reads: answers(404, 200), want: none},
		{name: "see elsewhere", writes: answers(303), reads: answers(404, 200), want: none},
		{name: "ambiguous", writes: answers(503), reads: answers(404, 200), want: none},
		{name: "sent again", writes: answers(429, 201), reads: answers(404, 200), policy: consistency.Policy{Resend: resendAll}, want: none},
		{name: "sent again after an ambiguous try", writes: answers(503, 201), reads: answers(404, 200), policy: consistency.Policy{Resend: resendAll}, want: none},
		{
			name: "nothing changed", reads: answers(404, 200),
			flow: func(f *flow) { f.NoChange = func(ref) bool { return true } }, want: none,
		},
		{name: "bad input", flow: func(f *flow) { f.Read = nil }, want: none},
		{
			name: "within", reads: answers(404, 200), policy: consistency.Policy{Within: 7 * time.Second},
			want: []readback.Lag{{After: 0, By: time.Second, Reads: 2, Deadline: 7 * time.Second}},
		},
		{
			name: "reads that take time", reads: []reply{{status: 404, took: time.Second}, {status: 200, took: 2 * time.Second}},
			want: []readback.Lag{{After: 0, By: 2 * time.Second, Reads: 2, Deadline: 30 * time.Second, ReadTime: 1500 * time.Millisecond}},
		},
	}
	for _, tt := range tests {
		bubble(t, tt.name, func(t *testing.T) {
			s := &service{writes: tt.writes, reads: tt.reads, found: [][]string{{"w1"}}}
			if s.writes == nil {
				s.writes = []reply{{status: 201, took: time.Second}}
			}
			l := &learner{Schedule: everySecond}
			p := tt.policy
			p.Schedule = l
			f := s.to(tt.goal)
			if tt.flow != nil {
				tt.flow(&f)
			}
			_, _ = consistency.Do(t.Context(), p, f)
			assert.Equal(t, tt.want, l.lags)
		})
	}
	bubble(t, "resumed", func(t *testing.T) {
		s := &service{writes: answers(201), reads: answers(401)}
		l := &learner{Schedule: everySecond}
		p := consistency.Policy{Schedule: l}
		res, err := consistency.Do(t.Context(), p, s.create())
		s.onePlainWrite(t, res, err)
		s.reads = answers(401, 404, 200)
		_, err = consistency.Resume(t.Context(), p, s.create(), res.Pending)
		assert.NoError(t, err)
		assert.Empty(t, l.lags)
	})
	bubble(t, "awaited", func(t *testing.T) {
		l := &learner{Schedule: everySecond}
		_, err := consistency.Await(t.Context(), consistency.Policy{Schedule: l}, "x",
			func(context.Context) (int, error) { return 1, nil }, nil)
		assert.NoError(t, err)
		assert.Empty(t, l.lags)
	})
	bubble(t, "repeated by the client", func(t *testing.T) {
		site := newSite(t, onPost(status(503)))
		tries := 0
		f := site.create()
		f.Write = func(ctx context.Context) (string, error) {
			if tries++; tries == 1 {
				_, _ = site.post(ctx)
			}
			_, _ = site.post(ctx)
			return "1", nil
		}
		l := &learner{Schedule: everySecond}
		_, err := consistency.Do(t.Context(), consistency.Policy{Schedule: l}, f)
		assert.NoError(t, err)
		assert.Empty(t, l.lags)
	})
}
