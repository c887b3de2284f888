package readbackhttp

import (
	"bytes"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"

	"github.com/readback-go/readback/internal/coding"
)

// howRead says how much of a body is known.
type howRead int

const (
	inPart   howRead = iota
	toItsEnd         // all that it says, or that it is not JSON
	unclear          // it was read to its end, but not understood
)

// read calls conclude once with the beginning of the answer's body: when the client has
// read it, or enough of it to know what it says, or will read no more of it. A body
// that cannot be JSON is not kept.
func (c *covering) read() {
	resp := c.resp
	if resp.Body == nil || resp.Body == http.NoBody || resp.ContentLength == 0 {
		c.conclude(nil, toItsEnd)
		return
	}
	c.along = readAlong{
		source: resp.Body, of: c, left: resp.ContentLength,
		json: mayBeJSON(resp.Header), made: c.makesMany(),
	}
	r := &c.along
	switch coding.Of(resp.Header) {
	case coding.Gzip:
		r.zipped = true
	case coding.Unknown:
		r.json, r.coded = false, r.json
	}
	resp.Body = r
}

func mayBeJSON(h http.Header) bool {
	text := h.Get("Content-Type")
	if text == "application/json" { // as most are
		return true
	}
	kind, _, err := mime.ParseMediaType(text)
	return err != nil || kind == "application/json" || kind == "text/json" || kind == "text/plain" || strings.HasSuffix(kind, "+json")
}

// readAlong is a body of which the beginning is kept as it is read. It changes
// nothing and holds nothing back.
type readAlong struct {
	source io.ReadCloser
	left   int64 // of the length that was announced; negative if none was
	json   bool
	zipped bool
	coded  bool // in an encoding that is not known
	made   bool // a list, or a bare id, says what was made

	mu    sync.Mutex // a body may be closed while it is read
	kept  []byte
	cut   bool // more was read than kept
	begun bool // the JSON has
	at    depth
	of    *covering // nil once that was told
}

func (r *readAlong) Read(p []byte) (int, error) {
	n, err := r.source.Read(p)
	r.note(p[:n], err)
	return n, err
}

// Close says that no more will be read.
func (r *readAlong) Close() error {
	err := r.source.Close()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.finish(inPart)
	return err
}

func (r *readAlong) note(read []byte, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of == nil {
		return
	}
	ended := false
	switch {
	case !r.json:
	case len(r.kept) == 0 && r.left == int64(len(read)) && len(read) <= bodyLimit:
		// All of it at once, as most come: it is looked at before Read returns.
		r.kept = read
	default:
		r.cut = r.cut || len(r.kept)+len(read) > bodyLimit
		r.kept = keepUpTo(r.kept, read)
		if !r.zipped && r.left < 0 { // else its length tells
			ended = r.document(read)
		}
	}
	if r.left >= 0 {
		r.left -= int64(len(read))
		ended = ended || r.left <= 0 || r.left == 1 && r.saidAll()
	}
	if ended || err == io.EOF {
		r.finish(toItsEnd)
	} else if err != nil {
		r.finish(inPart)
	}
}

// saidAll reports whether only white space can follow, such as the end of the line
// behind a JSON object: many clients do not read it.
func (r *readAlong) saidAll() bool {
	return r.json && !r.zipped && !r.cut && bytes.HasSuffix(r.kept, []byte("}"))
}

// keepUpTo adds what was read, as far as the limit lets it, in no more memory than
// that.
func keepUpTo(kept, read []byte) []byte {
	read = read[:min(len(read), bodyLimit-len(kept))]
	if need := len(kept) + len(read); need > cap(kept) {
		grown := make([]byte, len(kept), min(max(need, 2*cap(kept)), bodyLimit))
		copy(grown, kept)
		kept = grown
	}
	return append(kept, read...)
}

// document reports whether what was read ends a JSON document that can name something:
// many clients read no further.
func (r *readAlong) document(read []byte) bool {
	if !r.begun {
		read = bytes.TrimLeft(read, "\ufeff \t\r\n")
		if len(read) == 0 {
			return false
		}
		if r.begun = true; read[0] != '{' && !(r.made && beginsBare(read[0])) {
			r.json, r.kept, r.cut = false, nil, false
			return false
		}
	}
	return r.at.scan(read) >= 0
}

// beginsBare reports whether a list, a text or a number begins so.
func beginsBare(begin byte) bool { return begin == '[' || begin == '"' || begin >= '0' && begin <= '9' }

func (r *readAlong) finish(read howRead) {
	if r.of == nil {
		return
	}
	of, body, cut := r.of, r.kept, r.cut
	r.of, r.kept = nil, nil
	if r.zipped && len(body) > 0 {
		var all bool
		body, all = coding.Unzip(body, bodyLimit)
		cut = !all
	}
	if read == toItsEnd && (r.coded || cut && mayGoOn(body, r.made)) {
		read = unclear
	}
	of.conclude(body, read)
}

// mayGoOn reports whether a document that goes on may say more than its beginning
// does: one of which nothing is known, a JSON object, or a list of what was made.
func mayGoOn(begin []byte, made bool) bool {
	begin = bytes.TrimLeft(begin, "\ufeff \t\r\n")
	return len(begin) == 0 || begin[0] == '{' || made && begin[0] == '['
}

// sentBody is the beginning of the body of a request, which is looked at only if
// the answer says too little.
type sentBody struct {
	again  func() (io.ReadCloser, error) // the request's GetBody; nil if it has none
	source io.ReadCloser                 // else it is read along

	mu   sync.Mutex
	kept []byte
}

// sending returns req, or a copy of it whose body is read along as it is sent. The
// body is nil if there is none that could be JSON.
func sending(req *http.Request) (*http.Request, *sentBody) {
	if req.Method != http.MethodPost || req.Body == nil || req.Body == http.NoBody || !mayBeJSON(req.Header) || req.Header.Get("Content-Encoding") != "" {
		return req, nil
	}
	if req.GetBody != nil {
		return req, &sentBody{again: req.GetBody}
	}
	s := &sentBody{source: req.Body}
	copied := req.WithContext(req.Context())
	copied.Body = s
	return copied, s
}

func (s *sentBody) Read(p []byte) (int, error) {
	n, err := s.source.Read(p)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = keepUpTo(s.kept, p[:n])
	return n, err
}

func (s *sentBody) Close() error { return s.source.Close() }

// beginning returns what is known of the body.
func (s *sentBody) beginning() []byte {
	if s == nil {
		return nil
	}
	if s.again == nil {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.kept
	}
	body, err := s.again()
	if err != nil {
		return nil
	}
	defer func() { _ = body.Close() }()
	begin, _ := io.ReadAll(io.LimitReader(body, bodyLimit))
	return begin
}
