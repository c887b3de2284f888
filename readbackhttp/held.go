package readbackhttp

import (
	"context"
	"net/http"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/coding"
	"github.com/readback-go/readback/internal/recent"
	"github.com/readback-go/readback/poll"
)

// held is a request whose answer is held.
type held struct {
	asked
	clock
	result
}

// asked is what is held, and for which write.
type asked struct {
	t     *Transport
	own   *Hold
	req   *http.Request // the caller's
	sent  *http.Request // with a token, or the caller's
	again *http.Request // what polls send; nil before the first
	ctx   context.Context
	space recent.Space
	write recent.Write
	phase consistency.Phase
	list  *listHold        // of a list; nil of all else
	goal  consistency.Goal // zero if nothing but a token can make an answer pending
}

// clock is how long it is held. Its times count from the answer to the write.
type clock struct {
	zero   time.Time // that answer
	began  time.Time // of the request
	judge  consistency.Judge
	stop   time.Duration // when the hold ends at the latest
	window time.Duration // when the reason seen last ends; zero if not before stop
}

// result is what came of it.
type result struct {
	heard    poll.Judgement // of the answer just read
	reason   poll.Reason    // of the last pending answer
	kept     *http.Response // that answer, its body read and closed
	final    *http.Response // the answer that is not pending
	accepted bool           // Match was asked of it and accepted it
	why      error          // the poll ended without it; nil if another's did
	last     error          // of the last read for this request alone
	failed   error          // of a write that was sent again
	history  *poll.History
}

func (t *Transport) newHeld(req, sent *http.Request, own *Hold, w recent.Write, began time.Time) *held {
	h := &held{
		asked: asked{
			t: t, own: own, req: req, sent: sent, ctx: req.Context(),
			space: t.space(req, req.URL), write: w, phase: consistency.PhaseRead,
		},
		clock: clock{zero: w.At, began: began},
	}
	switch {
	case !w.Deleted && own.Match != nil:
		h.goal = consistency.ToMatch
	case !w.Deleted:
		h.goal = consistency.ToPresent
	case t.options.HoldDeleted && consistency.Class(w.Class) != consistency.Ambiguous:
		h.goal = consistency.ToAbsent
	}
	h.judge = t.options.Policy.Judge(h.goal, consistency.Class(w.Class), w.At)
	return h
}

func (c *clock) now() time.Duration { return time.Since(c.zero) }

// asksForBody reports whether the body of an answer is needed to judge it.
func (h *held) asksForBody(resp *http.Response) bool {
	if h.sent != h.req || h.t.bodies {
		return true
	}
	judge := h.judge // which is asked again
	j := h.judged(&judge, resp, nil, false, h.now())
	return j.Verdict == poll.Pending || h.own.Match != nil && good(resp)
}

// judged says what an answer means: that it is pending, that it is to be handed
// on, which is ready, or that it says nothing, which is unknown.
func (h *held) judged(judge *consistency.Judge, resp *http.Response, body []byte, whole bool, at time.Duration) poll.Judgement {
	body, whole = coding.Text(resp.Header, body, whole, bodyLimit)
	a := consistency.AnswerOf(resp)
	a.Body, a.Whole = body, whole
	if h.sent != h.req && h.t.options.Token.Behind(a) {
		return judge.Pending(a, consistency.BehindToken, at)
	}
	j, own := judge.Read(a, at)
	switch {
	case h.goal == 0, j.Verdict == poll.Stop:
		j.Verdict = poll.Ready
	case own:
	case resp.StatusCode/100 == 3: // the client's to follow
		j.Verdict = poll.Ready
	case h.goal == consistency.ToPresent && good(resp): // a 202, as the server means it
		j.Verdict = poll.Ready
	}
	if j.Verdict == poll.Ready && h.goal == consistency.ToMatch && good(resp) && whole {
		doc := &Document{Status: resp.StatusCode, Header: resp.Header, Body: body, answer: a}
		if h.accepted = h.own.Match(Ref{}, doc); !h.accepted {
			return judge.Pending(a, consistency.Stale, at)
		}
	}
	return j
}

func good(resp *http.Response) bool { return resp.StatusCode/100 == 2 }

// notePending notes that an answer was pending: it is handed on unless there is a
// better one.
func (h *held) notePending(resp *http.Response, j *poll.Judgement) {
	h.kept, h.reason, h.window = resp, j.Reason, j.Until
}

// limit returns when the hold ends, whatever the reason.
func (h *held) limit() time.Duration {
	limit := h.own.Within
	if limit <= 0 {
		limit = h.judge.Within()
	}
	limit = min(limit, h.t.options.Remember)
	if h.write.Below && h.phase == consistency.PhaseRead {
		limit = min(limit, h.t.options.Below)
	}
	if end, bounded := h.req.Context().Deadline(); bounded {
		limit = min(limit, end.Sub(h.zero)-h.judge.Reserve(time.Until(end)))
	}
	// Half of the time left shrinks, which would move the limit later: the
	// earliest is kept.
	if h.stop == 0 || limit < h.stop {
		h.stop = limit
	}
	return h.stop
}

// until returns when the reason seen last is no longer taken for lag.
func (h *held) until() time.Duration {
	limit := h.limit()
	if h.window > 0 && h.own.Within == 0 {
		limit = min(limit, h.window)
	}
	return limit
}

// superseded reports whether something happened after the write that makes
// waiting for it pointless.
func (h *held) superseded() bool {
	if h.list != nil {
		return len(h.t.wantedIn(h.req)) == 0
	}
	latest := h.t.memory.Latest
	if h.phase == consistency.PhaseWrite {
		latest = h.t.memory.Above
	}
	w, known := latest(h.space, resourceURL(h.req))
	return !known || w.Deleted != h.write.Deleted
}
