// Package things is a small service to try the command on. Whatever is written to it,
// reads show only some time later.
package things

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// thing is a document as it was after a write.
type thing map[string]any

// change is one write to a thing. A nil thing was deleted.
type change struct {
	thing thing
	from  time.Time // when reads begin to show it
}

// Service keeps things by their paths. It is a handler, and safe for concurrent use.
//
//	POST /things                          makes a thing of a body in JSON or a form
//	GET, PUT, PATCH, DELETE /things/{id}  the same of /files/{name}
//	DELETE /soft/{id}                     marks it as deleted, and it stays
//	GET /list, GET /search?id={id}        all things, or those with that id
//	GET /jobs/{id}                        is done as soon as reads show the thing
//	POST /flaky                           makes a thing later, and answers 503
//	GET /healthz                          is well
type Service struct {
	lag time.Duration
	mux *http.ServeMux

	mu     sync.Mutex
	last   int // the last id that was given
	things map[string][]change
}

// late is how long after its answer a write to /flaky is carried out.
const late = 500 * time.Millisecond

// maxBody bounds what a request may bring.
const maxBody = 1 << 20

// New returns a service with the things 5, 7 and 8. Reads show a write when the lag is over.
func New(lag time.Duration) *Service {
	s := &Service{lag: lag, mux: http.NewServeMux(), last: 9, things: make(map[string][]change)}
	began := time.Now()
	for _, id := range []int{5, 7, 8} {
		s.things["/things/"+strconv.Itoa(id)] = []change{{thing{"id": id, "size": 1, "version": 1}, began}}
	}
	s.things["/soft/8"] = []change{{thing{"id": 8, "state": "active"}, began}}

	s.mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, thing{"healthy": true}) })
	s.mux.HandleFunc("GET /list", func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, s.list("")) })
	s.mux.HandleFunc("GET /search", func(w http.ResponseWriter, r *http.Request) { answer(w, http.StatusOK, s.list(r.FormValue("id"))) })
	s.mux.HandleFunc("GET /jobs/{id}", s.job)
	s.mux.HandleFunc("POST /things", given(s.create))
	s.mux.HandleFunc("POST /flaky", s.createLate)
	for _, path := range []string{"/things/{id}", "/files/{id}", "/soft/{id}"} {
		s.mux.HandleFunc("GET "+path, s.get)
		s.mux.HandleFunc("PUT "+path, given(s.put))
		s.mux.HandleFunc("PATCH "+path, given(s.patch))
		s.mux.HandleFunc("DELETE "+path, s.remove)
	}
	return s
}

func (s *Service) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	s.mux.ServeHTTP(w, r)
}

// answer writes a document.
func answer(w http.ResponseWriter, status int, document any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(document) // the client may have gone
}

func notFound(w http.ResponseWriter) {
	answer(w, http.StatusNotFound, thing{"message": "there is no such thing"})
}

// shown returns what reads show of a path now. The caller holds s.mu.
func (s *Service) shown(path string) thing {
	now := time.Now()
	for _, c := range slices.Backward(s.things[path]) {
		if !c.from.After(now) {
			return c.thing
		}
	}
	return nil
}

// latest returns what was written to a path last. The caller holds s.mu.
func (s *Service) latest(path string) thing {
	if all := s.things[path]; len(all) > 0 {
		return all[len(all)-1].thing
	}
	return nil
}

// write records a thing, which reads show when the lag is over. Nil deletes it. The
// caller holds s.mu.
func (s *Service) write(path string, t thing, lag time.Duration) {
	now := time.Now()
	kept := s.things[path]
	for len(kept) > 1 && !kept[1].from.After(now) { // of those that are shown, the last is enough
		kept = kept[1:]
	}
	s.things[path] = append(slices.Clone(kept), change{t, now.Add(lag)})
}

func (s *Service) list(id string) []thing {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := []thing{}
	for _, path := range slices.Sorted(maps.Keys(s.things)) {
		t := s.shown(path)
		if t != nil && strings.HasPrefix(path, "/things/") && (id == "" || path == "/things/"+id) {
			found = append(found, t)
		}
	}
	return found
}

