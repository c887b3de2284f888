package consistency

import (
	"cmp"
	"context"
	"math"
	"time"
	"unique"

	"github.com/readback-go/readback/internal/exact"
	"github.com/readback-go/readback/poll"
)

// Stepper takes a flow one step at a time, for programs with more writes under way
// than they can have goroutines, as package submit: [Stepper.Send] is [Do] up to the
// first read, and [Stepper.Visit] is one read.
type Stepper[W, R any] struct {
	policy Policy
	flow   Flow[W, R]
}

// NewStepper returns a Stepper of f. Send and Visit report what is invalid in p and f, as
// [Do] and [Resume] do. It may be used concurrently, each Course by one goroutine.
func NewStepper[W, R any](p Policy, f Flow[W, R]) Stepper[W, R] { return Stepper[W, R]{p, f} }

// Course is where a flow stands that a [Stepper] takes, besides its [Pending]
// handle. Its zero value is a flow that has not begun here: the first visit then
// begins as [Resume] does. One goroutine at a time may use it.
type Course struct {
	poll      poll.Course
	zero      moment
	forbidden uint32 // when the run of 403s began that is going on, in ms
	refreshed uint32 // how long it had lasted at the last refresh, in ms
	took      uint32 // by the write, in ms
	status    int16  // of the last answer
	flags     courseFlags
}

type courseFlags uint16

const (
	fromSend  courseFlags = 1 << iota // by Send; else it was resumed
	once                              // the write was sent once
	unchanged                         // see run
	going                             // see forbiddenRun
	refresh                           // see forbiddenRun
	reading                           // no operation is followed any more
	shown                             // see run
	missed                            // see run
	faulty                            // see run
	succeeded                         // see run
	setback                           // see run
	told                              // the Tracer was, that the flow began
)

func (f courseFlags) has(one courseFlags) bool { return f&one != 0 }

func (f *courseFlags) set(one courseFlags, on bool) {
	if *f &^= one; on {
		*f |= one
	}
}

// moment is a time of this process, in a third of the room: a Course is kept for
// each of a million flows. Zero is none.
type moment time.Duration

var firstMoment = time.Now()

func momentOf(t time.Time) moment { return moment(t.Sub(firstMoment) + 1) }

func (m moment) time() time.Time { return firstMoment.Add(time.Duration(m) - 1) }

// Next returns when the next visit is due; the zero time is at once.
func (c *Course) Next() time.Time {
	if c.zero == 0 {
		return time.Time{}
	}
	return c.zero.time().Add(c.poll.Next())
}

// Reads returns how many reads there were.
func (c *Course) Reads() int { return c.poll.Reads() }

// Send sends the write as [Do] does, and returns the handle that Visit reads it
// back with; c then says when. The error is an [*Error]: Failed if
// there is nothing to read back, and Unconfirmed if the write was ambiguous; then
// it can be read back, unless the error matches [ErrNoFind] or [ErrNoReference].
//
// Before is the handle of an earlier try of the same write with the same
// idempotency key, which may have been carried out: then the outcome is never
// Failed. One that has nothing but a trace context, as its zero value, says that
// there was none.
func (s Stepper[W, R]) Send(ctx context.Context, before Pending, c *Course) (Pending, error) {
	c.Leave(before)
	r := newRun(&s.policy, &s.flow)
	if r.doubtful = !before.IsZero(); r.doubtful {
		r.tries = cmp.Or(int(before.tries), -1)
	}
	ctx = r.beginFlow(ctx, before.Trace())
	defer r.abandon()
	outcome, why := r.send(ctx)
	if outcome == Failed && r.doubtful {
		outcome = Unconfirmed // this time nothing was sent
	}
	if outcome != 0 {
		res, err := r.end(ctx, outcome, why)
		if res.Pending.IsZero() && outcome == Unconfirmed {
			res.Pending = before
		}
		return res.Pending, err
	}
	*c = Course{zero: momentOf(r.zero), took: millis(r.took), status: int16(r.answer.Status), flags: fromSend}
	c.flags.set(once, r.writes == 1)
	c.flags.set(unchanged, r.unchanged)
	c.flags.set(setback, r.setback)
	opts := r.options(PhaseRead)
	if r.follows() {
		opts = r.monitorOptions()
	} else {
		c.flags.set(reading, true)
	}
	opts.History = nil
	_ = c.poll.Begin(opts) // what is wrong with the options a visit says too
	h := r.keepFlow(c)
	if r.class == Ambiguous {
		return h, r.explain(ctx, Unconfirmed, nil, &Result[W, R]{Pending: h})
	}
	return h, nil
}

// millis rounds up, and to what fits.
func millis(d time.Duration) uint32 {
	return uint32(min((d + time.Millisecond - 1).Milliseconds(), math.MaxUint32))
}

