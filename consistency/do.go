package consistency

import (
	"context"
	"errors"
	"time"

	"github.com/readback-go/readback/internal/cause"
	"github.com/readback-go/readback/internal/redact"
	"github.com/readback-go/readback/poll"
)

// Result is what is known of a write in the end.
type Result[W, R any] struct {
	Outcome Outcome
	Written W             // what Write, or Find, returned; zero if neither did
	Value   R             // what the last successful read returned
	Pending Pending       // how to go on, if Unconfirmed
	Elapsed time.Duration // from the write's answer to the end
	Started error         // what Flow.Started returned
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
// carried out. It counts the tries of a client that repeats them by itself: the
// context of Write carries three counters.
//
//   - a [net/http/httptrace.ClientTrace] sees each request of net/http, but
//     neither its method nor its answer: with it alone, several requests, such as
//     a look-up before the write, make a refusal prove nothing;
//   - the RoundTripper of readbackhttp.Watch sees both: what only reads is no try,
//     and a token that was fetched from another origin is none;
//   - [CountTry] is called by any other client's hook.
//
// A Write that speaks by other protocols than net/http must count those itself.
// What it sends in a context that does not come from the one it is handed is seen
// by nobody, and neither are requests that something in between repeats: there a
// refusal is taken at its word.
//
// If the outcome is Unconfirmed, Result.Pending is the handle to go on with
// [Resume]. Do may be called concurrently, with the same policy; a Flow is one
// write's.
func Do[W, R any](ctx context.Context, p Policy, f Flow[W, R]) (Result[W, R], error) {
	r := newRun(&p, &f)
	ctx = r.beginFlow(ctx, "")
	defer r.abandon()
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
	if err := r.hasRoom(ctx); err != nil {
		return Failed, err
	}
	if ctx.Err() != nil {
		return Failed, nil
	}
	r.write(ctx)
	if r.class == Refused && r.conflicts() {
		if err := r.lookWhoseItIs(ctx); err != nil {
			return Unconfirmed, err
		}
	}
	switch {
	case r.class.refusal():
		return Failed, nil
	case r.class == Accepted && r.flow.Monitor != nil && r.flow.known == nil && r.writeErr != nil && r.answer.Status/100 == 2:
		return Unconfirmed, errNoOperation
	}
	if err := r.findable(); err != nil {
		return Unconfirmed, err
	}
	if r.flow.Started != nil {
		r.started = r.flow.Started(ctx, r.handle())
	}
	return 0, nil
}

// findable returns nil if there is a reference, or a way to find one.
func (r *run[W, R]) findable() error {
	switch {
	case r.found || r.flow.Find != nil:
		return nil
	case r.lacking != nil:
		return r.lacking
	case r.class == Ambiguous:
		r.hint = joinHints(r.hint, "set Flow.Find, which looks for what may be this write's")
		return ErrNoFind
	}
	return ErrNoReference
}

// Resume goes on with a write that another run left unconfirmed, and returns
// what is known, as [Do] does. F.Write is not used; f.Name and the kind of flow
// must be those of the handle.
//
// The time and the windows begin anew with the call, and there is always at
// least one read unless ctx has ended. The outcome is Failed only by
// [ErrOperation] or [NotCarriedOut]. An argument or a handle that is invalid leaves
// the write what it was: the outcome is Unconfirmed, Result.Pending is h, the error
// matches [ErrInvalid], and nothing was read. Invalid is also a handle whose reference has a
// field that W lacks, and lacks one that W has: it may have another name now, and what is
// left may name another thing.
func Resume[W, R any](ctx context.Context, p Policy, f Flow[W, R], h Pending) (Result[W, R], error) {
	r := newRun(&p, &f)
	ctx = r.beginFlow(ctx, h.Trace())
	defer r.abandon()
	outcome, why := r.resume(ctx, h)
	res, err := r.end(ctx, outcome, why)
	if cause.Is(why, ErrInvalid) {
		res.Pending = h // as it was, for it may fit another flow
	}
	return res, err
}

func (r *run[W, R]) resume(ctx context.Context, h Pending) (Outcome, error) {
	r.resumed = true
	if err := r.validate(); err != nil {
		return Unconfirmed, err
	}
	if err := r.hasRoom(ctx); err != nil {
		return Unconfirmed, err
	}
	if err := r.take(h); err != nil {
		return Unconfirmed, err
	}
	if err := checkReference[W](h); err != nil {
		return Unconfirmed, err
	}
	if err := r.findable(); err != nil {
		return Unconfirmed, err
	}
	return r.readBack(ctx)
}

// Await reads until want accepts the value, and returns that value: for a write
// that happened elsewhere. A nil want accepts what [Create] does.
//
// The time and the windows begin with the call. The error is nil only if want
// accepted a value, as often in a row as Policy.Settle says; otherwise it is an
// [*Error] whose outcome is Unconfirmed, and the value is that of the last
// successful read. If ctx has ended or an argument is invalid, nothing is read; in the
// latter case the error matches [ErrInvalid]. Await may be called concurrently.
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
	ctx = r.beginFlow(ctx, "")
	defer r.abandon()
	r.class, r.found, r.resumed = Applied, true, true
	outcome, why := Unconfirmed, r.validate()
	if why == nil {
		why = r.hasRoom(ctx)
	}
	if why == nil {
		outcome, why = r.readBack(ctx)
	}
	res, err := r.end(ctx, outcome, why)
	return res.Value, err
}

