package flow

import (
	"bytes"
	"crypto/tls"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"

	"github.com/readback-go/readback/cmd/readback/internal/request"
	"github.com/readback-go/readback/consistency"
)

// tripper sends the requests of one flow: it notes what the write was answered,
// and makes of a read what the command line says of it.
type tripper struct {
	flow        *Flow
	write, read http.RoundTripper
	edit        *request.Edit
	follow      bool
	origins     []string // that the headers of the command line go to
	others      []string // that may be read without them
	met         []string // that showed a certificate that is trusted, or need none
}

// RoundTrip sends req according to what it is for.
func (t *tripper) RoundTrip(req *http.Request) (*http.Response, error) {
	switch t.flow.phase {
	case writing:
		return t.sendWrite(req)
	case reading:
		return t.sendRead(req)
	case finding:
		return t.sendFind(req)
	case monitoring:
		return t.sendLook(req)
	}
	return t.write.RoundTrip(req)
}

// keptBody is how much of the write's answer templates and -o can use. It is
// also what an exchange reads of it.
const keptBody = 1 << 20

func (t *tripper) sendWrite(req *http.Request) (*http.Response, error) {
	if a := t.flow.recalled; a != nil {
		return a.Response(req), nil
	}
	t.flow.answer = nil
	t.meet(req.URL) // or the write is not sent, and nothing is read
	resp, err := t.write.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	a := &request.Answer{Method: req.Method, URL: req.URL, Status: resp.StatusCode, Header: resp.Header.Clone()}
	t.flow.answer = a
	resp.Body = &tee{ReadCloser: resp.Body, into: a}
	return resp, nil
}

// sendLook sends a look at an operation, and keeps the answer for expressions.
func (t *tripper) sendLook(req *http.Request) (*http.Response, error) {
	resp, err := t.write.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	a := &request.Answer{Method: req.Method, URL: req.URL, Status: resp.StatusCode, Header: resp.Header}
	t.flow.looked = a
	resp.Body = &tee{ReadCloser: resp.Body, into: a}
	return resp, nil
}

// tee keeps the beginning of a body that is read.
type tee struct {
	io.ReadCloser
	into *request.Answer
}

func (r *tee) Read(p []byte) (int, error) {
	n, err := r.ReadCloser.Read(p)
	if free := keptBody - len(r.into.Body); free > 0 {
		r.into.Body = append(r.into.Body, p[:min(n, free)]...)
	}
	return n, err
}

// sendFind sends a request for a page of a list.
func (t *tripper) sendFind(req *http.Request) (*http.Response, error) {
	if t.flow.find != nil {
		req = req.Clone(req.Context())
		t.flow.find.ApplyPlain(req)
		once(req)
	}
	t.flow.reads = request.Answer{Method: req.Method, URL: req.URL}
	resp, err := t.write.RoundTrip(req)
	if err == nil {
		t.flow.reads.Status, t.flow.reads.Header = resp.StatusCode, resp.Header
		t.flow.answered = t.flow.reads
	}
	return resp, err
}

// cut ends a body early, as if it ended there.
type cut struct {
	io.ReadCloser
	left int64
}

func (c *cut) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, io.EOF
	}
	n, err := c.ReadCloser.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}

// maxMoves is how many redirects a read follows.
const maxMoves = 10

func (t *tripper) sendRead(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	if slices.Contains(t.origins, originOf(req.URL)) {
		t.edit.Apply(req)
	} else {
		t.edit.ApplyPlain(req)
	}
	for moves := 0; ; moves++ {
		t.flow.reads = request.Answer{Method: req.Method, URL: req.URL}
		resp, err := t.read.RoundTrip(req)
		if err != nil {
			return nil, t.strange(req.URL, err)
		}
		t.meet(req.URL)
		t.flow.reads.Status, t.flow.reads.Header = resp.StatusCode, resp.Header
		t.flow.answered = t.flow.reads
		next := moved(resp)
		if t.flow.moved = next; t.follow {
			t.flow.moved = nil
		}
		if t.flow.bodyless && resp.StatusCode < 300 {
			resp.Body = &cut{resp.Body, t.flow.maxBody}
		}
		if !t.follow || next == nil || moves == maxMoves || originOf(next) != originOf(req.URL) {
			return resp, nil
		}
		_, _ = io.CopyN(io.Discard, resp.Body, keptBody)
		_ = resp.Body.Close()
		req = req.Clone(req.Context())
		req.URL = next
		if req.GetBody != nil {
			if req.Body, err = req.GetBody(); err != nil {
				return nil, err
			}
		}
	}
}

func (t *tripper) meet(u *url.URL) {
	if origin := originOf(u); !slices.Contains(t.met, origin) {
		t.met = append(t.met, origin)
	}
}

// strange returns the error of a read, which ends the run if it is the
// certificate of an origin that has not shown a good one yet: that does not heal
// by waiting. Of an origin that has, it is one server of several, and says
// nothing.
func (t *tripper) strange(u *url.URL, err error) error {
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) && !slices.Contains(t.met, originOf(u)) {
		return consistency.As(consistency.Refused, err)
	}
	return err
}

// moved returns where a redirect leads, and nil if resp is none.
func moved(resp *http.Response) *url.URL {
	switch resp.StatusCode {
	case 301, 302, 303, 307, 308:
	default:
		return nil
	}
	at, err := resp.Location()
	if err != nil || at.User != nil {
		return nil
	}
	return at
}

// allowed reports whether a read may go to an origin that is not the write's.
func (t *tripper) allowed(u *url.URL) bool {
	origin := originOf(u)
	return slices.Contains(t.origins, origin) || slices.Contains(t.others, origin)
}

func isJSON(body []byte) bool { return json.Valid(bytes.TrimSpace(body)) }
