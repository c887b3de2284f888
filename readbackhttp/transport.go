package readbackhttp

import (
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/holding"
	"github.com/readback-go/readback/internal/limit"
	"github.com/readback-go/readback/internal/recent"
	"github.com/readback-go/readback/internal/wire"
)

// Transport is an [http.RoundTripper] that lets a client read what it wrote: it
// remembers recent writes, and holds a later GET or HEAD on what was just written
// whose answer is lag, by the tables of package consistency or a rule of the policy,
// such as a 404 or the 403 of an instance that is not there yet. When the read model
// has caught up, it hands on the answer as the server gave it; if the window ends
// before, that is the last 404 or 403. Make it with [NewTransport].
//
//	client := &http.Client{Transport: readbackhttp.NewTransport(nil, readbackhttp.TransportOptions{})}
//
// # Writes
//
// No write is sent twice by the Transport, whatever it was answered, unless
// TransportOptions.Policy consents. (An [http.Transport] beneath it repeats a
// write by itself if a connection that was used before dies, the write has an
// Idempotency-Key, and its request has a GetBody.)
//
// What a write covers is told by its answer:
//
//   - A POST that is done, a 202 too, covers what its Location, its Content-Location or a
//     link to itself in the body names, of the same origin, with any query, and what lies
//     below. If it has a query itself, reads are to ask for the same: of one that is a
//     single pair, such as id=7, perhaps for more. Links are the members self, selfLink,
//     href, url, uri and those of links or _links. A service behind a balancer may know
//     itself by another origin: of such a Location, or a link called self, to what lies
//     right below the URL of the write, the path counts.
//   - A POST that is done and whose answer or request has ids in JSON covers
//     its URL with each of them as one more segment, and what lies below. Ids are
//     the members id, uid, uuid, guid, iid, oid, name, key, slug, identifier and
//     number, in any case and with _ and -, also with the kind before them, such as
//     indexUid below /indexes: of the document, of metadata or data in it, or of an
//     object that is its only member beside links, meta and the like. Those of the
//     request count if the answer has none, or is a 202, whose own are an
//     operation's. If one is the last segment of the URL itself, the POST is an
//     update. Of a 201 without such an id, a bare number or text is one, and a list
//     names each thing in it, 100 at most, that does not say that it failed: the
//     document, its member data, items, results, value or ids or by the name of the
//     kind, or the only one in _embedded. What is made at /things.json is read at
//     /things/7.json.
//   - A PUT that is answered with 201 covers its URL and what lies below; any other
//     update that is done covers its exact URL alone, and so does one whose answer
//     is ambiguous, such as a 503 or none.
//   - A DELETE, or a MOVE of WebDAV, that is not refused covers nothing, and what
//     was written before on its URL and below is forgotten; if it has a query, such as
//     force or recursive=true, with any query, unless that names a sub-resource of S3,
//     such as tagging. So does a POST whose path ends with delete, remove or the like,
//     as /things/7/delete, for what stands before. Another POST that is done, names nothing and was
//     read to its end forgets what lies below its URL, unless that is the root, or
//     the answer is a JSON object of over 64 KiB or in an encoding that is not known.
//   - A redirect covers what lies below the URL of the write, and nothing else. What
//     was refused or never sent covers nothing.
//
// A POST with an X-HTTP-Method-Override, X-HTTP-Method or X-Method-Override is taken
// for a request of that method.
//
// What lies below is covered for 3 s (TransportOptions.Below), and only until a read
// of the same caller, begun after the write, shows something at or below it: then a
// 404 beside that is an honest one.
//
// The body of a POST's answer is read along as the client reads it, up to 64 KiB,
// with gzip undone; nothing is held back or changed. What the client does not
// read is not known. Where a write covers nothing, a [Route] can say what it
// covers, or Covers; Wrote, the observer and the logger are told of each write what
// it covers, or why nothing.
//
// A service in several copies needs one memory: with [Share], what was written
// through one Transport is held by the others.
//
// The memory is bounded in number and time. It knows of a write by keyed hashes
// of its URL, its origin and its credentials: what one user writes does not hold
// up the reads of another.
//
// # Reads
//
// What is not covered passes through, without delay and without a copy, and so
// do requests with something in their body, conditional ones, those with Range,
// Expect or Upgrade, and a 403 whose body names a missing role. The answer of a
// read that is held is kept, up to 64 KiB, so that its connection is free; a longer
// one is handed on at once, and so is one that takes over a second to arrive. Where
// a body counts, such as for Hold.Match, gzip is undone first.
//
// A poll is the same request again, with Cache-Control: no-cache unless the
// request has one. One that fails, or whose answer says nothing of what is there,
// such as a 429 or a 503, is followed by another. What is neither lag nor such is
// handed on: redirects are not followed, and a 401 ends the hold. A trace in the
// request's context sees the polls too.
//
// A held read ends a reserve, which is twice its slowest request so far, before
// the deadline of its context or of http.Client.Timeout: an honest 404 does not
// become a timeout. If the context is cancelled, the error is its own and its cause.
//
// Goroutines that wait for the same read share the waiting: one polls, and when
// it was answered, each of the others reads once for itself.
//
// [WithHold] makes exceptions for one request.
//
// A Transport is safe for concurrent use. A read that waits has no goroutine
// besides the caller's, except for one that minds a Timeout of http.Client, and
// none outlives the body of the answer.
type Transport struct {
	base    http.RoundTripper
	direct  bool // base is net/http's own
	options TransportOptions
	err     error // what is wrong with the options
	ruled   bool  // the policy has rules for reads
	bodies  bool  // which ask for bodies
	routes  []route
	memory  *recent.Memory
	lists   *lists
	waiting holding.Waiting[pacing]
	limits  limit.Limits[recent.Space] // by origin
	sharing *sharing                   // nil if nothing is shared
}

