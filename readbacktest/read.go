package readbacktest

import (
	"bytes"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// read answers a read without the rules: from the cache, from the monitor of an operation, or
// from the replica whose turn it is.
func (h *Handler) read(x *exchange, now time.Duration, pause func(time.Duration) error) (*reply, error) {
	if c, ok := h.cached[x.request.Target]; ok && now < c.until {
		x.note("from the cache")
		return c.answer(now), nil
	}
	if op := h.operation(x.request.path); op != nil {
		return op.monitor(now), nil
	}
	replica := h.pick(x)
	if asked, ok := h.script.Token.asked(x.request.Header); ok {
		if wait := h.resources.until(asked, replica, now, h.script.Token.Wait); wait > 0 {
			h.mu.Unlock()
			err := pause(wait)
			h.mu.Lock()
			if err != nil {
				return nil, err
			}
			now = h.settle()
		}
		if !h.resources.has(asked, replica, now) {
			x.note("behind")
			r := h.script.Token.behind()
			r.behind = true
			return r, nil
		}
	}
	return h.show(x, replica, now), nil
}

// pick returns the replica for the next read.
func (h *Handler) pick(x *exchange) int {
	of := h.script.replicas()
	replica := h.reads % of
	if h.script.Pick != nil {
		replica = h.script.Pick(h.reads)
		if replica < 0 || replica >= of {
			panic("readbacktest: Script.Pick returned " + strconv.Itoa(replica) + ", but there are only " + count(of, "replica"))
		}
	}
	h.reads++
	if of > 1 {
		x.note("replica %d", replica)
	}
	return replica
}

func (h *Handler) operation(path []string) *operation {
	if len(path) != 2 || path[0] != operations {
		return nil
	}
	n, err := strconv.Atoi(path[1])
	if err != nil || n < 1 || n > len(h.operations) {
		return nil
	}
	return h.operations[n-1]
}

// show answers with what a replica shows at a time.
func (h *Handler) show(x *exchange, replica int, now time.Duration) *reply {
	path := joinPath(x.request.path)
	var v *version
	var what sight
	if t := h.resources.things[path]; t != nil {
		v, what = look(t.history, replica, now)
	}
	switch what {
	case sightForbidden:
		return refuse(http.StatusForbidden)
	case sightPart:
		return document(http.StatusOK, v.stub)
	case sightWhole:
		if hasTag(x.request.Header.Values("If-None-Match"), v.etag) {
			return &reply{status: http.StatusNotModified, header: http.Header{"Etag": {v.etag}}}
		}
		r := document(http.StatusOK, v.body)
		r.header.Set("Etag", v.etag)
		return r
	case sightDeleted:
		switch h.script.Tombstone {
		case Gone:
			return refuse(http.StatusGone)
		case DeletedAt:
			return document(http.StatusOK, v.stub)
		}
	case sightNothing:
		if h.resources.isCollection(path) {
			return document(http.StatusOK, h.resources.list(path, x.url.Query(), replica, now-h.script.ListLag))
		}
	}
	return refuse(http.StatusNotFound)
}

// isCollection reports whether a path is a collection: something was posted to it, or is
// directly below it, visible or not.
func (rs *resources) isCollection(path string) bool {
	return rs.collections[path] || len(rs.children[path]) > 0
}

// list returns the objects of a collection that a replica shows at a time, and that have the
// members which the query asks for.
func (rs *resources) list(path string, query map[string][]string, replica int, at time.Duration) []byte {
	shown := [][]byte{}
	for _, t := range rs.children[path] {
		v, what := look(t.history, replica, at)
		switch {
		case what == sightPart && fits(map[string]any{"id": v.doc["id"]}, query):
			shown = append(shown, v.stub)
		case what == sightWhole && fits(v.doc, query):
			shown = append(shown, v.body)
		}
	}
	return slices.Concat([]byte("["), bytes.Join(shown, []byte(",")), []byte("]"))
}

func fits(doc map[string]any, query map[string][]string) bool {
	for name, wanted := range query {
		got, ok := plain(doc[name])
		if !ok || !slices.Contains(wanted, got) {
			return false
		}
	}
	return true
}

// has reports whether a replica has reached a position.
func (rs *resources) has(position, replica int, now time.Duration) bool {
	return position >= 1 && position <= len(rs.reached) && rs.reached[position-1][replica] <= now
}

// until returns how long a read waits for a replica to reach a position, at most wait.
func (rs *resources) until(position, replica int, now, wait time.Duration) time.Duration {
	if position >= 1 && position <= len(rs.reached) {
		return min(wait, max(0, rs.reached[position-1][replica]-now))
	}
	return wait
}

// cached is a 404 that a cache keeps.
type cached struct {
	*reply
	since, until time.Duration
}

// answer returns what the cache answers at a time.
func (c cached) answer(now time.Duration) *reply {
	r := *c.reply
	r.header = maps.Clone(r.header)
	r.header.Set("Age", strconv.Itoa(int((now-c.since)/time.Second)))
	r.header.Set("X-Cache", "HIT")
	return &r
}

// store puts an answer into the cache if it is one to keep.
func (h *Handler) store(x *exchange, r *reply) {
	method := x.request.Method
	if h.script.NegativeCache == 0 || r.status != http.StatusNotFound || method != http.MethodGet && method != http.MethodHead {
		return
	}
	now := x.request.At
	if c, ok := h.cached[x.request.Target]; ok && now < c.until {
		return // the answer came from the cache
	}
	h.cached[x.request.Target] = cached{reply: r, since: now, until: now + h.script.NegativeCache}
}
