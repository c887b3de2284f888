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

	// Settle is how many reads must be ready in a row. Replicas catch up one
	// by one, so a single ready read can be luck. Zero means 1.
	Settle int

	// SettleFor is how long the ready reads must span, from the end of the first
	// to the beginning of the last, for states that come and go: then at least two
	// are needed, whatever Settle and Judgement.Settled say. Zero means that
	// their number is enough.
	SettleFor time.Duration

	// KeepReads is how many reads follow when this run is over, before the same
	// deadline: their reserves are kept, as is KeepFor, the time between them. It
	// is for a run that only waits for another to begin. Zero means none.
	KeepReads int
	KeepFor   time.Duration

	// Pause is how long the first read waits at least, as the answer before it
	// asked, like Judgement.RetryAfter. Zero means that it need not wait.
	Pause time.Duration

	// Within is how long the run may take. Zero means as long as the context,
	// or 30 s if that has no deadline.
	Within time.Duration

	// ReadTimeout bounds each read. Zero means 10 s. NoTimeout gives reads the
	// context as it is and saves them a context of their own; a read that
	// hangs then holds up the run.
	ReadTimeout time.Duration

	// Reserve is how long a read is expected to take as long as none has been
	// answered, such as the duration of the write. Zero means a tenth of the
	// time that the run has.
	Reserve time.Duration

	// Since is when the clock of the run begins, if earlier than the call:
	// Within and the times of reads count from there. The schedule's times
	// count from the call.
	Since time.Time

	// Observe is called after each read was judged, on the same goroutine.
	Observe func(Read)

	// History, if not nil, gets the reads as they happen. One that has reads
	// already goes on.
	History *History
}

// MaxSettle is the most that Options.Settle may ask for.
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
	errNoRead  = errors.New("poll: no function to read with")
	errNoJudge = errors.New("poll: no judge")
)
