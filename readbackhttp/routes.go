package readbackhttp

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Route says what the writes of one path cover, where a [Transport] could not know:
//
//	{Write: "POST /v1/projects/{project}/keys", Covers: []string{"/v1/keys/{id}"}}
type Route struct {
	// Write is the method and the path of the writes, in which a name in braces
	// stands for any one segment, without a query. The method is POST, PUT or PATCH.
	Write string

	// Covers are the URLs that such a write covers, each with what lies below it,
	// in place of those that the ids and links of the answer name; of a PUT or PATCH,
	// beside its own. They are templates as in [Template], with the names of Write
	// as fields too; {id} is the id that the answer or the request has, under
	// whatever name, or what the path of a PUT or PATCH ends with. A POST whose answer
	// is a list covers them for each entry. A template with a field that is not known
	// covers nothing.
	Covers []string

	// Lists are the URLs of lists without pages that get an entry by such a write. A
	// read of one is held until the id of the entry is in it, or its name if no id is
	// known, until the entry is deleted, or until what lies below a URL at or above the
	// list is forgotten. The ids of an entry that a 202 made are those of the request: its
	// answer has an operation's. They are templates too. A list is the document, or a
	// member of it; one whose entries have no ids, or no names, is not held for want of
	// one.
	Lists []string
}

// route is a Route that was read.
type route struct {
	method   string
	segments []piece
	covers   []Target
	lists    []Target
}

func readRoute(r Route) (route, error) {
	name, path, ok := strings.Cut(r.Write, " ")
	if !ok || !isToken(name) || !strings.HasPrefix(path, "/") {
		return route{}, fmt.Errorf("the route %q is not a method and a path", r.Write)
	}
	switch name {
	case http.MethodPost, http.MethodPut, http.MethodPatch:
	default:
		return route{}, fmt.Errorf("the route %q has a method whose writes make nothing: want POST, PUT or PATCH", r.Write)
	}
	if strings.ContainsAny(path, "?#") {
		return route{}, fmt.Errorf("the route %q has more than a path: writes with any query are on it", r.Write)
	}
	read := route{method: name}
	for segment := range strings.SplitSeq(strings.Trim(path, "/"), "/") {
		inner, open := strings.CutPrefix(segment, "{")
		inner, closed := strings.CutSuffix(inner, "}")
		if open != closed || open && inner == "" || !open && strings.ContainsAny(segment, "{}") {
			return route{}, fmt.Errorf("the route %q has an invalid segment: %q", r.Write, segment)
		}
		if plain, err := url.PathUnescape(inner); err == nil && !open {
			inner = plain
		}
		read.segments = append(read.segments, piece{text: inner, field: open})
	}
	if len(r.Covers)+len(r.Lists) == 0 {
		return route{}, fmt.Errorf("the route %q covers nothing", r.Write)
	}
	var err error
	if read.covers, err = templates(r.Covers); err != nil {
		return route{}, err
	}
	read.lists, err = templates(r.Lists)
	return read, err
}

func templates(texts []string) (targets []Target, _ error) {
	for _, text := range texts {
		target := Template(text)
		if err := target.check(); err != nil {
			return nil, err
		}
		targets = append(targets, target)
	}
	return targets, nil
}

// fields returns what the names in the path of a write stand for, and whether the
// route is that of the write.
func (r *route) fields(method string, u *url.URL) (map[string]string, bool) {
	if r.method != method {
		return nil, false
	}
	rest := strings.Trim(u.EscapedPath(), "/")
	fields := make(map[string]string)
	for i, want := range r.segments {
		segment, after, more := strings.Cut(rest, "/")
		if more != (i < len(r.segments)-1) {
			return nil, false
		}
		plain, err := url.PathUnescape(segment)
		if err != nil || !want.field && plain != want.text || want.field && plain == "" {
			return nil, false
		}
		if want.field {
			fields[want.text] = plain
		}
		rest = after
	}
	return fields, true
}

// onRoute reports whether a route has a word in what the write covers.
func (c *covering) onRoute() bool {
	if c.t.options.OnlyCreated && c.resp.StatusCode != http.StatusCreated && c.method != http.MethodPost {
		return false
	}
	for i := range c.t.routes {
		if _, ok := c.t.routes[i].fields(c.method, c.req.URL); ok {
			return true
		}
	}
	return false
}