// NewTransport returns a Transport that sends requests by base. A nil base means
// [http.DefaultTransport]. If an option is invalid, each request fails before it
// is sent, with an error that matches consistency.ErrInvalid.
func NewTransport(base http.RoundTripper, options TransportOptions) *Transport {
	if base == nil {
		base = http.DefaultTransport
	}
	t := &Transport{base: base, options: options}
	_, t.direct = base.(*http.Transport)
	if t.err = options.Validate(); t.err != nil {
		return t
	}
	t.options.fillIn()
	rules := &t.options.Policy.Rules
	t.ruled, t.bodies = len(rules.Read) > 0, rules.AskForBodies(consistency.PhaseRead)
	for _, r := range options.Routes {
		read, _ := readRoute(r) // which was validated
		t.routes = append(t.routes, read)
	}
	share := t.options.Share
	var secret []byte
	if share.Carrier != nil {
		secret = subkey(share.Secret, "marks")
	}
	t.memory = recent.NewShared(secret, t.options.MaxWrites, t.options.Remember, t.options.Below)
	t.lists = newLists(t.memory.Text, t.options.MaxWrites, t.options.Remember)
	t.limits.PerSecond = t.options.PollsPerSecond
	if share.Carrier != nil {
		t.sharing = newSharing(share, t.memory, t.lists)
		share.Carrier.Receive(t.sharing.heed)
	}
	return t
}

// CloseIdleConnections closes those of the base, if it can.
func (t *Transport) CloseIdleConnections() {
	(&http.Client{Transport: t.base}).CloseIdleConnections()
}

// RoundTrip sends req and returns its answer, or a later one if req is a read
// that is held. The errors are those of the base, and those of the context, with its
// cause, if that was cancelled while a read was held.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if t.err != nil {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, t.err
	}
	if req.URL == nil { // the base knows what to say
		return t.base.RoundTrip(req)
	}
	if call := wire.From(req.Context()); call != nil {
		return call.RoundTrip(asOne{t}, req, t.direct)
	}
	return t.send(req)
}

// asOne is a Transport inside of a flow, which is told of each request as one,
// however often it was polled.
type asOne struct{ t *Transport }

func (o asOne) RoundTrip(req *http.Request) (*http.Response, error) {
	return o.t.send(req.WithContext(wire.Silent(req.Context())))
}

func (t *Transport) send(req *http.Request) (*http.Response, error) {
	switch method := req.Method; {
	case method == "" || method == http.MethodGet || method == http.MethodHead:
		return t.read(req)
	case method == http.MethodConnect || wire.Safe(method):
		return t.base.RoundTrip(req)
	}
	return t.write(req)
}

