package readbackhttp

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/cause"
	"github.com/readback-go/readback/internal/redact"
	"github.com/readback-go/readback/poll"
)

// cancellable lets the deprecated Request.Cancel, which http.Client sets for its
// Timeout, end the waiting too. What it returns is to be called in the end.
func (h *held) cancellable() func() {
	//lint:ignore SA1019 a RoundTripper honours it as long as clients set it
	done := h.req.Cancel
	if done == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(h.ctx)
	h.ctx = ctx
	go func() {
		select {
		case <-done:
			cancel()
		case <-ctx.Done():
		}
	}()
	return cancel
}

// answer returns what is to be handed on.
func (h *held) answer() (*http.Response, error) {
	switch {
	case h.failed != nil:
		return nil, h.failed
	case h.final == nil && h.cancelled():
		return nil, ended(h.ctx)
	}
	return h.handedOn(), nil
}

// ended returns the error of a context that is over, and its cause if that is another.
func ended(ctx context.Context) error {
	if err := ctx.Err(); context.Cause(ctx) == err {
		return err
	}
	return cause.Of(ctx)
}

// report tells everyone who wants to know how the hold ended.
func (h *held) report() {
	if h.own.Report == nil && !h.observed() {
		return
	}
	r := Report{Reads: h.history.Reads(), Outcome: consistency.Confirmed, History: h.history}
	for first := range h.history.All() {
		r.Elapsed = h.now() - first.Ended
		break
	}
	if why := h.unconfirmed(); why != nil {
		r.Outcome, r.Err = why.Outcome, why
	}
	if h.own.Report != nil {
		*h.own.Report = r
	}
	h.t.options.Policy.Tell(consistency.Event{
		Context: h.req.Context(), Flow: boundedName(method(h.req), h.req.URL), Instance: h.instance(),
		Phase: consistency.PhaseEnd, N: r.Reads, Ended: h.now(),
		Status: h.handedOn().StatusCode, Outcome: r.Outcome, Err: r.Err,
	})
}

func (h *held) handedOn() *http.Response { return cmp.Or(h.final, h.kept) }

// cancelled reports whether the caller has lost interest. One whose deadline has
// passed gets an answer all the same: there is one.
func (h *held) cancelled() bool {
	if h.ctx.Err() == nil {
		return false
	}
	end, bounded := h.req.Context().Deadline()
	return !bounded || time.Now().Before(end)
}

// errOtherwise is the cause of a hold that ended with an answer that neither
// shows the write nor may come of lag.
var errOtherwise = errors.New("the answer does not show the write")

// unconfirmed returns nil if the answer to be handed on shows the write, and
// otherwise why not.
func (h *held) unconfirmed() *consistency.Error {
	why := &consistency.Error{
		Outcome: consistency.Unconfirmed,
		Name:    h.name(),
		Reads:   h.history.Reads(),
		Elapsed: h.now(),
		Status:  h.handedOn().StatusCode,
		Cause:   poll.ErrDeadline,
		Last:    h.last,
		History: h.history,
	}
	if h.until() < h.limit() {
		why.Cause = h.windowOver()
	}
	var unready *poll.NotReadyError
	if errors.As(h.why, &unready) {
		why.Cause, why.Last = unready.Cause, unready.Last
	} else if h.why != nil {
		why.Cause = h.why
	}
	switch {
	case h.final != nil && h.shows():
		return nil
	case h.final != nil:
		why.Cause = errOtherwise
	case h.cancelled():
		why.Cause, why.Context = nil, cause.Of(h.ctx)
	}
	return why
}

// windowOver is the cause of a hold that ended with the window of its reason.
func (h *held) windowOver() error { return fmt.Errorf("%w: %s", poll.ErrWindow, h.reason) }

// shows reports whether the final answer shows the write.
func (h *held) shows() bool {
	status := h.final.StatusCode
	if h.write.Deleted {
		return status == http.StatusNotFound || status == http.StatusGone
	}
	return good(h.final) && status != http.StatusAccepted &&
		(h.own.Match == nil || h.accepted) && (h.list == nil || h.list.shows)
}

// name says what is held, without secrets.
func (h *held) name() string {
	named := *h.req.URL
	named.RawQuery = ""
	return method(h.req) + " " + redact.URL(&named)
}

// instance says which of the reads of its bounded name is held.
func (h *held) instance() string { return instanceOf(h.req.URL) }

func (h *held) observed() bool { return h.t.options.Policy.Observed() }

// note adds a read that the loop has not made.
func (h *held) note(read poll.Read) {
	h.history.Add(read)
	read.N = h.history.Reads()
	h.tell(read)
}

// tell hands a read, or another try of a write, to the observer and the logger.
func (h *held) tell(read poll.Read) {
	if !h.observed() {
		return
	}
	e := consistency.Event{
		Context: h.req.Context(), Flow: boundedName(method(h.req), h.req.URL), Instance: h.instance(),
		Phase: h.phase, N: read.N, Began: read.Began, Ended: read.Ended,
		Status: read.Status, Verdict: read.Verdict, Reason: read.Reason, Note: read.Note, Err: read.Err,
	}
	if h.phase == consistency.PhaseWrite {
		e.Class = h.t.options.Policy.Rules.ClassOf(goalOf(askedMethod(h.req)), consistency.Answer{Method: h.req.Method, Status: read.Status})
	}
	h.t.options.Policy.Tell(e)
}
