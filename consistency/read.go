package consistency

import (
	"cmp"
	"context"
	"errors"

	"github.com/readback-go/readback/poll"
)

// errNoCandidate is the error of a Find that found nothing.
var errNoCandidate = errors.New("no candidate found")

// follow waits for the end of an accepted operation, if there is a monitor.
func (r *run[W, R]) follow(ctx context.Context) error {
	if r.class != Accepted || r.flow.Monitor == nil || r.monitored || !r.found {
		return nil
	}
	opts := r.options(PhaseMonitor)
	opts.Settle = 1
	_, err := poll.Until(ctx, func(ctx context.Context) (bool, error) {
		r.refresh(ctx)
		return r.flow.Monitor(ctx, &r.written)
	}, r.judgeMonitor, opts)
	r.monitored = err == nil
	return err
}

// readUntil reads until the read model shows the write.
func (r *run[W, R]) readUntil(ctx context.Context) error {
	_, err := poll.Until(ctx, r.read, r.judge, r.options(PhaseRead))
	return err
}

func (r *run[W, R]) options(phase Phase) poll.Options {
	opts := poll.Options{
		Schedule:    r.policy.Schedule,
		Settle:      r.policy.settle(r.flow.goal),
		Within:      r.policy.within(r.class),
		ReadTimeout: r.policy.ReadTimeout,
		Since:       r.zero,
		History:     r.history,
	}
	if r.unchanged {
		opts.Settle = 1
	}
	if r.writes > 0 {
		opts.Reserve = max(r.took, 1) // a write of no time is still one that was measured
	}
	if r.policy.observed() {
		opts.Observe = func(read poll.Read) {
			r.policy.tell(Event{
				Flow: r.flow.Name, Phase: phase, N: read.N, Began: read.Began, Ended: read.Ended,
				Status: read.Status, Verdict: read.Verdict, Reason: read.Reason, Note: read.Note, Err: read.Err,
			})
		}
	}
	return opts
}

// read looks once: for the reference, if the write's answer was lost, and then
// for what it refers to.
func (r *run[W, R]) read(ctx context.Context) (value R, err error) {
	r.refresh(ctx)
	if r.finding = !r.found; r.finding {
		candidates, err := r.flow.Find(ctx)
		if err != nil {
			return value, err
		}
		if err := r.choose(candidates); err != nil {
			return value, err
		}
		r.finding = false
	}
	return r.flow.Read(ctx, r.written)
}

// refresh asks for fresh credentials if a run of 403s has just begun.
func (r *run[W, R]) refresh(ctx context.Context) {
	if r.forbidden.refresh {
		r.forbidden.refresh = false
		r.policy.OnForbidden(ctx)
	}
}

// choose takes the one candidate that is this write's.
func (r *run[W, R]) choose(candidates []W) error {
	if len(candidates) == 0 {
		return errNoCandidate
	}
	mine, proven := 0, 0
	for i, w := range candidates {
		// Without a Mine, a thing that is to be created may as well be
		// another's; one that is to be changed need not be proven, since its
		// state is what counts.
		if r.flow.Mine != nil && r.flow.Mine(w) || r.flow.Mine == nil && r.flow.goal != ToPresent {
			mine, proven = i, proven+1
		}
	}
	if proven != 1 {
		return ErrNotProvablyMine
	}
	r.written, r.found = candidates[mine], true
	return nil
}

// judge says what a read means.
func (r *run[W, R]) judge(value R, err error, read poll.Read) poll.Judgement {
	if err == nil {
		r.value = value
	}
	switch {
	case err == errNoCandidate:
		return r.pending(NotFound, read)
	case err == ErrNotProvablyMine && r.flow.Mine == nil && r.flow.goal == ToPresent:
		return poll.Judgement{Verdict: poll.Stop, Reason: "not provably ours", Cause: err}
	case err == ErrNotProvablyMine:
		return r.pending("not provably ours", read)
	}
	goal := r.flow.goal
	if r.finding {
		goal = ToPresent
	}
	j := judgeAnswer(r, goal, &value, err, read)
	if j.Verdict == poll.Ready && goal != ToAbsent {
		if reason := r.lacks(&value); reason != "" {
			pending := r.pending(reason, read)
			pending.Status, pending.Note = j.Status, j.Note
			return pending
		}
	}
	return j
}

