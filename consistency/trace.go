package consistency

import (
	"context"
	"errors"

	"github.com/readback-go/readback/poll"
)

// step is one that a Tracer follows.
type step struct {
	ctx context.Context
	end func(Event) // nil if nobody wants to know
}

// followed is a flow that a Tracer follows between two visits. Its handle has it,
// in the process that made it: there are more flows than are followed.
type followed struct {
	step
	instance string
}

// beginFlow returns the context of the flow. After is the trace context that the
// handle of an earlier run kept.
func (r *run[W, R]) beginFlow(ctx context.Context, after string) context.Context {
	r.trace = after
	r.whole.ctx = ctx
	if r.policy.Tracer == nil {
		return ctx
	}
	r.whole.ctx, r.whole.end = r.policy.Tracer.Begin(ctx, r.event(ctx, PhaseFlow, 0))
	if own := r.policy.Tracer.Handle(r.whole.ctx); own != "" {
		r.trace = own
	}
	return r.whole.ctx
}

// continueFlow is beginFlow for a visit: the Tracer is told of a flow that it does
// not follow yet, and only once.
func (r *run[W, R]) continueFlow(ctx context.Context, c *Course, h Pending) context.Context {
	if !c.flags.has(told) {
		return r.beginFlow(ctx, h.Trace())
	}
	r.trace, r.whole.ctx = h.Trace(), ctx
	if r.told = h.followed(); r.told != nil {
		r.whole = r.told.step
	}
	return ctx
}

// keepFlow returns the handle with which the next visit goes on with the flow that
// the Tracer follows.
func (r *run[W, R]) keepFlow(c *Course) Pending {
	c.flags.set(told, r.policy.Tracer != nil)
	h := r.handle()
	if r.whole.end != nil {
		if r.told == nil {
			r.told = &followed{r.whole, r.flow.Instance}
		}
		h = h.with(rarePending{h.Trace(), h.Missing(), r.told})
	}
	return h
}

// leaveUntold makes the run end without events. What began in this visit is left.
func (r *run[W, R]) leaveUntold(c *Course) {
	if r.whole.end != nil && !c.flags.has(told) {
		r.whole.end(r.event(r.whole.ctx, PhaseFlow, 0))
	}
	r.whole.end, r.policy.Observer, r.policy.Logger = nil, nil, nil
}

// Leave tells the Tracer that nobody here goes on with the flow of h, by a PhaseFlow
// event. There is no need of it after an outcome.
func (c *Course) Leave(h Pending) {
	f := h.followed()
	if f != nil && c.flags.has(told) {
		f.end(Event{Context: f.ctx, Flow: h.Name(), Instance: f.instance, Trace: h.Trace(), Phase: PhaseFlow})
	}
	c.flags.set(told, false)
}

// forget leaves nothing to tell of the flow.
func (c *Course) forget(h *Pending) {
	c.flags.set(told, false)
	if h.followed() != nil {
		*h = h.with(rarePending{trace: h.Trace(), missing: h.Missing()})
	}
}

func (h Pending) followed() *followed {
	if h.rare == nil {
		return nil
	}
	return h.rare.followed
}

// observed reports whether anybody is told of the steps.
func (r *run[W, R]) observed() bool { return r.whole.end != nil || r.policy.observed() }

// beginStep returns the context of a write, a look or a read.
func (r *run[W, R]) beginStep(ctx context.Context, phase Phase, n int) context.Context {
	if !r.observed() {
		return ctx
	}
	r.step, r.phase, r.n = step{ctx: ctx}, phase, n
	if r.whole.end != nil {
		r.step.ctx, r.step.end = r.policy.Tracer.Begin(ctx, r.event(r.whole.ctx, phase, n))
	}
	return r.step.ctx
}

func (r *run[W, R]) event(ctx context.Context, phase Phase, n int) Event {
	return Event{Context: ctx, Flow: r.flow.Name, Instance: r.flow.Instance, Trace: r.trace, Phase: phase, N: n}
}

// endStep tells how the current step ended.
func (r *run[W, R]) endStep(e Event) {
	ended := r.step
	r.step = step{} // it keeps no context longer than it needs
	e.Context, e.Flow, e.Instance, e.Trace = ended.ctx, r.flow.Name, r.flow.Instance, r.trace
	if ended.end != nil {
		ended.end(e)
	}
	r.policy.tell(e)
}

// endFlow tells how the flow ended.
func (r *run[W, R]) endFlow(e Event) {
	e.Context, e.Flow, e.Instance, e.Trace = r.whole.ctx, r.flow.Name, r.flow.Instance, r.trace
	if end := r.whole.end; end != nil {
		r.whole.end = nil
		end(e)
	}
	r.policy.tell(e)
}

// errAbandoned is the error of a step that never returned.
var errAbandoned = errors.New("a function of the flow panicked, or ended its goroutine")

// abandon tells the Tracer that a flow is left by such a function, so that no span
// stays open. It is deferred where a flow runs, and otherwise finds nothing to do. A
// flow that is followed between visits stays: its handle is as before.
func (r *run[W, R]) abandon() {
	if end := r.step.end; end != nil {
		e := r.event(r.step.ctx, r.phase, r.n)
		e.Err = errAbandoned
		if r.phase == PhaseWrite {
			e.Class = Ambiguous
		} else {
			e.Verdict = poll.Unknown
		}
		r.step.end = nil
		end(e)
	}
	if end := r.whole.end; end != nil && r.told == nil {
		r.whole.end = nil
		end(r.event(r.whole.ctx, PhaseFlow, 0))
	}
}
