package consistency

import (
	"context"
	"net/http"
	"time"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/internal/cause"
	"github.com/readback-go/readback/internal/pause"
	"github.com/readback-go/readback/internal/redact"
	"github.com/readback-go/readback/internal/reserve"
	"github.com/readback-go/readback/internal/wire"
	"github.com/readback-go/readback/poll"
)

// write sends the write, once unless the policy consents to more, and notes
// what its answers prove.
func (r *run[W, R]) write(ctx context.Context) {
	again := resending{first: time.Now()}
	for {
		t := r.writeOnce(ctx)
		doubted := r.doubtful
		r.doubtful = r.doubtful || t.open || t.class == Ambiguous
		// One ambiguous try makes the whole ambiguous: a later refusal may be
		// the echo of the first try's success.
		if r.class = t.class; r.doubtful && t.class.refusal() {
			r.class = Ambiguous
		}
		if !r.resends(&t, doubted, time.Since(again.first)) || !again.wait(ctx, r) {
			break
		}
		if r.class == Ambiguous && r.glimpse(ctx) || ctx.Err() != nil {
			break
		}
	}
	// A redirect says where to read, and names no operation.
	r.monitored = r.class == Accepted && r.answer.Status/100 == 3
	if !r.found && r.flow.known != nil {
		r.written, r.found = *r.flow.known, true
	}
	// If another try may have been carried out, that nothing changed is the echo
	// of its success.
	if r.found && r.class == Applied && !r.doubtful && r.flow.NoChange != nil {
		r.unchanged = r.flow.NoChange(r.written)
	}
}

// writing is what one call of Write came to.
type writing struct {
	tried
	never  bool // nothing was sent
	word   bool // the class is the caller's
	answer Answer
}

// writeOnce calls Write and classifies its answer.
func (r *run[W, R]) writeOnce(ctx context.Context) writing {
	ctx = r.beginStep(ctx, PhaseWrite, r.writes+1)
	call := wire.Note(ctx)
	if !r.policy.SingleAttempt {
		call = wire.Trace(ctx)
	}
	call.Bodies = r.policy.Rules.askForBodies(PhaseWrite)
	began := time.Now()
	r.written, r.writeErr = r.flow.Write(call)
	r.encoded = nil
	r.zero = time.Now()
	r.answered = r.zero
	r.took = r.zero.Sub(began)
	r.writes++

	body, whole := release(&r.written, call.Bodies)
	s := hear(&r.policy, PhaseWrite, &r.written, r.writeErr, call, r)
	if s.answer.Body == nil && body != nil {
		s.answer.Body, s.answer.Whole = body, whole
	}
	never := r.writeErr != nil && neverSent(call, &s, r.writeErr)
	t := writing{tried: r.weigh(call, r.classify(&s, never), &s), word: s.word, answer: s.answer}
	t.never = never && t.class == NotExecuted
	r.answer, r.pause = s.answer.kept(), s.answer.RetryAfter
	r.counted, r.hint = t.text, ""
	r.word = t.word
	r.addTries(&t)
	r.refer(t.class)
	if t.class == Ambiguous && r.writeErr != nil && !s.known() && t.text == "" {
		r.hint = opaque("write", s.err)
	} else if t.class == Ambiguous && s.answer.cut && call.Bodies {
		r.hint = brokeOff
	}
	if r.observed() {
		r.endStep(Event{
			Phase: PhaseWrite, N: r.writes, Began: -r.took,
			Status: r.answer.Status, Code: r.answer.Code, Class: t.class, RetryAfter: r.pause, Note: r.answer.Note, Err: redact.Guard(r.writeErr),
		})
	}
	return t
}

// classify returns what the answer of a write proves by itself.
func (r *run[W, R]) classify(s *said, never bool) Class {
	class := Ambiguous
	switch {
	case s.class != 0:
		class = s.class
	case never:
		return NotExecuted
	case r.writeErr == nil && s.answer.Status == 0 && s.answer.Code == "":
		class = Applied
	default:
		class = r.policy.Rules.write(r.flow.goal, &s.answer)
	}
	good := s.answer.Status == 0 || s.answer.Status/100 == 2 // and not a 404 to a deletion
	if class == Applied && s.class == 0 && good && r.flow.Monitor != nil && (r.writeErr != nil || r.flow.Follows == nil || r.flow.Follows(r.written)) {
		return Accepted
	}
	return class
}

// outweighs reports whether a counts instead of b, where one error tells both: of a
// write the ambiguous one counts, of a read the one that says least.
func (r *run[W, R]) outweighs(phase Phase, a, b *said) bool {
	if phase == PhaseWrite {
		return r.severity(a) >= r.severity(b)
	}
	return r.weight(a) <= r.weight(b)
}

func (r *run[W, R]) severity(s *said) int {
	switch r.classify(s, s.answer.NotSent) {
	case NotExecuted:
		return 0
	case Refused:
		return 1
	case Accepted, Applied:
		return 2
	}
	return 3
}

