package consistency

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/internal/cause"
	"github.com/readback-go/readback/internal/redact"
	"github.com/readback-go/readback/poll"
)

// run is the state of one flow.
type run[W, R any] struct {
	policy Policy
	flow   Flow[W, R]
	zero   time.Time // the write's answer, or the call of Resume or Await

	// of the write
	class    Class
	doubtful bool // some try may have been carried out: never Failed
	found    bool // written is known
	resumed  bool
	writes   int // calls of Write
	took     time.Duration
	writeErr error
	written  W

	// of the reads
	monitored bool   // the operation has ended well
	unchanged bool   // one good read is enough
	finding   bool   // the current read is a Find
	seen      Answer // of the current read
	forbidden forbiddenRun
	value     R
	answer    Answer // the last one of the write or a read
	history   *poll.History
}

// forbiddenRun is a run of reads that were answered with 403.
type forbiddenRun struct {
	began   time.Duration
	going   bool
	refresh bool // OnForbidden is due
}

// newRun copies p and f. It is not inlined, to keep the copies off the stack of a
// flow that waits.
//
//go:noinline
func newRun[W, R any](p *Policy, f *Flow[W, R]) *run[W, R] {
	return &run[W, R]{policy: *p, flow: *f, zero: time.Now(), history: new(poll.History)}
}

func (r *run[W, R]) validate() error {
	if err := r.policy.validate(); err != nil {
		return err
	}
	if err := r.flow.validate(); err != nil {
		return err
	}
	if r.resumed {
		return nil
	}
	if r.flow.Write == nil {
		return invalid("the flow has no Write")
	}
	if r.flow.Started != nil {
		var w W
		if _, err := json.Marshal(w); err != nil {
			return invalid("the reference cannot be kept in a handle: %w", err)
		}
	}
	return nil
}

// handle returns what is needed to go on later. If the reference cannot be
// stored, it is left out, to be found again.
func (r *run[W, R]) handle() Pending {
	h := Pending{
		name: r.flow.Name, goal: r.flow.goal, class: r.class,
		doubtful: r.doubtful, monitored: r.monitored,
	}
	if r.found {
		h.written, _ = json.Marshal(r.written)
	}
	return h
}

// take is the reverse of handle.
func (r *run[W, R]) take(h Pending) error {
	switch {
	case h.IsZero():
		return invalid("there is no handle")
	case h.name != r.flow.Name:
		return invalid("the handle is for flow %q, not for %q", h.name, r.flow.Name)
	case h.goal != r.flow.goal:
		return invalid("the handle is for a flow to %s, not to %s", h.goal, r.flow.goal)
	}
	r.class, r.doubtful, r.monitored = h.class, h.doubtful, h.monitored
	if h.written == nil || string(h.written) == "null" {
		return nil // to be found again
	}
	if err := json.Unmarshal(h.written, &r.written); err != nil {
		return invalid("the handle's reference does not fit the flow: %w", err)
	}
	r.found = true
	return nil
}

// end tells the outcome to everyone who wants to know.
func (r *run[W, R]) end(ctx context.Context, outcome Outcome, why error) (Result[W, R], error) {
	res := Result[W, R]{
		Outcome: outcome,
		Value:   r.value,
		Elapsed: time.Since(r.zero),
		History: r.history,
	}
	if r.found {
		res.Written = r.written
	}
	if outcome == Unconfirmed && r.class != 0 {
		res.Pending = r.handle()
	}
	err := r.explain(ctx, outcome, why, res.Elapsed)
	r.teach(outcome)
	if r.policy.observed() {
		r.policy.tell(Event{
			Flow: r.flow.Name, Phase: PhaseEnd, N: r.history.Reads(), Ended: res.Elapsed,
			Status: r.answer.Status, Outcome: outcome, Err: err,
		})
	}
	return res, err
}

// snippetLimit is how much of an error's body goes into an Error.
const snippetLimit = 512

// explain gathers the reasons for an outcome that is not Confirmed.
func (r *run[W, R]) explain(ctx context.Context, outcome Outcome, why error, elapsed time.Duration) error {
	if outcome == Confirmed {
		return nil
	}
	e := &Error{
		Outcome: outcome,
		Name:    r.flow.Name,
		Reads:   r.history.Reads(),
		Elapsed: elapsed,
		Status:  r.answer.Status,
		Body:    redact.Snippet(r.answer.Body, snippetLimit),
		Cause:   why,
		Write:   redact.Guard(r.writeErr),
		History: r.history,
	}
	var unready *poll.NotReadyError
	if errors.As(why, &unready) {
		e.Cause, e.Last = unready.Cause, unready.Last
	}
	if ended, ok := e.Cause.(*cause.Ended); ok {
		e.Cause, e.Context = nil, ended
	} else if ctx.Err() != nil {
		e.Context = cause.Of(ctx)
	}
	return e
}

// teach tells a schedule that learns how long the lag was, if it is clear when
// it began.
func (r *run[W, R]) teach(outcome Outcome) {
	learner, ok := r.policy.Schedule.(readback.Learner)
	if !ok || outcome == Failed || r.class != Applied || r.doubtful || r.resumed || r.unchanged || r.writes != 1 {
		return
	}
	lag := r.history.Lag()
	lag.Deadline = r.policy.within(r.class)
	if lag.After >= 0 || lag.By >= 0 {
		learner.Observe(lag)
	}
}
