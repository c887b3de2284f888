package poll

import (
	"cmp"
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/internal/cause"
)

// run is the state of one poll. All its times are measured from the field zero.
type run struct {
	schedule    readback.Schedule
	observe     func(Read)
	timeout     time.Duration   // of a read
	zero        time.Time       // Options.Since, or the call
	called      time.Duration   // the time of the call, from which the schedule counts
	limit       time.Duration   // the latest end of the run
	deadline    time.Duration   // limit, or the end of the window of the last reason
	reason      Reason          // of the last pending read
	read        Read            // the current read
	readCtx     context.Context // of the current read, until it returns
	cancel      func()          // cancels readCtx; nil if that is the caller's context
	retryAfter  time.Duration   // of the current read; Options.Pause before the first
	cut         bool            // the current read was cut short for the closing reads
	streak      int             // ready reads in a row; -1 after a setback
	streakSince time.Duration   // end of the first read of the streak
	span        time.Duration   // Options.SettleFor
	keepFor     time.Duration   // Options.KeepFor
	lastErr     error           // of the last read that was not cut short
	plan        readback.Plan   // nil until the first wait
	pace        pace
	timer       *time.Timer // nil until the first wait
	history     *History
	before      int // reads in the history of an earlier run
}

// runs are reused: a poll that is ready at once allocates nothing.
var runs = sync.Pool{New: func() any { return new(run) }}

// release stops the timer, ends the context of the read and gives r back to the pool, also
// after a panic.
func (r *run) release() {
	r.close()
	if r.timer != nil {
		r.timer.Stop()
	}
	*r = run{}
	runs.Put(r)
}

// init sets up r for a call at now.
func (r *run) init(ctx context.Context, opts *Options, now time.Time) error {
	opts.fillIn()
	if err := opts.validate(); err != nil {
		return err
	}
	r.schedule, r.observe, r.timeout = opts.Schedule, opts.Observe, opts.ReadTimeout
	r.zero = opts.Since
	if r.zero.IsZero() || r.zero.After(now) {
		r.zero = now
	}
	r.called = now.Sub(r.zero)
	r.limit = opts.Within
	if end, bounded := ctx.Deadline(); bounded {
		if byContext := end.Sub(r.zero); r.limit == 0 || byContext < r.limit {
			r.limit = byContext
		}
	} else if r.limit == 0 {
		r.limit = defaultWithin
	}
	r.deadline = r.limit
	if r.history = opts.History; r.history != nil {
		r.before = r.history.Reads()
		r.read.N = r.before
	}
	r.span, r.keepFor, r.retryAfter = opts.SettleFor, opts.KeepFor, opts.Pause
	r.pace.settle, r.pace.keepReads, r.pace.expected = opts.Settle, opts.KeepReads, opts.Reserve
	if opts.Reserve == 0 {
		r.pace.expected = (r.limit - r.called) / reservedShare
	}
	r.pace.keep(r.left(r.called), r.needed(), false)
	if r.history != nil && r.history.carried > 0 {
		r.pace.carry(r.history.carried, r.left(r.called), r.needed())
		r.history.carried = 0
	}
	return nil
}

// isFirst reports whether the current read, or the next if none has begun, is the first. A
// run always makes a first read, unless the caller's context ends before.
func (r *run) isFirst() bool { return r.read.N-r.before <= 1 }

func (r *run) clock() time.Duration { return time.Since(r.zero) }

// needed returns how many reads are still needed, including Options.KeepReads.
func (r *run) needed() int { return max(r.pace.settle-r.streak, 1) + r.pace.keepReads }

// left returns how much of the time from now to the deadline is left for reads: without
// KeepFor, and without SettleFor if no streak has begun. SettleFor need not fit into the
// window of a reason, since a ready read ends that window.
func (r *run) left(now time.Duration) time.Duration {
	left := r.limit - now - r.keepFor
	if r.streak <= 0 {
		left -= r.span
	}
	return min(left, r.deadline-now)
}

// closing returns the latest beginning of the next read, so that all needed reads fit before
// the deadline.
func (r *run) closing(now time.Duration) time.Duration {
	return now + r.left(now) - r.pace.closing(r.needed())
}

// begins returns when the first read begins.
func (r *run) begins() time.Duration {
	left := r.limit - r.called
	at := r.called + min(max(r.schedule.First(left), r.retryAfter), left)
	return max(r.called, min(at, r.closing(r.called)))
}

