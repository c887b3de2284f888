package readbackhttp

import (
	"context"
	"net/http"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/wire"
	"github.com/readback-go/readback/poll"
)

// write sends a write, and remembers it unless it is known not to be carried
// out. The answer is as the server gave it.
func (t *Transport) write(req *http.Request) (*http.Response, error) {
	began := time.Now()
	resp, unsure, err := t.sendOnce(req, req)
	if err == nil && !unsure && t.options.Policy.Resend.OnMissingParent {
		resp, unsure, err = t.sendAgain(req, resp, began)
	}
	switch {
	case err == nil:
		t.remember(req, resp)
	case unsure:
		t.remember(req, nil)
	}
	return resp, err
}

// sendOnce sends a write, or a copy of it. Unsure says that nobody knows what
// became of it: there was a connection but is no answer, or the base sent it more
// than once, and the answer is only that to the last.
func (t *Transport) sendOnce(req, sent *http.Request) (resp *http.Response, unsure bool, err error) {
	call := wire.Trace(req.Context())
	resp, err = call.RoundTrip(t.base, sent.WithContext(call), t.direct)
	if err != nil {
		return nil, !call.NeverSent(err), err
	}
	resp.Request = req
	tries := call.Tries()
	return resp, tries.N() > 1, nil
}

// sendAgain sends a write until it is answered with something else than that
// its parent is missing, if the parent was just written, and returns what the
// last try did.
func (t *Transport) sendAgain(req *http.Request, resp *http.Response, began time.Time) (_ *http.Response, unsure bool, _ error) {
	own := holdOf(req.Context())
	bodied := req.Body != nil && req.Body != http.NoBody
	if own.Off || !missing(req.Method, resp.StatusCode) || bodied && req.GetBody == nil {
		return resp, false, nil
	}
	parent, covered := t.memory.Latest(t.space(req, req.URL), named(req))
	if !covered {
		return resp, false, nil
	}
	// A write may not look for what is stale.
	h := t.held(req, req, &Hold{Within: own.Within}, parent, began)
	h.phase = consistency.PhaseWrite
	if pending, err := h.begin(resp); err != nil {
		return nil, false, err
	} else if !pending {
		return resp, false, nil
	}
	defer h.cancellable()()
	p := pacing{schedule: t.options.Policy.Schedule, zero: time.Now(), took: h.slowest}
	p.pause(consistency.AnswerOf(resp).RetryAfter)
	p.latest = h.closing()
	_, h.why = poll.Until(h.ctx, func(context.Context) (*http.Response, error) {
		sent, err := withBody(req)
		if err != nil {
			return nil, err // the answer before is worth more
		}
		began := time.Now()
		var again *http.Response
		again, unsure, err = t.sendOnce(req, sent)
		h.answered(began, err)
		switch {
		case err != nil:
			h.failed = err
			return nil, err
		case unsure:
			h.final = again
			return again, nil
		}
		return again, h.seeWrite(again)
	}, h.judgeWrite, poll.Options{
		Schedule:    &p,
		Within:      h.limit(),
		ReadTimeout: poll.NoTimeout, // a write that is cut short is an ambiguous one
		Reserve:     max(2*h.slowest, leastReserve),
		Since:       h.write.At,
		Observe:     h.tell,
		History:     h.history,
	})
	resp, err := h.answer()
	return resp, unsure, err
}

// withBody returns a copy of req with a body of its own.
func withBody(req *http.Request) (*http.Request, error) {
	sent := req.WithContext(req.Context())
	if req.Body == nil || req.Body == http.NoBody {
		return sent, nil
	}
	body, err := req.GetBody()
	sent.Body = body
	return sent, err
}

// seeWrite sets h.saw if the answer still says that the parent is missing, and
// h.final otherwise.
func (h *held) seeWrite(resp *http.Response) error {
	h.saw = ""
	if missing(h.req.Method, resp.StatusCode) {
		body, whole, err := keep(h.ctx, resp, patience)
		if err != nil {
			return err
		}
		if whole {
			h.saw = h.pending(resp, body)
		}
	}
	if h.saw == "" {
		h.final = resp
	}
	return nil
}

// judgeWrite is judge for a write: an error ends it, for nobody knows what
// became of it.
func (h *held) judgeWrite(resp *http.Response, err error, read poll.Read) poll.Judgement {
	if err != nil {
		return poll.Judgement{Verdict: poll.Stop, Reason: "lost", Cause: err}
	}
	return h.judge(resp, nil, read)
}

// missing reports whether an answer with that status may say that what the write
// stands on is not there yet. To a DELETE, 404 says that it is done.
func missing(method string, status int) bool {
	return status == http.StatusForbidden || status == http.StatusNotFound && method != http.MethodDelete
}
