package play

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/sim/internal/world"
	"github.com/readback-go/readback/submit"
)

// operatorStream is the stream of dice for operators and for panics.
const operatorStream = 13

// order is what an operator does with a job.
type order struct {
	what  string // cancel, retry or forget
	job   int
	after time.Duration
}

// obeyed is an order, and what came of it.
type obeyed struct {
	order
	over bool // its context had ended
	err  error
}

// drawOperator returns the agenda of an operator; none in most flows. Keys may
// become free where jobs are cancelled.
func (s *submission) drawOperator() (a agenda, ok bool) {
	d := world.NewDice(s.f.w.Seed, operatorStream)
	if s.f.narrow || !d.Chance(0.4) {
		return a, false
	}
	a.runs, a.takes = d.Chance(0.4), d.Between(10*time.Second, 10*time.Minute)
	for range 1 + d.IntN(4) {
		o := order{
			what: world.OneOf(d, "cancel", "cancel", "retry", "retry", "forget"),
			job:  d.IntN(len(s.jobs)), after: d.Between(time.Millisecond, a.takes),
		}
		s.frees = s.frees || o.what == "cancel"
		a.orders = append(a.orders, o)
	}
	return a, true
}

// drawPanic returns a point at which a function of the nth process panics; none in
// most flows.
func (s *submission) drawPanic(n uint64) (at point) {
	d := world.NewDice(s.f.w.Seed, operatorStream+n)
	if s.f.narrow || !d.Chance(0.25) {
		return at
	}
	what := world.OneOf(d, "writes ", "writes ", "reads ", "flow of ") + s.jobs[d.IntN(len(s.jobs))].key
	return point{what, 1 + d.IntN(3), what[0] == 'w' && d.Chance(0.5)}
}

// mayPanic panics at the point where the process is to.
func (p *process) mayPanic(what string, n int, after bool) {
	if (point{what, n, after}) == p.trouble.panics {
		panic("a bug of the program")
	}
}

// obey does what an operator wants of a job.
func (p *process) obey(ctx context.Context, o order) {
	j := p.s.jobs[o.job]
	did := map[string]func(context.Context, string, ...uint64) error{
		"cancel": p.submitter.Cancel, "retry": p.submitter.Retry, "forget": p.submitter.Forget,
	}
	got := &obeyed{order: o, err: did[o.what](ctx, j.key)}
	got.over = ctx.Err() != nil
	p.s.mu.Lock()
	defer p.s.mu.Unlock()
	j.obeyed = append(j.obeyed, got)
}

// retryAside goes on with a job that was set aside.
func (s *submission) retryAside(p *process, j *submitted) {
	r, err := s.store.Get(context.Background(), submit.KindJob, j.key)
	if state, _ := saidBy(r); err != nil || state != "aside" {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	err = p.submitter.Retry(ctx, j.key)
	if s.narrow() && errors.Is(err, submit.ErrTooLarge) {
		return // it may be another time
	}
	if err != nil && !errors.Is(err, submit.ErrWrongState) && ctx.Err() == nil { // it may have ended meanwhile
		s.f.violate(Misreport, "%s was set aside, and is not gone on with: %v", j.key, err)
	}
}

// touched notes what a change of its record says of a job that an operator may have
// made.
func (j *submitted) touched(before, after submit.Record) {
	end := endOf(after)
	if state, _ := saidBy(after); state == "aside" {
		j.meddled = true
	}
	if !before.Done && strings.HasPrefix(end.Cause, submit.ErrCancelled.Error()) {
		j.cancelled, j.meddled = append(j.cancelled, time.Now()), true
	}
	if end.Forgotten && !endOf(before).Forgotten {
		j.forgotten++
	}
}

// passes reports whether a job that was refused with a status is queued again, as its
// policy consents to another try.
func (j *submitted) passes(status int) bool {
	resend := &j.shape.policy.Resend
	switch status {
	case http.StatusTooManyRequests:
		return true
	case http.StatusNotFound, http.StatusForbidden:
		return resend.OnMissingParent || resend.When != nil
	}
	return resend.When != nil
}

// judgeOrders asks whether what an operator was told is true, and whether what was
// cancelled had not been sent.
func (s *submission) judgeOrders(j *submitted) {
	done := make(map[string]int)
	for _, o := range j.obeyed {
		if s.narrow() && (errors.Is(o.err, submit.ErrTooLarge) || errors.Is(o.err, submit.ErrUnreadable)) {
			continue // there is no room for what is asked, or there was none for its payload
		}
		if o.err == nil {
			done[o.what]++
		} else if !o.over && !errors.Is(o.err, submit.ErrWrongState) && !errors.Is(o.err, submit.ErrNotFound) {
			s.f.violate(Misreport, "to %s %s: %v", o.what, j.key, o.err)
		}
	}
	if done["cancel"] > len(j.cancelled) || done["forget"] > 0 && j.forgotten == 0 {
		s.f.violate(Misreport, "%s was told to be cancelled %d times and forgotten %d, and was %d and %d", j.key, done["cancel"], done["forget"], len(j.cancelled), j.forgotten)
	}
	for _, at := range j.cancelled {
		for _, t := range j.w.Tries {
			if class := proof(j.w.Goal, t.Status); t.Sent && t.Began.Before(at) && class != consistency.NotExecuted && !(class == consistency.Refused && j.passes(t.Status)) {
				s.f.violate(FalseFailed, "%s was cancelled, and had been sent", j.key)
			}
		}
	}
}