// now returns the time. Before the first read and wait, it is the time of the call, without
// asking the clock.
func (r *run) now() time.Duration {
	if r.read.N > r.before || r.timer != nil {
		return r.clock()
	}
	return r.called
}

// begin begins a read, whose context lasts until close.
func (r *run) begin(ctx context.Context, at time.Duration) {
	r.read = Read{N: r.read.N + 1, Began: at}
	if r.readCtx = ctx; r.timeout != NoTimeout {
		end, why := r.allowance()
		r.readCtx, r.cancel = context.WithDeadlineCause(ctx, end, why)
	}
}

// allowance returns until when the current read may last, and the cause that ends it then.
func (r *run) allowance() (time.Time, error) {
	allowed, why := r.pace.allowance(r.left(r.read.Began), r.needed()), errCut
	if r.isFirst() && r.deadline-r.read.Began < minWait {
		allowed = r.timeout // the only read of a run that was called too late
	}
	if r.timeout < allowed {
		allowed, why = r.timeout, ErrReadTimeout
	}
	return time.Now().Add(allowed), why
}

// close ends the context of the current read.
func (r *run) close() {
	if r.cancel != nil {
		r.cancel()
	}
	r.readCtx, r.cancel = nil, nil
}

// whyCut returns why own, the context of a read, cut it short: ErrReadTimeout, errCut or the
// end of the caller's context. It returns nil if the read has no error, or one that its
// context did not cause.
func whyCut(caller, own context.Context, err error) error {
	if err == nil || own.Err() == nil {
		return nil
	}
	why := context.Cause(own)
	if !cause.Is(err, why) && !cause.Is(err, context.DeadlineExceeded) && !cause.Is(err, context.Canceled) {
		return nil
	}
	if caller.Err() != nil {
		return cause.Of(caller)
	}
	return why
}

// end notes how the current read ended. It returns false if there is nothing to judge,
// because the read was cut short for the closing reads or by the caller's context.
func (r *run) end(err, cut error) bool {
	r.read.Ended = r.clock()
	took := r.read.Ended - r.read.Began
	switch {
	case cut == nil:
		r.pace.sawAnswer(took)
	case cut == ErrReadTimeout || cut == errCut:
		err = &cutError{why: cut, after: took, err: err}
	}
	r.read.Err = err
	r.cut = cut == errCut
	whole := cut == nil || cut == ErrReadTimeout
	if whole || r.lastErr == nil && r.pace.answered == 0 && cut == errCut {
		r.lastErr = err
	}
	return whole
}

// settle applies the judgement of the current read. It returns true if the streak is
// complete, or why the run must stop.
func (r *run) settle(j *Judgement) (done bool, stop error) {
	r.read.Verdict, r.read.Reason = j.Verdict, j.Reason
	r.read.Status, r.read.Note = j.Status, j.Note
	r.retryAfter = j.RetryAfter
	switch j.Verdict {
	case Ready:
		r.deadline, r.reason = r.limit, ""
		if j.Settled {
			r.streak = max(r.streak, 0) // a settled read counts also after a setback
		}
		if r.streak++; j.Anew {
			r.streak = min(r.streak, 1) // 1, or 0 after a setback
		}
		if r.streak == 1 {
			r.streakSince = r.read.Ended
		}
		done = j.Settled || r.streak >= r.pace.settle
		if r.span > 0 {
			done = done && r.streak > 0 && r.read.Began-r.streakSince >= r.span
		}
	case Pending:
		r.streak, r.reason = 0, j.Reason
		r.deadline = r.limit
		if j.Until > 0 {
			r.deadline = min(r.limit, j.Until)
		}
	case Unknown:
		if j.Setback {
			r.streak = -1
		}
		if j.Anew {
			r.deadline, r.reason = r.limit, ""
		}
	default:
		stop = cmp.Or(j.Cause, r.read.Err, errStopped)
	}
	if r.history != nil || !done {
		r.remember()
		if done && r.pace.keepReads > 0 {
			r.history.carried = r.pace.reserve
		}
		if j.Setback {
			r.history.setback()
		}
	}
	if r.observe != nil {
		r.observe(r.read)
	}
	return done, stop
}

// remember adds the current read to the history.
func (r *run) remember() {
	if r.history == nil {
		r.history = new(History)
	}
	r.history.add(&r.read)
}

