package play

import (
	"context"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/sim/internal/world"
)

// resume stops in the middle and goes on from the handle, in another process,
// perhaps more than once.
func (f *flow) resume() {
	p := f.drawTyped()
	p.Within = f.dice.Between(time.Millisecond, 10*time.Second)
	c := f.begin("Do", &p)
	tf := f.typed(c)
	var early consistency.Pending
	if f.dice.Chance(0.3) {
		tf.Started = func(_ context.Context, h consistency.Pending) error { early = h; return nil }
	}
	ctx, cancel := f.context(c)
	f.doTyped(ctx, c, tf)
	cancel()
	for range 3 {
		last := f.claims[len(f.claims)-1]
		h := last.handle
		if last == c && !early.IsZero() {
			h = early // as after a crash
		}
		if last.outcome != consistency.Unconfirmed || h.IsZero() {
			return
		}
		time.Sleep(f.dice.Between(time.Millisecond, 20*time.Second))
		f.w.Recover()
		h, err := elsewhere(h)
		if err == nil && (f.widely(0.3) || f.w.Scene == world.Nowhere || f.w.Scene == world.Old) {
			h, err = old(h, f.w.Scene == world.Nowhere)
		}
		if err != nil {
			f.violate(Misreport, "the handle is not JSON: %v", err)
			return
		}
		f.goOn(c, last.class, h)
	}
}

// goOn resumes a flow once.
func (f *flow) goOn(first *claim, class consistency.Class, h consistency.Pending) {
	p := f.drawPolicy()
	p.Rules, p.Answer = first.policy.Rules, first.policy.Answer
	if first.policy.OnForbidden != nil {
		p.OnForbidden = f.fresh.onForbidden(f.w)
	}
	c := f.begin("Resume", &p)
	c.resumed, c.class = true, class
	tf := f.typed(c)
	if c.monitor != first.monitor {
		c.monitor = first.monitor
	}
	ctx, cancel := f.context(c)
	defer cancel()
	res, err := consistency.Resume(ctx, p, tf, h)
	value := ""
	if res.Value != nil {
		value = res.Value.ID + "=" + res.Value.Value
	}
	c.handle = res.Pending
	c.end(res.Outcome, err, res.Written.ID, value)
}
