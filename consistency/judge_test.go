package consistency_test

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
)

// A judge says what a flow would say.
func TestJudge_saysWhatAFlowWould(t *testing.T) {
	t.Parallel()
	p := consistency.Policy{
		Windows: consistency.Windows{NotFound: 4 * time.Second, Stale: 5 * time.Second},
		Rules: consistency.Rules{Read: []consistency.ReadRule{
			{From: 400, Body: consistency.JSON("/code", "NotYet"), Verdict: poll.Pending, Reason: consistency.NotFound},
		}},
	}
	const at = time.Second
	tests := []struct {
		name   string
		goal   consistency.Goal
		class  consistency.Class
		answer consistency.Answer
		want   poll.Judgement
		own    bool
	}{
		{"not found", consistency.ToPresent, consistency.Applied, consistency.Answer{Status: 404},
			poll.Judgement{Verdict: poll.Pending, Reason: consistency.NotFound, Until: 4 * time.Second, Status: 404}, false},
		{"after an ambiguous write", consistency.ToPresent, consistency.Ambiguous, consistency.Answer{Status: 404},
			poll.Judgement{Verdict: poll.Pending, Reason: consistency.NotFound, Status: 404}, false},
		{"forbidden", consistency.ToPresent, consistency.Applied, consistency.Answer{Status: 403},
			poll.Judgement{Verdict: poll.Pending, Reason: consistency.Forbidden, Until: 11 * time.Second, Status: 403}, false},
		{"gone", consistency.ToAbsent, consistency.Applied, consistency.Answer{Status: 404},
			poll.Judgement{Verdict: poll.Ready, Status: 404}, false},
		{"an outage", consistency.ToAbsent, consistency.Applied, consistency.Answer{Status: 503},
			poll.Judgement{Verdict: poll.Unknown, Reason: "unavailable", Setback: true, Status: 503}, false},
		{"a rule", consistency.ToPresent, consistency.Applied, consistency.Answer{Status: 400, Body: []byte(`{"code":"NotYet"}`)},
			poll.Judgement{Verdict: poll.Pending, Reason: consistency.NotFound, Until: 4 * time.Second, Status: 400}, true},
		{"not that rule", consistency.ToPresent, consistency.Applied, consistency.Answer{Status: 400},
			poll.Judgement{Verdict: poll.Stop, Reason: "refused", Status: 400}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			j := p.Judge(tt.goal, tt.class, time.Now())
			got, own := j.Read(tt.answer, at)
			assert.Equal(t, tt.want, got)
			assert.Equal(t, tt.own, own)
		})
	}
	j := p.Judge(consistency.ToMatch, consistency.Applied, time.Now())
	assert.Equal(t, poll.Judgement{Verdict: poll.Pending, Reason: consistency.Stale, Until: 5 * time.Second, Status: 200},
		j.Pending(consistency.Answer{Status: 200}, consistency.Stale, at))
	assert.Equal(t, 30*time.Second, j.Within())
	assert.Equal(t, 10*time.Second, j.ReadTimeout())
	assert.Equal(t, time.Millisecond, j.Reserve(time.Second))
	j.Took(50 * time.Millisecond)
	j.Took(20 * time.Millisecond)
	assert.Equal(t, 50*time.Millisecond, j.Slowest())
	assert.Equal(t, 100*time.Millisecond, j.Reserve(time.Second))
	assert.Equal(t, 40*time.Millisecond, j.Reserve(80*time.Millisecond))
}

// Credentials are refreshed after the first of a run of 403s, and again whenever
// the run has lasted twice as long.
func TestJudge_Refresh(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		var at []time.Duration
		p := consistency.Policy{OnForbidden: func(context.Context) { at = append(at, time.Since(start)) }}
		j := p.Judge(consistency.ToPresent, consistency.Applied, start)
		for range 9 {
			_, _ = j.Read(consistency.Answer{Status: 403}, time.Since(start))
			time.Sleep(time.Second)
			j.Refresh(t.Context())
		}
		assert.Equal(t, []time.Duration{time.Second, 3 * time.Second, 7 * time.Second}, at)
		_, _ = j.Read(consistency.Answer{Status: 404}, time.Since(start))
		j.Refresh(t.Context())
		assert.Len(t, at, 3)
	})
}

func TestRules_AskForBodies(t *testing.T) {
	t.Parallel()
	body := consistency.JSON("/ok", false)
	none := consistency.Rules{Write: []consistency.WriteRule{{From: 200, Class: consistency.Refused}}}
	assert.False(t, none.AskForBodies(consistency.PhaseWrite))
	assert.False(t, none.AskForBodies(consistency.PhaseRead))
	both := consistency.Rules{Write: []consistency.WriteRule{{Body: body}}, Read: []consistency.ReadRule{{Body: body}}}
	assert.True(t, both.AskForBodies(consistency.PhaseWrite))
	assert.True(t, both.AskForBodies(consistency.PhaseRead))
}
