package readbackgrpc

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/readback-go/readback/internal/holding"
	"github.com/readback-go/readback/internal/redact"
	"github.com/readback-go/readback/poll"
)

// share waits for the read together with those who wait for the same, and returns
// true if the wait begins anew.
func (h *held) share() (again bool) {
	var g *holding.Group[struct{}]
	if h.own.Match != nil { // what one waits for is not what another does
		g = holding.Alone(struct{}{})
	} else {
		g = h.i.waiting.Join(h.i.memory.read(h.place, h.method, h.name, h.write), struct{}{})
	}
	defer h.i.waiting.Leave(g)
	closing := time.NewTimer(h.closing())
	defer closing.Stop()
	select {
	case <-g.Lead:
		defer func() { h.i.waiting.HandOver(g, h.final) }() // also in a panic
		if h.superseded() {
			h.why = errSuperseded
			return false
		}
		for h.leadUntil(h.until()) {
		}
		return false
	case <-g.Shown:
		// What the leader's credentials could do, these can.
		left := h.until() - h.clock()
		h.once(h.lookAgain, max(left-2*h.judge.Reserve(left), left/2)) // if it hangs, there is time for another
		return !h.final && h.ctx.Err() == nil && h.clock() < h.until()
	case <-closing.C:
		end := h.until()
		h.once(h.look, end-h.clock())
		return !h.final && h.ctx.Err() == nil && h.until() > end // another reason, with a later window
	case <-h.ctx.Done():
		return false
	}
}

// leadUntil polls until the window of the reason seen last ends. The loop cannot know that
// window, since the answer that began it came before. It returns true if another reason has
// come since, with a later window.
func (h *held) leadUntil(end time.Duration) (again bool) {
	look := func(ctx context.Context) (struct{}, error) { return struct{}{}, redact.Guard(h.look(ctx)) }
	_, h.why = poll.Until(h.ctx, look, func(struct{}, error, poll.Read) poll.Judgement {
		return h.judged()
	}, poll.Options{
		Schedule:    &afterOne{schedule: h.i.options.Policy.Schedule, took: h.judge.Slowest(), latest: h.closing()},
		Pause:       min(h.heard.RetryAfter, h.closing()),
		Within:      end,
		ReadTimeout: h.i.options.Policy.ReadTimeout,
		Reserve:     2 * h.judge.Slowest(),
		Since:       h.write.at,
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

// closing returns how long it is until the last read that fits in the window of the
// reason seen last.
func (h *held) closing() time.Duration {
	left := h.until() - h.clock()
	return left - h.judge.Reserve(left)
}

// once looks for this call alone, for as long as that at most.
func (h *held) once(look func(context.Context) error, longest time.Duration) {
	if longest <= 0 {
		return
	}
	ctx, cancel := context.WithTimeoutCause(h.ctx, min(longest, h.judge.ReadTimeout()), poll.ErrReadTimeout)
	defer cancel()
	read := poll.Read{Began: h.clock()}
	err := redact.Guard(look(ctx))
	if h.ctx.Err() == nil {
		h.last = err
	}
	j := h.judged()
	read.Ended, read.Err = h.clock(), err
	read.Verdict, read.Reason, read.Status, read.Note = j.Verdict, j.Reason, j.Status, j.Note
	h.note(read)
}

// windowOver is the cause of a hold that ended with the window of its reason.
func (h *held) windowOver() error { return fmt.Errorf("%w: %s", poll.ErrWindow, h.reason) }