// readBack follows the operation, if there is one, and reads until a verdict.
func (r *run[W, R]) readBack(ctx context.Context) (Outcome, error) {
	if r.follows() {
		_, err := poll.Until(ctx, r.monitor, r.judgeMonitor, r.monitorOptions())
		if outcome, why := r.followed(err); outcome != 0 {
			return outcome, why
		}
	}
	_, err := poll.Until(ctx, r.read, r.judgeRead, r.options(PhaseRead))
	return r.verdict(err)
}

// followed says what the end of a monitor means. The zero Outcome says that the
// target is to be read.
func (r *run[W, R]) followed(err error) (Outcome, error) {
	switch {
	case r.fault != nil && !r.doubtful: // only its own monitor's answer counts
		return Failed, err
	case err != nil:
		return Unconfirmed, err
	}
	r.monitored, r.ended = true, time.Since(r.zero)
	r.forbidden, r.encoded = forbiddenRun{}, nil
	if r.lacking = r.flow.lacks(&r.written); r.lacking != nil && r.flow.known == nil {
		r.found = false
		if err := r.findable(); err != nil {
			return Unconfirmed, err
		}
	}
	return 0, nil
}

// verdict says what the end of the reads means.
func (r *run[W, R]) verdict(err error) (Outcome, error) {
	switch {
	case err == nil && r.fault == nil:
		return Confirmed, nil
	case err == nil && r.doubtful:
		return Unconfirmed, r.fault
	case err == nil:
		return Failed, r.fault
	case r.never && r.tries == 1:
		return Failed, err
	}
	return Unconfirmed, err
}

// conflicts reports whether a refusal may be the echo of this very write, which
// something in between has repeated, and can be found out.
func (r *run[W, R]) conflicts() bool {
	return r.flow.proves() && r.flow.goal != ToAbsent && !r.word && (r.answer.Status == 409 || r.answer.Status == 412)
}

// lookWhoseItIs looks after a 409 or a 412 whether what stands in the way is what
// this write made. Then the write goes on as one that was applied. If nothing is
// there, or what is there is another's, the refusal stands. What cannot be seen is
// looked for again, no longer than the window of a 403 and not after an answer that
// stops reads. Then the refusal proves nothing: that is the error.
func (r *run[W, R]) lookWhoseItIs(ctx context.Context) error {
	r.class = Ambiguous // as long as it is open
	refusal := r.answer
	opts := r.options(PhaseRead)
	opts.Settle, opts.SettleFor = 1, 0
	opts.Within = min(opts.Within, r.policy.forbiddenWindow())
	ours := false
	_, err := poll.Until(ctx, r.read, func(_ R, err error, read poll.Read) (j poll.Judgement) {
		r.judge(&j, err, read.Ended)
		switch {
		case r.found && (r.flow.goal == ToPresent || r.flow.MineValue != nil || j.Verdict == poll.Ready && r.fault == nil):
			// The candidate of a creation is proof by itself. Of an update that is
			// known by its reference alone, only a value tells that it took place.
			ours = true
			j = poll.Judgement{Verdict: poll.Ready, Status: j.Status}
		case j.Verdict == poll.Stop && !(r.never && r.tries == 1):
			// It cannot be seen, or not of every try.
		case j.Reason == Forbidden, j.Verdict == poll.Unknown, r.several:
			// It is looked for again.
		default:
			j.Verdict, j.Cause = poll.Stop, errNotShown
		}
		return j
	}, opts)
	r.forbidden, r.fault, r.faulty = forbiddenRun{}, nil, false
	switch {
	case ours:
		r.class, r.hint = Applied, ""
		return nil
	case cause.Is(err, errNotShown):
		r.class, r.answer = Refused, refusal
		return nil
	}
	r.doubtful = true
	return err
}

var (
	// errNotShown ends a look at what is not there, or not this write's.
	errNotShown = errors.New("it does not show this write")

	errNoOperation = errors.New("the write's answer was good but could not be read, and so it is not known which operation to follow")
)

// NotCarriedOut returns an error for a Find that knows more than that it found
// nothing: that the write was not carried out and will not be, as a database does
// that keeps the fate of transactions. Err says how it is known, and is kept in
// the chain. The flow is then Failed if there was one try only, as counted or as
// Policy.SingleAttempt says, and Unconfirmed otherwise. Joined with an error of
// another kind it proves nothing.
func NotCarriedOut(err error) error { return &notCarriedOut{err} }

type notCarriedOut struct{ err error }

func (e *notCarriedOut) Error() string {
	if e.err == nil {
		return "the write was not carried out"
	}
	return "the write was not carried out: " + redact.Error(e.err)
}

func (e *notCarriedOut) Unwrap() error { return e.err }

// notCarriedOutOf returns the proof that err is. Of several failures each must be
// one: what one database knows says nothing of another that could not be asked.
func notCarriedOutOf(err error) (proof *notCarriedOut, ok bool) {
	defer func() {
		if recover() != nil { // a method of the caller's error
			proof, ok = nil, false
		}
	}()
	ok = err != nil
	failures(err, nil, func(one error) {
		if why, proven := cause.As[*notCarriedOut](one); proven {
			proof = why
		} else {
			ok = false
		}
	})
	return proof, ok
}
