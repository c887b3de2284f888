package consistency

import (
	"net/http"
	"strings"
	"time"

	"github.com/readback-go/readback/internal/forbidden"
	"github.com/readback-go/readback/internal/retryafter"
)

// Answer is what is known of the answer to one call: a write, a look at an operation, or
// a read. [Rules] see it.
type Answer struct {
	Phase      Phase         // PhaseWrite, PhaseMonitor or PhaseRead
	Method     string        // of the request; empty if not known
	Status     int           // HTTP status code, or what a client's own code maps to; 0 if none is known
	Code       string        // the client's own code, such as 23505 or ALREADY_EXISTS; empty if it has none
	Header     http.Header   // nil if not known
	Body       []byte        // its beginning, at most 64 KiB; nil if not known
	Whole      bool          // Body is the whole body
	RetryAfter time.Duration // how long the server asks to wait; 0 if it does not
	Note       string        // for the history, such as that a cache answered

	// NotSent is an adapter's word that nothing was sent, for a protocol that
	// can prove it. It means nothing if a try was counted.
	NotSent bool

	cut bool // the body broke off before its end, and before 64 KiB of it were seen
}

// AnswerOf returns what the rules need of resp, whose body it leaves alone: for
// Policy.Answer, where a client's error holds the response in a field. It never
// fails; a nil resp is an answer without a status.
//
// RetryAfter is what the header of that name says, in seconds, as a date or as a
// time of the Unix clock; or, if a 403, 429 or 503 says that a rate limit is used
// up, the time until it begins anew.
func AnswerOf(resp *http.Response) Answer {
	if resp == nil {
		return Answer{}
	}
	a := answerOf(resp.StatusCode, resp.Header)
	if resp.Request != nil {
		a.Method = resp.Request.Method
	}
	return a
}

func answerOf(status int, h http.Header) Answer {
	a := Answer{Status: status, Header: h, Note: cacheNote(h)}
	asks := false
	a.RetryAfter, asks = retryafter.Parse(h, time.Now())
	switch status {
	case http.StatusForbidden, http.StatusTooManyRequests, http.StatusServiceUnavailable:
		if wait, used := retryafter.UsedUp(h, time.Now()); used && !asks {
			a.RetryAfter = wait
		}
	}
	return a
}

// rateLimited reports whether a is a 429 in all but its status: a 403 that says
// when to come back, or that a rate limit is used up, be it in its body alone. A denial that names a
// missing role is not.
func (a *Answer) rateLimited() bool {
	if a.Status != http.StatusForbidden || missingRole(*a) {
		return false
	}
	if a.RetryAfter > 0 || a.Header.Get("Retry-After") != "" {
		return true
	}
	_, used := retryafter.UsedUp(a.Header, time.Now())
	return used || forbidden.RateLimit(a.Body)
}

// bodyKept is how much of a body is kept once it has been judged: what an error
// shows of it.
const bodyKept = 1 << 10

// kept returns a without the end of a long body.
func (a Answer) kept() Answer {
	if len(a.Body) > bodyKept {
		a.Body = append([]byte(nil), a.Body[:bodyKept]...)
	}
	return a
}

// cacheNote tells whether a cache in between answered, which explains much.
func cacheNote(h http.Header) string {
	var notes []string
	if age := h.Get("Age"); age != "" && age != "0" {
		notes = append(notes, "cached, age "+age+" s")
	}
	if x := h.Get("X-Cache"); strings.Contains(strings.ToUpper(x), "HIT") {
		notes = append(notes, "X-Cache: HIT")
	}
	return strings.Join(notes, ", ")
}
