package world

import (
	"net/http"
	"strings"
	"time"
)

// beginRead notes a request to read, and returns its number, how long it takes
// and the fault that it meets, if any.
func (w *World) beginRead(ask *Ask) (n int, took time.Duration, fault *Fault) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	if w.ended {
		w.Late++
	}
	owner, _, _ := strings.Cut(ask.Token, ":")
	if who, _, _ := strings.Cut(ask.Auth, " "); owner != "" && owner != who {
		w.Strays = append(w.Strays, "a token of "+owner+" in a request of "+who)
	}
	if ask.Host == elsewhere && ask.Auth+ask.Token != "" {
		w.Strays = append(w.Strays, "credentials in a request to another origin")
	}
	look := Look{Client: ask.Client, Kind: Thing, ID: idOf(ask.Path), Began: now, Token: ask.Token != ""}
	switch {
	case ask.Path == "/things":
		look.Kind = List
	case strings.HasPrefix(ask.Path, "/operations/"):
		look.Kind = Operation
	}
	w.Looks = append(w.Looks, look)
	// Drawn in any case, so that one fault more does not change all that follows.
	dice := w.diceOf(ask.Client)
	share, luck, replica := dice.Float64(), dice.Float64(), dice.IntN(len(w.Lags))
	if w.Sticky {
		replica = 0
	}
	w.Looks[len(w.Looks)-1].replica = replica
	took = w.Pace/2 + time.Duration(share*float64(w.Pace/2))
	if now.Sub(w.Start) >= w.Calm {
		return len(w.Looks) - 1, took, nil
	}
	if w.Slow > 0 {
		took += time.Duration(share * share * share * float64(w.Slow))
	}
	for i := range w.Faults {
		if luck -= w.Faults[i].Chance; luck < 0 {
			return len(w.Looks) - 1, took, &w.Faults[i]
		}
	}
	return len(w.Looks) - 1, took, nil
}

// fail answers a read with a fault.
func (w *World) fail(look *Look, fault *Fault) Reply {
	reply := Reply{Status: fault.Answer}
	look.Note = "fault"
	if fault.Answer == http.StatusForbidden {
		look.Role = true
		reply.Body = `{"code":403,"message":"role missing"}`
	}
	if fault.RetryAfter > 0 {
		reply.retryAfter(fault.RetryAfter, fault.Date, w.Skew)
	}
	if fault.Limited {
		look.Limited, look.Role, reply.Body = true, false, `{"message":"slow down"}`
		if w.Scene == Hinted {
			w.hint(&reply)
		} else {
			reply.set("X-Ratelimit-Remaining", "0")
		}
		if fault.Ages {
			reply.set("Retry-After", "99999999999999999999")
		}
	}
	if fault.Page != "" {
		reply.Body, look.Empty = fault.Page, Empty
	}
	return reply
}

// serveRead answers a read as things are now.
func (w *World) serveRead(n int, ask *Ask, fault *Fault) Reply {
	w.mu.Lock()
	defer w.mu.Unlock()
	look, now := &w.Looks[n], time.Now()
	if fault != nil && !fault.Broken {
		return w.fail(look, fault)
	}
	if c, ok := w.recall(ask, now); ok {
		look.Cached, look.Shows, look.Note = true, c.shows, "cached"
		look.Empty, look.Spoilt = c.reply.empty, c.reply.spoilt
		reply := c.reply
		reply.Header = c.reply.Header.Clone()
		reply.set("Age", "1")
		return reply
	}
	var reply Reply
	lie := false
	switch look.Kind {
	case List:
		reply = w.list(look.replica, now)
		look.Shows = strings.Contains(reply.Body, "ours-")
	case Operation:
		reply = w.operation(now)
		_, done := w.done(now)
		look.Failing, look.Over = reply.failing, reply.failing || done
	default:
		reply, look.Shows = w.thing(look.replica, ask, now)
		if w.empty && now.Sub(w.Start) < w.Calm {
			reply, look.Shows, look.Note = Reply{Status: http.StatusNotFound}, false, "amnesia"
			lie = true
		}
		w.empty = false
		reply = w.emptied(n, reply)
		look.Empty, look.Spoilt, look.Failing = reply.empty, reply.spoilt, reply.failing
	}
	if fault != nil && reply.Status == http.StatusOK {
		reply.Broken, look.Broken = true, true
		if reply.empty != Full { // there is little to cut short
			reply.Broken, look.Broken = false, false
		}
	}
	if !lie {
		w.keep(ask, reply, look.Shows, now)
	}
	return reply
}

