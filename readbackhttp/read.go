package readbackhttp

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/readback-go/readback/consistency"
)

// read asks for what ref refers to.
func (s *session) read(ctx context.Context, ref Ref) (*Document, error) {
	target, err := s.target(ref)
	if err != nil {
		return nil, consistency.As(consistency.Refused, err)
	}
	foreign := !sameOrigin(target, s.origin(ref))
	if s.Goal == consistency.ToMatch && s.Match == nil && (foreign || !usable(ref.Token)) {
		return nil, consistency.As(consistency.Refused, ErrNoToken) // any answer would seem to be a match
	}
	got, err := s.get(ctx, target, ref.Token, ref)
	switch {
	case got == nil:
		return nil, err
	case err != nil:
		return nil, got.unreadable(err)
	case got.resp.StatusCode < 200 || got.resp.StatusCode > 299:
		return nil, got.failure()
	case s.asksForJSON(got.resp.Request) && isPage(got):
		return nil, got.unreadable(errPage)
	}
	return got.document(), nil
}

// get sends an unconditional GET that asks for the position of token, if there
// is one. An origin that is not the write's must be allowed and gets neither
// that nor credentials. A [Transport] is not to hold what is polled anyway.
func (s *session) get(ctx context.Context, target *url.URL, token string, ref Ref) (*answered, error) {
	foreign := !sameOrigin(target, s.origin(ref))
	if err := s.allowed(target, foreign); err != nil {
		return nil, consistency.As(consistency.Refused, err)
	}
	ctx = WithHold(ctx, Hold{Off: true})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return nil, consistency.As(consistency.Refused, err)
	}
	req.Header = s.readHeader(foreign)
	client := *s.Client
	if foreign {
		client.Jar = nil // cookies make no difference between ports
	} else {
		if s.Write != nil {
			req.URL.User = s.Write.URL.User
			req.Host = cmp.Or(s.Write.Host, req.Host)
		}
		if s.Token != nil && usable(token) {
			s.Token.Put(req, token)
		}
	}
	return send(&client, req, s.MaxBody)
}

// origin returns the URL of the write, of which a handle knows less.
func (s *session) origin(ref Ref) *url.URL {
	if s.Write != nil {
		return s.Write.URL
	}
	if wrote, err := url.Parse(ref.wrote); err == nil {
		return wrote
	}
	return new(url.URL)
}

// target returns where ref is read, if that is known and allowed.
func (s *session) target(ref Ref) (*url.URL, error) {
	base := s.origin(ref)
	if s.Write == nil && s.Read.kind == toItself && (ref.wrote == "" || ref.queried) {
		return nil, &TargetError{Reason: "the handle does not keep the whole URL of the write: set Write, or Read"}
	}
	target, err := s.Read.resolve(base, ref)
	if err != nil {
		return nil, err
	}
	return target, s.allowed(target, !sameOrigin(target, base))
}

func (s *session) allowed(target *url.URL, foreign bool) error {
	switch {
	case target.Scheme != "http" && target.Scheme != "https" || target.Host == "":
		return &TargetError{URL: target, Reason: "not an HTTP URL"}
	case target.User != nil:
		// A server must not choose the credentials.
		return &TargetError{URL: target, Reason: "has user information"}
	case foreign && (s.AllowOrigin == nil || !s.AllowOrigin(target)):
		return &TargetError{URL: target, Reason: "of another origin than the write, which AllowOrigin does not allow"}
	}
	return nil
}

// notForReads are headers that belong to the write alone. Those that begin with
// Content- or If- do too.
var notForReads = []string{
	"Expect", "Idempotency-Key", "X-Idempotency-Key", "Prefer", "Range",
	"Trailer", "Transfer-Encoding", "Te", "Upgrade", "Connection",
	"X-Http-Method", "X-Http-Method-Override", "X-Method-Override", // would make a write of the read
}

// forForeigners are the headers that may go to another origin.
var forForeigners = []string{"Accept", "Accept-Language", "User-Agent"}

func (s *session) readHeader(foreign bool) http.Header {
	given := s.Header
	if given == nil && s.Write != nil {
		given = s.Write.Header
	}
	header := make(http.Header, len(given)+1)
	if foreign {
		for _, name := range forForeigners {
			if values := given.Values(name); values != nil {
				header[name] = values
			}
		}
	} else {
		for name, values := range given {
			if name = http.CanonicalHeaderKey(name); !strings.HasPrefix(name, "Content-") && !strings.HasPrefix(name, "If-") {
				header[name] = values
			}
		}
		for _, name := range notForReads {
			header.Del(name)
		}
		if s.Header == nil { // net/http asks for what it can undo
			header.Del("Accept-Encoding")
		}
	}
	header.Set("Cache-Control", "no-cache")
	return header
}
