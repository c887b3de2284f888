package submit

import "github.com/readback-go/readback/consistency"

// withheldEnd is the end of a flow that need not be that of its job: a try may be followed
// by another one. The Observer is told of it once that is known. Nil is one of which
// nobody is told.
type withheldEnd struct {
	observer func(consistency.Event)
	event    consistency.Event
}

// withheld returns p with an Observer that is told of no end.
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

// tell tells the Observer: the job ends with the flow.
func (e *withheldEnd) tell() {
	if e != nil && e.event.Phase == consistency.PhaseEnd {
		e.observer(e.event)
	}
}