// lacks returns why a value that was read is not what is waited for, or "".
func (r *run[W, R]) lacks(value *R) poll.Reason {
	switch {
	case empty(value):
		return NotFound
	case r.flow.Match == nil || r.unchanged || r.flow.Match(r.written, *value):
		return ""
	}
	return Stale
}

// judgeMonitor says what a look at an operation means.
func (r *run[W, R]) judgeMonitor(done bool, err error, read poll.Read) poll.Judgement {
	if err == nil {
		r.forbidden.going = false
	}
	switch {
	case errors.Is(err, ErrOperation):
		return poll.Judgement{Verdict: poll.Stop, Reason: "operation failed", Cause: err}
	case err == nil && done:
		return poll.Judgement{Verdict: poll.Ready}
	case err == nil:
		return poll.Judgement{Reason: "running"}
	}
	return judgeAnswer(r, ToPresent, &done, err, read)
}

// judgeAnswer says what the rules make of an answer.
func judgeAnswer[W, R, V any](r *run[W, R], goal Goal, value *V, err error, read poll.Read) poll.Judgement {
	if class, ok := said(err); ok {
		if class == Refused {
			return poll.Judgement{Verdict: poll.Stop, Reason: "refused", Cause: err}
		}
		return poll.Judgement{Verdict: poll.Unknown, Reason: unavailable, Setback: goal == ToAbsent}
	}
	a := answerOf(&r.policy, value, err)
	release(value)
	r.answer = a
	if err == nil && a.Status == 0 {
		a.Status = 200 // a client without statuses that found no fault
	}
	var rule ReadRule
	if r.flow.Behind != nil && r.flow.Behind(a) {
		rule = ReadRule{Reason: BehindToken}
	} else {
		rule = r.policy.Rules.read(goal, a)
	}
	j := poll.Judgement{Verdict: rule.Verdict, Reason: rule.Reason, Setback: rule.Setback, Settled: rule.Settled}
	switch {
	case rule.Verdict == poll.Pending:
		j = r.pending(rule.Reason, read)
	case rule.Verdict == poll.Ready && goal != ToAbsent && err != nil:
		// The status is good, but what came with it could not be read.
		j = poll.Judgement{Verdict: poll.Unknown, Reason: "unreadable"}
	case rule.Verdict == poll.Stop && err == nil:
		j.Cause = statusError(a.Status)
	}
	switch {
	case rule.Reason == Forbidden && j.Verdict != poll.Stop:
		r.forbid(read)
	case j.Verdict != poll.Unknown:
		r.forbidden.going = false
	}
	j.Status, j.Note, j.RetryAfter = r.answer.Status, a.Note, a.RetryAfter
	return j
}

// pending returns a pending judgement with the window of its reason.
func (r *run[W, R]) pending(reason poll.Reason, read poll.Read) poll.Judgement {
	if reason == Forbidden {
		r.forbid(read)
		return poll.Judgement{Reason: reason, Until: r.forbidden.began + cmp.Or(r.policy.Windows.Forbidden, forbiddenWindow)}
	}
	r.forbidden.going = false
	j := poll.Judgement{Reason: reason}
	switch {
	case reason == BehindToken:
		j.Until = r.policy.Windows.BehindToken
	case r.class == Ambiguous:
		// Not lag of the read model alone: the write may not have run yet.
	case reason == NotFound:
		j.Until = r.policy.Windows.NotFound
	case reason == Stale:
		j.Until = r.policy.Windows.Stale
	case reason == StillThere:
		j.Until = r.policy.Windows.StillThere
	}
	return j
}

// forbid notes a read that was answered with 403.
func (r *run[W, R]) forbid(read poll.Read) {
	if r.forbidden.going {
		return
	}
	r.forbidden = forbiddenRun{going: true, began: read.Ended, refresh: r.policy.OnForbidden != nil}
}
