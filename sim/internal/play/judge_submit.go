package play

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/sim/internal/world"
	"github.com/readback-go/readback/submit"
)

// judge holds what became of each job against the truth of its world.
func (s *submission) judge() {
	f := s.f
	f.result.Outcome = consistency.Unconfirmed
	for n, j := range s.jobs {
		known := s.judgeRecord(j)
		if n == 0 && j.found.Outcome != 0 {
			f.result.Outcome = j.found.Outcome
		}
		for _, a := range j.asks {
			s.judgeAsk(j, a, known)
		}
		s.judgeSends(j)
		s.judgeOrders(j)
		s.judgeScene(j)
		for _, p := range s.crew {
			p.judgeEnd(j)
		}
		f.judgeLeaks(j.w)
	}
	for _, p := range s.crew {
		s.judgeBound(p)
		if p.late > 0 {
			f.violate(Leak, "process %d called the store %d times after it had ended", p.n, p.late)
		}
	}
}

// judgeRecord judges what the store says of a job in the end, and reports whether
// it knows it.
func (s *submission) judgeRecord(j *submitted) (known bool) {
	f := s.f
	if j.err != nil {
		if !errors.Is(j.err, submit.ErrNotFound) {
			f.violate(Misreport, "the record of %s cannot be read: %v", j.key, j.err)
		}
		return false
	}
	if (j.found.Err == nil) != (j.found.Outcome == consistency.Confirmed) && j.found.Outcome != 0 {
		f.violate(Misreport, "%s is %v with the error %v", j.key, j.found.Outcome, j.found.Err)
	}
	switch j.found.Outcome {
	case consistency.Confirmed:
		s.judgeConfirmed(j)
	case consistency.Failed:
		if len(j.w.Runs) > 0 {
			f.violate(FalseFailed, "%s failed, and was carried out %v after the start", j.key, j.w.Runs[0].At.Sub(j.w.Start))
		}
	case consistency.Unconfirmed:
		if why := s.promised(j); why != "" {
			f.violate(Missed, "%s is unconfirmed, and %s: %v", j.key, why, j.found.Err)
		}
	default:
		f.violate(Misreport, "%s has no outcome in the end", j.key)
	}
	return true
}

// streakOf returns the reads in a row that showed the job, when its outcome was
// found, to whoever recorded that, since it took over the job or last sent it:
// from then on it counts anew. Whole says that each of them was answered.
func (s *submission) streakOf(j *submitted) (k streak, whole bool) {
	k, whole = s.streakSince(j, j.taken)
	if s.narrow() { // it may have been read before its record could say by whom
		if all, _ := s.streakSince(j, time.Time{}); all.n > k.n {
			k = all
		}
	}
	return k, whole
}

func (s *submission) streakSince(j *submitted, sent time.Time) (k streak, whole bool) {
	for i := range j.w.Tries {
		if t := &j.w.Tries[i]; t.Client == j.concluder.n {
			sent = later(sent, t.Began)
		}
	}
	whole = true
	looks := looksBy(j.w, j.concluder.n)
	shorten(j.w.Goal, looks, true, false, 0)
	for _, l := range looks {
		if !l.Ended.After(j.found.Ended) && !l.Began.Before(sent) {
			k.see(j.w.Goal, &l)
			whole = whole && l.Status != 0
		}
	}
	return k, whole
}

