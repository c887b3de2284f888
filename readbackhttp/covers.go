package readbackhttp

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/recent"
)

// covering finds out what one write covers, as its answer comes in.
type covering struct {
	t      *Transport
	req    *http.Request
	own    *url.URL       // of req, by serverURL
	room   url.URL        // that own points to, to save an allocation
	resp   *http.Response // nil if the answer was lost
	told   *http.Response // a copy of resp for observers, made before the caller can change it
	where  *url.URL       // where the answer says that something is: its Location
	view   *url.URL       // where what it shows is, or can be had again: its Content-Location
	at     time.Time      // of the answer
	class  consistency.Class
	method string // that it asks for
	token  string
	done   []place
	gone   *url.URL // what a POST deleted
	asked  *sentBody
	along  readAlong // the body of resp, if it counts
	one    [1]names  // room for what most answers name, to save an allocation
	first  [1]place  // the same for what most writes cover
	whole  bool      // the answer was read to its end, and all that it says is known
}

// place is a URL that a write covers, and how far from there it reaches.
type place struct {
	url    *url.URL
	reach  recent.Reach
	secret string // a segment that is not to be shown; empty if all are
}

// askedMethod returns the method that a request asks for. Some clients send all of
// their writes as POST, since proxies know no other, and say in a header what they
// mean.
func askedMethod(req *http.Request) string {
	if req.Method != http.MethodPost {
		return req.Method
	}
	for _, name := range [...]string{"X-Http-Method-Override", "X-Http-Method", "X-Method-Override"} {
		said := req.Header[name]
		if len(said) == 0 {
			continue
		}
		switch asked := strings.ToUpper(said[0]); asked {
		case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodPatch, http.MethodDelete:
			return asked
		case "MERGE": // of OData
			return http.MethodPatch
		}
	}
	return http.MethodPost
}

// Why a write covers nothing.
const (
	nothingNamed   = "no Location, no link and no id found"
	nothingRead    = "its answer was not read"
	nothingUnclear = "its answer is longer than 64 KiB, or of an encoding that is not known"
	nothingKnown   = "its answer was lost or proves nothing, and what it made is not known"
	nothingRefused = "it was refused"
	nothingSent    = "it was never sent"
	nothingDone    = "it was not carried out"
	nothingMade    = "it was redirected to what it did not make"
	nothingUpdated = "only what was created is covered"
	nothingOther   = "of its method nothing is known"
	nothingRouted  = "its route names nothing"
	nothingChosen  = "Covers names nothing"
)

// covers begins to find out what a write covers. Resp is nil if its answer was
// lost; its body is read along as the client reads it, if what it says counts.
func (t *Transport) covers(req *http.Request, resp *http.Response, class consistency.Class, asked *sentBody) {
	c := &covering{t: t, req: req, resp: resp, at: time.Now(), class: class, method: askedMethod(req), asked: asked}
	c.own = c.serverURL()
	if resp != nil {
		c.noteLinks(resp.Header)
	}
	if resp != nil && (t.options.Covers != nil || len(t.routes) > 0) {
		told := *resp
		told.Header = resp.Header.Clone()
		c.told = &told
	}
	switch class {
	case consistency.Applied, consistency.Accepted:
		c.token = tokenOf(t.options.Token, resp)
	case consistency.Ambiguous:
	case consistency.NotExecuted:
		if resp == nil {
			c.tell(nothingSent)
		} else { // such as a 307, which is for the client to follow
			c.tell(nothingDone)
		}
		return
	default:
		c.tell(nothingRefused)
		return
	}
	if of := c.deletes(); of != nil {
		c.forgetAt(of)
		c.unlist(c.t.space(req, of), of)
		if resp == nil || !c.onRoute() {
			c.gone = of
			c.end(c.besides(of), nothingNamed)
			return
		}
	}
	c.revives()
	if c.says() {
		c.created()
		return
	}
	c.end(c.usual())
}

