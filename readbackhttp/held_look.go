package readbackhttp

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/readback-go/readback/poll"
)

// look sends the request again and says in h.heard what the answer means. One that is
// to be handed on is h.final, and outlives ctx, which bounds this read.
func (h *held) look(ctx context.Context) (*http.Response, error) {
	h.judge.Refresh(ctx)
	return h.lookAgain(ctx)
}

// lookAgain is look with the credentials that there are.
func (h *held) lookAgain(ctx context.Context) (*http.Response, error) {
	h.heard = poll.Judgement{}
	if err := h.t.limits.Wait(ctx, h.t.origin(h.req), h.until()-h.now()); err != nil {
		return nil, err
	}
	own, release := context.WithCancelCause(h.req.Context())
	detach := context.AfterFunc(ctx, func() { release(context.Cause(ctx)) })
	began := time.Now() // waiting for a turn, or for new credentials, is no slow server
	resp, err := h.t.base.RoundTrip(h.repeat().WithContext(own))
	if err == nil {
		resp.Request = h.req
		err = h.see(resp, began)
	}
	h.timed(began, err)
	if h.final == nil || bodiless(resp) {
		detach()
		release(nil)
		return resp, err
	}
	if !detach() {
		h.final = nil
		_ = resp.Body.Close()
		return nil, context.Cause(ctx)
	}
	resp.Body = &boundBody{ReadCloser: resp.Body, release: func() { release(nil) }}
	return resp, nil
}

// timed notes how long a request took that began then, if it was answered.
func (h *held) timed(began time.Time, err error) {
	if err == nil {
		h.judge.Took(time.Since(began))
	}
}

// see judges an answer, and reads what is worthless up to a limit. The error is
// that of a body that is needed.
func (h *held) see(resp *http.Response, began time.Time) (err error) {
	var body []byte
	whole := false
	if h.asksForBody(resp) {
		if body, whole, err = keepNow(resp); err != nil {
			return err
		}
	}
	h.heard = h.judged(&h.judge, resp, body, whole, h.now())
	switch {
	case h.heard.Verdict == poll.Pending && whole:
	case h.heard.Verdict == poll.Unknown:
		discard(resp)
	default: // what is too long to be kept is handed on
		h.heard.Verdict = poll.Ready
		h.final = resp
		h.t.shown(h.req, resp, began)
	}
	return nil
}

// bodiless reports whether nothing of resp is still to come.
func bodiless(resp *http.Response) bool {
	_, kept := resp.Body.(*keptBody)
	return kept || resp.Body == nil || resp.Body == http.NoBody
}

// discard gives back the connection of an answer that nobody wants, if that is
// cheap.
func discard(resp *http.Response) {
	if resp.Body != nil {
		_, _ = io.CopyN(io.Discard, resp.Body, drainLimit)
		_ = resp.Body.Close()
	}
}

// repeat returns the request that polls send.
func (h *held) repeat() *http.Request {
	if h.again == nil {
		h.again = h.sent.Clone(h.sent.Context())
		h.again.Body, h.again.GetBody = nil, nil // nothing is in it
		if h.again.Header.Get("Cache-Control") == "" {
			if h.again.Header == nil {
				h.again.Header = make(http.Header)
			}
			h.again.Header.Set("Cache-Control", "no-cache")
		}
	}
	return h.again
}
