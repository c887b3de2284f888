package world

import (
	"cmp"
	"net/http"
	"strings"
	"time"
)

// beginWrite notes a request to write, and returns its number and its fate.
func (w *World) beginWrite(ask *Ask) (n int, fate *Fate) {
	w.mu.Lock()
	defer w.mu.Unlock()
	n = len(w.Tries)
	if w.Wide {
		w.empty = false // whoever looked before has met the end of the outage
	}
	which := min(n, len(w.Fates)-1)
	fate = &w.Fates[which]
	w.Tries = append(w.Tries, Try{
		Client: ask.Client, Began: time.Now(), Fate: which, Sent: fate.Answer != Unreached, Key: ask.Key,
	})
	return n, fate
}

// serveWrite carries a write out, or not, as its fate is.
func (w *World) serveWrite(n int, fate *Fate, ask *Ask) Reply {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	reply := Reply{Status: fate.Answer}
	if ask.Key != "" && w.Tries[n].Began.Sub(w.Tries[0].Began) < w.KeyFor && len(w.Runs) > 0 {
		// The key says that this is the write from before.
		w.answerDone(&reply, w.Runs[0].ID)
		w.tell(&reply, true)
		return reply
	}
	id, _ := w.done(now)
	last, _ := w.stands(primary, id, now)
	done := last == Ours || last == Agrees
	switch {
	case w.Goal == Create && w.Unique && fate.Answer < 300 && fate.Answer > 0 && w.taken(id, now):
		reply.Status = http.StatusConflict
		return reply
	case done && w.Goal == Delete && fate.Answer < 300 && fate.Answer > 0:
		reply.Status = http.StatusNotFound
		return reply
	}
	made := w.carryOut(fate, now)
	if len(fate.Runs) > 0 {
		id = made
		if fate.Answer < 400 {
			id = w.Runs[len(w.Runs)-len(fate.Runs)].ID
		}
	}
	if fate.RetryAfter != "" {
		reply.set("Retry-After", fate.RetryAfter)
	}
	switch {
	case fate.Answer <= 0 || fate.Answer >= 400:
		return reply
	case id == "": // accepted, and never carried out
		id = "ours-9"
	}
	w.answerDone(&reply, id)
	w.tell(&reply, last == Ours && w.Goal == Update)
	reply.Status = fate.Answer
	switch {
	case fate.Monitor && w.Wide && w.ByTemplate:
		reply.Body = `{"task":1,` + strings.TrimPrefix(cmp.Or(reply.Body, "{}"), "{")
		reply.Body = strings.Replace(reply.Body, ",}", "}", 1)
	case fate.Monitor && w.Scene == Located:
		if w.Ending != Provision {
			reply.set("Location", "/operations/1")
		}
	case fate.Monitor:
		reply.set("Operation-Location", "/operations/1")
	}
	return reply
}

// answerDone fills in what the answer to a write that was carried out says.
func (w *World) answerDone(reply *Reply, id string) {
	reply.Status = http.StatusOK
	switch w.Goal {
	case Create:
		reply.Status = http.StatusCreated
		reply.set("Location", "/things/"+id)
		if w.Elsewhere {
			reply.set("Location", "http://"+elsewhere+"/things/"+id)
		}
		reply.Body = `{"id":"` + id + `"}`
		if w.Nameless {
			reply.Body = `{"done":true}`
			delete(reply.Header, "Location")
		}
	case Delete:
		reply.Status = http.StatusNoContent
	}
	if w.Scene == Plainly {
		reply.Body = `{"done":true}`
	}
	switch {
	case w.Tag != "":
		reply.set("Etag", w.tag("1"))
	case w.Token && !w.Mute:
		reply.set("Etag", "alice:1")
	}
}

// tag returns the ETag of a thing of that value.
func (w *World) tag(value string) string { return strings.Replace(w.Tag, "%s", value, 1) }

// taken reports whether there is a thing of the name that a create would not make
// another of.
func (w *World) taken(id string, now time.Time) bool {
	last, _ := w.stands(primary, id, now)
	return last == Ours || last == Overwrites || w.doubled(primary, now) > 0
}

// Unchanged is the header that says that a write has changed nothing.
const Unchanged = "X-Unchanged"

// tell says in the answer to a write whether all was as it wants it before.
func (w *World) tell(reply *Reply, unchanged bool) {
	if w.Tells && unchanged {
		reply.set(Unchanged, "true")
	}
}

// endWrite notes that a write was answered.
func (w *World) endWrite(n int, reply Reply) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if reply.Status > 0 {
		w.Tries[n].Answered, w.Tries[n].Status = time.Now(), reply.Status
	}
}

func isWrite(method string) bool {
	return method != http.MethodGet && method != http.MethodHead && method != ""
}

func idOf(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }
