package consistency

import (
	"context"
	"net/http"
	"time"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/internal/redact"
	"github.com/readback-go/readback/internal/wire"
)

// write sends the write, once unless the policy consents to more, and notes
// what its answers prove.
func (r *run[W, R]) write(ctx context.Context) {
	again := resending{first: time.Now()}
	for {
		class, notSent := r.writeOnce(ctx)
		// One ambiguous try makes the whole ambiguous: a later refusal may be
		// the echo of the first try's success.
		if r.class = class; r.doubtful && (class == Refused || class == NotExecuted) {
			r.class = Ambiguous
		}
		r.doubtful = r.doubtful || class == Ambiguous
		if !r.policy.resends(class, notSent, r.answer, time.Since(again.first)) {
			break
		}
		if !again.wait(ctx, &r.policy, r.class, r.answer) {
			break
		}
	}
	if !r.found && r.flow.known != nil {
		r.written, r.found = *r.flow.known, true
	}
	// If another try may have been carried out, that nothing changed is the echo
	// of its success.
	if r.found && r.class == Applied && !r.doubtful && r.flow.NoChange != nil {
		r.unchanged = r.flow.NoChange(r.written)
	}
}

// writeOnce calls Write and classifies its answer. NotSent says that no
// connection was ever got.
func (r *run[W, R]) writeOnce(ctx context.Context) (class Class, notSent bool) {
	var tries *wire.Tries
	if !r.policy.SingleAttempt {
		ctx, tries = wire.Trace(ctx)
	}
	began := time.Now()
	r.written, r.writeErr = r.flow.Write(ctx)
	r.zero = time.Now()
	r.took = r.zero.Sub(began)
	r.writes++

	r.answer = answerOf(&r.policy, &r.written, r.writeErr)
	if body := release(&r.written); r.answer.Body == nil {
		r.answer.Body = body
	}
	class, notSent = r.classify(tries)
	r.found = r.writeErr == nil && (class == Applied || class == Accepted)
	if r.policy.observed() {
		r.policy.tell(Event{
			Flow: r.flow.Name, Phase: PhaseWrite, N: r.writes, Began: -r.took,
			Status: r.answer.Status, Class: class, RetryAfter: r.answer.RetryAfter, Note: r.answer.Note, Err: redact.Guard(r.writeErr),
		})
	}
	return class, notSent
}

func (r *run[W, R]) classify(tries *wire.Tries) (class Class, notSent bool) {
	class, word, ok := said(r.writeErr)
	switch {
	case word:
		return class, false
	case ok: // by a flow inside, which knows nothing of what else was sent
	case r.answer.Status != 0:
		class = r.policy.Rules.write(r.flow.goal, &r.answer)
	case r.writeErr == nil && r.flow.Monitor != nil:
		class = Accepted
	case r.writeErr == nil:
		class = Applied
	case tries.NeverSent():
		return NotExecuted, true
	default:
		class = r.policy.Rules.write(r.flow.goal, &r.answer)
	}
	if tries.Repeated() {
		r.doubtful = true
		if class == Refused || class == NotExecuted {
			class = Ambiguous
		}
	}
	return class, false
}

// resends reports whether the policy consents to another try. Since is the time
// from the first one.
func (p *Policy) resends(class Class, notSent bool, a Answer, since time.Duration) bool {
	switch class {
	case NotExecuted:
		return p.Resend.OnNotSent && notSent
	case Refused:
		switch a.Status {
		case http.StatusTooManyRequests:
			return p.Resend.OnRateLimited
		case http.StatusNotFound, http.StatusForbidden:
			return p.Resend.OnMissingParent && !missingRole(a)
		}
	case Ambiguous:
		return since < p.Resend.WithKey
	}
	return false
}

// resending spaces the tries of one write.
type resending struct {
	first time.Time // when the first was sent
	tries int
	plan  readback.Plan
}

// wait returns true when the write is due again, and false if ctx or the
// policy's time ends before.
func (s *resending) wait(ctx context.Context, p *Policy, class Class, a Answer) bool {
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
	if at < 0 {
		return false
	}
	at = max(at, now+a.RetryAfter, now+minResendWait)
	if at >= limit {
		return false
	}
	if end, bounded := ctx.Deadline(); class == Ambiguous && bounded && time.Until(end) <= at-now {
		return false // the time that is left is for the reads
	}
	timer := time.NewTimer(at - now)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
	return ctx.Err() == nil
}

// minResendWait keeps a schedule without waits from becoming a hot loop of
// writes.
const minResendWait = 10 * time.Millisecond