func (s *submission) judgeConfirmed(j *submitted) {
	f := s.f
	agreed := j.w.Idle || slices.ContainsFunc(j.w.Rivals, func(r world.Rival) bool { return r.Does == world.Agrees })
	if len(j.w.Runs) == 0 && j.w.Goal != world.Delete && !agreed {
		f.violate(FalseConfirmed, "%s is confirmed, and was never carried out", j.key)
	}
	k, _ := s.streakOf(j)
	settle := settleOf(&j.shape.policy, j.w.Goal)
	before := j.w.Tries[:max(len(j.w.Tries)-1, 0)]
	sure := !slices.ContainsFunc(before, func(t world.Try) bool { return t.Status == 0 || proof(j.w.Goal, t.Status) != consistency.Refused })
	if j.w.Tells && len(j.w.Tries) > 0 && sure && (j.w.Idle || j.w.Goal == world.Delete && j.w.Tries[len(j.w.Tries)-1].Status == 404) {
		settle = 1 // the flow has said that nothing changed
	}
	if k.n < settle && !k.enough {
		f.violate(FalseConfirmed, "%s is confirmed after %d reads in a row that show it, and %d are asked for", j.key, k.n, settle)
	}
	if j.w.Goal != world.Create {
		return
	}
	left := j.forgotten > 0 || s.narrow() // what there was no room for
	if id := j.found.Written.ID; !world.Mine(id) && !(id == "" && left) {
		f.violate(FalseConfirmed, "%s is confirmed by %q, which is another's", j.key, id)
	}
	answered := slices.ContainsFunc(j.w.Tries, func(t world.Try) bool {
		class := proof(j.w.Goal, t.Status)
		return t.Status != 0 && (class == consistency.Applied || class == consistency.Accepted)
	})
	if !answered && !(j.shape.find && j.shape.mine) {
		f.violate(FalseConfirmed, "%s is confirmed though its answer was lost, without proof", j.key)
	}
}

// judgeAsk judges what a call of Submit or Enqueue was told.
func (s *submission) judgeAsk(j *submitted, a *ask, known bool) {
	f := s.f
	outcome := a.result.Outcome
	if (a.err == nil) != (outcome == consistency.Confirmed) || consistency.OutcomeOf(a.err) != outcome {
		f.violate(Misreport, "%s %s: %v with the error %v", a, j.key, outcome, a.err)
	}
	if errors.Is(a.err, consistency.ErrInvalid) {
		f.violate(Misreport, "%s %s, and that is taken for invalid: %v", a, j.key, a.err)
	}
	reused := errors.Is(a.err, submit.ErrKeyReused)
	if a.wrong {
		if (a.err == nil || !reused && !a.over) && !slices.ContainsFunc(j.asks, (*ask).freed) {
			f.violate(Misreport, "%s %s: %v", a, j.key, a.err)
		}
		return
	}
	if reused {
		f.violate(Misreport, "%s %s, and that is taken for something else", a, j.key)
	}
	told := a.err == nil || !a.over // or it may be the word of its context
	switch {
	case a.tooLarge():
		s.judgeTooLarge(j, a)
	case s.narrow() && errors.Is(a.err, submit.ErrTooLarge): // it may have been recorded, or be as it was
	case a.refused():
		if len(j.sends) > 0 {
			f.violate(FalseFailed, "%s %s, and is told that nothing of it was recorded", a, j.key)
		}
	case told && (!known || !a.stored):
		f.violate(Misreport, "%s %s, and is told %v; the store does not know it", a, j.key, outcome)
	case a.enqueue:
		if !a.over && a.err != nil && !errors.Is(a.err, submit.ErrSetAside) && !a.freed() {
			f.violate(Misreport, "%s %s: %v", a, j.key, a.err)
		}
	case outcome == consistency.Failed && (a.freed() || len(j.cancelled) > 0 && j.forgotten > 0):
		// What is submitted with the key later is another job. Once a job is forgotten, nobody
		// is told that it was cancelled.
	case outcome != consistency.Unconfirmed && outcome != j.found.Outcome:
		f.violate(Misreport, "%s %s and is told %v, and in the end it is %v", a, j.key, outcome, j.found.Outcome)
	case outcome == consistency.Failed && len(j.w.Runs) > 0:
		f.violate(FalseFailed, "%s %s, and is told that it failed", a, j.key)
	}
}

// freed reports whether a call was told that its job was given up or cancelled: then its key may be
// used for something else.
func (a *ask) freed() bool {
	return a.tooLarge() || errors.Is(a.err, submit.ErrCancelled) || a.err != nil && strings.Contains(a.err.Error(), submit.ErrGaveUp.Error())
}