// makesMany reports whether an answer that is a list, or a bare id, names what the write
// made: that of a 201 does, and that of a 202 names operations. Any other may be of what was
// there before, unless a route says that such a write makes things.
func (c *covering) makesMany() bool {
	if c.method != http.MethodPost || c.resp.StatusCode == http.StatusAccepted {
		return false
	}
	return c.resp.StatusCode == http.StatusCreated || c.onRoute()
}

// madeID returns the id of what was made: what is put somewhere has it in its URL,
// as the field id of a route or at the end.
func (c *covering) madeID(fields map[string]string, named id) id {
	switch {
	case c.method == http.MethodPost:
		return named
	case fields["id"] != "":
		return id{text: fields["id"]}
	}
	return id{text: lastSegment(c.req.URL)}
}

// routed returns what a route says that a write covers, for each thing that was made, and
// whether a route says so.
func (c *covering) routed(body []byte, things []names) (places []place, ok bool) {
	for i := range c.t.routes {
		r := &c.t.routes[i]
		fields, ok := r.fields(c.method, c.req.URL)
		if !ok {
			continue
		}
		for _, thing := range things {
			ids, accepted := thing.ids, c.resp.StatusCode == http.StatusAccepted && c.method == http.MethodPost
			switch {
			case len(ids) == 0:
				ids = []id{{}}
			case !accepted:
				ids = ids[:1]
			}
			if !accepted || thing.sent > 0 { // no list has an operation
				c.listed(r, fields, body, c.madeID(fields, c.entryID(&thing, len(things) == 1)))
			}
			for _, made := range ids { // of a 202 the answer's too: they may not be an operation's
				places = append(places, c.follow(r, fields, body, c.madeID(fields, made))...)
			}
		}
		if len(r.covers) == 0 {
			return nil, false // what it covers is as usual
		}
		return places, true
	}
	return nil, false
}

// follow returns what a route says that one thing that was made covers.
func (c *covering) follow(r *route, fields map[string]string, body []byte, made id) (places []place) {
	secret := ""
	if made.secret {
		secret = made.text
	}
	for _, target := range r.covers {
		if at := c.resolve(target, fields, body, made.text); at != nil {
			places = append(places, place{at, c.made(), secret})
		}
	}
	return places
}

// listed has the lists that a route names wait for one thing that was made.
func (c *covering) listed(r *route, fields map[string]string, body []byte, made id) {
	for _, target := range r.lists {
		if at := c.resolve(target, fields, body, made.text); at != nil && made.text != "" {
			space := c.t.space(c.req, at)
			c.want(c.t.listKey(space, at), space, made)
		}
	}
}

// entryID returns by which id a list is asked for what was made: one that is no name, what
// its Location ends with, or else a name.
func (c *covering) entryID(thing *names, alone bool) id {
	ids := thing.ids
	if thing.sent > 0 {
		ids = ids[:thing.sent]
	}
	if i := slices.IndexFunc(ids, func(one id) bool { return !one.name }); i >= 0 {
		return ids[i]
	}
	at := c.where
	if alone && at != nil && c.resp.StatusCode != http.StatusAccepted && relation(at, c.own) == below {
		return id{text: lastSegment(at)}
	}
	if len(ids) == 0 {
		return id{}
	}
	return ids[0]
}

// resolve returns the URL that a template names, of the write's own origin; nil if
// something is missing.
func (c *covering) resolve(target Target, fields map[string]string, body []byte, id string) *url.URL {
	ref := Ref{Fields: target.pick(&answered{resp: c.told, body: body}, nil)}
	for name, value := range fields {
		ref.Fields[name] = value
	}
	if known := fields["id"] != "" || ref.Fields["id"] != "" && c.resp.StatusCode != http.StatusAccepted; id != "" && !known {
		ref.Fields["id"] = id
	}
	if at := c.where; at != nil {
		ref.Location = at.String()
	}
	at, err := target.resolve(c.own, ref)
	if err != nil || !sameOrigin(at, c.own) || relation(at, c.own) == root {
		return nil
	}
	return at
}
