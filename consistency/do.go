package consistency

import (
	"context"
	"errors"
	"time"

	"github.com/readback-go/readback/poll"
)

// Result is what is known of a write in the end.
type Result[W, R any] struct {
	Outcome Outcome
	Written W             // what Write, or Find, returned; zero if neither did
	Value   R             // what the last successful read returned
	Pending Pending       // how to go on, if Unconfirmed
	Elapsed time.Duration // from the write's answer to the end
	History *poll.History // the reads; never nil
}

// Do sends the write of f once, reads until the read model shows it or the time
// is up, and returns what is known. The error is nil only if the outcome is
// Confirmed, and an [*Error] otherwise.
//
// The write runs at once, bounded by ctx alone; then reads follow as [Policy]
// says, one at a time on the calling goroutine. Nothing is sent if ctx has ended
// or an argument is invalid: the outcome is Failed, and in the latter case the
// error matches [ErrInvalid].
//
// Do is Failed only if the answer of every try proves that the write was not
// carried out. To know the tries of a client that repeats them by itself, it
// hands Write a context with an [net/http/httptrace.ClientTrace]; a Write whose
// context causes several requests, such as a look-up before the write, counts as
// tried several times, and is never Failed unless [As] or Policy.SingleAttempt
// says otherwise.
//
// If the outcome is Unconfirmed, Result.Pending is the handle to go on with
// [Resume]. Do may be called concurrently, with the same policy; a Flow is one
// write's.
func Do[W, R any](ctx context.Context, p Policy, f Flow[W, R]) (Result[W, R], error) {
	r := newRun(&p, &f)
	outcome, why := r.do(ctx)
	return r.end(ctx, outcome, why)
}

func (r *run[W, R]) do(ctx context.Context) (Outcome, error) {
	if outcome, why := r.send(ctx); outcome != 0 {
		return outcome, why
	}
	return r.readBack(ctx)
}

// send sends the write. The zero Outcome says that it is to be read back.
func (r *run[W, R]) send(ctx context.Context) (Outcome, error) {
	if err := r.validate(); err != nil {
		return Failed, err
	}
	if ctx.Err() != nil {
		return Failed, nil
	}
	r.write(ctx)
	if r.class == Refused || r.class == NotExecuted {
		return Failed, nil
	}
	if !r.found && r.flow.Find == nil {
		return Unconfirmed, ErrNoFind
	}
	if r.flow.Started != nil {
		r.flow.Started(r.handle())
	}
	return 0, nil
}

// Resume goes on with a write that another run left unconfirmed, and returns
// what is known, as [Do] does. F.Write is not used; f.Name and the kind of flow
// must be those of the handle.
//
// The time and the windows begin anew with the call, and there is always at
// least one read unless ctx has ended. The outcome is Failed only by
// [ErrOperation]. An argument or a handle that is invalid leaves the write what
// it was: the outcome is Unconfirmed, Result.Pending is h, the error matches
// [ErrInvalid], and nothing was read.
func Resume[W, R any](ctx context.Context, p Policy, f Flow[W, R], h Pending) (Result[W, R], error) {
	r := newRun(&p, &f)
	outcome, why := r.resume(ctx, h)
	res, err := r.end(ctx, outcome, why)
	if errors.Is(why, ErrInvalid) {
		res.Pending = h // as it was, for it may fit another flow
	}
	return res, err
}

func (r *run[W, R]) resume(ctx context.Context, h Pending) (Outcome, error) {
	r.resumed = true
	if err := r.validate(); err != nil {
		return Unconfirmed, err
	}
	if err := r.take(h); err != nil {
		return Unconfirmed, err
	}
	if !r.found && r.flow.Find == nil {
		return Unconfirmed, ErrNoFind
	}
	return r.readBack(ctx)
}

// Await reads until want accepts the value, and returns that value: for a write
// that happened elsewhere. A nil want accepts what [Create] does.
//
// The time and the windows begin with the call. The error is nil only if want
// accepted a value, as often in a row as Policy.Settle says; otherwise it is an
// [*Error] whose outcome is Unconfirmed, and the value is that of the last
// successful read.
func Await[R any](ctx context.Context, p Policy, name string, read func(context.Context) (R, error), want func(R) bool) (R, error) {
	f := Flow[struct{}, R]{Name: name, goal: ToPresent, known: &struct{}{}}
	if want != nil {
		f.goal = ToMatch
		f.Match = func(_ struct{}, value R) bool { return want(value) }
	}
	if read != nil {
		f.Read = func(ctx context.Context, _ struct{}) (R, error) { return read(ctx) }
	}
	r := newRun(&p, &f)
	r.class, r.found, r.resumed = Applied, true, true
	outcome, why := Unconfirmed, r.validate()
	if why == nil {
		outcome, why = r.readBack(ctx)
	}
	res, err := r.end(ctx, outcome, why)
	return res.Value, err
}

// readBack follows the operation, if there is one, and reads until a verdict.
func (r *run[W, R]) readBack(ctx context.Context) (Outcome, error) {
	if err := r.follow(ctx); err != nil {
		if errors.Is(err, ErrOperation) && !r.doubtful {
			return Failed, err
		}
		return Unconfirmed, err
	}
	if err := r.readUntil(ctx); err != nil {
		return Unconfirmed, err
	}
	return Confirmed, nil
}
