package consistency

import (
	"cmp"
	"context"
	"encoding/json"
	"math"
	"time"
	"unique"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/internal/cause"
	"github.com/readback-go/readback/internal/exact"
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
	word     bool // the caller stated the class of the last answer, by As
	found    bool // written is known
	resumed  bool
	writes   int       // calls of Write
	tries    int       // that they made; negative, or 0 of a handle, if that is not known
	answered time.Time // on the wall clock; zero if that is not known
	pause    time.Duration
	took     time.Duration
	writeErr error
	lacking  error // why what Write returned names nothing
	counted  string
	started  error // of Flow.Started
	written  W
	encoded  json.RawMessage // written, as it was in a handle

	// of the operation
	monitored bool          // it has ended, or there is none
	ended     time.Duration // when
	shown     bool          // the monitor has answered
	missed    bool          // its last answer was a 404
	succeeded bool          // it has ended well, and not only out of sight

	// of the reads
	unchanged bool // one good read is enough
	forbidden forbiddenRun
	faulty    bool   // the streak is of values that show a fault
	fault     error  // of the last of them
	latest    R      // what the current read returned
	value     R      // what the last one without an error returned
	heard     said   // of the current read
	finding   bool   // the current read is a Find
	listed    bool   // the current read began with a Find that showed the reference
	answer    Answer // the last one of the write or a read
	seen      seen
	several   bool   // several candidates are provably this write's
	setback   bool   // the look between two tries met an outage
	never     bool   // Find knows that the write was not carried out
	hint      string // how to go on
	history   *poll.History

	// for those who watch
	whole step
	told  *followed // what visits have of whole
	step  step      // the current one
	phase Phase     // of it
	n     int       // of it
	trace string    // of the handle
}

// seen is what the last read that was not ready lacked.
type seen struct {
	reason  poll.Reason
	unknown poll.Reason // why the last one since then said nothing
	value   bool        // it came with a value
}

// newRun copies p and f.
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
	if !r.resumed && r.flow.Write == nil {
		return invalid("the flow has no Write")
	}
	return nil
}

// hasRoom reports whether SettleFor fits before the deadline of ctx, if that has not
// ended anyway.
func (r *run[W, R]) hasRoom(ctx context.Context) error {
	if ctx.Err() != nil {
		return nil
	}
	if end, bounded := ctx.Deadline(); bounded && r.policy.SettleFor > 0 && time.Until(end) <= r.policy.SettleFor {
		return invalid("Policy.SettleFor is %v, which the context's deadline has no room for", r.policy.SettleFor)
	}
	return nil
}

// handle returns what is needed to go on later. A reference that JSON cannot carry
// is left out, to be found again.
func (r *run[W, R]) handle() Pending {
	h := Pending{
		name: unique.Make(r.flow.Name), goal: r.flow.goal, class: r.class,
		doubtful: r.doubtful, monitored: r.monitored, tries: int32(min(max(r.tries, 0), math.MaxInt32)),
	}
	if !r.answered.IsZero() {
		h.answered = r.answered.UnixMilli()
	}
	var missing error
	if r.found {
		if h.written = r.encoded; h.written == nil {
			h.written, missing = exact.Encode(&r.written)
		}
	}
	return h.with(rarePending{trace: r.trace, missing: missing})
}

// take is the reverse of handle.
func (r *run[W, R]) take(h Pending) error {
	switch {
	case h.IsZero():
		return invalid("there is no handle")
	case h.Name() != r.flow.Name:
		return invalid("the handle is for flow %q, not for %q", h.Name(), r.flow.Name)
	case h.goal != r.flow.goal:
		return invalid("the handle is for a flow to %s, not to %s", h.goal, r.flow.goal)
	}
	r.class, r.doubtful, r.monitored, r.tries = h.class, h.doubtful, h.monitored, int(h.tries)
	if h.answered != 0 {
		r.answered = time.UnixMilli(h.answered)
	}
	if h.written == nil || string(h.written) == "null" {
		if r.flow.known != nil {
			r.written, r.found = *r.flow.known, true
		}
		return nil // else it is to be found again
	}
	if err := json.Unmarshal(h.written, &r.written); err != nil {
		return invalid("the handle's reference does not fit the flow: %w", err)
	}
	r.lacking = r.flow.lacks(&r.written)
	if r.lacking == nil || r.flow.known != nil || r.operates(r.class) {
		r.found, r.encoded = true, h.written
	}
	return nil
}

// checkReference returns nil if W has a place for the reference of a handle that an older program may have
// made.
func checkReference[W any](h Pending) error {
	if h.written == nil || string(h.written) == "null" {
		return nil
	}
	if _, ok := exact.Holds[W](h.written); !ok {
		return invalid("the handle's reference has a field that its type lacks, and lacks one that it has: one may have another name now")
	}
	return nil
}

// end tells the outcome to everyone who wants to know.
func (r *run[W, R]) end(ctx context.Context, outcome Outcome, why error) (Result[W, R], error) {
	res := Result[W, R]{
		Outcome: outcome,
		Value:   r.value,
		Elapsed: time.Since(r.zero),
		Started: r.started,
		History: r.history,
	}
	if r.found {
		res.Written = r.written
	}
	if outcome == Unconfirmed && r.class != 0 {
		res.Pending = r.handle()
	}
	err := r.explain(ctx, outcome, why, &res)
	r.teach(outcome)
	if r.observed() {
		r.endFlow(Event{
			Phase: PhaseEnd, N: r.history.Reads(), Ended: res.Elapsed, Status: r.answer.Status, Code: r.answer.Code,
			Class: r.class, Reason: r.seen.reason, Outcome: outcome, Lag: r.history.Lag(), Err: err,
		})
	}
	return res, err
}

// snippetLimit is how much of an error's body goes into an Error.
const snippetLimit = 512

// explain gathers the reasons for an outcome that is not Confirmed.
func (r *run[W, R]) explain(ctx context.Context, outcome Outcome, why error, res *Result[W, R]) error {
	if outcome == Confirmed {
		return nil
	}
	e := &Error{
		Outcome:  outcome,
		Name:     r.flow.Name,
		Instance: r.flow.Instance,
		Reads:    r.history.Reads(),
		Elapsed:  res.Elapsed,
		Status:   r.answer.Status,
		Phase:    r.answer.Phase,
		Code:     r.answer.Code,
		Note:     r.answer.Note,
		Cause:    why,
		Write:    redact.Guard(r.writeErr),
		Started:  redact.Guard(r.started),
		Missing:  res.Pending.Missing(),
		Counted:  r.counted,
		Hint:     r.hint,
		History:  r.history,
	}
	if r.answer.Status >= 300 {
		e.Body = redact.Snippet(r.answer.Body, snippetLimit)
	}
	if unready, ok := cause.As[*poll.NotReadyError](why); ok {
		e.Cause, e.Last = unready.Cause, unready.Last
		last, _ := r.history.Last()
		e.Reason = cmp.Or(r.seen.reason, r.seen.unknown, last.Reason)
		if r.seen.value {
			e.Seen = r.shows()
		}
		if window := r.window(unready.Cause, r.seen.reason); window != "" {
			e.Hint = joinHints(window, e.Hint)
		}
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
	if !ok || outcome == Failed || r.class != Applied || r.doubtful || r.resumed || r.unchanged || r.writes != 1 || r.lacking != nil {
		return
	}
	lag := r.history.Lag()
	lag.Deadline = r.policy.within(r.class)
	if lag.After >= 0 || lag.By >= 0 {
		learner.Observe(lag)
	}
}
