package poll

import (
	"context"
	"errors"
	"time"
	"unique"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/internal/cause"
)

// Stepper takes a poll one read at a time, for programs with more polls under way
// than they can have goroutines. [Until] is a Stepper that waits for itself.
type Stepper[T any] struct {
	read  func(context.Context) (T, error)
	judge Judge[T]
	opts  Options
}

// NewStepper returns the Stepper of a poll. Options.Since must be set.
func NewStepper[T any](read func(context.Context) (T, error), judge Judge[T], opts Options) Stepper[T] {
	return Stepper[T]{read, judge, opts}
}

// Course is where a poll stands that a [Stepper] takes: a few numbers. Its zero
// value is a poll that has not begun. One goroutine at a time may use it.
type Course struct {
	plan     readback.Plan
	reason   unique.Handle[Reason]
	deadline time.Duration
	at       time.Duration // of the next read
	total    time.Duration // see pace
	slowest  time.Duration
	recent   time.Duration // the last read that was answered; as long as none was, what is expected
	reserve  time.Duration
	missed   time.Duration // see History
	shown    time.Duration // see History; of a second poll, when it was called
	upTo     int32         // see History; of a second poll, the reads before it
	answered int32
	reads    int32
	streak   int16
	flags    courseFlags
	first    time.Duration // end of the first read of the streak
}

type courseFlags uint8

const (
	begun   courseFlags = 1 << iota
	second              // Again was called
	pending             // see History
	shows               // there is a streak, see History
)

func (f courseFlags) has(one courseFlags) bool { return f&one != 0 }

func (f *courseFlags) set(one courseFlags, on bool) {
	if *f &^= one; on {
		*f |= one
	}
}

// Reads returns how many reads there were.
func (c *Course) Reads() int { return int(c.reads) }

// Reason returns why the last read that was pending was; empty if none was, or if
// one was ready since.
func (c *Course) Reason() Reason {
	if c.reason == (unique.Handle[Reason]{}) {
		return ""
	}
	return c.reason.Value()
}

// Next returns when the next visit is due, on the clock that begins at
// Options.Since. A visit before that does nothing.
func (c *Course) Next() time.Duration { return c.at }

// Began returns when c began as a second poll, on the clock that begins at
// Options.Since; zero if it is not one, or has not begun.
func (c *Course) Began() time.Duration {
	if !c.flags.has(second) {
		return 0
	}
	return c.shown
}

// Again makes c a second poll that has not begun, except that it goes on counting
// reads. Its histories tell no lag.
func (c *Course) Again() {
	*c = Course{reads: c.reads, upTo: c.reads, flags: second, reserve: c.reserve}
}

// Begin sets when the first visit of c is due, for c.Next to tell. Without it,
// that is known after the first visit. The error says what is wrong with opts, and
// leaves c as it was.
func (c *Course) Begin(opts Options) error {
	if opts.Since.IsZero() {
		return errNoSince
	}
	r := runs.Get().(*run)
	defer r.release()
	if err := r.init(context.Background(), &opts, opts.Since); err != nil {
		return err
	}
	r.restore(c)
	return nil
}

var errNoSince = errors.New("poll: Visit and Begin need Options.Since")

