package submit

import (
	"context"
	"errors"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
)

// step does the next step of a job.
func (t *term) step(j *job) {
	switch j.state {
	case unborn, queued:
		t.send(j)
	case ended:
		t.finish(j)
	case aside:
		t.leaveAside(j)
	case lost:
		if j.has(resends) {
			t.resend(j)
			return
		}
		t.visit(j, nil)
	default:
		t.visit(j, nil)
	}
}

func (t *term) payload(j *job) any {
	payload, err := t.options.read([]byte(j.data()), int(j.version))
	if err != nil {
		panic(err) // it was read before
	}
	return payload
}

func (t *term) flow(j *job) flow { return t.options.flow(j.key(), t.payload(j)) }

// send sends a job for the first time, or again after tries that were provably not carried
// out. It records that first; nothing is sent if the store does not confirm the record.
func (t *term) send(j *job) {
	if !t.valid() {
		t.later(j)
		return
	}
	before := j.sent
	if j.flags &^= sentBefore; before != 0 {
		j.flags |= sentBefore
	}
	j.sentNow(time.Now().UnixNano())
	t.move(j, begins)
	j.flags &^= called
	switch t.save(j) {
	case made:
		t.write(j, consistency.Pending{}.WithTrace(j.handle.Trace()))
	case taken:
		t.drop(j)
	case unknown:
		j.sent = before
		t.move(j, spares)
		t.later(j)
	case tooLarge:
		j.sent = before
		t.move(j, spares)
		t.reject(j)
	}
}

// resend sends a job again that was being sent when its holder died. If it cannot, the job
// is looked for once more before it is tried again.
func (t *term) resend(j *job) {
	j.flags &^= resends
	if !t.valid() {
		t.later(j)
		return
	}
	switch t.save(j) {
	case made:
		t.write(j, j.handle)
	case taken:
		t.drop(j)
	case unknown:
		t.later(j)
	case tooLarge: // the store cannot say whether the job is still ours
		j.flags |= stuck
		t.later(j)
	}
}

// mayResend reports whether Options.Resubmit allows another try of a lost write. If the
// record says that it was sent in the future, clocks differ, and its age is unknown: false.
func (t *term) mayResend(j *job) bool {
	age := time.Now().UnixNano() - j.sentAt()
	return j.state == lost && !j.has(stuck) && j.sent != longBefore && age >= 0 && age < int64(t.options.Resubmit.KeyHonouredFor)
}

// write sends the write of a job whose record says that it is being sent. Before is the
// handle of an earlier try that may have been carried out; zero if there was none.
func (t *term) write(j *job, before consistency.Pending) {
	again := !before.IsZero()
	flow := t.flow(j)
	if !t.valid() || again && !t.mayResend(j) {
		// The process may have been paused since the store answered: look at the
		// clock once more before anything is sent.
		t.unsent(j, again)
		return
	}
	ctx, stop := context.WithCancel(context.WithValue(t.writeCtx, insideKey{}, inside{t.engine, j.key()}))
	defer stop()
	first := true
	mayTry := func() bool {
		// The lease may be over before a later try, or the key no longer honoured.
		if !first && !(t.valid() && (!again || t.mayResend(j))) {
			stop()
			return false
		}
		first = false
		j.flags |= called
		return true
	}
	var last try
	policy, end := withheld(t.options.Policy)
	policy = last.policyFor(policy, again)
	handle, err := func() (consistency.Pending, error) {
		t.stats.writes.Add(1)
		defer t.stats.writes.Add(-1) // also if the program panics
		return flow.send(ctx, policy, before, &j.course, mayTry)
	}()
	if stoppedBeforeSending(err) {
		t.unsent(j, again)
		return
	}
	outcome := consistency.OutcomeOf(err)
	if proof := last.proves(); outcome == consistency.Failed && !again && proof != provesNothing {
		t.tryLater(j, last, proof, err, end)
		return
	}
	if outcome == consistency.Failed || errors.Is(err, consistency.ErrNoFind) {
		end.report()
		t.conclude(j, result{outcome: outcome, pending: handle}, err, false)
		return
	}
	if err != nil {
		t.keepWriteError(j, err)
	}
	j.handle = handle
	t.move(j, replies)
	if t.save(j) == taken {
		t.drop(j)
		return
	}
	// Reading goes on also if the store did not answer: the outcome is recorded later,
	// and until then the record says that the write may have been sent.
	t.revisit(j)
}

// stoppedBeforeSending reports whether a write was not sent because its context had ended:
// the term is over, but the job is not.
func stoppedBeforeSending(err error) bool {
	var why *consistency.Error
	return errors.As(err, &why) && why.Context != nil && why.Cause == nil && why.Status == 0 &&
		(why.Write == nil || why.Outcome == consistency.Failed && errors.Is(why.Write, context.Canceled))
}

// unsent puts a job back whose write was not sent.
func (t *term) unsent(j *job, again bool) {
	if again {
		t.later(j)
		return
	}
	if !j.has(called) && !j.has(sentBefore) {
		j.sent = 0
	}
	t.move(j, spares)
	if t.save(j) == taken {
		t.drop(j)
		return
	}
	t.later(j)
}

// visit reads a job back once. If l is not nil, it has what was read already.
func (t *term) visit(j *job, l *listed) {
	flow := t.flow(j)
	if j.handle.IsZero() { // of the write only the intent is known
		j.handle = flow.lost().WithTrace(j.handle.Trace())
	}
	t.fitHandle(j, flow)
	policy, end := withheld(t.options.Policy)
	res, err := func() (result, error) {
		t.stats.reads.Add(1)
		defer t.stats.reads.Add(-1)
		return flow.visit(t.ctx, policy, &j.handle, &j.course, l)
	}()
	switch {
	case res.outcome == consistency.Unconfirmed && t.ctx.Err() != nil:
		// The read was cut short by the end of the term, and says nothing.
	case res.outcome != consistency.Confirmed && (res.outcome != 0 || notSeen(res.history)) && t.mayResend(j):
		j.flags |= resends
		t.place(j, t.now())
	case res.outcome == 0:
		t.keepReadError(j, res.history)
		t.revisit(j)
	default:
		end.report()
		t.conclude(j, res, err, false)
	}
}

// notSeen reports whether a visit got an answer that does not show the write.
func notSeen(h *poll.History) bool {
	read, ok := h.Last()
	return ok && read.Verdict == poll.Pending
}

func (t *term) revisit(j *job) {
	if next := j.course.Next(); !next.IsZero() {
		t.place(j, next.Sub(t.began))
		return
	}
	t.place(j, t.now())
}
