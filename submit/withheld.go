package submit

import "github.com/readback-go/readback/consistency"

// withheldEnd is the end event of a flow that may not be the end of its job, since another
// try may follow. The Observer gets it once the end is certain. Nil means that there is no
// Observer.
type withheldEnd struct {
	observer func(consistency.Event)
	event    consistency.Event
}

// withheld returns p with an Observer that gets no end events, and the event that it keeps
// back.
func withheld(p consistency.Policy) (consistency.Policy, *withheldEnd) {
	if p.Observer == nil {
		return p, nil
	}
	e := &withheldEnd{observer: p.Observer}
	p.Observer = func(told consistency.Event) {
		if told.Phase == consistency.PhaseEnd {
			e.event = told
			return
		}
		e.observer(told)
	}
	return p, e
}

// report gives the Observer the end: the job has ended with the flow.
func (e *withheldEnd) report() {
	if e != nil && e.event.Phase == consistency.PhaseEnd {
		e.observer(e.event)
	}
}
