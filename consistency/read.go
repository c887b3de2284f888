package consistency

import (
	"context"
	"strings"
	"time"

	"github.com/readback-go/readback/internal/redact"
	"github.com/readback-go/readback/internal/wire"
	"github.com/readback-go/readback/poll"
)

func (r *run[W, R]) judgeRead(_ R, err error, read poll.Read) (j poll.Judgement) {
	r.judge(&j, err, read.Ended)
	switch {
	case r.setback && j.Setback:
		r.setback = false // it is noted again
	case r.setback && j.Verdict != poll.Unknown:
		r.setback = false // as in a streak: what an outage leaves behind looks like nothing at all
		if j.Verdict == poll.Ready && !j.Settled {
			j.Verdict, j.Reason = poll.Unknown, unavailable
		}
	}
	return j
}

func (r *run[W, R]) options(phase Phase) poll.Options {
	opts := poll.Options{
		Schedule:    r.policy.Schedule,
		Settle:      r.policy.settle(r.flow.goal),
		SettleFor:   r.policy.SettleFor,
		Within:      r.policy.within(r.class),
		ReadTimeout: r.policy.ReadTimeout,
		Since:       r.zero,
		History:     r.history,
	}
	if r.unchanged {
		opts.Settle = 1
	}
	if r.ended > 0 {
		opts.Within = r.policy.within(Accepted)
	} else if r.class == Accepted {
		opts.Pause = r.pause
	}
	if r.writes > 0 {
		opts.Reserve = max(r.took, 1) // a write of no time is still one that was measured
	}
	if r.observed() {
		opts.Observe = func(read poll.Read) {
			r.endStep(Event{
				Phase: phase, N: read.N, Began: read.Began, Ended: read.Ended,
				Status: read.Status, Code: r.heard.answer.Code, Verdict: read.Verdict, Reason: read.Reason, Note: read.Note, Err: read.Err,
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
	ctx = r.beginStep(ctx, PhaseRead, r.history.Reads()+1)
	r.refresh(ctx)
	call, err := r.look(ctx)
	r.hearRead(err, call)
	if own, ok := err.(*candidateError); ok {
		return r.latest, own
	}
	return r.latest, redact.Guard(err)
}

// note returns the context of one read.
func (r *run[W, R]) note(ctx context.Context) *wire.Call {
	call := wire.Note(ctx)
	call.Bodies = r.policy.Rules.askForBodies(PhaseRead)
	return call
}

// hearRead notes what a read told. Of several errors in one the one that says
// least counts.
func (r *run[W, R]) hearRead(err error, call *wire.Call) {
	body, whole := release(&r.latest, call.Bodies)
	r.heard = hear(&r.policy, PhaseRead, &r.latest, err, call, r)
	if a := &r.heard.answer; a.Body == nil && body != nil {
		a.Body, a.Whole = body, whole
	}
	r.heard.mixed = !r.heard.known() && mixed(call)
}

func (r *run[W, R]) weight(s *said) int {
	if s.class != 0 && s.class != Refused || !s.known() {
		return 0
	}
	rule, _ := r.policy.Rules.read(r.flow.goal, &s.answer)
	switch rule.Verdict {
	case poll.Unknown:
		return 0
	case poll.Pending:
		return 1
	case poll.Stop:
		return 2
	}
	return 3
}

// look looks for the reference, if it is not known, and then for what it refers
// to. It returns what was noted of the last of both.
func (r *run[W, R]) look(ctx context.Context) (call *wire.Call, err error) {
	if r.finding = !r.found; r.finding {
		var none R
		r.latest = none
		call = r.note(ctx)
		if err := r.find(call); err != nil {
			return call, err
		}
		r.finding, r.listed = false, true
	}
	call = r.note(ctx)
	r.latest, err = r.flow.Read(call, r.written)
	return call, err
}

// refresh asks for fresh credentials if a run of 403s has just begun, or lasts.
func (r *run[W, R]) refresh(ctx context.Context) {
	r.forbidden.renew(ctx, &r.policy, r.zero)
}

// judge says what a read means that ended at that time.
func (r *run[W, R]) judge(j *poll.Judgement, err error, at time.Duration) {
	if err == nil {
		r.value = r.latest
	}
	goal := r.flow.goal
	if r.finding {
		goal = ToPresent
	}
	r.hint, r.fault, r.several = "", nil, false
	listed := r.listed
	if r.listed = false; listed {
		r.forbidden.going, r.seen = false, seen{} // the list was answered
	}
	if missing, ok := err.(*candidateError); ok {
		r.judgeCandidates(j, missing, at)
	} else {
		r.judgeAnswer(j, goal, err, at)
		// What a rule calls ready is asked for its value too, whatever its status.
		ruled := r.heard.own && j.Verdict == poll.Ready
		if err == nil && !r.finding && (ruled || r.heard.answer.Status != 202 && r.good()) {
			r.judgeValue(j, at)
		}
	}
	before := r.seen.reason
	r.seen = seen{}
	switch j.Verdict {
	case poll.Ready:
		// A streak is of values that are ready in the same way.
		faulty := r.fault != nil
		j.Anew, r.faulty = faulty != r.faulty, faulty
	case poll.Pending:
		r.seen.reason = j.Reason
		r.seen.value = err == nil && j.Reason != NotFound
	case poll.Unknown:
		// It says nothing, and so what was seen before still stands.
		r.seen.reason, r.seen.unknown, j.Anew = before, j.Reason, listed
	default:
		r.seen.reason = j.Reason
	}
}

// good reports whether the answer that was heard has a good status.
func (r *run[W, R]) good() bool { return r.heard.answer.Status/100 == 2 }

const notProven poll.Reason = "not provably ours"

// judgeValue says what the value of a good answer means.
func (r *run[W, R]) judgeValue(j *poll.Judgement, at time.Duration) {
	value := &r.latest
	if j.Verdict != poll.Ready && !(j.Verdict == poll.Pending && j.Reason == StillThere) {
		return // a rule, or a replica that is behind
	}
	if r.flow.goal == ToMatch && r.flow.Match == nil && r.class == Ambiguous {
		// No answer to the write told how far a replica must have come.
		j.Verdict, j.Reason, j.Settled, j.Cause = poll.Stop, notProven, false, ErrNotProvablyMine
		return
	}
	presence := presenceOf(value, &r.heard.answer)
	if r.flow.Fault != nil && presence != nothing {
		if why := r.flow.Fault(r.written, *value); why != nil {
			r.fault = operationFailed(why)
			j.Verdict, j.Reason, j.Settled = poll.Ready, "failed", false
			return
		}
	}
	if r.heard.own && j.Verdict == poll.Ready && r.flow.goal != ToMatch && r.flow.Match == nil {
		return // a rule says that this is it
	}
	switch r.flow.goal {
	case ToAbsent:
		switch {
		case r.heard.own:
		case presence == nothing, r.flow.Gone != nil && r.flow.Gone(*value):
			j.Verdict, j.Reason = poll.Ready, ""
		case presence == empty:
			j.Verdict, j.Reason, j.Setback, j.Until = poll.Unknown, "empty, which may be no answer", true, 0
		}
		return
	case ToMatch:
		if r.flow.Match == nil && presence != something {
			r.lag(j, NotFound, at)
		} else if r.flow.Match != nil && !r.matches(value, presence) {
			r.lag(j, Stale, at)
		}
		return
	}
	switch {
	case presence == nothing && !r.heard.own:
		r.lag(j, NotFound, at)
	case r.flow.Match != nil:
		if !r.matches(value, presence) {
			reason := Stale
			if presence == empty {
				reason = NotFound
			}
			r.lag(j, reason, at)
		}
	case presence == empty && !r.heard.own:
		r.lag(j, NotFound, at)
	case r.heard.silent && isInterface[R]():
		// It may be the client's way to return a 404.
		j.Verdict, j.Reason, j.Settled = poll.Unknown, "no status is known", false
		r.hint = noStatus
	}
}

// matches asks the match. One that is asked of a nil and panics, as one that looks
// at a field does, does not accept it.
func (r *run[W, R]) matches(value *R, p presence) (ok bool) {
	if p == nothing {
		defer func() {
			if recover() != nil {
				ok = false
			}
		}()
	}
	return r.flow.Match(r.written, *value)
}

// lag makes a read pending that had a good answer.
func (r *run[W, R]) lag(j *poll.Judgement, reason poll.Reason, at time.Duration) {
	j.Verdict, j.Settled = poll.Pending, false
	r.pending(j, reason, at)
}

// judgeAnswer says what the rules make of the answer heard, which came at that
// time.
func (r *run[W, R]) judgeAnswer(j *poll.Judgement, goal Goal, err error, at time.Duration) {
	s := &r.heard
	if r.finding {
		if proof, ok := notCarriedOutOf(err); ok {
			r.never = true
			j.Verdict, j.Reason, j.Cause = poll.Stop, "not carried out", proof
			return
		}
	}
	if s.class != 0 {
		switch s.class {
		case Refused:
			j.Verdict, j.Reason, j.Cause = poll.Stop, "refused", err
		default:
			j.Verdict, j.Reason, j.Setback = poll.Unknown, unavailable, goal == ToAbsent
		}
		return
	}
	a := &s.answer
	if s.mixed {
		j.Verdict, j.Reason, j.Setback = poll.Unknown, "requests of one read were answered differently", goal == ToAbsent
		return
	}
	s.silent = a.Status == 0
	if err == nil && a.Status == 0 && a.Code == "" {
		a.Status = 200 // a client without statuses that found no fault
	}
	r.answer = a.kept()
	if s.silent {
		r.answer.Status = 0
	}
	j.Status, j.Note, j.RetryAfter = r.answer.Status, a.Note, a.RetryAfter
	rule := &behindToken
	if s.own = false; r.flow.Behind == nil || !r.flow.Behind(*a) {
		rule, s.own = r.policy.Rules.read(goal, a)
	}
	j.Verdict, j.Reason, j.Setback, j.Settled = rule.Verdict, rule.Reason, rule.Setback, rule.Settled
	switch {
	case rule.Verdict == poll.Pending:
		r.pending(j, rule.Reason, at)
	case rule.Verdict == poll.Ready && err != nil && a.Status/100 == 2:
		// The status is good, but what came with it could not be read.
		j.Verdict, j.Reason, j.Settled = poll.Unknown, "unreadable", false
	case rule.Verdict == poll.Ready && !s.own && r.flow.Match == nil && isProblem(a):
		j.Verdict, j.Reason = poll.Unknown, "a problem with a good status"
	case rule.Verdict == poll.Stop && err == nil:
		j.Cause = statusError(a.Status)
	case err != nil && a.Status == 0 && a.Code == "":
		r.hint = opaque("read", s.err)
	}
	r.forbidden.heard(&r.policy, j.Verdict, rule.Reason, at)
}

// isProblem reports whether an answer with a good status is a problem of RFC 9457, by its
// type: that is nothing that was written.
func isProblem(a *Answer) bool {
	if a.Status/100 != 2 || a.Header == nil {
		return false
	}
	kind, _, _ := strings.Cut(a.Header.Get("Content-Type"), ";")
	switch strings.ToLower(strings.TrimSpace(kind)) {
	case "application/problem+json", "application/problem+xml":
		return true
	}
	return false
}

// pending gives a pending judgement its reason, and that reason's window.
func (r *run[W, R]) pending(j *poll.Judgement, reason poll.Reason, at time.Duration) {
	j.Reason, j.Until = reason, r.policy.until(&r.forbidden, r.class, reason, r.ended, at)
}
