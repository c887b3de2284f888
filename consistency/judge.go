package consistency

import (
	"context"
	"time"

	"github.com/readback-go/readback/internal/reserve"
	"github.com/readback-go/readback/poll"
)

// A Judge says what the answers to the reads of one write mean, one after the
// other, as in a flow: by the policy's rules and the tables, with the windows of
// the policy. It is for those who read in a loop of their own; make it with
// [Policy.Judge]. Its times count from the answer to the write. It is for one
// goroutine at a time.
type Judge struct {
	policy    *Policy
	goal      Goal
	class     Class
	zero      time.Time
	forbidden forbiddenRun
	slowest   time.Duration
}

// Judge returns the judge of the reads of a write that was answered then, with an
// answer of that class. P must not change as long as the judge is asked.
func (p *Policy) Judge(goal Goal, class Class, answered time.Time) Judge {
	return Judge{policy: p, goal: goal, class: class, zero: answered}
}

// Read returns what an answer means that came at that time: its verdict, its
// reason, and until when that counts as lag; zero means until the end of the flow.
// Own says that a rule of the policy decided, and not the table.
func (j *Judge) Read(a Answer, at time.Duration) (judgement poll.Judgement, own bool) {
	a.Phase = PhaseRead
	rule, own := j.policy.Rules.read(j.goal, &a)
	judgement = poll.Judgement{
		Verdict: rule.Verdict, Reason: rule.Reason, Setback: rule.Setback, Settled: rule.Settled,
		Status: a.Status, Note: a.Note, RetryAfter: a.RetryAfter,
	}
	if rule.Verdict == poll.Pending {
		judgement.Until = j.policy.until(&j.forbidden, j.class, rule.Reason, 0, at)
	}
	j.forbidden.heard(j.policy, rule.Verdict, rule.Reason, at)
	return judgement, own
}

// Pending is Read for an answer that the caller knows to be pending for that reason: it does
// not match, or is behind a token.
func (j *Judge) Pending(a Answer, reason poll.Reason, at time.Duration) poll.Judgement {
	return poll.Judgement{
		Verdict: poll.Pending, Reason: reason, Until: j.policy.until(&j.forbidden, j.class, reason, 0, at),
		Status: a.Status, Note: a.Note, RetryAfter: a.RetryAfter,
	}
}

// Within returns how long a flow may take.
func (j *Judge) Within() time.Duration { return j.policy.within(j.class) }

// Refresh calls Policy.OnForbidden if that is due: before the read after the first
// of a run of 403s, and again whenever the run has lasted twice as long.
func (j *Judge) Refresh(ctx context.Context) { j.forbidden.renew(ctx, j.policy, j.zero) }

// Took tells how long a read took that was answered.
func (j *Judge) Took(d time.Duration) { j.slowest = max(j.slowest, d) }

// Slowest returns the most that Took was told.
func (j *Judge) Slowest() time.Duration { return j.slowest }

// Reserve returns what is kept for one read of the time left: twice the slowest
// so far, and never more than half.
func (j *Judge) Reserve(left time.Duration) time.Duration {
	return min(reserve.Of(j.slowest), left/2)
}

// ReadTimeout returns how long one read may take.
func (j *Judge) ReadTimeout() time.Duration {
	if j.policy.ReadTimeout > 0 {
		return j.policy.ReadTimeout
	}
	return reserve.ReadTimeout
}
