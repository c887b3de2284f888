package consistency

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/readback-go/readback/internal/redact"
	"github.com/readback-go/readback/poll"
)

// errNoCandidate is the error of a Find that found nothing.
var errNoCandidate = fmt.Errorf("%w: none was found", ErrNotProvablyMine)

// follow waits for the end of an accepted operation, if there is a monitor.
func (r *run[W, R]) follow(ctx context.Context) error {
	if !r.follows() {
		return nil
	}
	_, err := poll.Until(ctx, r.monitor, r.judgeMonitor, r.monitorOptions())
	r.monitored = err == nil
	return err
}

// follows reports whether an accepted operation is yet to be followed.
func (r *run[W, R]) follows() bool {
	return r.class == Accepted && r.flow.Monitor != nil && !r.monitored && r.found
}

func (r *run[W, R]) monitor(ctx context.Context) (bool, error) {
	r.refresh(ctx)
	done, err := r.flow.Monitor(ctx, &r.written)
	return done, redact.Guard(err)
}

func (r *run[W, R]) monitorOptions() poll.Options {
	opts := r.options(PhaseMonitor)
	opts.Settle = 1
	return opts
}

// readUntil reads until the read model shows the write.
func (r *run[W, R]) readUntil(ctx context.Context) error {
	_, err := poll.Until(ctx, r.read, r.judgeRead, r.options(PhaseRead))
	return err
}

func (r *run[W, R]) judgeRead(value R, err error, read poll.Read) (j poll.Judgement) {
	r.judge(&j, &value, err, read.Ended)
	return j
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

// read looks once, and keeps what the rules need of the answer. Its body is
// released here, since it is lost with the read's context, and so is its
// connection. The error's text hides secrets from here on: it goes into
// histories and events.
func (r *run[W, R]) read(ctx context.Context) (R, error) {
	r.refresh(ctx)
	value, err := r.look(ctx)
	r.seen = answerOf(&r.policy, &value, err)
	if body := release(&value); r.seen.Body == nil {
		r.seen.Body = body
	}
	if err == errNoCandidate || err == ErrNotProvablyMine {
		return value, err
	}
	return value, redact.Guard(err)
}

// look looks for the reference, if the write's answer was lost, and then for
// what it refers to.
func (r *run[W, R]) look(ctx context.Context) (value R, err error) {
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

// judge says what a read means that ended at that time.
func (r *run[W, R]) judge(j *poll.Judgement, value *R, err error, at time.Duration) {
	if err == nil {
		r.value = *value
	}
	goal := r.flow.goal
	if r.finding {
		goal = ToPresent
	}
	switch {
	case err == errNoCandidate:
		r.pending(j, NotFound, at)
	case err == ErrNotProvablyMine && r.flow.Mine == nil && r.flow.goal == ToPresent:
		j.Verdict, j.Reason, j.Cause = poll.Stop, notProven, err
	case err == ErrNotProvablyMine:
		r.pending(j, notProven, at)
	default:
		r.judgeAnswer(j, goal, err, at)
		if j.Verdict == poll.Ready && goal != ToAbsent {
			r.judgeValue(j, value, at)
		}
	}
}

const notProven poll.Reason = "not provably ours"

// judgeValue makes a ready read pending whose value is not what is waited for, and
// stops where no value can prove it.
func (r *run[W, R]) judgeValue(j *poll.Judgement, value *R, at time.Duration) {
	if r.flow.goal == ToMatch && r.flow.Match == nil && r.class == Ambiguous {
		// No answer to the write told how far a replica must have come.
		j.Verdict, j.Reason, j.Settled, j.Cause = poll.Stop, notProven, false, ErrNotProvablyMine
		return
	}
	if reason := r.lacks(value); reason != "" {
		j.Verdict, j.Settled = poll.Pending, false
		r.pending(j, reason, at)
	}
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
func (r *run[W, R]) judgeMonitor(done bool, err error, read poll.Read) (j poll.Judgement) {
	if err == nil {
		r.forbidden.going = false
	}
	switch {
	case errors.Is(err, ErrOperation):
		j = poll.Judgement{Verdict: poll.Stop, Reason: "operation failed", Cause: err}
	case err == nil && done:
		j.Verdict = poll.Ready
	case err == nil:
		j.Reason = "running"
	default:
		r.seen = answerOf(&r.policy, &done, err)
		r.judgeAnswer(&j, ToPresent, err, read.Ended)
	}
	return j
}

// judgeAnswer says what the rules make of the answer seen, which came at that
// time.
func (r *run[W, R]) judgeAnswer(j *poll.Judgement, goal Goal, err error, at time.Duration) {
	if class, _, ok := said(err); ok {
		switch class {
		case Refused:
			j.Verdict, j.Reason, j.Cause = poll.Stop, "refused", err
		default:
			j.Verdict, j.Reason, j.Setback = poll.Unknown, unavailable, goal == ToAbsent
		}
		return
	}
	a := &r.seen
	r.answer = *a
	j.Status, j.Note, j.RetryAfter = a.Status, a.Note, a.RetryAfter
	if err == nil && a.Status == 0 {
		a.Status = 200 // a client without statuses that found no fault
	}
	rule := &behindToken
	if r.flow.Behind == nil || !r.flow.Behind(*a) {
		rule = r.policy.Rules.read(goal, a)
	}
	j.Verdict, j.Reason, j.Setback, j.Settled = rule.Verdict, rule.Reason, rule.Setback, rule.Settled
	switch {
	case rule.Verdict == poll.Pending:
		r.pending(j, rule.Reason, at)
	case rule.Verdict == poll.Ready && goal != ToAbsent && err != nil:
		// The status is good, but what came with it could not be read.
		j.Verdict, j.Reason, j.Settled = poll.Unknown, "unreadable", false
	case rule.Verdict == poll.Stop && err == nil:
		j.Cause = statusError(a.Status)
	}
	switch {
	case rule.Reason == Forbidden && j.Verdict != poll.Stop:
		r.forbid(at)
	case j.Verdict != poll.Unknown:
		r.forbidden.going = false
	}
}

// pending gives a pending judgement its reason, and the window of that.
func (r *run[W, R]) pending(j *poll.Judgement, reason poll.Reason, at time.Duration) {
	j.Reason = reason
	if reason == Forbidden {
		r.forbid(at)
		j.Until = r.forbidden.began + cmp.Or(r.policy.Windows.Forbidden, forbiddenWindow)
		return
	}
	r.forbidden.going = false
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
}

// forbid notes that a read was answered with 403 at that time.
func (r *run[W, R]) forbid(at time.Duration) {
	if r.forbidden.going {
		return
	}
	r.forbidden = forbiddenRun{going: true, began: at, refresh: r.policy.OnForbidden != nil}
}
