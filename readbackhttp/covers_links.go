package readbackhttp

import (
	"net/http"
	"net/url"
	"strings"
)

// noteLinks notes what the headers of an answer link to.
func (c *covering) noteLinks(h http.Header) {
	c.where = c.parse(h.Get("Location"))
	if c.method != http.MethodPost || !good(c.resp) {
		return
	}
	if c.where == nil {
		c.where = c.elsewhere(h.Get("Location"))
	}
	raw := h.Get("Content-Location")
	if c.view = c.parse(raw); c.view == nil {
		c.view = c.elsewhere(raw)
	}
	if c.view != nil && relation(c.view, c.own) == theSame {
		c.view = nil // that the answer shows what it was sent to says nothing of what was made
	}
}

// target returns what a link in a body leads to; nil if that is nowhere here.
func (c *covering) target(l link) *url.URL {
	at := c.parse(l.url)
	if at == nil && l.self {
		at = c.elsewhere(l.url)
	}
	return at
}

// parse returns the URL of a link, if that is of the same origin: a server says what it
// wrote, not what is to be waited for elsewhere, nor as whom to ask.
func (c *covering) parse(raw string) *url.URL {
	if raw == "" {
		return nil
	}
	at, err := c.own.Parse(raw)
	if err != nil || at.User != nil || !sameOrigin(at, c.own) {
		return nil
	}
	return at
}

// elsewhere returns where something is here that a link names by another origin, as a
// service does that is asked through a balancer and knows only its public name: what
// lies right below the path that the write was sent to. It returns nil for all else.
func (c *covering) elsewhere(raw string) *url.URL {
	if raw == "" {
		return nil
	}
	at, err := url.Parse(raw)
	if err != nil || at.User != nil || at.Scheme != "http" && at.Scheme != "https" || at.RawQuery != "" || isRoot(c.own) {
		return nil
	}
	last, found := strings.CutPrefix(pathOf(at), pathOf(c.own)+"/")
	id, err := url.PathUnescape(last)
	if !found || err != nil || strings.Contains(last, "/") || id == "" || id == "." || id == ".." {
		return nil
	}
	return under(c.own, id)
}

// linked returns what links cover that the answer has. Nil ones cover nothing. What lies
// above the write it has not made: there, only an update is to be seen; and nothing is
// at the root.
func (c *covering) linked(links ...*url.URL) (places []place) {
	for _, at := range links {
		if at == nil {
			continue
		}
		switch relation(at, c.own) {
		case root:
		case theSame, above:
			if !c.t.options.OnlyCreated {
				places = append(places, place{url: at})
			}
		default:
			places = append(places, place{url: at, reach: c.made()})
		}
	}
	return places
}