// says reports whether the answer says what the write made. A good answer does, also if
// the write was tried more than once: perhaps more was made, but this was.
func (c *covering) says() bool {
	switch {
	case c.resp == nil, c.resp.StatusCode/100 == 3, c.class == consistency.Ambiguous && !good(c.resp):
		return false
	case c.method == http.MethodPost:
		return true
	}
	return c.class != consistency.Ambiguous && c.onRoute()
}

// usual returns the places that a write covers by its method, its status and its
// Location alone, or why there are none.
func (c *covering) usual() ([]place, string) {
	switch c.method {
	case http.MethodDelete, methodMove:
		c.unlist(c.t.space(c.req, c.own), c.own)
		return []place{{url: c.own, reach: recent.Below | recent.AnyQuery}}, "" // what is gone has no older views
	case http.MethodPost:
		if c.class == consistency.Ambiguous {
			return nil, nothingKnown
		}
	case http.MethodPut, http.MethodPatch:
		if c.class == consistency.Ambiguous || c.resp.StatusCode/100 != 3 {
			created := c.class != consistency.Ambiguous && c.method == http.MethodPut && c.resp.StatusCode == http.StatusCreated
			switch {
			case created:
				return []place{{url: c.own, reach: recent.Below}}, ""
			case c.t.options.OnlyCreated:
				return nil, nothingUpdated
			}
			return []place{{url: c.own}}, ""
		}
	default:
		return nil, nothingOther
	}
	// A redirect, which may lead anywhere.
	if at := c.where; at != nil {
		switch relation(at, c.own) {
		case theSame:
			if c.method != http.MethodPost && !c.t.options.OnlyCreated {
				return []place{{url: c.own}}, ""
			}
		case below:
			return []place{{url: at, reach: recent.Below | recent.AnyQuery}}, ""
		}
	}
	return nil, nothingMade
}

// created follows the answer to a write that says what it made.
func (c *covering) created() {
	switch {
	case c.t.options.Covers != nil: // which is asked once
	case c.method != http.MethodPost:
		usual, _ := c.usual()
		for _, p := range usual {
			c.add(p)
		}
	case len(c.t.routes) == 0:
		for _, p := range c.linked(c.where, c.view) {
			c.add(p)
		}
	}
	c.read()
}

// conclude ends the covering with what the bodies say.
func (c *covering) conclude(body []byte, read howRead) {
	things := c.things(body, read)
	c.asked = nil // the caller may keep the answer for long
	c.whole = read == toItsEnd
	routed, ok := c.routed(body, things)
	switch {
	case c.method != http.MethodPost: // a route adds to it
		usual, why := c.usual()
		c.end(append(usual, routed...), why)
		return
	case ok:
		c.end(append(c.linked(c.where), routed...), nothingRouted)
		return
	}
	places := append(c.first[:0], c.linked(c.where, c.view)...)
	for i := range things {
		all, updated := c.placesOf(&things[i], places)
		if updated && c.t.options.OnlyCreated {
			c.end(nil, nothingUpdated)
			return
		}
		places = all
	}
	why := nothingNamed
	switch {
	case read == unclear:
		why = nothingUnclear
	case read != toItsEnd:
		why = nothingRead
	}
	c.end(places, why)
}

// things returns what the bodies say of each thing that was made; of one in most cases.
// What the request says counts if the answer has no ids, or only those of an operation.
func (c *covering) things(body []byte, read howRead) []names {
	kind, _ := format(lastSegment(c.own))
	many := c.makesMany()
	told := namesIn(body, kind)
	if many && len(told.ids) == 0 {
		if made := manyIn(body, kind); made != nil {
			return append(made, told)
		}
		if bare, ok := bareID(body); ok && read == toItsEnd {
			told.ids = []id{bare}
		}
	}
	if len(told.ids) == 0 || c.resp.StatusCode == http.StatusAccepted {
		sent := c.asked.beginning()
		asked := namesIn(sent, kind).ids
		told.ids, told.sent = append(asked, told.ids...), len(asked)
		if many && len(told.ids) == 0 {
			made := slices.DeleteFunc(manyIn(sent, kind), func(n names) bool { return n.bare })
			return append([]names{told}, made...)
		}
	}
	return append(c.one[:0], told)
}