func (s *Service) get(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	t := s.shown(r.URL.Path)
	s.mu.Unlock()
	if t == nil {
		notFound(w)
		return
	}
	answer(w, http.StatusOK, t)
}

func (s *Service) job(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	path := "/things/" + r.PathValue("id")
	known, done := s.things[path] != nil, s.shown(path) != nil
	s.mu.Unlock()
	switch {
	case !known:
		notFound(w)
	case done:
		answer(w, http.StatusOK, thing{"state": "done"})
	default:
		answer(w, http.StatusOK, thing{"state": "running"})
	}
}

func (s *Service) create(w http.ResponseWriter, _ *http.Request, t thing) {
	s.mu.Lock()
	path := s.add(t, s.lag)
	s.mu.Unlock()
	w.Header().Set("Location", path)
	answer(w, http.StatusCreated, t)
}

// add gives a thing its id, and returns its path. The caller holds s.mu.
func (s *Service) add(t thing, lag time.Duration) string {
	s.last++
	t["id"], t["version"] = s.last, 1
	path := "/things/" + strconv.Itoa(s.last)
	s.write(path, t, lag)
	return path
}

// createLate answers 503, though the thing will be made. There is never a second one
// with the same ref.
func (s *Service) createLate(w http.ResponseWriter, r *http.Request) {
	t, err := read(r)
	if err == nil {
		s.mu.Lock()
		if !s.hasRef(t["ref"]) {
			s.add(t, late+s.lag)
		}
		s.mu.Unlock()
	}
	answer(w, http.StatusServiceUnavailable, thing{"message": "try again later"})
}

func (s *Service) hasRef(ref any) bool {
	if ref == nil {
		return false
	}
	for _, changes := range s.things {
		if t := changes[len(changes)-1].thing; t != nil && t["ref"] == ref {
			return true
		}
	}
	return false
}

func (s *Service) put(w http.ResponseWriter, r *http.Request, t thing) {
	s.mu.Lock()
	s.write(r.URL.Path, t, s.lag)
	s.mu.Unlock()
	answer(w, http.StatusOK, t)
}

func (s *Service) patch(w http.ResponseWriter, r *http.Request, change thing) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := maps.Clone(s.latest(r.URL.Path))
	if t == nil {
		notFound(w)
		return
	}
	maps.Copy(t, change)
	version, _ := s.latest(r.URL.Path)["version"].(int)
	t["version"] = version + 1
	s.write(r.URL.Path, t, s.lag)
	answer(w, http.StatusOK, t)
}

func (s *Service) remove(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := maps.Clone(s.latest(r.URL.Path))
	if t == nil {
		notFound(w)
		return
	}
	if strings.HasPrefix(r.URL.Path, "/soft/") {
		t["state"] = "deleted"
	} else {
		t = nil
	}
	s.write(r.URL.Path, t, s.lag)
	w.WriteHeader(http.StatusNoContent)
}

// given calls handle with what the body says, and answers 400 to one that breaks off.
func given(handle func(http.ResponseWriter, *http.Request, thing)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		t, err := read(r)
		if err != nil {
			answer(w, http.StatusBadRequest, thing{"message": err.Error()})
			return
		}
		handle(w, r, t)
	}
}

// read makes a thing of a body: an object in JSON, a form, or files, of which it keeps
// the names. Any other body makes a thing with nothing of its own.
func read(r *http.Request) (thing, error) {
	t := thing{}
	if files, err := r.MultipartReader(); err == nil {
		for {
			part, err := files.NextPart()
			if err == io.EOF {
				return t, nil
			}
			if err != nil {
				return nil, err
			}
			t[part.FormName()] = part.FileName()
		}
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	if json.NewDecoder(bytes.NewReader(body)).Decode(&t) == nil && t != nil {
		return t, nil
	}
	t = thing{}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return t, nil
	}
	for name := range form {
		t[name] = form.Get(name)
	}
	return t, nil
}
