package poll

import (
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/internal/reserve"
)

// Options tune [Until]. The zero value is ready for use.
type Options struct {
	// Schedule says when reads begin. Nil means readback.Backoff{}: the first
	// at once, then waits that grow from 60 ms to 5 s.
	Schedule readback.Schedule

	// Settle is how many reads must be ready in a row. Replicas catch up one by one, so
	// a single ready read can be luck. Zero means 1; at most MaxSettle.
	Settle int

	// SettleFor is how long the ready reads must span, from the end of the first to the
	// beginning of the last, for states that come and go. Then at least two ready reads
	// are needed, whatever Settle and Judgement.Settled say. Zero means no such time.
	SettleFor time.Duration

	// KeepReads is for a run that another one follows, before the same deadline: the
	// reserves of so many more reads are kept, and the time KeepFor between them. Zero
	// means none.
	KeepReads int
	KeepFor   time.Duration

	// Pause is the shortest wait before the first read, such as the Retry-After of the
	// answer before it. Zero means that it need not wait.
	Pause time.Duration

	// Within is how long the run may take. Zero means until the deadline of the
	// context, or 30 s if it has none.
	Within time.Duration

	// ReadTimeout bounds each read. Zero means 10 s. NoTimeout passes the caller's
	// context to the reads, which saves an allocation; but then a read that hangs
	// holds up the run.
	ReadTimeout time.Duration

	// Reserve is the expected duration of a read before any was answered, such as the
	// duration of the write. Zero means a tenth of the time that the run has.
	Reserve time.Duration

	// Since is when the clock of the run began, if that was before the call: Within
	// and the times of reads count from it. The times of the schedule count from the
	// call. Zero means the call.
	Since time.Time

	// Observe is called after each read was judged, on the same goroutine. Nil means
	// no calls.
	Observe func(Read)

	// History gets the reads as they happen, after those that it has already. Nil means
	// that only a NotReadyError gets a history.
	History *History
}

// MaxSettle is the greatest Options.Settle.
const MaxSettle = math.MaxInt16

// NoTimeout as Options.ReadTimeout means that reads have no timeout of their
// own.
const NoTimeout time.Duration = -1

const (
	defaultWithin      = 30 * time.Second
	defaultReadTimeout = reserve.ReadTimeout
	reservedShare      = 10 // Reserve is a tenth of the time, unless given
)

func (o *Options) fillIn() {
	if o.Schedule == nil {
		o.Schedule = readback.Backoff{}
	}
	if o.Settle == 0 {
		o.Settle = 1
	}
	if o.SettleFor > 0 {
		o.Settle = max(o.Settle, 2)
	}
	if o.ReadTimeout == 0 {
		o.ReadTimeout = defaultReadTimeout
	}
}

func (o *Options) validate() error {
	switch {
	case o.Settle < 0:
		return fmt.Errorf("poll: Options.Settle is negative: %d", o.Settle)
	case o.Settle > MaxSettle:
		return fmt.Errorf("poll: Options.Settle is %d, more than %d", o.Settle, MaxSettle)
	case o.SettleFor < 0:
		return fmt.Errorf("poll: Options.SettleFor is negative: %v", o.SettleFor)
	case o.KeepReads < 0 || o.KeepFor < 0:
		return fmt.Errorf("poll: Options.KeepReads or KeepFor is negative: %d, %v", o.KeepReads, o.KeepFor)
	case o.Pause < 0:
		return fmt.Errorf("poll: Options.Pause is negative: %v", o.Pause)
	case o.Within < 0:
		return fmt.Errorf("poll: Options.Within is negative: %v", o.Within)
	case o.ReadTimeout < 0 && o.ReadTimeout != NoTimeout:
		return fmt.Errorf("poll: Options.ReadTimeout is negative: %v", o.ReadTimeout)
	case o.Reserve < 0:
		return fmt.Errorf("poll: Options.Reserve is negative: %v", o.Reserve)
	}
	if s, ok := o.Schedule.(interface{ Validate() error }); ok {
		return s.Validate()
	}
	return nil
}

var (
	errNoRead  = errors.New("poll: the read function is nil")
	errNoJudge = errors.New("poll: the judge is nil")
)
