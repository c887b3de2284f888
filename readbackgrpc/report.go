package readbackgrpc

import (
	"errors"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/cause"
	"github.com/readback-go/readback/poll"
)

// report tells everyone who wants to know how the hold ended.
func (h *held) report() {
	if h.final && h.shows {
		h.i.counts.shown.Add(1)
	}
	if h.own.Report == nil && !h.i.observed() {
		return
	}
	r := Report{Reads: h.history.Reads(), Outcome: consistency.Confirmed, History: h.history}
	for first := range h.history.All() {
		r.Elapsed = h.clock() - first.Ended
		break
	}
	if why := h.unconfirmed(); why != nil {
		r.Outcome, r.Err = why.Outcome, why
	}
	if h.own.Report != nil {
		*h.own.Report = r
	}
	e := h.event(consistency.PhaseEnd)
	e.N, e.Ended, e.Class, e.Outcome, e.Err = r.Reads, h.clock(), h.write.class, r.Outcome, r.Err
	a := h.handed()
	e.Status, e.Code, e.Lag = a.Status, a.Code, h.history.Lag()
	h.i.options.Policy.Tell(e)
}

// unconfirmed returns nil if the answer to be handed on shows the write, and
// otherwise why not.
func (h *held) unconfirmed() *consistency.Error {
	if h.final && h.shows {
		return nil
	}
	a := h.handed()
	why := &consistency.Error{
		Outcome: consistency.Unconfirmed,
		Name:    h.method + " " + h.name,
		Reads:   h.history.Reads(),
		Elapsed: h.clock(),
		Status:  a.Status,
		Code:    a.Code,
		Phase:   consistency.PhaseRead,
		Reason:  h.reason,
		Cause:   poll.ErrDeadline,
		Last:    h.last,
		History: h.history,
	}
	if h.until() < h.limit() {
		why.Cause = h.windowOver()
	}
	var unready *poll.NotReadyError
	switch {
	case h.final:
		why.Cause, why.Last = errOtherwise, h.answer
	case h.cancelled():
		why.Cause, why.Context = nil, cause.Of(h.ctx)
	case errors.As(h.why, &unready):
		why.Cause, why.Last = unready.Cause, unready.Last
	case h.why != nil:
		why.Cause = h.why
	}
	return why
}

// handed returns what is known of the answer that is handed on.
func (h *held) handed() consistency.Answer {
	err := h.handedOn()
	if err == nil {
		return done
	}
	a, _ := h.i.options.Policy.Answer(consistency.PhaseRead, nil, err)
	return a
}

func (i *Interceptor) observed() bool { return i.options.Policy.Observed() }

func (h *held) event(phase consistency.Phase) consistency.Event {
	return consistency.Event{Context: h.ctx, Flow: h.method, Instance: h.name, Phase: phase}
}

// note adds a read that the loop has not made.
func (h *held) note(read poll.Read) {
	h.history.Add(read)
	read.N = h.history.Reads()
	h.tell(read)
}

// tell hands a read to the observer and the logger.
func (h *held) tell(read poll.Read) {
	if !h.i.observed() {
		return
	}
	e := h.event(consistency.PhaseRead)
	e.N, e.Began, e.Ended = read.N, read.Began, read.Ended
	e.Status, e.Code, e.Verdict, e.Reason, e.Note, e.Err = read.Status, h.code, read.Verdict, read.Reason, read.Note, read.Err
	h.i.options.Policy.Tell(e)
}