// judgeSends asks whether each write was its holder's to send, and whether each
// one after the first was consented to.
func (s *submission) judgeSends(j *submitted) {
	f := s.f
	if j.strange > 0 && !slices.ContainsFunc(j.asks, (*ask).freed) {
		f.violate(DoubleWrite, "something else was written as %s", j.key)
	}
	var before []*send
	for i := range j.w.Tries {
		t := &j.w.Tries[i]
		sent := j.sendOf(t)
		if sent == nil {
			f.violate(DoubleWrite, "%s was sent by nobody", j.key)
			continue
		}
		if sent.why != "" && !sent.paused {
			f.violate(DoubleWrite, "process %d sends %s, and %s", sent.p.n, j.key, sent.why)
		}
		if len(before) > 0 && !s.consented(j, before, sent) {
			f.violate(DoubleWrite, "process %d sends %s again after status %d", sent.p.n, j.key, before[len(before)-1].status)
		}
		if t.Sent && t.Status != http.StatusTooManyRequests {
			before = append(before, sent) // or else it was not carried out, and the job is queued again
		}
	}
}

// sendOf returns the call of Write that made a request.
func (j *submitted) sendOf(t *world.Try) *send {
	for _, sent := range slices.Backward(j.sends) {
		if sent.p.n == t.Client && !sent.began.After(t.Began) {
			return sent
		}
	}
	return nil
}

// consented reports whether the caller allows to send a job again: its policy, or
// once for each holder, as long as the service knows its key. A job of which no try
// was carried out is queued again where the policy's own tries were stopped, and is
// anybody's to go on with.
func (s *submission) consented(j *submitted, before []*send, sent *send) bool {
	allowed := func(b *send, since time.Duration) bool {
		echo := b.status == 409 || b.status == 425 || b.status == 429 // while a try of before still runs
		return s.f.consented(j.shape, b.call, since) || echo && since < j.shape.policy.Resend.WithKey
	}
	held := func(b *send) bool { return b.holder == sent.holder && !s.passedOn(j, b, sent) }
	first := slices.IndexFunc(before, held)
	if first < 0 {
		age := sent.began.Sub(before[0].began)
		refused := !slices.ContainsFunc(before, func(b *send) bool { return !allowed(b, math.MaxInt64) })
		return refused || s.options.Resubmit.KeyHonouredFor > 0 && (sent.paused || age < s.options.Resubmit.KeyHonouredFor)
	}
	for _, last := range slices.Backward(before) {
		if held(last) { // what a holder sends that was paused gives this one no second try
			return allowed(last, last.ended.Sub(before[first].began))
		}
	}
	return false
}

// passedOn reports whether another held the job between two sends of one holder, or it was
// set aside: then that one has taken it over like anybody else.
func (s *submission) passedOn(j *submitted, from, to *send) bool {
	return slices.ContainsFunc(s.changes, func(c change) bool {
		state, holder := saidBy(c.Record)
		return c.Key == j.key && (holder != "" && holder != to.holder || state == "aside") && c.at.After(from.began) && c.at.Before(to.began)
	})
}

// ample is time enough for the last reads of any policy, if nothing is slow.
const ample = 15 * time.Second

// promised returns why law 2 promises that a job is confirmed, or nothing: enough
// reads in a row have shown it to whoever says that it is not; or every read
// does, for long enough before the end, and nobody had any trouble.
func (s *submission) promised(j *submitted) (why string) {
	p, w := j.concluder, j.w
	c := &claim{goal: w.Goal, id: j.found.Written.ID, find: j.shape.find, mine: j.shape.mine, err: j.found.Err}
	if j.revived || j.meddled || s.narrow() || p.leases > 1 || c.goal == world.Create && (!c.find || !c.mine || w.Things() != 1) || !c.find {
		return ""
	}
	if k, whole := s.streakOf(j); whole && (k.n >= settleOf(&j.shape.policy, w.Goal) || k.enough) && !s.many {
		return fmt.Sprintf("%d reads in a row have shown it", k.n)
	}
	for _, other := range s.crew[:len(s.crew)-1] {
		if other.trouble != (trouble{}) || other.leases > 0 && other != p {
			return ""
		}
	}
	odd := slices.ContainsFunc(w.Fates, func(fate world.Fate) bool { return fate.Answer >= 200 && fate.Answer < 400 && fate.Answer > 201 })
	timeout := j.shape.policy.ReadTimeout
	if odd || w.Calm > 0 || w.CacheFor > 0 || w.Denied > 0 || s.many || s.options.ReadsPerSecond > 0 || timeout > 0 && timeout < 2*w.Pace {
		return ""
	}
	if by, ok := w.ShownBy(c.id, j.found.Ended); ok && j.found.Ended.Sub(by) > ample {
		s.f.result.Promised = true
		return fmt.Sprintf("from %v on every read shows it", by.Sub(w.Start))
	}
	return ""
}

