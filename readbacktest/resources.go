package readbacktest

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// resources are the things that the server keeps, with all their versions.
type resources struct {
	script      *Script
	start       time.Time
	things      map[string]*thing   // by path
	children    map[string][]*thing // by the path above, in order of creation
	collections map[string]bool     // paths that something was posted to
	lastID      int
	reached     [][]time.Duration // by position-1: from when each replica has reached the position
}

// thing is one resource.
type thing struct {
	path, above string
	history     []*version
}

func newResources(s *Script, start time.Time) *resources {
	rs := &resources{
		script: s, start: start, things: make(map[string]*thing),
		children: make(map[string][]*thing), collections: make(map[string]bool),
	}
	for _, given := range slices.Sorted(maps.Keys(s.Existing)) {
		p, _ := parsePattern(given)
		path := make([]string, len(p.segments))
		for i := range p.segments {
			path[i] = p.segments[i].text
		}
		doc, _ := parseObject([]byte(s.Existing[given])) // both were checked with the script
		c := change{path: path, doc: doc, created: true}
		rs.add(&c, rs.version(&c, always))
	}
	return rs
}

// get returns the thing at a path, and its newest version unless it is deleted.
func (rs *resources) get(path string) (*thing, *version) {
	t := rs.things[path]
	if t == nil {
		return nil, nil
	}
	if v := t.history[len(t.history)-1]; !v.gone {
		return t, v
	}
	return t, nil
}

// command is a write that arrived, to be executed now or later.
type command struct {
	method string
	path   []string
	header http.Header
	doc    map[string]any
	rule   *Rule
	id     string // of the thing that a POST will create, until it was created
	keyed  *keyed // what is remembered for its Idempotency-Key; nil if nothing
	op     *operation
}

// change is the result of a command in the present state: a new version, or a status of 400
// and above that refuses it.
type change struct {
	status  int
	path    []string
	created bool
	gone    bool
	doc     map[string]any
}

// plan returns the change that a command would make. It changes only the id that a POST
// gets, so that the answer can name a thing that is created later.
func (rs *resources) plan(j *command) change {
	path := joinPath(j.path)
	t, current := rs.get(path)
	if status := precondition(j.header, current); status != 0 {
		return change{status: status}
	}
	c := change{path: j.path}
	switch j.method {
	case http.MethodPost:
		id, given := plain(j.doc["id"])
		if !given || id == "" {
			if j.id == "" {
				rs.lastID++
				j.id = strconv.Itoa(rs.lastID)
			}
			id = j.id
		}
		if id == "." || id == ".." { // no URL could name it
			return change{status: http.StatusBadRequest}
		}
		c.path = append(slices.Clip(slices.Clone(j.path)), id)
		if _, taken := rs.get(joinPath(c.path)); taken != nil || rs.taken(path, j.doc) {
			return change{status: http.StatusConflict}
		}
		c.status, c.created, c.doc = http.StatusCreated, true, j.doc
	case http.MethodPut:
		c.status, c.created, c.doc = http.StatusOK, current == nil, j.doc
		if c.created {
			c.status = http.StatusCreated
		}
	case http.MethodPatch:
		if current == nil {
			return change{status: http.StatusNotFound}
		}
		c.status, c.doc = http.StatusOK, merge(current.doc, j.doc).(map[string]any)
	case http.MethodDelete:
		if current == nil {
			status := http.StatusNotFound
			if t != nil && rs.script.Tombstone == Gone {
				status = http.StatusGone
			}
			return change{status: status}
		}
		c.status, c.gone, c.doc = http.StatusNoContent, true, current.doc
	}
	return c
}

// taken reports whether a thing of the collection at path has the same unique member as doc.
func (rs *resources) taken(path string, doc map[string]any) bool {
	name := rs.script.Unique
	wanted, given := doc[name]
	if name == "" || !given {
		return false
	}
	return slices.ContainsFunc(rs.children[path], func(t *thing) bool {
		v := t.history[len(t.history)-1]
		return !v.gone && string(encode(v.doc[name])) == string(encode(wanted))
	})
}

// execute carries a command out at a time. It returns the change, the new version and its
// position. If the command is refused, it does nothing, and the version is nil.
func (rs *resources) execute(j *command, at time.Duration) (change, *version, int) {
	c := rs.plan(j)
	j.id = ""
	if c.status >= 400 {
		return c, nil, 0
	}
	n := len(rs.reached)
	v := rs.version(&c, at)
	for replica := range v.lags {
		v.lags[replica] = rs.script.lagOf(j.rule, n, replica)
	}
	v.forbidden, v.partial = rs.script.forbiddenOf(j.rule, n), rs.script.Partial
	t := rs.add(&c, v)
	reached := make([]time.Duration, len(v.lags))
	for replica := range reached {
		reached[replica] = shownAt(t.history, replica)
		if n > 0 {
			reached[replica] = max(reached[replica], rs.reached[n-1][replica])
		}
	}
	rs.reached = append(rs.reached, reached)
	return c, v, n + 1
}

// version makes the version of a change, without lags yet.
func (rs *resources) version(c *change, at time.Duration) *version {
	v := &version{made: at, created: c.created, gone: c.gone, lags: make([]time.Duration, rs.script.replicas())}
	before := 0
	if t := rs.things[joinPath(c.path)]; t != nil {
		before = len(t.history)
	}
	v.etag = `"` + strconv.Itoa(before+1) + `"`
	v.doc = maps.Clone(c.doc)
	if _, has := v.doc["id"]; !has && len(c.path) > 0 {
		v.doc["id"] = c.path[len(c.path)-1]
	}
	v.body = encode(v.doc)
	switch id := v.doc["id"]; {
	case c.gone:
		v.stub = encode(map[string]any{"id": id, "deleted_at": rs.start.Add(at + rs.script.Skew).UTC().Format(time.RFC3339)})
	case rs.script.Partial > 0:
		v.stub = encode(map[string]any{"id": id})
	}
	return v
}

// add adds a version to the thing at the change's path.
func (rs *resources) add(c *change, v *version) *thing {
	path := joinPath(c.path)
	t := rs.things[path]
	if t == nil {
		t = &thing{path: path, above: joinPath(c.path[:max(0, len(c.path)-1)])}
		rs.things[path] = t
		rs.children[t.above] = append(rs.children[t.above], t)
	}
	t.history = append(t.history, v)
	return t
}
