package submit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/cause"
	"github.com/readback-go/readback/poll"
)

var (
	// ErrKeyReused is the cause of a job that was refused because its key is the key
	// of another job, with another payload. Nothing was sent for it. The outcome is
	// Unconfirmed, not Failed, if the job was recorded, and forgotten before its caller
	// saw the end; or if the type of jobs has changed, so that it may be the same job all
	// the same: if only a fingerprint of the other payload is left, or if
	// today's type has no place for all of that payload, as for a field that has
	// another name now. Options.Same and Options.Lift help.
	ErrKeyReused = errors.New("submit: the key was used for another job")

	// ErrUnreadable is matched by the error of a job whose record is damaged, is of a
	// newer version, or has a payload that this program cannot read. Such a record is
	// left alone. It proves nothing: the job is Unconfirmed.
	ErrUnreadable = errors.New("submit: the record of the job cannot be read")

	// ErrSetAside is the cause of a job whose code in this program panicked. The job
	// waits for [Submitter.Retry], or until it is submitted again.
	ErrSetAside = errors.New("submit: the job was set aside")

	// ErrGaveUp is the cause of a job all of whose tries were provably not carried out
	// until Options.GiveUpAfter was over.
	ErrGaveUp = errors.New("submit: given up")

	// ErrWrongState is returned by Cancel, Retry and Forget if the job is not in
	// a state that allows it.
	ErrWrongState = errors.New("submit: the state of the job does not allow that")

	// ErrCancelled is the cause of a job that was cancelled before it was sent.
	ErrCancelled = errors.New("submit: the job was cancelled")
)

// Result is what is known of a job.
type Result[W any] struct {
	// Outcome is zero as long as the job is pending.
	Outcome consistency.Outcome

	// Written is the reference that the write returned, or that Find found; zero if
	// none is known. The store does not keep a reference of more than 64 KiB of JSON,
	// or one that JSON does not carry exactly.
	Written W

	// Pending is the handle of a job that was answered and is not confirmed.
	Pending consistency.Pending

	// Intent is when the job was recorded, and Ended when its outcome was, each by the
	// clock of the process that did. Ended is zero as long as the job is pending.
	Intent, Ended time.Time

	// Err is an [*consistency.Error] with the reasons for an outcome that is not
	// Confirmed; for any outcome it says if Written cannot be read. If it comes from
	// the store, its reasons are only texts. It is nil as long as the job is pending.
	Err error
}

// resultIn returns a record as a Result. The error says that its reference cannot be read.
func resultIn[W any](rec *jobRecord) (res Result[W], err error) {
	res.Intent = rec.Intent
	if rec.Pending != nil {
		res.Pending = *rec.Pending
	}
	if rec.End == nil {
		return res, nil
	}
	end := rec.End
	res.Outcome, res.Ended, res.Err = end.outcome(), end.At, end.err()
	if len(end.Written) == 0 {
		return res, nil
	}
	res.Written, err = safely("UnmarshalJSON", func() (W, error) {
		var w W
		err := json.Unmarshal(end.Written, &w)
		return w, err
	})
	if err != nil {
		var none W
		res.Written = none
		why := fmt.Errorf("submit: the reference in the record does not fit: %w", err)
		var e *consistency.Error
		if !errors.As(res.Err, &e) {
			e = &consistency.Error{Outcome: res.Outcome, Name: end.Flow, Reads: end.Reads, Elapsed: end.Took, History: new(poll.History)}
			res.Err = e
		}
		e.Cause = errors.Join(e.Cause, why)
		return res, res.Err
	}
	return res, nil
}

func invalid(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{consistency.ErrInvalid}, args...)...)
}

// refusal is the error of a job of which nothing was recorded and nothing sent.
func refusal(ctx context.Context, name string, why error) error {
	return failure(ctx, consistency.Failed, name, why)
}

// waiting is the Unconfirmed error of a job that goes on, or may go on, without the caller.
func waiting(ctx context.Context, name string, why error) error {
	return failure(ctx, consistency.Unconfirmed, name, why)
}

func failure(ctx context.Context, outcome consistency.Outcome, name string, why error) error {
	e := &consistency.Error{Outcome: outcome, Name: name, Cause: why, History: new(poll.History)}
	if ctx.Err() != nil {
		e.Context = cause.Of(ctx)
	}
	return e
}

// resultOf returns the result of a job that has ended. If it ended in this process, its error
// is whole, not only text.
func resultOf[W any](m *details) (Result[W], error) {
	res, _ := resultIn[W](m.end)
	if written, ok := m.written.(W); ok {
		res.Written = written
	}
	if m.err != nil {
		res.Err = m.err // with all its reasons
	}
	return res, res.Err
}
