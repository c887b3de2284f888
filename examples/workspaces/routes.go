package workspaces

import (
	"errors"
	"net/http"
	"strings"
)

// endpoint answers one authenticated request. A [*refusal] is an answer as
// well; any other error is the service's own fault.
type endpoint func(w http.ResponseWriter, r *http.Request, caller Key) (answer, error)

// routes returns the whole API.
func (s *Service) routes() http.Handler {
	mux := http.NewServeMux()
	for pattern, serve := range map[string]endpoint{
		"GET /v1/auth/me":         s.whoAmI,
		"GET /v1/operations/{id}": s.getOperation,

		"GET /v1/workspaces":                     s.read(listWorkspaces),
		"GET /v1/workspaces/{id}":                s.read(getWorkspace),
		"GET /v1/workspaces/{id}/members":        s.read(listMembers),
		"GET /v1/workspaces/{id}/members/{user}": s.read(getMember),

		"POST /v1/workspaces":              s.write(create, createSchema),
		"PATCH /v1/workspaces/{id}":        s.write(change, changeSchema),
		"DELETE /v1/workspaces/{id}":       s.write(discard, nil),
		"POST /v1/workspaces/{id}/members": s.write(addMember, memberSchema),
	} {
		_, path, _ := strings.Cut(pattern, " ")
		mux.Handle(pattern, s.counted(path, s.authenticated(serve)))
	}
	mux.Handle("/", s.counted("/", func(http.ResponseWriter, *http.Request) (answer, error) {
		return answer{}, refuse(http.StatusNotFound)
	}))
	return mux
}

// counted counts a request under path and writes its answer.
func (s *Service) counted(path string, serve func(http.ResponseWriter, *http.Request) (answer, error)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.requests.add(r.Method + " " + path)
		if s.stopping.Err() != nil {
			s.send(w, r, answer{}, refuse(http.StatusServiceUnavailable))
			return
		}
		given, err := serve(w, r)
		s.send(w, r, given, err)
	})
}

// authenticated finds out who is calling.
func (s *Service) authenticated(serve endpoint) func(http.ResponseWriter, *http.Request) (answer, error) {
	return func(w http.ResponseWriter, r *http.Request) (answer, error) {
		scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		caller, known := s.options.Keys[strings.TrimSpace(secret)]
		if !known || !strings.EqualFold(scheme, "ApiKey") {
			return answer{}, refuse(http.StatusUnauthorized)
		}
		return serve(w, r, caller)
	}
}

func (s *Service) send(w http.ResponseWriter, r *http.Request, given answer, err error) {
	if err != nil {
		no, ok := errors.AsType[*refusal](err)
		switch {
		case ok:
		case s.stopping.Err() != nil: // Close took the file away
			no = &refusal{plain(http.StatusServiceUnavailable)}
		default:
			s.options.Logger.Error("internal error", "method", r.Method, "path", r.URL.Path, "error", err)
			no = &refusal{plain(http.StatusInternalServerError)}
		}
		given = no.answer
	}
	for name, value := range given.Header {
		w.Header().Set(name, value)
	}
	if len(given.Body) > 0 {
		w.Header().Set("Content-Type", "application/json; charset=utf-8")
	}
	w.WriteHeader(given.Status)
	// An error here means that the client has gone: nobody is left to tell.
	_, _ = w.Write(given.Body)
}