// judgeEnd asks whether a process did anything after its end.
func (p *process) judgeEnd(j *submitted) {
	f := p.s.f
	for _, t := range j.w.Tries {
		if t.Client == p.n && t.Began.After(p.ended) {
			f.violate(Leak, "process %d sends %s %v after it has ended", p.n, j.key, t.Began.Sub(p.ended))
		}
	}
	for _, l := range looksBy(j.w, p.n) {
		if l.Began.After(p.ended) {
			f.violate(Leak, "process %d reads %s %v after it has ended", p.n, j.key, l.Began.Sub(p.ended))
		}
	}
}

// timeline returns what the processes did.
func (s *submission) timeline() (lines []string) {
	o := s.options
	if r := s.room; r.bytes > 0 {
		lines = append(lines, fmt.Sprintf("room   for %d bytes from %v to %v, %d refusals", r.bytes, s.since(r.from), s.since(r.until), r.refusals.Load()))
	}
	lines = append(lines, fmt.Sprintf("submit: lease %v, resubmit %v, workers %d, %v reads per second, many %v",
		o.Lease, o.Resubmit.KeyHonouredFor, o.Workers, o.ReadsPerSecond, s.many), (&claim{policy: o.Policy}).String())
	for _, p := range s.crew {
		t := p.trouble
		lines = append(lines, fmt.Sprintf("process %d: dies %+v, pauses %+v for %v, panics %+v, store fails %.2f from %v to %v, slow %v; %d leases, ended %v",
			p.n, t.dies, t.pauses, t.pause, t.panics, t.faults, s.since(t.from), s.since(t.calm), t.slow, p.leases, s.since(p.ended)))
	}
	for _, c := range s.changes {
		state, _ := saidBy(c.Record)
		lines = append(lines, fmt.Sprintf("change %v process %d: %s is %s", s.since(c.at), c.p.n, c.Key, state))
	}
	for n, j := range s.jobs {
		lines = append(lines, fmt.Sprintf("%s: %s, find %v, mine %v, monitor %v", j.key, j.w.Goal, j.shape.find, j.shape.mine, j.shape.monitor))
		if n > 0 {
			lines = append(lines, fmt.Sprintf("world %+v", j.w.Spec))
			lines = append(lines, j.w.Timeline()...)
		}
		for _, a := range j.asks {
			lines = append(lines, fmt.Sprintf("ask    %v – %v %s: %v", s.since(a.began), s.since(a.ended), a, a.result.Outcome))
		}
		for _, sent := range j.sends {
			lines = append(lines, fmt.Sprintf("send   %v – %v process %d: status %d, paused %v, cut %v %s",
				s.since(sent.began), s.since(sent.ended), sent.p.n, sent.status, sent.paused, sent.cut, sent.why))
		}
		for _, o := range j.obeyed {
			lines = append(lines, fmt.Sprintf("order  %s after %v: %v", o.what, o.after, o.err))
		}
		lines = append(lines, fmt.Sprintf("record %s: %v, recorded %v, ended %v, revived %v",
			j.key, j.found.Outcome, s.since(j.found.Intent), s.since(j.found.Ended), j.revived))
		if j.concluder != nil {
			lines = append(lines, fmt.Sprintf("concluded by process %d", j.concluder.n))
		}
		if j.found.Err != nil {
			lines = append(lines, "error  "+j.found.Err.Error())
		}
	}
	return lines
}

func (s *submission) since(t time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return t.Sub(s.f.w.Start).String()
}
