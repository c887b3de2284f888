package poll

import "time"

// Verdict is what one read says about the awaited value.
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

	// Until ends a window: the poll ends with ErrWindow at this time, measured like
	// Read.Ended, unless another judgement comes before. It says until when the reason
	// of a pending read may be lag. Zero means until the deadline of the poll.
	Until time.Duration

	// RetryAfter is how long the server asks to wait after this read. The next read
	// waits at least that long and up to a tenth longer, but the closing reads begin
	// in time.
	RetryAfter time.Duration

	// Setback makes an unknown read end the streak, and the next ready read not count,
	// since the first answer after an outage may be wrong.
	Setback bool

	// Settled makes one ready read enough, whatever Options.Settle says, for a read
	// that cannot be luck, such as of a tombstone. Options.SettleFor still applies.
	Settled bool

	// Anew makes a ready read the first of a new streak, because it is ready in
	// another way than the reads before. It makes an unknown read end the reason of
	// the pending reads before, with its window.
	Anew bool

	// Cause says why to stop. Nil means the read's error.
	Cause error

	// Status and Note go into the history: the HTTP status or its like, zero if there
	// is none, and anything else that a reader of the history should know.
	Status int
	Note   string
}

// A Judge says what a read means. It gets the value and error of the read, with its number
// and times. It is called after each read that was not cut short, on the same goroutine.
type Judge[T any] func(value T, err error, r Read) Judgement

// When returns a judge that calls a value ready if ok returns true, and pending otherwise. A
// read that fails is pending. A nil ok returns nil, which [Until] refuses.
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
