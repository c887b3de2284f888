package readbackhttp

import (
	"context"
	"net/http"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/redact"
	"github.com/readback-go/readback/internal/reserve"
	"github.com/readback-go/readback/internal/wire"
	"github.com/readback-go/readback/poll"
)

// try is one request of a write, and what became of it.
type try struct {
	resp  *http.Response
	class consistency.Class // what its answer proves
	err   error
}

// unsure reports whether nobody knows what became of it.
func (w *try) unsure() bool { return w.class == consistency.Ambiguous }

// write sends a write, and remembers it unless it is known not to be carried out.
// The answer is as the server gave it.
func (t *Transport) write(req *http.Request) (*http.Response, error) {
	began := time.Now()
	sent, body := sending(req)
	w := t.sendOnce(req, sent)
	if w.err == nil && !w.unsure() && t.options.Policy.Resend.OnMissingParent {
		w = t.sendAgain(req, w, began)
	}
	if w.class != 0 {
		t.covers(req, w.resp, w.class, body)
	}
	return w.resp, w.err
}

// sendOnce sends a write, or a copy of it. It is ambiguous if there was a
// connection but is no answer, or if the base sent it more than once, and the
// answer is only that to the last.
func (t *Transport) sendOnce(req, sent *http.Request) try {
	call := wire.One(req.Context())
	call.Bodies = t.options.Policy.Rules.AskForBodies(consistency.PhaseWrite)
	over := req.Context().Err() != nil
	resp, err := call.RoundTrip(t.base, sent, t.direct)
	if err != nil {
		w := try{class: consistency.Ambiguous, err: err}
		// If the context had ended before, and nothing was seen to be written, nothing was
		// sent either, whatever lies in between.
		if call.NeverSent(err) || over && unwritten(call.Exchanges()) {
			w.class = consistency.NotExecuted
		}
		return w
	}
	resp.Request = req
	w := try{resp: resp}
	tries := call.Tries()
	switch {
	case resp.StatusCode < 200: // another protocol takes over
	case tries.N() > 1:
		w.class = consistency.Ambiguous
	default:
		a := consistency.AnswerOf(resp)
		a.Phase = consistency.PhaseWrite
		if n := len(tries.Seen); n > 0 {
			a.Body, a.Whole = tries.Seen[n-1].Body, tries.Seen[n-1].Whole
		}
		w.class = t.options.Policy.Rules.ClassOf(goalOf(askedMethod(req)), a)
	}
	return w
}

func unwritten(all []wire.Exchange) bool {
	for i := range all {
		if all[i].Writes > 0 {
			return false
		}
	}
	return true
}

// sendAgain sends a write until it is answered with something else than that
// its parent is missing, if the parent was just written, and returns what the
// last try did.
func (t *Transport) sendAgain(req *http.Request, w try, began time.Time) try {
	own := holdOf(req.Context())
	bodied := req.Body != nil && req.Body != http.NoBody
	if own.Off || w.class != consistency.Refused || bodied && req.GetBody == nil {
		return w
	}
	parent, covered := t.memory.Above(t.space(req, req.URL), resourceURL(req))
	if !covered {
		return w
	}
	// A Match is for reads.
	h := t.newHeld(req, req, &Hold{Within: own.Within}, parent, began)
	h.phase = consistency.PhaseWrite
	if !h.missing(w.resp) {
		return w
	}
	if pending, err := h.begin(w.resp); err != nil {
		return try{class: w.class, err: err}
	} else if !pending {
		return w
	}
	defer h.cancellable()()
	p := pacing{schedule: t.options.Policy.Schedule, zero: time.Now(), took: h.judge.Slowest()}
	p.pause(consistency.AnswerOf(w.resp).RetryAfter)
	p.latest = h.closing()
	_, h.why = poll.Until(h.ctx, func(context.Context) (*http.Response, error) {
		sent, err := withBody(req)
		if err != nil {
			return nil, redact.Guard(err) // the answer before is worth more
		}
		began := time.Now()
		w = t.sendOnce(req, sent)
		h.timed(began, w.err)
		switch {
		case w.err != nil:
			h.failed = w.err
			return nil, redact.Guard(w.err)
		case w.unsure():
			h.final = w.resp
			return w.resp, nil
		}
		return w.resp, h.seeWrite(w.resp)
	}, h.judgeWrite, poll.Options{
		Schedule:    &p,
		Within:      h.limit(),
		ReadTimeout: poll.NoTimeout, // a write that is cut short is an ambiguous one
		Reserve:     reserve.Of(h.judge.Slowest()),
		Since:       h.zero,
		Observe:     h.tell,
		History:     h.history,
	})
	w.resp, w.err = h.answer()
	return w
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

// seeWrite judges an answer to another try: one that still says that the parent is
// missing is pending, any other is to be handed on.
func (h *held) seeWrite(resp *http.Response) error {
	h.heard = poll.Judgement{Verdict: poll.Ready, Status: resp.StatusCode}
	if h.missing(resp) {
		body, whole, err := keep(h.ctx, resp, patience)
		if err != nil {
			return err
		}
		if whole {
			h.heard = h.judged(&h.judge, resp, body, true, h.now())
		}
	}
	if h.heard.Verdict != poll.Pending {
		h.final = resp
	}
	return nil
}

// judgeWrite is weigh for a write: an error ends it, for nobody knows what became
// of it.
func (h *held) judgeWrite(resp *http.Response, err error, _ poll.Read) poll.Judgement {
	switch {
	case err != nil:
		return poll.Judgement{Verdict: poll.Stop, Reason: "lost", Cause: err}
	case h.final != nil:
		return poll.Judgement{Verdict: poll.Ready, Status: resp.StatusCode}
	}
	return h.weigh(resp, nil)
}

// missing reports whether an answer to a write may say that what it stands on is
// not there yet: by the tables, it refuses the write, and would be lag if it
// answered a read. To a DELETE, 404 says that it is done.
func (h *held) missing(resp *http.Response) bool {
	a := consistency.AnswerOf(resp)
	if h.t.options.Policy.Rules.ClassOf(goalOf(askedMethod(h.req)), a) != consistency.Refused {
		return false
	}
	judge := h.judge
	j, own := judge.Read(a, h.now())
	return j.Verdict == poll.Pending && !own
}
