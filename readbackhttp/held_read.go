package readbackhttp

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/holding"
	"github.com/readback-go/readback/internal/redact"
	"github.com/readback-go/readback/internal/reserve"
	"github.com/readback-go/readback/poll"
)

// hold returns resp if it is not taken for lag, and otherwise the answer that is
// to be handed on in its place.
func (h *held) hold(resp *http.Response) (*http.Response, error) {
	if pending, err := h.begin(resp); err != nil {
		return nil, err
	} else if !pending {
		return resp, nil
	}
	defer h.cancellable()()
	for h.share() {
	}
	h.report()
	return h.answer()
}

// begin takes the first answer. If it is not pending, it is the one to be handed
// on, unless there is an error.
func (h *held) begin(resp *http.Response) (pending bool, _ error) {
	ended := time.Now()
	h.judge.Took(ended.Sub(h.began))
	at := ended.Sub(h.zero)
	left := h.limit() - at
	if left <= 0 || !h.asksForBody(resp) {
		return false, nil
	}
	body, whole, err := keep(h.ctx, resp, min(patience, left/2))
	if err != nil || !whole {
		return false, err
	}
	j := h.judged(&h.judge, resp, body, true, at)
	if j.Verdict != poll.Pending {
		return false, nil
	}
	h.notePending(resp, &j)
	if h.until() <= h.now() {
		return false, nil
	}
	h.history = new(poll.History)
	h.note(poll.Read{
		Began: h.began.Sub(h.zero), Ended: at, Reason: j.Reason,
		Status: j.Status, Note: j.Note,
	})
	return true, nil
}

// share waits for the read together with those who wait for the same, and
// returns true if the wait begins anew.
func (h *held) share() (again bool) {
	g := h.join()
	defer h.t.waiting.Leave(g)
	closing := time.NewTimer(h.closing())
	defer closing.Stop()
	select {
	case <-g.Lead:
		defer func() { h.t.waiting.HandOver(g, h.final != nil) }() // also in a panic
		if h.superseded() {
			h.why = errSuperseded
			return false
		}
		h.lead(g)
		return false
	case <-g.Shown:
		// The credentials that served the leader serve here: new ones are due only if
		// this read says otherwise.
		left := h.until() - h.now()
		h.once(max(left-2*h.judge.Reserve(left), left/2), h.lookAgain) // if it hangs, there is time for another
		return h.final == nil && h.ctx.Err() == nil && h.now() < h.until()
	case <-closing.C:
		end := h.until()
		h.once(end-h.now(), h.look)
		return h.final == nil && h.ctx.Err() == nil && h.until() > end // another reason, with a later window
	case <-h.ctx.Done():
		return false
	}
}

func (h *held) join() *holding.Group[pacing] {
	pace := pacing{schedule: h.t.options.Policy.Schedule, zero: time.Now(), took: h.judge.Slowest()}
	pace.pause(consistency.AnswerOf(h.kept).RetryAfter)
	if h.own.Match != nil { // what one waits for is not what another does
		return holding.Alone(pace)
	}
	kind := h.req.Method + " " + h.write.Token
	if h.write.Deleted {
		kind += " gone"
	}
	return h.t.waiting.Join(h.t.memory.Read(h.space, kind, resourceURL(h.req)), pace)
}

// lead polls for all who wait.
func (h *held) lead(g *holding.Group[pacing]) {
	for h.leadUntil(g, h.until()) {
	}
}

// leadUntil polls until the window of the reason seen last ends. The loop cannot know that
// window, since the answer that began it came before. It returns true if another reason has
// come since, with a later window.
func (h *held) leadUntil(g *holding.Group[pacing], end time.Duration) (again bool) {
	g.Pace.latest = h.closing()
	look := func(ctx context.Context) (*http.Response, error) {
		resp, err := h.look(ctx)
		return resp, redact.Guard(err)
	}
	_, h.why = poll.Until(h.ctx, look, func(resp *http.Response, err error, _ poll.Read) poll.Judgement {
		j := h.weigh(resp, err)
		g.Pace.pause(j.RetryAfter)
		return j
	}, poll.Options{
		Schedule:    &g.Pace,
		Within:      end,
		ReadTimeout: h.t.options.Policy.ReadTimeout,
		Reserve:     reserve.Of(h.judge.Slowest()),
		Since:       h.zero,
		Observe:     h.tell,
		History:     h.history,
	})
	var unready *poll.NotReadyError
	if !errors.As(h.why, &unready) || unready.Cause != poll.ErrDeadline {
		return false
	}
	if end < h.limit() {
		unready.Cause = h.windowOver()
	}
	return h.now() < h.until()
}

// closing returns how long it is until the last read that fits in the window of
// the reason seen last.
func (h *held) closing() time.Duration {
	left := h.until() - h.now()
	return left - h.judge.Reserve(left)
}

// once reads for this request alone, for at most that long.
func (h *held) once(longest time.Duration, look func(context.Context) (*http.Response, error)) {
	if longest <= 0 {
		return
	}
	longest = min(longest, h.judge.ReadTimeout())
	ctx, cancel := context.WithTimeoutCause(h.ctx, longest, poll.ErrReadTimeout)
	defer cancel()
	read := poll.Read{Began: h.now()}
	resp, err := look(ctx)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	err = redact.Guard(err)
	if h.ctx.Err() == nil {
		h.last = err
	}
	read.Ended, read.Err = h.now(), err
	j := h.weigh(resp, err)
	read.Verdict, read.Reason, read.Status, read.Note = j.Verdict, j.Reason, j.Status, j.Note
	h.note(read)
}

// errSuperseded is the cause of a hold that ended since what it waits for was
// deleted, or written anew.
var errSuperseded = errors.New("a later write makes it pointless to wait")

// weigh says what is to be done about an answer that look has returned.
func (h *held) weigh(resp *http.Response, err error) poll.Judgement {
	if err != nil {
		return poll.Judgement{Verdict: poll.Unknown, Reason: "failed"}
	}
	j := h.heard
	j.Setback, j.Settled = false, false // one answer is enough
	switch j.Verdict {
	case poll.Ready:
		j.Reason = ""
	case poll.Pending:
		h.notePending(resp, &j)
		j.Until = max(h.until(), 1)
		if h.superseded() {
			j.Verdict, j.Cause = poll.Stop, errSuperseded
		}
	}
	return j
}
