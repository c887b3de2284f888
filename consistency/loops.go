package consistency

import "time"

// The methods below are for code that reads back in a loop of its own and follows a
// [Policy] there, such as the Transport of package readbackhttp.

// Validate returns an error that matches [ErrInvalid] if a field is out of range
// or a rule says nothing. [Do], [Resume] and [Await] ask it first.
func (p Policy) Validate() error { return p.validate() }

// WithinAfter returns how long a flow may take after a write of that class.
func (p Policy) WithinAfter(class Class) time.Duration { return p.within(class) }

// Tell hands an event to p's observer and logger, the observer first.
func (p Policy) Tell(e Event) { p.tell(e) }

// Observed reports whether anybody hears what [Policy.Tell] says. If not, no event need be
// built.
func (p Policy) Observed() bool { return p.observed() }

// ClassOf returns what an answer to a write proves: by the first rule of r that
// fits, and otherwise by the built-in table.
func (r Rules) ClassOf(goal Goal, a Answer) Class { return r.write(goal, &a) }

// AskForBodies reports whether a rule asks for the bodies of good answers in that
// phase, whose end is waited for then.
func (r Rules) AskForBodies(phase Phase) bool { return r.askForBodies(phase) }
