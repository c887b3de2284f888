package readbackhttp

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/readback-go/readback/consistency"
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
	h.slowest = ended.Sub(h.began)
	if !h.suspicious(resp) {
		return false, nil
	}
	at := ended.Sub(h.write.At)
	left := h.limit() - at
	if left <= 0 {
		return false, nil
	}
	body, whole, err := keep(h.ctx, resp, min(patience, left/2))
	if err != nil || !whole {
		return false, err
	}
	reason := h.pending(resp, body)
	if reason == "" {
		return false, nil
	}
	h.wait(resp, reason, at)
	if h.until() <= h.clock() {
		return false, nil
	}
	answer := consistency.AnswerOf(resp)
	h.history = new(poll.History)
	h.note(poll.Read{
		Began: h.began.Sub(h.write.At), Ended: at, Reason: reason,
		Status: answer.Status, Note: answer.Note,
	})
	return true, nil
}

// share waits for the read together with those who wait for the same, and
// returns true if the wait begins anew.
func (h *held) share() (again bool) {
	g := h.join()
	defer h.t.waiting.leave(g)
	closing := time.NewTimer(h.closing())
	defer closing.Stop()
	select {
	case <-g.lead:
		defer func() { h.t.waiting.handOver(g, h.final != nil) }() // also in a panic
		if h.superseded() {
			h.why = errSuperseded
			return false
		}
		h.lead(g)
		return false
	case <-g.shown:
		// What the leader's credentials could do, these can: new ones are due
		// only if this read says otherwise.
		due := h.refresh
		h.refresh = false
		left := h.until() - h.clock()
		h.once(max(left-2*h.reserve(left), left/2)) // if it hangs, there is time for another
		h.refresh = h.refresh || due && h.denied >= 0
		return h.final == nil && h.ctx.Err() == nil && h.clock() < h.until()
	case <-closing.C:
		end := h.until()
		h.once(end - h.clock())
		return h.final == nil && h.ctx.Err() == nil && h.until() > end // another reason, with a later window
	case <-h.ctx.Done():
		return false
	}
}

func (h *held) join() *group {
	pace := pacing{schedule: h.t.options.Policy.Schedule, zero: time.Now(), took: h.slowest}
	pace.pause(consistency.AnswerOf(h.kept).RetryAfter)
	if h.own.Match != nil { // what one waits for is not what another does
		return alone(pace)
	}
	kind := h.req.Method + " " + h.write.Token
	if h.write.Deleted {
		kind += " gone"
	}
	return h.t.waiting.join(h.t.memory.Read(h.space, kind, named(h.req)), pace)
}

// lead polls for all who wait.
func (h *held) lead(g *group) {
	for h.leadUntil(g, h.until()) {
	}
}

// leadUntil polls until the window of the reason seen last ends, of which the
// loop cannot know by itself: the answer that began it came before. It returns
// true if another reason has come since, with a later window.
func (h *held) leadUntil(g *group, end time.Duration) (again bool) {
	g.pacing.latest = h.closing()
	_, h.why = poll.Until(h.ctx, h.look, func(resp *http.Response, err error, read poll.Read) poll.Judgement {
		j := h.judge(resp, err, read)
		g.pacing.pause(j.RetryAfter)
		return j
	}, poll.Options{
		Schedule:    &g.pacing,
		Within:      end,
		ReadTimeout: h.t.options.Policy.ReadTimeout,
		Reserve:     max(2*h.slowest, leastReserve),
		Since:       h.write.At,
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
	return h.clock() < h.until()
}

// closing returns how long it is until the last read that fits in the window of
// the reason seen last.
func (h *held) closing() time.Duration {
	left := h.until() - h.clock()
	return left - h.reserve(left)
}

// once reads for this request alone, for as long as that at most.
func (h *held) once(longest time.Duration) {
	if longest <= 0 {
		return
	}
	longest = min(longest, cmp.Or(h.t.options.Policy.ReadTimeout, defaultReadTimeout))
	ctx, cancel := context.WithTimeoutCause(h.ctx, longest, poll.ErrReadTimeout)
	defer cancel()
	read := poll.Read{Began: h.clock()}
	resp, err := h.look(ctx)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	if h.ctx.Err() == nil {
		h.last = err
	}
	read.Ended, read.Err = h.clock(), err
	j := h.judge(resp, err, read)
	read.Verdict, read.Reason, read.Status, read.Note = j.Verdict, j.Reason, j.Status, j.Note
	h.note(read)
}

// errSuperseded is the cause of a hold that ended since what it waits for was
// deleted, or written anew.
var errSuperseded = errors.New("a later write makes it pointless to wait")

// judge says what an answer means that look has returned.
func (h *held) judge(resp *http.Response, err error, read poll.Read) poll.Judgement {
	if err != nil {
		return poll.Judgement{Verdict: poll.Unknown, Reason: "failed"}
	}
	answer := consistency.AnswerOf(resp)
	j := poll.Judgement{Status: answer.Status, Note: answer.Note, RetryAfter: answer.RetryAfter}
	switch {
	case h.saw != "":
		h.wait(resp, h.saw, read.Ended)
		j.Reason, j.Until = h.saw, max(h.until(), 1)
		if h.superseded() {
			j.Verdict, j.Cause = poll.Stop, errSuperseded
		}
	case h.final != nil:
		j.Verdict = poll.Ready
	default:
		j.Verdict, j.Reason = poll.Unknown, "unavailable"
	}
	return j
}
