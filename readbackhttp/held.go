package readbackhttp

import (
	"cmp"
	"context"
	"net/http"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/forbidden"
	"github.com/readback-go/readback/internal/recent"
	"github.com/readback-go/readback/poll"
)

// held is a request whose answer is held. Its times count from the answer to the
// write that covers it.
type held struct {
	t     *Transport
	own   *Hold
	req   *http.Request // the caller's
	sent  *http.Request // with a token, or the caller's
	again *http.Request // what polls send; nil before the first
	ctx   context.Context
	space recent.Space
	write recent.Write
	began time.Time // of the request
	phase consistency.Phase

	slowest  time.Duration  // request that was answered
	stop     time.Duration  // when the hold ends at the latest
	reason   poll.Reason    // of the last pending answer
	denied   time.Duration  // first of an unbroken run of 403s; negative if there is none
	refresh  bool           // OnForbidden is due
	saw      poll.Reason    // why the answer just read is pending; "" if it is not
	kept     *http.Response // the last pending answer, its body read and closed
	final    *http.Response // the answer that is not pending
	accepted bool           // Match was asked of it and accepted it
	why      error          // the poll ended without it; nil if another's did
	last     error          // of the last read for this request alone
	failed   error          // of a write that was sent again
	history  *poll.History
}

const (
	forbiddenWindow    = 10 * time.Second
	defaultReadTimeout = 10 * time.Second
	leastReserve       = time.Millisecond
)

func (t *Transport) held(req, sent *http.Request, own *Hold, w recent.Write, began time.Time) *held {
	return &held{
		t: t, own: own, req: req, sent: sent, ctx: req.Context(),
		space: t.space(req, req.URL), write: w, began: began, phase: consistency.PhaseRead, denied: -1,
	}
}

// class returns what the answer to the write proves.
func (h *held) class() consistency.Class { return consistency.Class(h.write.Class) }

func (h *held) clock() time.Duration { return time.Since(h.write.At) }

// suspicious reports whether an answer may come of lag. What its body says is
// another matter.
func (h *held) suspicious(resp *http.Response) bool {
	status := resp.StatusCode
	good := status >= 200 && status <= 299
	switch {
	case h.sent != h.req && status >= 400 || h.behind(resp, nil):
		return true
	case h.write.Deleted:
		return good && h.untilGone()
	case status == http.StatusNotFound || status == http.StatusForbidden:
		return true
	}
	return good && h.own.Match != nil
}

// untilGone reports whether what was deleted is waited for to be gone.
func (h *held) untilGone() bool {
	return h.t.options.HoldDeleted && h.class() != consistency.Ambiguous
}

// behind reports whether the server has not reached the token that it was asked
// for.
func (h *held) behind(resp *http.Response, body []byte) bool {
	if h.sent == h.req {
		return false
	}
	a := consistency.AnswerOf(resp)
	a.Body = body
	return h.t.options.Token.Behind(a)
}

// pending returns why an answer is taken for lag, or "".
func (h *held) pending(resp *http.Response, body []byte) poll.Reason {
	if h.behind(resp, body) {
		return consistency.BehindToken
	}
	good := resp.StatusCode >= 200 && resp.StatusCode <= 299
	switch {
	case h.write.Deleted && good && h.untilGone():
		return consistency.StillThere
	case h.write.Deleted:
	case resp.StatusCode == http.StatusNotFound:
		return consistency.NotFound
	case resp.StatusCode == http.StatusForbidden && !forbidden.MissingRole(body):
		return consistency.Forbidden
	case good && h.own.Match != nil:
		doc := &Document{Status: resp.StatusCode, Header: resp.Header, Body: body, answer: consistency.AnswerOf(resp)}
		if h.accepted = h.own.Match(Ref{}, doc); !h.accepted {
			return consistency.Stale
		}
	}
	return ""
}

// silent reports whether an answer with that status says nothing of what is
// there.
func silent(status int) bool {
	switch status {
	case http.StatusUnauthorized, http.StatusRequestTimeout, http.StatusTooEarly, http.StatusTooManyRequests:
		return true
	}
	return status >= 500
}

// wait notes that the answer at that time was pending, and resp is what to hand
// on unless there is a better one.
func (h *held) wait(resp *http.Response, reason poll.Reason, at time.Duration) {
	h.kept, h.reason = resp, reason
	switch {
	case reason != consistency.Forbidden:
		h.denied, h.refresh = -1, false
	case h.denied < 0:
		h.denied, h.refresh = at, h.t.options.Policy.OnForbidden != nil
	}
}

// limit returns when the hold ends, whatever the reason.
func (h *held) limit() time.Duration {
	limit := h.own.Within
	if limit <= 0 {
		limit = h.t.options.Policy.WithinAfter(h.class())
	}
	limit = min(limit, h.t.options.Remember)
	if end, bounded := h.req.Context().Deadline(); bounded {
		limit = min(limit, end.Sub(h.write.At)-h.reserve(time.Until(end)))
	}
	if h.stop == 0 || limit < h.stop { // half of what is left gets ever less
		h.stop = limit
	}
	return h.stop
}

// until returns when the reason seen last is no longer taken for lag.
func (h *held) until() time.Duration {
	limit := h.limit()
	if h.own.Within > 0 {
		return limit
	}
	windows := &h.t.options.Policy.Windows
	window := time.Duration(0)
	switch {
	case h.reason == consistency.Forbidden:
		window = h.denied + cmp.Or(windows.Forbidden, forbiddenWindow)
	case h.reason == consistency.BehindToken:
		window = windows.BehindToken
	case h.class() == consistency.Ambiguous:
		// Not lag alone: the write may not have run yet.
	case h.reason == consistency.NotFound:
		window = windows.NotFound
	case h.reason == consistency.Stale:
		window = windows.Stale
	case h.reason == consistency.StillThere:
		window = windows.StillThere
	}
	if window > 0 {
		limit = min(limit, window)
	}
	return limit
}

// reserve returns what is kept for one read of the time left.
func (h *held) reserve(left time.Duration) time.Duration {
	return min(max(2*h.slowest, leastReserve), left/2)
}

// superseded reports whether something happened after the write that makes
// waiting for it pointless.
func (h *held) superseded() bool {
	w, known := h.t.memory.Latest(h.space, named(h.req))
	return known && w.Deleted != h.write.Deleted
}
