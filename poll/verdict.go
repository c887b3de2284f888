package poll

import "time"

// Verdict is what one read says about the value that is waited for.
type Verdict uint8

const (
	Pending Verdict = iota // not yet; ends a streak
	Ready                  // the value is there; counts
	Unknown                // says nothing; neither counts nor ends a streak
	Stop                   // no later read can be ready
)

// String returns the verdict in lower case.
func (v Verdict) String() string {
	switch v {
	case Pending:
		return "pending"
	case Ready:
		return "ready"
	case Unknown:
		return "unknown"
	case Stop:
		return "stop"
	}
	return "invalid verdict"
}

// Reason says in a few words why a read is not ready, such as "not found".
type Reason string

// Judgement is a judge's answer to one read. Its zero value is a pending read
// without a reason.
type Judgement struct {
	Verdict Verdict
	Reason  Reason

	// Until ends the poll early if this is still the last pending read by
	// then: it is when the reason is no longer taken for lag, measured like
	// Read.Ended. Zero means that it has as long as the poll.
	Until time.Duration

	// RetryAfter is how long the server asks to be left alone after this
	// read. The next read waits at least that long and up to a tenth longer,
	// but the closing reads begin in time.
	RetryAfter time.Duration

	// Setback makes an unknown read end the streak, and the ready read after
	// it not count: the first answer after an outage is not to be trusted.
	Setback bool

	// Settled makes a ready read enough by itself, however many are asked for:
	// a tombstone, say, is no matter of luck. Options.SettleFor is asked for
	// all the same.
	Settled bool

	// Anew makes a ready read the first of a streak, whatever was ready before:
	// it is ready in another way.
	Anew bool

	// Cause says why to stop. Nil means the read's error.
	Cause error

	// Status and Note go into the history: the HTTP status or its like, zero
	// if none, and what else a reader of the history should know.
	Status int
	Note   string
}

// A Judge says what a read means. It gets what the read returned, with its
// number and times, and is called after each read that was not cut short.
type Judge[T any] func(value T, err error, r Read) Judgement

// When returns the judge that calls a value ready if ok does. A read that fails
// is pending.
func When[T any](ok func(T) bool) Judge[T] {
	if ok == nil {
		return nil
	}
	return func(value T, err error, _ Read) Judgement {
		switch {
		case err != nil:
			return Judgement{Reason: "failed"}
		case !ok(value):
			return Judgement{Reason: "not as wanted"}
		}
		return Judgement{Verdict: Ready}
	}
}
