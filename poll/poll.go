package poll

import (
	"context"
	"time"
)

// Until calls read until judge has called it ready Options.Settle times in a row, and
// returns the last value.
//
// Reads run one at a time on the calling goroutine, the first without delay unless the
// schedule says otherwise. A wait is from the end of one read to the beginning of the
// next. Each read gets a context with its own timeout.
//
// If the time is up or judge says stop, Until returns a [*NotReadyError], and the value of
// the last read without an error. The error of a read that was cut short by ctx or by the
// deadline does not replace an earlier error, since it says nothing new. Invalid options
// are reported before the first read. If ctx has already ended, read is not called.
//
// A read that returns after its context ended counts if it returns no error. A
// panic of read or judge passes through, with the timer stopped. Until starts no
// goroutine. It may be called concurrently, with the same options if Observe may
// and History is nil.
//
// What a ready value means is the read-your-writes guarantee of [Terry 1994].
//
// [Terry 1994]: https://doi.org/10.1109/PDIS.1994.331722
func Until[T any](ctx context.Context, read func(context.Context) (T, error), judge Judge[T], opts Options) (value T, _ error) {
	switch {
	case read == nil:
		return value, errNoRead
	case judge == nil:
		return value, errNoJudge
	}
	r := runs.Get().(*run)
	defer r.release()
	if err := r.init(ctx, &opts, time.Now()); err != nil {
		return value, err
	}
	for {
		if why := r.sleepUntil(ctx, r.next()); why != nil {
			return value, r.notReady(why)
		}
		r.begin(ctx, r.now())
		if done, err := once(ctx, r, read, judge, &value); done || err != nil {
			return value, err
		}
		if r.plan == nil {
			r.plan = r.schedule.Plan()
		}
	}
}

// once reads once and judges. It returns true if the run is done, or the error that ends it.
// If the read has no error, it sets last to the value.
func once[T any](ctx context.Context, r *run, read func(context.Context) (T, error), judge Judge[T], last *T) (done bool, err error) {
	value, err := read(r.readCtx)
	cut := whyCut(ctx, r.readCtx, err)
	r.close()
	if err == nil {
		*last = value
	}
	j := Judgement{Verdict: Unknown, Reason: cutShort}
	if r.end(err, cut) {
		j = judge(value, r.read.Err, r.read)
	}
	done, why := r.settle(&j)
	if why != nil {
		return false, r.notReady(why)
	}
	return done, nil
}
