package consistency

import "context"

// step is one that a Tracer follows.
type step struct {
	ctx context.Context
	end func(Event) // nil if nobody wants to know
}

// beginFlow returns the context of the flow.
func (r *run[W, R]) beginFlow(ctx context.Context, trace string) context.Context {
	r.trace = trace
	if r.policy.Tracer == nil {
		r.whole.ctx = ctx
		return ctx
	}
	r.whole.ctx, r.whole.end = r.policy.Tracer.Begin(ctx, r.event(ctx, PhaseFlow, 0))
	r.trace = r.policy.Tracer.Handle(r.whole.ctx)
	return r.whole.ctx
}

// beginStep returns the context of a write, a look or a read.
func (r *run[W, R]) beginStep(ctx context.Context, phase Phase, n int) context.Context {
	if !r.policy.observed() {
		return ctx
	}
	r.step = step{ctx: ctx}
	if r.policy.Tracer != nil {
		r.step.ctx, r.step.end = r.policy.Tracer.Begin(ctx, r.event(ctx, phase, n))
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
	if r.whole.end != nil {
		r.whole.end(e)
	}
	r.policy.tell(e)
}
