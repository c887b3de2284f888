package poll

import (
	"context"
	"errors"
	"time"
	"unique"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/internal/cause"
)

// Stepper runs a poll one read at a time, for programs with too many polls for a goroutine
// each. It does what [Until] does, but the caller waits between the reads. A Stepper may be
// used for any number of polls, also concurrently if its functions may.
type Stepper[T any] struct {
	read  func(context.Context) (T, error)
	judge Judge[T]
	opts  Options
}

// NewStepper returns the Stepper of a poll. Options.Since must be set: without it, or
// with other invalid arguments, Visit returns an error before it reads.
func NewStepper[T any](read func(context.Context) (T, error), judge Judge[T], opts Options) Stepper[T] {
	return Stepper[T]{read, judge, opts}
}

// Course is the state of a poll that a [Stepper] runs: a few numbers. Its zero value is a
// poll that has not begun. One goroutine at a time may use it.
type Course struct {
	plan          readback.Plan
	reason        unique.Handle[Reason]
	deadline      time.Duration
	nextAt        time.Duration // of the next read
	total         time.Duration // see pace
	slowest       time.Duration
	lastTook      time.Duration // duration of the last answered read; the expected one before
	reserve       time.Duration
	lastPending   time.Duration // see History
	streakBegan   time.Duration // see History; in a second poll, when it was called
	readsToStreak int32         // see History; in a second poll, the reads before it
	answered      int32
	reads         int32
	streak        int16
	flags         courseFlags
	first         time.Duration // end of the first read of the streak
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

// Reason returns the reason of the last pending read; empty if there was none, or if a read
// was ready since.
func (c *Course) Reason() Reason {
	if c.reason == (unique.Handle[Reason]{}) {
		return ""
	}
	return c.reason.Value()
}

// Next returns when the next visit is due, measured from Options.Since. A visit before that
// does nothing.
func (c *Course) Next() time.Duration { return c.nextAt }

// Began returns when a second poll began, measured from Options.Since; zero if c is not a
// second poll, see [Course.Again], or has not begun.
func (c *Course) Began() time.Duration {
	if !c.flags.has(second) {
		return 0
	}
	return c.streakBegan
}

// Again makes c a second poll that has not begun. It goes on counting reads. Its histories
// have no lag.
func (c *Course) Again() {
	*c = Course{reads: c.reads, readsToStreak: c.reads, flags: second, reserve: c.reserve}
}

// Begin sets when the first visit of c is due, so that c.Next returns it. Begin need not be
// called: then the first visit may come at any time. If opts are invalid, it returns an error
// and does not change c.
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

// Visit reads once and judges, if the next read of c is due; before that it does nothing.
// When the poll is ready, it returns the value and true. When the poll is over, it returns
// the error that [Until] would return. Otherwise the next visit is due at c.Next, with the
// same options. A poll is over when there is no time for another read; no visit waits for
// the deadline.
//
// A late visit does not lose its read: the deadline moves by the time that the reads still
// needed lack, at most by as much as the visit is late. A read that was cut short by ctx
// does not change c.
//
// Began is when the read really began, if it was made before the visit and the read function
// only returns its result. The zero value means now.
//
// Options.History gets only the read of this visit, with the number and the lag of all.
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
		called = opts.Since // a late first visit does not move the schedule
	}
	// The deadline of ctx is for this visit, not for the poll.
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
	r.extend(at - due)
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

// extend moves the deadline if a read begins so late that the reads still needed would not
// have their reserves.
func (r *run) extend(late time.Duration) {
	now := r.clock()
	lacking := now - r.closing(now)
	if r.streak > 0 && r.span > 0 {
		lacking = max(lacking, r.streakSince+r.span+r.pace.reserve-r.deadline)
	}
	if by := min(late, lacking); by > 0 {
		r.deadline += by
		r.limit = max(r.limit, r.deadline)
	}
}

// restore loads the run that was saved in c, or begins c if it has not begun.
func (r *run) restore(c *Course) {
	r.read.N = int(c.reads)
	if r.before = 0; c.flags.has(second) {
		r.before = int(c.readsToStreak)
	}
	h := r.history
	if h != nil {
		h.before = int(c.reads) - h.reads
	}
	if !c.flags.has(begun) {
		c.flags.set(begun, true)
		c.deadline, c.nextAt = r.deadline, r.begins()
		if c.flags.has(second) && c.reserve > 0 {
			r.pace.carry(c.reserve, r.left(r.called), r.needed())
		}
		c.lastTook, c.reserve = r.pace.expected, r.pace.reserve
		if c.flags.has(second) {
			c.streakBegan = r.called
		}
		return
	}
	r.plan, r.deadline, r.called = c.plan, c.deadline, 0
	r.limit = max(r.limit, r.deadline) // a late visit may have moved the deadline
	r.streak, r.streakSince = int(c.streak), c.first
	if c.reason != (unique.Handle[Reason]{}) {
		r.reason = c.reason.Value()
	}
	p := &r.pace
	p.answered, p.total, p.slowest, p.reserve = int(c.answered), c.total, c.slowest, c.reserve
	if p.lastTook = c.lastTook; p.answered == 0 {
		p.lastTook, p.expected = 0, c.lastTook
	}
	if c.flags.has(second) {
		r.called = c.streakBegan
	} else if h != nil {
		h.lastPending, h.streakBegan, h.readsToStreak = c.lastPending, c.streakBegan, int(c.readsToStreak)
		h.pending, h.streak = c.flags.has(pending), c.flags.has(shows)
		h.readTime, h.answered = c.total, int(c.answered)
	}
}

// save stores in c when the next visit is due, and the state that it needs.
func (r *run) save(c *Course, next time.Duration) {
	c.nextAt, c.plan, c.deadline = next, r.plan, r.deadline
	c.reads, c.streak, c.first = int32(r.read.N), int16(min(r.streak, MaxSettle)), r.streakSince
	c.reason = unique.Handle[Reason]{}
	if r.reason != "" {
		c.reason = unique.Make(r.reason)
	}
	p := &r.pace
	c.answered, c.total, c.slowest, c.reserve = int32(p.answered), p.total, p.slowest, p.reserve
	if c.lastTook = p.lastTook; p.answered == 0 {
		c.lastTook = p.expected
	}
	if h := r.history; h != nil && !c.flags.has(second) {
		c.lastPending, c.streakBegan, c.readsToStreak = h.lastPending, h.streakBegan, int32(h.readsToStreak)
		c.flags.set(pending, h.pending)
		c.flags.set(shows, h.streak)
	}
}
