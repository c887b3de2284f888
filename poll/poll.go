package poll

import (
	"context"
	"time"
)

// Until calls read until judge has called it ready Options.Settle times in a
// row, and returns the last value.
//
// Reads run one at a time on the calling goroutine, the first without delay
// unless the schedule says otherwise. Waits lie between the end of one read and
// the beginning of the next. Each read gets a context with a timeout of its own.
//
// If the time is up or judge says stop, Until returns the last value of a read
// without an error, and a [*NotReadyError]. The error of a read that was cut
// short by ctx or by the deadline does not replace an earlier one: it says
// nothing new. Invalid options are reported before the first read. If ctx has
// already ended, read is not called.
//
// A read that returns after its context ended counts if it returns no error. A
// panic of read or judge passes through, with the timer stopped. Until starts no
// goroutine. It may be called concurrently, with the same options if Observe may
// and History is nil.
//
// What a ready value means is the read-your-writes guarantee of [Terry 1994].
//
// [Terry 1994]: https://doi.org/10.1109/PDIS.1994.331722
func Until[T any](ctx context.Context, read func(context.Context) (T, error), judge Judge[T], opts Options) (T, error) {
	var last T
	switch {
	case read == nil:
		return last, errNoRead
	case judge == nil:
		return last, errNoJudge
	}
	opts = opts.withDefaults(ctx)
	if err := opts.validate(); err != nil {
		return last, err
	}

	r := newRun(ctx, opts)
	defer r.stopTimer()
	at := r.first()
	for {
		if why := r.sleepUntil(ctx, at); why != nil {
			return last, r.notReady(why)
		}
		r.begin()
		value, err, cut := call(ctx, &r, read)
		r.end(err, cut)
		if err == nil {
			last = value
		}
		var j Judgement
		if cut != nil && cut != ErrReadTimeout {
			j = Judgement{Verdict: Unknown, Reason: Reason(errCut.Error())}
		} else {
			j = judge(value, r.read.Err, r.read)
		}
		done, stop := r.settle(j)
		switch {
		case stop != nil:
			return last, r.notReady(stop)
		case done:
			return last, nil
		}
		at = r.next(j, cut)
	}
}

// call reads once. It says by cut why a read that failed was cut short: by
// ErrReadTimeout, by errCut or by the cause of ctx.
func call[T any](ctx context.Context, r *run, read func(context.Context) (T, error)) (value T, err, cut error) {
	if r.opts.ReadTimeout == NoTimeout {
		value, err = read(ctx)
		return value, err, whyCut(ctx, ctx, err)
	}
	allowed, why := r.allowance()
	own, cancel := context.WithDeadlineCause(ctx, time.Now().Add(allowed), why)
	defer cancel()
	value, err = read(own)
	return value, err, whyCut(ctx, own, err)
}
