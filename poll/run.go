package poll

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/internal/cause"
)

// run is the state of one poll. All its times are on the clock that begins at
// zero.
type run struct {
	opts     Options
	zero     time.Time     // Options.Since, or the call
	called   time.Duration // the call: zero of the schedule
	limit    time.Duration // the end of the run at the latest
	deadline time.Duration // limit, or the end of the window of the reason seen last
	reason   Reason        // of the last pending read
	read     Read          // the current one
	streak   int           // ready reads in a row; -1 after a setback
	last     error         // of the last read that was not cut short
	plan     readback.Plan // nil until the first wait
	pace     pace
	timer    *time.Timer // nil until the first wait
	history  *History
	before   int // reads in the history of an earlier run
}

func newRun(ctx context.Context, opts Options) run {
	now := time.Now()
	r := run{opts: opts, zero: opts.Since, history: opts.History}
	if r.zero.IsZero() {
		r.zero = now
	}
	r.called = now.Sub(r.zero)
	r.limit = opts.Within
	if end, bounded := ctx.Deadline(); bounded {
		if byContext := end.Sub(r.zero); opts.Within == 0 || byContext < opts.Within {
			r.limit = byContext
		}
	}
	r.deadline = r.limit
	if r.history != nil {
		r.before = r.history.Reads()
		r.read.N = r.before
	}
	r.pace = pace{settle: opts.Settle, expected: opts.Reserve}
	if opts.Reserve == 0 {
		r.pace.expected = (r.limit - r.called) / reservedShare
	}
	r.pace.keep(r.limit-r.called, opts.Settle)
	return r
}

func (r *run) clock() time.Duration { return time.Since(r.zero) }

func (r *run) needed() int { return r.opts.Settle - r.streak }

// first returns when the first read begins.
func (r *run) first() time.Duration {
	at := r.called + r.opts.Schedule.First(r.limit-r.called)
	return max(r.called, min(at, r.deadline-r.pace.closing(r.needed())))
}

func (r *run) begin() {
	r.read = Read{N: r.read.N + 1, Began: r.clock()}
}

// allowance returns how long the current read may take, and what cuts it short
// then.
func (r *run) allowance() (time.Duration, error) {
	allowed := r.pace.allowance(r.deadline-r.read.Began, r.needed())
	if r.opts.ReadTimeout < allowed {
		return r.opts.ReadTimeout, ErrReadTimeout
	}
	return allowed, errCut
}

// whyCut returns why the context of a read, own, cut it short, or nil if err
// stands for itself.
func whyCut(caller, own context.Context, err error) error {
	if err == nil || own.Err() == nil {
		return nil
	}
	why := context.Cause(own)
	if !errors.Is(err, why) && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, context.Canceled) {
		return nil
	}
	if caller.Err() != nil {
		return cause.Of(caller)
	}
	return why
}

// end notes how the current read ended.
func (r *run) end(err, cut error) {
	r.read.Ended = r.clock()
	took := r.read.Ended - r.read.Began
	switch {
	case cut == nil:
		r.pace.sawAnswer(took)
	case cut == ErrReadTimeout || cut == errCut:
		err = &cutError{why: cut, after: took, err: err}
	}
	r.read.Err = err
	if cut == nil || cut == ErrReadTimeout || r.last == nil && cut == errCut {
		r.last = err
	}
}

// settle notes what the current read means. It returns whether the streak is
// complete, or why the run cannot go on.
func (r *run) settle(j Judgement) (done bool, stop error) {
	r.read.Verdict, r.read.Reason = j.Verdict, j.Reason
	r.read.Status, r.read.Note = j.Status, j.Note
	switch j.Verdict {
	case Ready:
		r.streak++
		r.deadline = r.limit
		done = j.Settled || r.streak == r.opts.Settle
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
	default:
		stop = cmp.Or(j.Cause, r.read.Err, errStopped)
	}
	r.remember(done, j.Setback)
	return done, stop
}

// remember adds the current read to the history and tells the observer. A run
// that is ready at once keeps no history unless it was asked to.
func (r *run) remember(done, setback bool) {
	if r.history == nil && !done {
		r.history = new(History)
	}
	if r.history != nil {
		r.history.add(r.read)
		if setback {
			r.history.setback()
		}
	}
	if r.opts.Observe != nil {
		r.opts.Observe(r.read)
	}
}

// never is a time that does not come: no further read fits.
const never time.Duration = -1

// next returns when the next read begins, or never.
func (r *run) next(j Judgement, cut error) time.Duration {
	now := r.clock()
	left := r.deadline - now
	if j.Verdict != Ready {
		r.pace.keep(left, r.needed())
	}
	if cut == errCut {
		return now // the closing reads are due
	}
	closing := r.deadline - r.pace.closing(r.needed())
	at := r.planned(closing)
	if j.RetryAfter > 0 {
		spread := time.Duration(rand.Int64N(int64(j.RetryAfter)/10 + 1))
		at = max(at, r.read.Ended+min(j.RetryAfter, r.limit)+spread)
	}
	at = min(at, closing)
	if j.Verdict == Ready {
		return max(at, now)
	}
	if at = max(at, now+minWait); at >= r.deadline {
		return never
	}
	return at
}

// planned asks the schedule for the next read, which is at closing if there is
// none before.
func (r *run) planned(closing time.Duration) time.Duration {
	if r.plan == nil {
		r.plan = r.opts.Schedule.Plan()
	}
	at := r.plan.Next(readback.Step{
		Reads:    r.read.N - r.before,
		Streak:   max(r.streak, 0),
		Settle:   r.opts.Settle,
		Began:    r.read.Began - r.called,
		Ended:    r.read.Ended - r.called,
		Deadline: r.deadline - r.called,
		ReadTime: r.pace.mean(),
	})
	if at < 0 {
		return closing
	}
	return max(r.called+at, r.read.Ended+minWait)
}

// sleepUntil waits and returns nil when the next read is to begin, or why there
// is none.
func (r *run) sleepUntil(ctx context.Context, at time.Duration) error {
	if ctx.Err() != nil {
		return cause.Of(ctx)
	}
	over := at == never || at >= r.deadline
	if over {
		at = r.deadline
	}
	if wait := at - r.clock(); wait > 0 {
		r.startTimer(wait)
		select {
		case <-ctx.Done():
		case <-r.timer.C:
		}
		// When both are due, select picks either.
		if ctx.Err() != nil {
			return cause.Of(ctx)
		}
	}
	if over {
		return r.overdue(ctx)
	}
	return nil
}

// overdue returns which deadline has passed.
func (r *run) overdue(ctx context.Context) error {
	if r.deadline < r.limit {
		return fmt.Errorf("%w: %s", ErrWindow, r.reason)
	}
	if end, bounded := ctx.Deadline(); bounded && !time.Now().Before(end) {
		// Its timer is about to fire.
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

func (r *run) stopTimer() {
	if r.timer != nil {
		r.timer.Stop()
	}
}

func (r *run) notReady(why error) error {
	e := &NotReadyError{Reads: r.read.N, Elapsed: r.clock(), Cause: why, Last: r.last}
	if r.history != nil {
		e.History = *r.history
	}
	return e
}
