package consistency

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/readback-go/readback/internal/cause"
	"github.com/readback-go/readback/internal/redact"
	"github.com/readback-go/readback/internal/wire"
	"github.com/readback-go/readback/poll"
)

// follows reports whether an operation is yet to be followed.
func (r *run[W, R]) follows() bool { return r.found && r.operates(r.class) }

func (r *run[W, R]) monitor(ctx context.Context) (bool, error) {
	ctx = r.beginStep(ctx, PhaseMonitor, r.history.Reads()+1)
	r.refresh(ctx)
	call := wire.Note(ctx)
	call.Bodies = r.policy.Rules.askForBodies(PhaseMonitor)
	done, err := r.flow.Monitor(call, &r.written)
	r.heard = hear(&r.policy, PhaseMonitor, &done, err, call, r)
	r.heard.mixed = !r.heard.known() && mixed(call)
	return done, redact.Guard(err)
}

// monitorOptions keeps the reserves of the reads that follow.
func (r *run[W, R]) monitorOptions() poll.Options {
	opts := r.options(PhaseMonitor)
	opts.KeepReads, opts.KeepFor = opts.Settle, opts.SettleFor
	if opts.KeepFor > 0 {
		opts.KeepReads = max(opts.KeepReads, 2)
	}
	opts.Settle, opts.SettleFor = 1, 0
	return opts
}

// recordLag is how long a 404 is taken for lag of an operation's record that was
// never shown.
const recordLag = 10 * time.Second

// judgeMonitor says what a look at an operation means.
func (r *run[W, R]) judgeMonitor(done bool, err error, read poll.Read) (j poll.Judgement) {
	r.hint, r.seen = "", seen{}
	missed := r.missed
	r.missed = false
	status := r.heard.answer.Status
	byTable := false // of looks, and by no rule of the policy
	if err != nil && r.heard.class == 0 {
		_, ruled := r.policy.Rules.read(ToPresent, &r.heard.answer)
		byTable = !ruled
	}
	switch {
	case cause.Is(err, ErrOperation):
		r.fault = err
		r.answer = r.heard.answer.kept()
		j = poll.Judgement{Verdict: poll.Stop, Reason: "operation failed", Cause: err, Status: status}
	case err == nil:
		r.forbidden.going, r.shown = false, true
		r.answer = r.heard.answer.kept()
		j = poll.Judgement{Verdict: poll.Ready, Status: status, Note: r.answer.Note}
		if r.succeeded = done; !done {
			j.Verdict, j.Reason, j.RetryAfter = poll.Pending, running, r.heard.answer.RetryAfter
		}
	case byTable && status == http.StatusAccepted:
		r.forbidden.going, r.shown = false, true
		r.answer = r.heard.answer.kept()
		j = poll.Judgement{Reason: running, Status: status, Note: r.answer.Note, RetryAfter: r.heard.answer.RetryAfter}
	case byTable && status == http.StatusGone:
		j = recordGone(status)
	case byTable && status == http.StatusNotFound:
		r.missed = true
		if gone := r.shown && missed || !r.shown && r.sinceAnswer(read.Ended) >= recordLag; gone {
			j = recordGone(status)
		} else {
			r.judgeAnswer(&j, ToPresent, err, read.Ended)
			r.missed = true
		}
	default:
		r.judgeAnswer(&j, ToPresent, err, read.Ended)
		r.shown = r.shown || r.good()
	}
	r.seen.reason = j.Reason
	return j
}

const running poll.Reason = "running"

// recordGone is the judgement of an operation of which nothing is kept any more:
// the target decides.
func recordGone(status int) poll.Judgement {
	return poll.Judgement{Verdict: poll.Ready, Status: status, Note: "the record of the operation is gone"}
}

// sinceAnswer returns how long after the write's answer a look ended. In a flow
// that is resumed it counts from the answer that the handle tells of.
func (r *run[W, R]) sinceAnswer(at time.Duration) time.Duration {
	if r.resumed && !r.answered.IsZero() {
		return max(r.zero.Add(at).Sub(r.answered), at)
	}
	return at
}

// operationFailed returns why as an error that matches ErrOperation.
func operationFailed(why error) error {
	if cause.Is(why, ErrOperation) {
		return why
	}
	return fmt.Errorf("%w: %w", ErrOperation, why)
}
