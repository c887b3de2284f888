package readbackhttp

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/recent"
	"github.com/readback-go/readback/internal/redact"
)

// Coverage is what a [Transport] knows of one write: which later reads it will
// hold for it, or why none. It holds no secrets.
type Coverage struct {
	Method string            // or what a POST asks for in its place, by X-HTTP-Method-Override
	URL    string            // of the write, without its query
	Route  string            // its method and URL, with {id} for what differs between writes of its kind
	Status int               // 0 if no answer came
	Class  consistency.Class // what the answer proves
	Covers []string          // URLs, without queries
	Why    string            // why it covers nothing; empty if it does

	// Forgets says that Covers are what is forgotten, as of a DELETE.
	Forgets bool
}

// mostShown is how many places an event or a line of the log names.
const mostShown = 8

// tell says what the write covers, to everyone who wants to know.
func (c *covering) tell(why string) {
	o := &c.t.options
	if o.Wrote == nil && !o.Policy.Observed() {
		return
	}
	done, forgotten := c.done, forgets(c.method)
	if len(done) == 0 && c.gone != nil {
		done, forgotten, why = []place{{url: c.gone, reach: recent.Below}}, true, ""
	}
	told := Coverage{Method: c.method, URL: plainURL(c.req), Class: c.class, Why: why, Forgets: forgotten && why == ""}
	told.Route = boundedName(told.Method, c.req.URL)
	if c.resp != nil {
		told.Status = c.resp.StatusCode
	}
	note := "covers nothing: " + why
	if why == "" {
		verb := "covers "
		if forgotten {
			verb = "forgets "
		}
		texts := make([]string, 0, len(done))
		for _, p := range done {
			u := p.shown()
			told.Covers = append(told.Covers, redact.URL(u))
			text := instanceOf(u)
			if p.reach&recent.Below != 0 {
				text += " and below"
			}
			texts = append(texts, text)
		}
		if more := len(texts) - mostShown; more > 0 {
			texts = append(texts[:mostShown], fmt.Sprintf("and %d more", more))
		}
		note = verb + strings.Join(texts, ", ")
	}
	if o.Wrote != nil {
		o.Wrote(told)
	}
	o.Policy.Tell(consistency.Event{
		Context: c.req.Context(), Flow: told.Route, Instance: instanceOf(c.req.URL),
		Phase: consistency.PhaseWrite, N: 1,
		Status: told.Status, Class: c.class, Note: note,
	})
}

// shown returns the URL of a place without its query, and without the segment that
// is not to be shown.
func (p *place) shown() *url.URL {
	u := *p.url
	u.RawQuery = ""
	if p.secret != "" {
		return withPath(&u, strings.ReplaceAll(u.EscapedPath(), "/"+url.PathEscape(p.secret), "/REDACTED"))
	}
	return &u
}

func plainURL(req *http.Request) string {
	u := *req.URL
	u.RawQuery = ""
	return redact.URL(&u)
}