// placesOf adds what one thing that was made covers, unless it is what the write was sent
// to: then that is all that is covered, since it was updated.
func (c *covering) placesOf(thing *names, places []place) (_ []place, updated bool) {
	for _, l := range thing.links {
		places = append(places, c.linked(c.target(l))...)
	}
	stem, suffix := withoutFormat(c.own)
	kind, _ := format(lastSegment(c.own))
	for _, id := range thing.ids {
		if id.text == kind {
			return []place{{url: c.own}}, true // it says what it changed
		}
		at := place{url: under(stem, id.text), reach: c.made()}
		if id.secret {
			at.secret = lastSegment(at.url)
		}
		places = append(places, at)
		if suffix != "" {
			at.url = under(stem, id.text+suffix)
			if id.secret {
				at.secret = lastSegment(at.url)
			}
			places = append(places, at)
		}
	}
	return places, false
}

// made returns how far what was made reaches: below it only where nothing is in doubt.
func (c *covering) made() recent.Reach {
	if c.class == consistency.Ambiguous {
		return recent.AnyQuery
	}
	return recent.Below | recent.AnyQuery
}

// end remembers the places, or says why there are none.
func (c *covering) end(places []place, why string) {
	if c.t.options.Covers != nil {
		places = c.chosen(places)
		why = nothingChosen
	}
	for _, p := range places {
		c.add(p)
	}
	if len(places) == 0 && c.whole && why == nothingNamed && c.class != consistency.Ambiguous && !isRoot(c.req.URL) {
		at := c.t.memory.Path(c.t.space(c.req, c.own), c.own)
		c.t.memory.ClearAt(at)
		c.t.sharing.tell(note{kind: noteCleared, class: uint8(c.class), about: uint64(at)})
	}
	c.t.sharing.sync(c.req.Context())
	c.done = places
	if len(places) > 0 {
		why = ""
	}
	c.tell(why)
}

// chosen asks Covers.
func (c *covering) chosen(usual []place) (places []place) {
	var list []*url.URL
	for _, p := range usual {
		list = append(list, p.url)
	}
	reach := recent.Below
	switch {
	case forgets(c.method):
		reach = recent.Below | recent.AnyQuery
	case c.class == consistency.Ambiguous:
		reach = 0
	case c.method == http.MethodPost:
		reach |= recent.AnyQuery
	}
	for _, u := range c.t.options.Covers(c.req, c.told, list) {
		if u == nil {
			continue
		}
		own := place{url: u, reach: reach}
		for _, p := range usual {
			if p.url == u {
				own = p
			}
		}
		places = append(places, own)
	}
	return places
}

// add remembers one place.
func (c *covering) add(p place) {
	if p.url == nil {
		return
	}
	w := recent.Write{At: c.at, Class: uint8(c.class), Deleted: forgets(c.method), Token: c.token}
	space := c.t.space(c.req, p.url)
	if !w.Deleted {
		c.revive(p.url)
	}
	if w.Token != "" && space != c.t.space(c.req, c.req.URL) {
		w.Token = "" // one origin's token is none of another's business
	}
	if w.Deleted && p.url.RawQuery != "" && !ofPart(p.url.RawQuery) {
		c.forgetAt(p.url)
	}
	at, reach := c.t.memory.Mark(space, p.url, p.reach)
	c.t.memory.RememberAt(at, reach, w)
	kind := noteWrote
	if w.Deleted {
		kind = noteDeleted
	}
	c.t.sharing.tell(note{kind: kind, class: w.Class, reach: uint8(reach), about: uint64(at)})
}

// serverURL returns the URL of the request as the server sees it: with the Host that is
// asked for, whatever the address.
func (c *covering) serverURL() *url.URL {
	u := &c.room
	*u = *resourceURL(c.req)
	u.User, u.Host = nil, cmp.Or(c.req.Host, u.Host)
	return u
}
