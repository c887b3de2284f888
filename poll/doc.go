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
// A [Judge] calls each read pending, ready, unknown or a reason to stop. A pending read
// ends a streak of ready ones, so 200 404 200 404 200 is not settled with
// [Options.Settle] 3. An unknown read, such as a 503, says nothing about the value: it
// neither counts nor ends a streak.
//
// # Time
//
// There is always a deadline. Before it, the loop keeps a reserve of time for each ready
// read that is still needed. The reserve is
//
//   - twice the slowest read answered so far; Options.Reserve before any was answered;
//   - at least a millisecond;
//   - at most half the time left, divided by the ready reads still needed.
//
// So the closing reads start in time, whatever the schedule or a Retry-After says. A read
// that hangs is cut short when settle + 1 reserves are left, or after one reserve if it
// began later. Therefore a value is never missed if every read from settle + 1 reserves
// before the deadline on shows it within the reserve.
//
// # Errors
//
// A poll that ends before the value is ready returns a [*NotReadyError]. It says why the
// poll ended and keeps the error of the last read; [errors.Is] and [errors.As] find both.
//
// # A million at once
//
// [Until] waits on its caller's goroutine. A [Stepper] makes one read at a time, and the
// caller waits in between; a waiting poll is then only a [Course] of some hundred bytes.
package poll
