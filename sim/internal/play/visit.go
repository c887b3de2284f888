package play

import (
	"context"
	"errors"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/sim/internal/world"
)

// visit runs a write in pieces: sent once, then read back by visits whose contexts
// are their own.
func (f *flow) visit() {
	p := f.drawTyped()
	c := f.begin("Visits", &p)
	tf := f.typed(c)
	tf.Started = nil
	ctx, cancel := context.WithTimeout(world.As(context.Background(), c.client), time.Hour)
	defer cancel()
	c.deadline, _ = ctx.Deadline()
	var course consistency.Course
	h, err := consistency.NewStepper(p, tf).Send(ctx, consistency.Pending{}, &course)
	c.handle = h
	outcome := consistency.OutcomeOf(err)
	if outcome == consistency.Failed || errors.Is(err, consistency.ErrNoFind) || errors.Is(err, consistency.ErrNoReference) || h.IsZero() {
		c.end(outcome, err, "", "")
		return
	}
	if course.Next().IsZero() { // nobody knows whose it is: to be resumed
		c.end(outcome, err, "", "")
		return
	}
	ctx = world.As(context.Background(), c.client)
	c.deadline = time.Time{}
	short, patience := f.widely(0.5), f.patience()
	for range 100_000 {
		if wait := time.Until(course.Next()); wait > 0 && !course.Next().IsZero() {
			time.Sleep(wait)
		}
		own, done := ctx, func() {}
		if short {
			own, done = context.WithTimeout(ctx, patience)
		}
		kept, before, began := h, course, time.Now()
		res, err := consistency.NewStepper(p, tf).Visit(own, &h, &course, time.Time{})
		ended := own.Err() != nil
		done()
		if res.Outcome == 0 {
			continue
		}
		if res.Outcome == consistency.Unconfirmed && ended && errors.Is(err, context.DeadlineExceeded) {
			h, course = kept, before // it was cut short, and nothing is known
			c.mute = true
			patience *= 4 // or it may be so for ever
			time.Sleep(time.Millisecond)
			c.lost += time.Since(began)
			continue
		}
		value := ""
		if res.Value != nil {
			value = res.Value.ID + "=" + res.Value.Value
		}
		c.handle = res.Pending
		c.end(res.Outcome, err, res.Written.ID, value)
		return
	}
	f.violate(Leak, "the visits do not end")
}

// patience is longer than any read of the world takes.
func (f *flow) patience() time.Duration {
	return 4*f.w.Pace + 2*f.w.Slow + time.Millisecond
}