// refer notes whether what Write returned refers to anything.
func (r *run[W, R]) refer(class Class) {
	r.found, r.lacking = false, nil
	if r.writeErr != nil || class != Applied && class != Accepted {
		return
	}
	r.lacking = r.flow.lacks(&r.written)
	r.found = r.lacking == nil || r.operates(class)
}

// operates reports whether the reference names an operation that is to be followed
// after an answer of that class.
func (r *run[W, R]) operates(class Class) bool {
	return class == Accepted && r.flow.Monitor != nil && !r.monitored && !namesNothing(&r.written) &&
		(r.flow.Follows == nil || r.flow.Follows(r.written))
}

// addTries adds the tries of a call of Write; nothing counted is not known, unless
// the caller's word is that there was one, or nothing was sent.
func (r *run[W, R]) addTries(t *writing) {
	n := t.n
	if n == 0 && r.policy.SingleAttempt {
		n = 1
	}
	switch {
	case t.never:
	case n == 0 || r.tries < 0:
		r.tries = -1
	default:
		r.tries += n
	}
}

// resends reports whether the policy consents to another try. Since is the time
// from the first one.
func (r *run[W, R]) resends(t *writing, doubted bool, since time.Duration) bool {
	if cause.Is(r.writeErr, ErrInvalid) {
		return false // no waiting makes it valid
	}
	p := &r.policy.Resend
	status := t.answer.Status
	if t.answer.rateLimited() {
		status = http.StatusTooManyRequests
	}
	if t.class == Refused && !t.open {
		switch {
		case status == http.StatusTooManyRequests && p.OnRateLimited:
			return true
		case (status == http.StatusNotFound || status == http.StatusForbidden) && p.OnMissingParent && !missingRole(t.answer):
			return true
		case !doubted && p.When != nil && p.When(t.answer):
			return true
		case doubted && (status == http.StatusConflict || status == http.StatusTooEarly || status == http.StatusTooManyRequests):
			return since < p.WithKey
		}
		return false
	}
	switch t.class {
	case NotExecuted:
		return p.OnNotSent && t.never
	case Ambiguous:
		return since < p.WithKey
	}
	return false
}

// resending spaces the tries of one write.
type resending struct {
	first time.Time // when the first was sent
	tries int
	plan  readback.Plan
}

// waits is what resending needs of a run, whatever its types are.
type waits interface {
	spacing() (p *Policy, class Class, after, look time.Duration)
}

// Look is what the reads need by which the write is found if it is not sent again: those of a
// streak, one that came too early, and one between the tries. It is 0 if nothing is read.
func (r *run[W, R]) spacing() (_ *Policy, _ Class, after, look time.Duration) {
	if r.class == Ambiguous || r.class == Refused && r.conflicts() {
		reads := time.Duration(r.policy.settle(r.flow.goal) + 2)
		look = reads*max(r.took, reserve.Least) + r.policy.SettleFor
	}
	return &r.policy, r.class, r.pause, look
}

// wait returns true when the write is due again, and false if ctx or the
// policy's time ends before.
func (s *resending) wait(ctx context.Context, of waits) bool {
	p, class, after, look := of.spacing()
	if s.plan == nil {
		s.plan = p.schedule().Plan()
	}
	s.tries++
	now := time.Since(s.first)
	limit := p.within(class)
	if class == Ambiguous {
		limit = min(limit, p.Resend.WithKey)
	}
	at := s.plan.Next(readback.Step{Reads: s.tries, Settle: 1, Began: now, Ended: now, Deadline: limit})
	if at < 0 || after >= limit {
		return false
	}
	at = max(at, now+after, now+minResendWait)
	if at >= limit {
		return false
	}
	left := p.within(class) // since the answer, which came just now
	if end, bounded := ctx.Deadline(); bounded {
		left = min(left, time.Until(end))
	}
	if look > 0 && left-look <= at-now {
		return false // the time that is left is for looking
	}
	return pause.For(ctx, at-now)
}

// minResendWait keeps a schedule without waits from becoming a hot loop of
// writes.
const minResendWait = 10 * time.Millisecond

// glimpse looks once, between two tries, whether the write is shown. Then it is
// not sent again.
func (r *run[W, R]) glimpse(ctx context.Context) bool {
	if !r.found && r.flow.known != nil {
		r.written, r.found = *r.flow.known, true
	}
	if !r.found && r.flow.Find == nil {
		return false
	}
	shown := false
	opts := r.options(PhaseRead)
	opts.Settle, opts.SettleFor, opts.Schedule = 1, 0, nil
	_, err := poll.Until(ctx, r.read, func(_ R, err error, read poll.Read) (j poll.Judgement) {
		r.judge(&j, err, read.Ended)
		r.setback = j.Setback || r.setback && j.Verdict == poll.Unknown
		if shown = j.Verdict == poll.Ready && r.fault == nil; !shown {
			j.Verdict, j.Cause = poll.Stop, errNotShown
		}
		return j
	}, opts)
	r.forbidden = forbiddenRun{} // its times count from this try's answer
	return err == nil && shown
}