// read sends a read. As long as its answer is not suspicious, it costs nothing
// but a look at the status.
func (t *Transport) read(req *http.Request) (*http.Response, error) {
	if t.sharing == nil && t.memory.Empty() && t.lists.empty() || !holdable(req) {
		return t.base.RoundTrip(req)
	}
	if t.options.Token != nil {
		return t.readWithToken(req)
	}
	return t.readPlain(req)
}

// readPlain sends a read as it is.
func (t *Transport) readPlain(req *http.Request) (*http.Response, error) {
	began := time.Now()
	resp, err := t.base.RoundTrip(req)
	if err != nil {
		return resp, err
	}
	if good(resp) {
		t.shown(req, resp, began)
		if !t.options.HoldDeleted && !t.ruled && t.lists.empty() && holdOf(req.Context()).Match == nil {
			return resp, nil
		}
	}
	own := holdOf(req.Context())
	if own.Off {
		return resp, nil
	}
	if list, w := t.listed(req, own); list != nil {
		h := t.newHeld(req, req, &list.Hold, w, began)
		h.list = list
		return h.hold(resp)
	}
	w, covered := t.latest(req)
	if !covered && t.sharing != nil && resp.StatusCode >= 400 {
		w, covered = t.toldOf(req, began)
	}
	if !covered {
		return resp, nil
	}
	return t.newHeld(req, req, own, w, began).hold(resp)
}

// readWithToken sends a read that asks for the position of the write that covers
// it, if there is one.
func (t *Transport) readWithToken(req *http.Request) (*http.Response, error) {
	own := holdOf(req.Context())
	w, covered := recent.Write{}, false
	if !own.Off {
		w, covered = t.latest(req)
	}
	list, _ := t.listed(req, own)
	if !covered || list != nil { // what is in a list is for its ids to tell
		return t.readPlain(req)
	}
	sent := req
	if w.Token != "" {
		sent = req.Clone(req.Context())
		if sent.Header == nil {
			sent.Header = make(http.Header)
		}
		t.options.Token.Put(sent, w.Token)
	}
	h := t.newHeld(req, sent, own, w, time.Now())
	resp, err := t.base.RoundTrip(sent)
	if err != nil {
		return resp, err
	}
	resp.Request = req
	t.shown(req, resp, h.began)
	return h.hold(resp)
}

// toldOf returns the write that covers a read that found nothing, if another Transport is
// telling of it just now. The write came before the read, though its note comes after.
func (t *Transport) toldOf(req *http.Request, began time.Time) (recent.Write, bool) {
	t.sharing.sync(req.Context())
	w, covered := t.latest(req)
	if covered && w.At.After(began) {
		w.At = began
	}
	return w, covered
}

// holdable reports whether req can be sent again and its answer be judged.
func holdable(req *http.Request) bool {
	if req.Body != nil && req.Body != http.NoBody && !emptyBody(req) {
		return false
	}
	for name := range req.Header {
		if passes(name) {
			return false
		}
	}
	return true
}

// emptyBody reports whether the body of req is there, but nothing is in it, as some
// clients send all of their reads.
func emptyBody(req *http.Request) bool {
	if req.ContentLength != 0 || req.GetBody == nil {
		return false
	}
	body, err := req.GetBody()
	if err != nil {
		return false
	}
	defer func() { _ = body.Close() }()
	n, err := body.Read(make([]byte, 1))
	return n == 0 && err == io.EOF
}

// shown notes a good answer to a read that began then: from now on, a 404 beside what it
// shows is an honest one.
func (t *Transport) shown(req *http.Request, resp *http.Response, began time.Time) {
	if good(resp) && resp.StatusCode != http.StatusAccepted {
		t.memory.Seen(func() recent.Space { return t.space(req, req.URL) }, resourceURL(req), began)
	}
}

// passes reports whether a header, in any case, is one whose requests are not held: their
// answers depend on more than what is there.
func passes(name string) bool {
	switch len(name) { // most headers are told apart by it
	case 5:
		return strings.EqualFold(name, "Range")
	case 6:
		return strings.EqualFold(name, "Expect")
	case 7:
		return strings.EqualFold(name, "Upgrade")
	case 8:
		return strings.EqualFold(name, "If-Match") || strings.EqualFold(name, "If-Range")
	case 13:
		return strings.EqualFold(name, "If-None-Match")
	case 17:
		return strings.EqualFold(name, "If-Modified-Since")
	case 19:
		return strings.EqualFold(name, "If-Unmodified-Since")
	}
	return false
}