// never says that no further read fits before the deadline.
const never time.Duration = -1

// next returns when the next read begins, or never.
func (r *run) next() time.Duration {
	if r.read.N == r.before {
		return r.begins()
	}
	now := r.clock()
	ready := r.read.Verdict == Ready
	r.pace.keep(r.left(now), r.needed(), ready)
	if r.streak <= 0 && r.span+r.keepFor > 0 && r.left(now) < minWait {
		return never // a streak that begins now cannot be long enough
	}
	if r.cut && r.left(now) >= minWait {
		return now // the closing reads are due
	}
	closing := r.closing(now)
	at := r.planned(closing)
	if r.retryAfter > 0 {
		rest := r.limit - r.read.Ended // keeps the sum below from overflowing
		pause := min(r.retryAfter, rest)
		spread := time.Duration(rand.Int64N(int64(r.retryAfter)/10 + 1))
		at = max(at, r.read.Ended+pause+min(spread, rest-pause))
	}
	at = min(at, closing)
	if ready {
		return r.inStreak(max(at, now), now)
	}
	if at = max(at, now+minWait); at >= r.deadline {
		return never
	}
	return at
}

// inStreak returns when the next read of a streak begins; at is its planned time. With
// SettleFor, the last read begins when that time is over, and not later. Near the deadline
// no reads are made before that, since they could not complete the streak.
func (r *run) inStreak(at, now time.Duration) time.Duration {
	if r.span == 0 || r.streak < r.pace.settle-1 {
		return at
	}
	spanned := max(r.streakSince+r.span, now)
	late := r.closing(now) <= now
	if !late && (r.streak < r.pace.settle || at < spanned) {
		return at
	}
	if spanned >= r.deadline {
		return never
	}
	return spanned
}

// planned asks the schedule for the next read, and returns closing if it has none.
func (r *run) planned(closing time.Duration) time.Duration {
	at := r.plan.Next(readback.Step{
		Reads:    r.read.N - r.before,
		Streak:   max(r.streak, 0),
		Settle:   r.pace.settle,
		Began:    r.read.Began - r.called,
		Ended:    r.read.Ended - r.called,
		Deadline: r.deadline - r.called,
		ReadTime: r.pace.mean(),
	})
	if at < 0 {
		return closing
	}
	at = min(at, r.limit-r.called) // the sum must not overflow
	return max(r.called+at, r.read.Ended+minWait)
}

// sleepUntil waits until the next read, and returns nil; or why there is no next read.
func (r *run) sleepUntil(ctx context.Context, at time.Duration) error {
	if ctx.Err() != nil {
		return cause.Of(ctx)
	}
	first := r.read.N == r.before
	if at == never || at > r.deadline && !first {
		at = r.deadline
	}
	if at > r.called {
		if wait := at - r.clock(); wait > 0 {
			r.startTimer(wait)
			select {
			case <-ctx.Done():
			case <-r.timer.C:
			}
		}
		// If both are due, select may pick the timer.
		if ctx.Err() != nil {
			return cause.Of(ctx)
		}
	}
	if at == r.deadline && !first {
		return r.overdue(ctx)
	}
	return nil
}

// lateTimer is how long a context may take to notice its own deadline.
const lateTimer = 10 * time.Millisecond

// overdue returns which deadline has passed.
func (r *run) overdue(ctx context.Context) error {
	if r.deadline < r.limit {
		return fmt.Errorf("%w: %s", ErrWindow, r.reason)
	}
	if end, bounded := ctx.Deadline(); bounded && !time.Now().Before(end) {
		// The timer of ctx is about to fire, and context.Cause is known only then.
		r.startTimer(lateTimer)
		select {
		case <-ctx.Done():
			return cause.Of(ctx)
		case <-r.timer.C:
		}
		return &cause.Ended{Err: context.DeadlineExceeded, Cause: context.DeadlineExceeded}
	}
	return ErrDeadline
}

func (r *run) startTimer(wait time.Duration) {
	if r.timer == nil {
		r.timer = time.NewTimer(wait)
		return
	}
	r.timer.Reset(wait)
}

func (r *run) notReady(why error) error {
	if r.history == nil {
		r.history = new(History)
	}
	return &NotReadyError{Reads: r.read.N, Elapsed: r.clock(), Cause: why, Last: r.lastErr, History: r.history}
}
