package readbackhttp

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/readback-go/readback/consistency"
)

// Ref is what the answer to a write tells about where to read it back. It is
// kept in handles: only what the answer told is in it, and the URL of the write
// without its query, which may hold secrets.
type Ref struct {
	Location string            // absolute URL of the Location header, if that is where to read
	Fields   map[string]string // the values that a template asked for
	Monitor  string            // absolute URL of an operation's status monitor
	Token    string            // the position of the write, for reads to ask for
	ETag     string            // of the answer to the write, unless that is an operation's

	wrote      string // URL of the write, without user and query
	queried    bool   // it had a query
	byLocation bool   // Monitor is the Location of a 202
	polled     bool   // the monitor has answered 202
	unread     bool   // the answer that should have named an operation could not be read
	noTarget   bool   // the only Location is that of a 202

	answer consistency.Answer
}

type refJSON struct {
	Location   string            `json:"location,omitempty"`
	Fields     map[string]string `json:"fields,omitempty"`
	Monitor    string            `json:"monitor,omitempty"`
	Token      string            `json:"token,omitempty"`
	ETag       string            `json:"etag,omitempty"`
	Wrote      string            `json:"wrote,omitempty"`
	Queried    bool              `json:"queried,omitempty"`
	ByLocation bool              `json:"byLocation,omitempty"`
	Polled     bool              `json:"polled,omitempty"`
	Unread     bool              `json:"unread,omitempty"`
	NoTarget   bool              `json:"noTarget,omitempty"`
}

// MarshalJSON returns all of r but the answer.
func (r Ref) MarshalJSON() ([]byte, error) {
	return json.Marshal(refJSON{
		r.Location, r.Fields, r.Monitor, r.Token, r.ETag,
		r.wrote, r.queried, r.byLocation, r.polled, r.unread, r.noTarget,
	})
}

// UnmarshalJSON reads what MarshalJSON made.
func (r *Ref) UnmarshalJSON(data []byte) error {
	var kept refJSON
	if err := json.Unmarshal(data, &kept); err != nil {
		return err
	}
	*r = Ref{
		Location: kept.Location, Fields: kept.Fields, Monitor: kept.Monitor, Token: kept.Token, ETag: kept.ETag,
		wrote: kept.Wrote, queried: kept.Queried, byLocation: kept.ByLocation,
		polled: kept.Polled, unread: kept.Unread, noTarget: kept.NoTarget,
	}
	return nil
}

// Answer returns what the rules of package consistency need of the answer to
// the write. It is not kept in handles.
func (r Ref) Answer() consistency.Answer { return r.answer }

// ErrNoTarget is the cause of a write that was answered with a 202 whose Location
// is all that there is: that names the operation, and not what was written. Set
// Exchange.Monitor, to follow it, or Exchange.Read, or say by
// Exchange.LocationOfAccepted that it is what was written.
var ErrNoTarget = errors.New("the Location of a 202 names the operation, and nothing names what was written")

// own returns what is known before the write: its URL.
func (s *session) own() (ref Ref) {
	if s.Write == nil {
		return ref
	}
	base := *s.Write.URL
	ref.queried = base.RawQuery != ""
	base.User, base.RawQuery, base.Fragment, base.RawFragment = nil, "", "", ""
	ref.wrote = base.String()
	return ref
}

// refer takes from the answer to the write what is needed to read it back. What
// is missing is found out when it is needed.
func (s *session) refer(got *answered, bodyErr error) Ref {
	ref := s.own()
	ref.Location, ref.Token, ref.answer = locate(got.resp, "Location"), tokenOf(s.Token, got.resp), got.answer()
	status := got.resp.StatusCode
	if status != http.StatusAccepted {
		ref.ETag = got.resp.Header.Get("Etag")
	}
	if s.Monitor != nil && status >= 200 && status <= 299 {
		s.Monitor.find(&ref, s.Write.URL, got, bodyErr)
	}
	if status == http.StatusAccepted && !s.LocationOfAccepted && (ref.byLocation || ref.Monitor == "") && ref.Location != "" {
		ref.Location, ref.noTarget = "", true // it is the operation's
	}
	if s.leadsElsewhere(ref.Location, status >= 300) {
		ref.Location = ""
	}
	if len(s.Read.fields) > 0 {
		ref.Fields = s.Read.pick(got, bodyErr)
	}
	return ref
}

// leadsElsewhere reports whether a Location shows nothing of a creation: it is the home
// page, or a redirect leads back to what was there, as the list that was posted to and
// what is above it, or to where one logs in.
func (s *session) leadsElsewhere(location string, redirect bool) bool {
	at, err := url.Parse(location)
	if err != nil || location == "" || s.Goal != consistency.ToPresent || s.Match != nil || !sameOrigin(at, s.Write.URL) {
		return false
	}
	here, there := strings.TrimSuffix(s.Write.URL.Path, "/")+"/", strings.TrimSuffix(at.Path, "/")+"/"
	if redirect && !strings.HasPrefix(there, here) && isLogin(at.Path) {
		return true
	}
	if !redirect {
		return at.RawQuery == "" && there == "/" && here != "/"
	}
	return at.RawQuery == "" && strings.HasPrefix(here, there)
}

// isLogin reports whether a path has a segment that names a place to log in.
func isLogin(path string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		switch strings.NewReplacer("-", "", "_", "", ".", "").Replace(strings.ToLower(segment)) {
		case "login", "signin", "logon", "sso", "authorize":
			return true
		}
	}
	return false
}

// lacks returns why ref names nothing to read, or nil.
func (s *session) lacks(ref Ref) error {
	_, err := s.target(ref)
	var none *TargetError
	if !errors.As(err, &none) {
		return err
	}
	switch {
	case none.URL != nil:
		return nil // it names what may not be read: nothing else is what it names
	case ref.noTarget && ref.Location == "":
		return ErrNoTarget
	}
	return err
}
