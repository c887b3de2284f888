package world

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// wideShare is how many worlds have anything that is drawn here.
const wideShare = 0.4

// wideStream is the stream of dice that wide worlds are drawn with.
const wideStream = 6

// Shape is how the service shows an operation that goes on.
type Shape uint8

const (
	ByState  Shape = iota // 200 and a state
	ByStatus              // 202 until it is done
	ByError               // 200, done or not, and an error beside it
	shapes
)

// String returns the shape in lower case.
func (s Shape) String() string {
	return [...]string{"by state", "by status", "by error"}[s]
}

// Widen draws what few worlds have, with dice of its own.
func (s *Spec) Widen(shrink int) {
	d := NewDice(s.Seed, wideStream).Shrunk(shrink)
	if s.Wide = d.Chance(wideShare); !s.Wide {
		return
	}
	if d.Chance(0.4) {
		for range 1 + d.IntN(2) {
			s.Empties = append(s.Empties, OneOf(d, "null", "{}", "[]", "", `{"id":"","value":0}`, `{"items":[]}`))
		}
	}
	s.Shape = Shape(d.IntN(int(shapes)))
	s.ByTemplate = d.Chance(0.3)
	if d.Chance(0.2) {
		s.LateRecord = d.Between(time.Millisecond, 8*time.Second)
	}
	if d.Chance(0.2) {
		s.KeptRecord, s.GoneRecord = d.Between(time.Millisecond, 5*time.Second), OneOf(d, 404, 410)
	}
	if s.Goal != Delete && d.Chance(0.3) {
		if s.Spoils = d.Chance(0.5); s.Spoils && d.Chance(0.4) {
			s.Heals = d.Between(time.Millisecond, 10*time.Second)
		}
		s.Spoilt = s.Goal == Update && d.Chance(0.5)
	}
	s.Wrapped = d.Chance(0.3) && len(s.Writes) == 0 && len(s.Reads) == 0
	s.Nameless = s.Goal == Create && d.Chance(0.15)
	if s.Goal != Delete && d.Chance(0.25) {
		s.Fates = append([]Fate{{Took: d.Between(time.Millisecond, 2*time.Second), Answer: OneOf(d, 409, 412), Runs: []time.Duration{0}}}, s.Fates...)
	}
	if d.Chance(0.15) { // more operations
		s.Fates[0].Answer, s.Fates[0].Monitor = 202, s.Goal != Delete
		s.Fates[0].SeeOther = d.Chance(0.3)
		later := d.Between(time.Millisecond, 20*time.Second)
		if s.Fates[0].Runs, s.Fates[0].Fails = nil, 0; d.Chance(0.7) {
			s.Fates[0].Runs = []time.Duration{later}
		} else {
			s.Fates[0].Fails = later
		}
	}
	if s.Calm > 0 && d.Chance(0.4) {
		f := Fault{Chance: d.Float64() / 4, Answer: 403, Limited: true}
		f.RetryAfter, f.Ages = OneOf[time.Duration](d, 0, 1, 5)*time.Second, d.Chance(0.2)
		s.Faults = append(s.Faults, f)
	}
	if s.Calm > 0 && d.Chance(0.4) {
		s.Faults = append(s.Faults, Fault{Chance: d.Float64() / 4, Answer: 200, Page: OneOf(d, "{}", "[]", " ")})
	}
	s.AuthFails = d.Chance(0.2)
	s.contrive(d)
}

// contrive makes what chance makes too seldom, and a rule is for. It is drawn last,
// so that all else of a seed stays what it was.
func (s *Spec) contrive(d Dice) {
	if s.Nameless && d.Chance(0.3) { // accepted, never carried out, and another's thing is all that there is
		s.Foreign, s.Fates = 1, []Fate{{Took: s.Fates[0].Took, Answer: http.StatusAccepted}}
	}
	if s.KeyFor > 0 && d.Chance(0.15) { // a try that may have been carried out, then a refusal that passes
		doubtful := Fate{Took: s.Fates[0].Took, Answer: OneOf(d, 500, 502, 503, 504)}
		if d.Chance(0.3) {
			doubtful.Runs = []time.Duration{d.Between(time.Millisecond, 20*time.Second)}
		}
		s.Fates = []Fate{doubtful, {Took: s.Fates[0].Took, Answer: OneOf(d, 400, 422, 428)}}
	}
}

// emptiness is how much there is in a body that has nothing in it.
func emptiness(body string) Emptiness {
	switch {
	case body == "null":
		return Nothing
	case strings.HasPrefix(strings.TrimSpace(body), "<"):
		return Page
	}
	return Empty
}