// Visit reads once and judges, if the next read of c is due; before that it does
// nothing. It returns the value and true once the poll is ready, and the error that
// [Until] would have ended with once it is over. If it is neither, the next visit is
// due at c.Next, with the same options. The poll is over when there is no time for
// another read: no visit waits for the deadline.
//
// A visit that comes late does not lose its read: the time that the reads still
// needed must have is added to the deadline, but no more than the visit was late. A
// read that was cut short by ctx leaves c as it was.
//
// Began is when the read really began, if it was made before the visit and Read only
// hands it over. The zero value is now.
//
// Options.History gets this visit's read alone, with the number and the lag of all.
func (s Stepper[T]) Visit(ctx context.Context, c *Course, began time.Time) (value T, done bool, _ error) {
	opts := &s.opts
	switch {
	case s.read == nil:
		return value, false, errNoRead
	case s.judge == nil:
		return value, false, errNoJudge
	case opts.Since.IsZero():
		return value, false, errNoSince
	}
	r := runs.Get().(*run)
	defer r.release()
	now := time.Now()
	called := now
	if c.reads == 0 {
		called = opts.Since // however late the first visit is
	}
	// The deadline of ctx is this visit's, and not the poll's.
	if err := r.init(context.Background(), opts, called); err != nil {
		return value, false, err
	}
	r.restore(c)
	at, due := now.Sub(r.zero), c.Next()
	switch {
	case ctx.Err() != nil:
		return value, false, r.notReady(cause.Of(ctx))
	case at < due:
		return value, false, nil
	case due >= r.deadline && r.read.N > r.before:
		return value, false, r.notReady(r.overdue(ctx))
	}
	r.forgive(at - due)
	if !began.IsZero() {
		at = min(at, max(began.Sub(r.zero), 0))
	}
	r.begin(ctx, at)
	done, err := once(ctx, r, s.read, s.judge, &value)
	switch {
	case done || err != nil:
		c.reads = int32(r.read.N)
		return value, done, err
	case ctx.Err() != nil:
		return value, false, r.notReady(cause.Of(ctx))
	}
	if r.plan == nil {
		r.plan = r.schedule.Plan()
	}
	next := r.next()
	if next == never || next >= r.deadline {
		return value, false, r.notReady(r.overdue(context.Background()))
	}
	r.save(c, next)
	return value, false, nil
}

// forgive moves the deadline of a run whose read begins so late that the reads
// still needed would not have their reserves.
func (r *run) forgive(late time.Duration) {
	now := r.clock()
	lacking := now - r.closing(now)
	if r.streak > 0 && r.span > 0 {
		lacking = max(lacking, r.first+r.span+r.pace.reserve-r.deadline)
	}
	if by := min(late, lacking); by > 0 {
		r.deadline += by
		r.limit = max(r.limit, r.deadline)
	}
}

// restore makes r the run that was saved in c, which begins if it has not.
func (r *run) restore(c *Course) {
	r.read.N = int(c.reads)
	if r.before = 0; c.flags.has(second) {
		r.before = int(c.upTo)
	}
	h := r.history
	if h != nil {
		h.before = int(c.reads) - h.reads
	}
	if !c.flags.has(begun) {
		c.flags.set(begun, true)
		c.deadline, c.at = r.deadline, r.begins()
		if c.flags.has(second) && c.reserve > 0 {
			r.pace.carry(c.reserve, r.left(r.called), r.needed())
		}
		c.recent, c.reserve = r.pace.expected, r.pace.reserve
		if c.flags.has(second) {
			c.shown = r.called
		}
		return
	}
	r.plan, r.deadline, r.called = c.plan, c.deadline, 0
	r.limit = max(r.limit, r.deadline) // a visit that was late has moved it
	r.streak, r.first = int(c.streak), c.first
	if c.reason != (unique.Handle[Reason]{}) {
		r.reason = c.reason.Value()
	}
	p := &r.pace
	p.answered, p.total, p.slowest, p.reserve = int(c.answered), c.total, c.slowest, c.reserve
	if p.last = c.recent; p.answered == 0 {
		p.last, p.expected = 0, c.recent
	}
	if c.flags.has(second) {
		r.called = c.shown
	} else if h != nil {
		h.missed, h.shown, h.upTo = c.missed, c.shown, int(c.upTo)
		h.pending, h.streak = c.flags.has(pending), c.flags.has(shows)
		h.spent, h.telling = c.total, int(c.answered)
	}
}

// save notes in c when the next visit is due, and what it must know.
func (r *run) save(c *Course, next time.Duration) {
	c.at, c.plan, c.deadline = next, r.plan, r.deadline
	c.reads, c.streak, c.first = int32(r.read.N), int16(min(r.streak, MaxSettle)), r.first
	c.reason = unique.Handle[Reason]{}
	if r.reason != "" {
		c.reason = unique.Make(r.reason)
	}
	p := &r.pace
	c.answered, c.total, c.slowest, c.reserve = int32(p.answered), p.total, p.slowest, p.reserve
	if c.recent = p.last; p.answered == 0 {
		c.recent = p.expected
	}
	if h := r.history; h != nil && !c.flags.has(second) {
		c.missed, c.shown, c.upTo = h.missed, h.shown, int32(h.upTo)
		c.flags.set(pending, h.pending)
		c.flags.set(shows, h.streak)
	}
}
