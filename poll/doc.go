// Package poll reads a value until a judge calls it ready.
//
// A write to an eventually consistent store can stay invisible to reads for a
// while. [Until] bridges the gap: it reads, judges, waits and reads again, until
// the value is ready as often in a row as asked, a judge says stop, or the time
// is up.
//
//	user, err := poll.Until(ctx, getUser, poll.When(isActive), poll.Options{})
//
// The loop knows nothing of writes, of HTTP or of what an answer means; package
// consistency does.
//
// # Verdicts
//
// A [Judge] says of each read that it is pending, ready, unknown or a reason to
// stop. A pending read ends a streak of ready ones, so 200 404 200 404 200 is
// not settled with [Options.Settle] 3. An unknown read, such as a 503, says
// nothing about the value: it neither counts nor ends a streak.
//
// # Time
//
// There is always a deadline. Let the reserve of a moment be twice the slowest
// read answered so far, and at least a millisecond; before any was answered,
// Options.Reserve; at most half the time left divided by the ready reads still
// needed. The loop keeps a reserve for each read that is still needed before the
// deadline: it starts its closing reads in time, whatever the schedule or a
// Retry-After says, and cuts short a read that hangs, at the latest when settle +
// 1 reserves are left or, if it began later, after a reserve of its own. So a
// value that every later read shows within the reserve, from settle + 1 reserves
// before the deadline on, is never missed.
//
// # Errors
//
// A poll that ends unready returns a [*NotReadyError]. It says why the poll
// ended and keeps the error of the last read; [errors.Is] and [errors.As] find
// both.
//
// # A million at once
//
// [Until] waits on its caller's goroutine. A [Stepper] takes one read of a poll whose
// waits somebody else looks after, with some hundred bytes kept in between.
package poll
