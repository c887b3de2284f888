package readbackhttp

import (
	"net/http"
	"net/url"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/recent"
)

// remember notes what a write covers. Resp is nil if its answer was lost.
func (t *Transport) remember(req *http.Request, resp *http.Response) {
	class := t.class(req, resp)
	if class == 0 {
		return
	}
	w := recent.Write{At: time.Now(), Class: uint8(class), Deleted: req.Method == http.MethodDelete}
	var reach recent.Reach
	if class != consistency.Ambiguous {
		reach = recent.Below
		w.Token = take(t.options.Token, resp)
	}
	switch req.Method {
	case http.MethodPost: // what is new has no older views
		reach |= recent.AnyQuery
	case http.MethodDelete: // as does what is gone
		reach = recent.Below | recent.AnyQuery
	}
	usual := covered(req, resp, class)
	if t.options.Covers == nil {
		if usual != nil {
			t.memory.Remember(t.space(req, usual), usual, reach, w)
		}
		return
	}
	var list []*url.URL
	if usual != nil {
		list = append(list, usual)
	}
	own := t.space(req, req.URL)
	for _, u := range t.options.Covers(req, resp, list) {
		if u == nil {
			continue
		}
		space, w := t.space(req, u), w
		if space != own {
			w.Token = "" // one origin's token is none of another's business
		}
		t.memory.Remember(space, u, reach, w)
	}
}

// covered returns the URL that a write of that class covers, or nil.
func covered(req *http.Request, resp *http.Response, class consistency.Class) *url.URL {
	switch req.Method {
	case http.MethodPut, http.MethodPatch, http.MethodDelete:
		return logical(req)
	case http.MethodPost:
		if class == consistency.Ambiguous {
			return nil
		}
		raw := resp.Header.Get("Location")
		if raw == "" {
			return nil
		}
		base := logical(req)
		at, err := base.Parse(raw)
		// A server says what it wrote, not what is to be waited for elsewhere,
		// nor as whom to ask.
		if err != nil || at.User != nil || !sameOrigin(at, base) {
			return nil
		}
		return at
	}
	return nil
}

// logical returns the URL of req as the server sees it: with the Host that is
// asked for, whatever the address.
func logical(req *http.Request) *url.URL {
	u := *named(req)
	u.User = nil
	if req.Host != "" {
		u.Host = req.Host
	}
	return &u
}

// class returns what the answer to a write proves, and 0 if that is nothing
// worth remembering. Resp is nil if the answer was lost.
func (t *Transport) class(req *http.Request, resp *http.Response) consistency.Class {
	if resp == nil {
		return consistency.Ambiguous
	}
	if resp.StatusCode < 200 { // another protocol takes over
		return 0
	}
	switch class := t.options.Policy.Rules.ClassOf(goalOf(req.Method), consistency.AnswerOf(resp)); class {
	case consistency.Applied, consistency.Accepted, consistency.Ambiguous:
		return class
	}
	return 0
}
