package readbackhttp

import (
	"context"
	"errors"
	"net/http"

	"github.com/readback-go/readback/consistency"
)

// errBodyUsed is the error of a write that cannot be sent again.
var errBodyUsed = errors.New("readbackhttp: the write's body cannot be sent again: it has no GetBody")

// write sends the write and returns where to read it back.
func (s *session) write(ctx context.Context) (Ref, error) {
	req := s.Write.Clone(ctx)
	if s.sent && req.Body != nil && req.Body != http.NoBody {
		if req.GetBody == nil {
			// Not "not executed", which some policies take for a reason to try again.
			return Ref{}, consistency.As(consistency.Refused, errBodyUsed)
		}
		body, err := req.GetBody()
		if err != nil {
			return Ref{}, consistency.As(consistency.NotExecuted, err)
		}
		req.Body = body
	}
	s.sent = true
	hideKeys(req.Header)
	got, err := send(s.Client, req, s.MaxBody)
	switch {
	case got == nil:
		return Ref{}, err
	case got.resp.StatusCode >= 400 || got.resp.StatusCode == http.StatusTemporaryRedirect || got.resp.StatusCode == http.StatusPermanentRedirect:
		return Ref{}, got.failure()
	}
	// The status alone says what became of the write; a body that could not be
	// read can only spoil the reference.
	return s.refer(got, err), nil
}

// hideKeys spells the idempotency keys in header in lower case. The service reads the same; but
// net/http takes their usual spelling for consent to send a request again by itself,
// when a connection dies that was used before.
func hideKeys(header http.Header) {
	for usual, lower := range map[string]string{"Idempotency-Key": "idempotency-key", "X-Idempotency-Key": "x-idempotency-key"} {
		if values, ok := header[usual]; ok {
			delete(header, usual)
			header[lower] = append(header[lower], values...)
		}
	}
}

// withoutRedirects returns a copy of client that follows only those redirects
// which say that the request was not carried out.
func withoutRedirects(client *http.Client) *http.Client {
	if client == nil {
		client = http.DefaultClient
	}
	c := *client
	c.Transport = unmoved{Watch(client.Transport)}
	asked := client.CheckRedirect
	c.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		first := via[0]
		moved := req.Response != nil &&
			(req.Response.StatusCode == http.StatusTemporaryRedirect || req.Response.StatusCode == http.StatusPermanentRedirect)
		if first.Method == http.MethodGet || !moved || !sameOrigin(req.URL, first.URL) || len(via) >= maxMoves {
			return http.ErrUseLastResponse
		}
		// The write's own URL says whom to be, as it does for reads.
		if user := req.URL.User; user != nil && (first.URL.User == nil || *user != *first.URL.User) {
			return http.ErrUseLastResponse
		}
		req.URL.User = first.URL.User
		if asked != nil && asked(req, via) != nil {
			return http.ErrUseLastResponse // then the write was not carried out
		}
		return nil
	}
	return &c
}

// unmoved makes answers out of those redirects that lead nowhere: a client would
// make errors of them, and hide the status.
type unmoved struct{ rest http.RoundTripper }

func (u unmoved) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := u.rest.RoundTrip(req)
	if err == nil {
		if _, bad := req.URL.Parse(resp.Header.Get("Location")); bad != nil {
			resp.Header.Del("Location")
		}
	}
	return resp, err
}

// maxMoves is how often one write is sent elsewhere, as in net/http.
const maxMoves = 10