// Visit reads once what another visit or Send left, if the next read is due,
// and keeps h and c up to date. It returns an outcome and what [Do] does with
// it, or the zero Outcome with the history alone, and no error: then it is to be
// called again when c.Next is due, with the same policy and flow. If ctx ends
// meanwhile, the outcome is Unconfirmed, h and c are as before, and nobody is told
// that the flow ended.
//
// All times, windows and counts go on from visit to visit, and a visit that
// comes late does not lose its read. The deadline of ctx is that of this visit
// alone. Of earlier answers only the last status is kept: the history is of the last
// visit alone, and the error has no Write.
//
// Began is when the read really began, if it was made before the visit and Flow.Read
// only hands it over. The zero value is now.
func (s Stepper[W, R]) Visit(ctx context.Context, h *Pending, c *Course, began time.Time) (Result[W, R], error) {
	r := newRun(&s.policy, &s.flow)
	r.resumed = true // it needs no Write
	ctx = r.continueFlow(ctx, c, *h)
	defer r.abandon()
	if err := r.validate(); err != nil {
		c.forget(h)
		return r.refuse(ctx, *h, err)
	}
	if err := r.take(*h); err != nil {
		c.forget(h)
		return r.refuse(ctx, *h, err)
	}
	next := r.restore(*c)
	outcome, why := r.visit(ctx, &next, began)
	if outcome == Unconfirmed && ctx.Err() != nil { // the visit has ended, and not the flow
		r.leaveUntold(c)
		return r.end(ctx, outcome, why)
	}
	if outcome != 0 {
		c.forget(h)
		return r.end(ctx, outcome, why)
	}
	next.status = int16(r.answer.Status)
	next.forbidden, next.refreshed = millis(r.forbidden.began), millis(r.forbidden.refreshed)
	next.flags.set(going, r.forbidden.going)
	next.flags.set(refresh, r.forbidden.refresh)
	next.flags.set(shown, r.shown)
	next.flags.set(missed, r.missed)
	next.flags.set(faulty, r.faulty)
	next.flags.set(succeeded, r.succeeded)
	next.flags.set(setback, r.setback)
	*c, *h = next, r.keepFlow(&next)
	return Result[W, R]{History: r.history}, nil
}

// refuse returns what Resume does with an invalid argument.
func (r *run[W, R]) refuse(ctx context.Context, h Pending, why error) (Result[W, R], error) {
	res, err := r.end(ctx, Unconfirmed, why)
	res.Pending = h
	return res, err
}

// restore takes what c remembers, and returns it as begun.
func (r *run[W, R]) restore(c Course) Course {
	if c.zero == 0 {
		c.zero = momentOf(r.zero)
	}
	r.zero, r.took = c.zero.time(), time.Duration(c.took)*time.Millisecond
	r.answer.Status = int(c.status)
	r.forbidden = forbiddenRun{
		going: c.flags.has(going), refresh: c.flags.has(refresh),
		began:     time.Duration(c.forbidden) * time.Millisecond,
		refreshed: time.Duration(c.refreshed) * time.Millisecond,
	}
	r.resumed, r.unchanged = !c.flags.has(fromSend), c.flags.has(unchanged)
	r.shown, r.missed, r.faulty = c.flags.has(shown), c.flags.has(missed), c.flags.has(faulty)
	r.succeeded, r.setback = c.flags.has(succeeded), c.flags.has(setback)
	r.ended = c.poll.Began()
	r.seen.reason = c.poll.Reason()
	if c.flags.has(once) {
		r.writes = 1
	}
	return c
}

// visit is readBack for one read. The zero Outcome says that more are needed.
func (r *run[W, R]) visit(ctx context.Context, c *Course, began time.Time) (Outcome, error) {
	if err := r.findable(); err != nil {
		return Unconfirmed, err
	}
	// A reference that is found while reading does not lead back to the operation.
	if !c.flags.has(reading) && r.follows() {
		_, done, err := poll.NewStepper(r.monitor, r.judgeMonitor, r.monitorOptions()).Visit(ctx, &c.poll, began)
		if err == nil && !done {
			return 0, nil
		}
		if outcome, why := r.followed(err); outcome != 0 {
			return outcome, why
		}
		c.poll.Again()
	}
	c.flags.set(reading, true)
	_, done, err := poll.NewStepper(r.read, r.judgeRead, r.options(PhaseRead)).Visit(ctx, &c.poll, began)
	if err == nil && !done {
		return 0, nil
	}
	return r.verdict(err)
}

// Lost returns the handle of a write of f of which only the intent is known: it
// may have been carried out, may still be, or may never have been sent. It is
// as ambiguous as a write whose answer was lost, and never Failed.
func (f Flow[W, R]) Lost() Pending {
	h := Pending{name: unique.Make(f.Name), goal: f.goal, class: Ambiguous, doubtful: true}
	if f.known == nil {
		return h
	}
	var missing error
	h.written, missing = exact.Encode(f.known)
	return h.with(rarePending{missing: missing})
}

// Direct returns the reference that the next visit of h reads, so that one list can
// serve many visits. Ok is false if a list does not serve: the reference is lost and
// to be found first, an operation is followed, or the flow deletes, and that a list
// lacks something does not prove it gone.
func (s Stepper[W, R]) Direct(h Pending) (w W, ok bool) {
	r := run[W, R]{flow: s.flow}
	if r.take(h) != nil || !r.found || r.follows() || h.goal == ToAbsent {
		return w, false
	}
	return r.written, true
}
