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

// ErrKeyReused is the cause of a job that was refused since its key is that of
// another job, with another payload. Nothing of it was sent.
var ErrKeyReused = errors.New("submit: the key was used for another job")

// Result is what is known of a job.
type Result[W any] struct {
	// Outcome is zero as long as the job is pending.
	Outcome consistency.Outcome

	// Written is the reference that the write returned, or that was found;
	// zero if none is known.
	Written W

	// Pending is the handle of a job that was answered and is not confirmed.
	Pending consistency.Pending

	// Intent is when the job was recorded, by the clock of the process that
	// did. Ended is when the outcome was; zero if it is pending.
	Intent, Ended time.Time

	// Err is an [*consistency.Error] with the reasons for an outcome that is
	// not Confirmed. Where another process saw the outcome it keeps their text
	// alone. It is nil as long as the job is pending.
	Err error
}

// resultOf returns what a record says.
func resultOf[W any](rec *jobRecord) (res Result[W], err error) {
	res.Intent = rec.Intent
	if rec.Pending != nil {
		res.Pending = *rec.Pending
	}
	if rec.End == nil {
		return res, nil
	}
	res.Outcome, res.Ended, res.Err = rec.End.outcome(), rec.End.At, rec.End.err()
	if len(rec.End.Written) > 0 {
		if err := json.Unmarshal(rec.End.Written, &res.Written); err != nil {
			return res, fmt.Errorf("submit: the reference in the record does not fit: %w", err)
		}
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

// waiting is the error of a job that goes on, or may go on, without the caller.
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