// Emptiness is what a good answer lacks.
type Emptiness uint8

const (
	Full    Emptiness = iota
	Nothing           // null
	Empty             // an envelope, a list, a page with nothing in it
	Page              // a page for people
)

// emptied returns what the service says instead of a 404 to a read.
func (w *World) emptied(n int, reply Reply) Reply {
	if len(w.Empties) == 0 || reply.Status != http.StatusNotFound {
		return reply
	}
	body := w.Empties[n%len(w.Empties)]
	return Reply{Status: http.StatusOK, Body: body, empty: emptiness(body)}
}

// WrappedWrites and WrappedReads are the statuses that a service of wrapped answers
// tells in the body of a 200.
var (
	WrappedWrites = []int{400, 409, 412, 422, 503}
	WrappedReads  = []int{404, 410, 503}
)

// wrap puts a status into the body of a good answer.
func (w *World) wrap(reply *Reply, kind Kind, write bool) {
	statuses := WrappedReads
	if write {
		statuses = WrappedWrites
	}
	if !w.Wrapped || !write && kind != Thing {
		return
	}
	for _, status := range statuses {
		if reply.Status == status {
			reply.Status, reply.Body = http.StatusOK, `{"ok":false,"code":`+strconv.Itoa(status)+`}`
			return
		}
	}
}

// shaped answers how far the write is that was accepted, in the world's shape.
func (w *World) shaped(now time.Time) Reply {
	plain := w.operationOf(now)
	last := w.Tries[len(w.Tries)-1]
	switch w.Scene {
	case Located:
		return w.ending(plain)
	case Unnamed:
		return Reply{Status: http.StatusNotFound}
	case Concluded:
		return w.conclusion(plain)
	}
	if now.Sub(last.Began) < w.LateRecord {
		return Reply{Status: http.StatusNotFound}
	}
	ended, state := plain.Status == http.StatusSeeOther, plain.Body
	switch state {
	case `{"status":"succeeded"}`, `{"status":"failed"}`:
		ended = true
	}
	if ended && w.KeptRecord > 0 {
		if w.endedAt.IsZero() {
			w.endedAt = now
		}
		if now.Sub(w.endedAt) >= w.KeptRecord {
			return Reply{Status: w.GoneRecord}
		}
	}
	if plain.Status == http.StatusSeeOther {
		return plain
	}
	switch w.Shape {
	case ByStatus:
		switch state {
		case `{"status":"running"}`:
			return Reply{Status: http.StatusAccepted}
		case `{"status":"succeeded"}`:
			return Reply{Status: http.StatusOK, Body: `{"id":"x"}`}
		}
	case ByError:
		switch state {
		case `{"status":"running"}`:
			plain.Body = `{"done":false}`
		case `{"status":"succeeded"}`:
			plain.Body = `{"done":true,"error":null}`
		default:
			plain.Body = `{"done":true,"error":{"code":"E7","message":"no quota"}}`
		}
	}
	return plain
}

// Failing reports whether an operation ends as failed.
func (s *Spec) Failing() bool {
	return slices.ContainsFunc(s.Fates, func(f Fate) bool { return f.Fails > 0 })
}

// LastNever reports whether the last try that was sent was not carried out, and will
// not be.
func (w *World) LastNever() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, t := range slices.Backward(w.Tries) {
		if t.Sent {
			return len(w.Fates[t.Fate].Runs) == 0 && !(w.KeyFor > 0 && len(w.Runs) > 0)
		}
	}
	return false
}

// spoilt tells whether a thing shows that the write failed that was shown since
// then.
func (w *World) spoilt(since, now time.Time) bool {
	return w.Spoils && (w.Heals == 0 || now.Sub(since) < w.Heals)
}

// authHost is where tokens are fetched.
const authHost = "auth.test"

// auth answers a request for a token.
func (w *World) auth(req *http.Request) *http.Response {
	reply := Reply{Status: http.StatusOK, Body: `{"token":"t"}`, look: -1}
	w.mu.Lock()
	if w.AuthFails && w.auths == 1 {
		reply = Reply{Status: http.StatusServiceUnavailable, look: -1}
	}
	w.auths++
	w.mu.Unlock()
	return reply.response(w, req)
}

// Bare returns a context that carries nothing of ctx but who asks, and ends with
// it: as one does that a client makes which does not speak by net/http.
func Bare(ctx context.Context) context.Context { return bare{ctx} }

type bare struct{ context.Context }

func (b bare) Value(key any) any {
	if key == (clientKey{}) {
		return b.Context.Value(key)
	}
	return nil
}