// endRead notes that a read was answered.
func (w *World) endRead(n int, reply Reply) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if reply.Status > 0 {
		now := time.Now()
		w.Looks[n].Headed, w.Looks[n].Answered, w.Looks[n].Status = now, now, reply.Status
	}
	w.Looks[n].Lost = reply.Status == Lost
	switch s := reply.Status; {
	case w.Looks[n].Kind != Thing:
	case w.Amnesia && s >= 500:
		w.empty = w.empty || reply.how == AtOnce // or nobody may have waited for it
	case s >= 200 && s < 300 || s >= 400 && s != 408 && s != 425 && s != 429:
		w.empty = false
	}
}

// leaveRead notes that nobody waits for a read any more.
func (w *World) leaveRead(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.Looks[n].Ended = time.Now()
}

// thing answers a read of one thing, and tells whether it shows the write.
func (w *World) thing(replica int, ask *Ask, now time.Time) (Reply, bool) {
	id := idOf(ask.Path)
	last, since := w.stands(replica, id, now)
	seen := last == Ours || last == Agrees
	switch {
	case !Mine(id) && w.exists(id):
		return Reply{Status: 200, Body: `{"id":"` + id + `","value":0}`}, false
	case !Mine(id):
		return Reply{Status: http.StatusNotFound}, false
	case ask.Token != "" && !w.reached(replica, id, now):
		return Reply{Status: http.StatusPreconditionFailed}, false
	case last == Removes:
		return Reply{Status: http.StatusNotFound}, false
	case last == Overwrites: // what was created is there all the same
		return Reply{Status: 200, Body: `{"id":"` + id + `","value":2}`}, w.Goal == Create
	}
	switch w.Goal {
	case Delete:
		switch {
		case seen && w.Tombstones:
			return Reply{Status: http.StatusGone}, true
		case seen:
			return Reply{Status: http.StatusNotFound}, true
		}
		return Reply{Status: 200, Body: `{"id":"` + id + `","value":0}`}, false
	case Create:
		if w.Scene == Located && w.Ending == Provision {
			return w.provision(id, seen, now), seen
		}
		switch {
		case !seen && w.Ghost:
			return Reply{Status: http.StatusGone}, false
		case !seen:
			return Reply{Status: http.StatusNotFound}, false
		}
	}
	fresh := ask.Auth != "alice"
	if seen && (now.Sub(since) < w.Denied || w.NeedsFresh && !fresh) {
		return Reply{Status: http.StatusForbidden, Body: `{"status":403,"message":"no access to this instance"}`}, false
	}
	value := "0"
	if seen {
		value = "1"
	}
	reply := Reply{Status: 200, Body: `{"id":"` + id + `","value":` + value + `}`}
	if strings.Contains(w.Tag, "%s") {
		reply.set("Etag", w.tagShown(value))
	}
	switch {
	case seen && w.spoilt(since, now):
		reply.Body, reply.spoilt = `{"id":"`+id+`","value":`+value+`,"state":"FAILED","by":1}`, true
	case !seen && w.Spoilt:
		reply.Body = `{"id":"` + id + `","value":` + value + `,"state":"FAILED","by":0}`
	}
	return reply, seen
}

// exists reports whether id is a thing of somebody else.
func (w *World) exists(id string) bool {
	for i := range w.Foreign + len(w.Rivals) {
		if Foreign(i) == id {
			return true
		}
	}
	return false
}

// list answers with all things of the name.
func (w *World) list(replica int, now time.Time) Reply {
	var ids []string
	for i := range w.Foreign + w.doubled(replica, now) {
		ids = append(ids, Foreign(i))
	}
	for _, run := range w.Runs {
		if last, _ := w.stands(replica, run.ID, now); !run.Seen[replica].After(now) && last != Removes {
			ids = append(ids, run.ID)
		}
	}
	return Reply{Status: 200, Body: strings.Join(w.named(ids), ",")}
}

// operation answers how far the write is that was accepted.
func (w *World) operation(now time.Time) Reply {
	if w.Wide {
		return w.shaped(now)
	}
	return w.operationOf(now)
}

// operationOf is operation in the plain shape.
func (w *World) operationOf(now time.Time) Reply {
	_, done := w.done(now)
	last := w.Tries[len(w.Tries)-1]
	fate := &w.Fates[last.Fate]
	switch {
	case done && fate.SeeOther:
		reply := Reply{Status: http.StatusSeeOther}
		reply.set("Location", "/things/"+w.Runs[0].ID)
		return reply
	case done:
		return Reply{Status: 200, Body: `{"status":"succeeded"}`}
	case fate.Fails > 0 && now.Sub(last.Began) >= fate.Fails:
		return Reply{Status: 200, Body: `{"status":"failed"}`, failing: true}
	}
	return Reply{Status: 200, Body: `{"status":"running"}`}
}
