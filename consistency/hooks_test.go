package consistency_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback/consistency"
)

// A panic in a function of the caller's, whichever it is, comes through: no step stays
// open, and no write is sent twice.
func TestHooks_panic(t *testing.T) {
	t.Parallel()
	boom := func() { panic("boom") }
	for name, tt := range map[string]struct {
		s    service
		goal consistency.Goal
		set  func(*flow, *consistency.Policy)
	}{
		"Write": {goal: consistency.ToPresent, set: func(f *flow, _ *consistency.Policy) {
			f.Write = func(context.Context) (ref, error) { boom(); return ref{}, nil }
		}},
		"Read": {goal: consistency.ToPresent, set: func(f *flow, _ *consistency.Policy) {
			f.Read = func(context.Context, ref) (*item, error) { boom(); return nil, nil }
		}},
		"Match": {goal: consistency.ToMatch, set: func(f *flow, _ *consistency.Policy) { f.Match = func(ref, *item) bool { boom(); return false } }},
		"Find": {s: service{writes: answers(503)}, goal: consistency.ToPresent, set: func(f *flow, _ *consistency.Policy) {
			f.Find = func(context.Context) ([]ref, error) { boom(); return nil, nil }
		}},
		"Mine":      {s: service{writes: answers(503), found: [][]string{{"w1"}}}, goal: consistency.ToPresent, set: func(f *flow, _ *consistency.Policy) { f.Mine = func(ref) bool { boom(); return false } }},
		"MineValue": {s: service{writes: answers(409), found: [][]string{{"w1"}}}, goal: consistency.ToPresent, set: func(f *flow, _ *consistency.Policy) { f.MineValue = func(ref, *item) bool { boom(); return false } }},
		"Gone":      {goal: consistency.ToAbsent, set: func(f *flow, _ *consistency.Policy) { f.Gone = func(*item) bool { boom(); return false } }},
		"Fault":     {goal: consistency.ToPresent, set: func(f *flow, _ *consistency.Policy) { f.Fault = func(ref, *item) error { boom(); return nil } }},
		"Monitor": {goal: consistency.ToPresent, set: func(f *flow, _ *consistency.Policy) {
			f.Monitor = func(context.Context, *ref) (bool, error) { boom(); return false, nil }
		}},
		"Follows":  {s: service{monitored: answers(200)}, goal: consistency.ToPresent, set: func(f *flow, _ *consistency.Policy) { f.Follows = func(ref) bool { boom(); return false } }},
		"Lacks":    {goal: consistency.ToPresent, set: func(f *flow, _ *consistency.Policy) { f.Lacks = func(ref) error { boom(); return nil } }},
		"NoChange": {goal: consistency.ToPresent, set: func(f *flow, _ *consistency.Policy) { f.NoChange = func(ref) bool { boom(); return false } }},
		"Behind": {goal: consistency.ToPresent, set: func(f *flow, _ *consistency.Policy) {
			f.Behind = func(consistency.Answer) bool { boom(); return false }
		}},
		"Started": {goal: consistency.ToPresent, set: func(f *flow, _ *consistency.Policy) {
			f.Started = func(context.Context, consistency.Pending) error { boom(); return nil }
		}},
		"When": {s: service{writes: answers(400)}, goal: consistency.ToPresent, set: func(_ *flow, p *consistency.Policy) {
			p.Resend.When = func(consistency.Answer) bool { boom(); return false }
		}},
		"a rule's": {goal: consistency.ToPresent, set: func(_ *flow, p *consistency.Policy) {
			p.Rules.Write = []consistency.WriteRule{{Class: refused, When: func(consistency.Answer) bool { boom(); return false }}}
		}},
		"OnForbidden": {s: service{reads: answers(403)}, goal: consistency.ToPresent, set: func(_ *flow, p *consistency.Policy) { p.OnForbidden = func(context.Context) { boom() } }},
		"Observer":    {goal: consistency.ToPresent, set: func(_ *flow, p *consistency.Policy) { p.Observer = func(consistency.Event) { boom() } }},
		"Answer": {goal: consistency.ToPresent, set: func(_ *flow, p *consistency.Policy) {
			p.Answer = func(consistency.Phase, any, error) (consistency.Answer, bool) {
				boom()
				return consistency.Answer{}, false
			}
		}},
	} {
		bubble(t, name, func(t *testing.T) {
			s := tt.s
			if s.writes == nil {
				s.writes = answers(200)
			}
			if s.reads == nil {
				s.reads = answers(200)
			}
			var tracer spans
			p := consistency.Policy{Schedule: everySecond, Tracer: &tracer, Within: time.Minute}
			f := s.to(tt.goal)
			tt.set(&f, &p)
			assert.PanicsWithValue(t, "boom", func() { _, _ = consistency.Do(t.Context(), p, f) })
			assert.Len(t, tracer.ended, len(tracer.begun), "what begins ends")
			assert.LessOrEqual(t, len(s.writeAt), 1)
		})
	}
}
