package play

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/sim/internal/world"
)

// origin is where the service seems to be.
const origin = "http://service.test"

// Ref is what a typed client refers to a thing by. Code is set by clients that
// answer everything with a nil error.
type Ref struct {
	Job  int    `json:"job,omitempty"` // whose it is, if there are several
	ID   string `json:"id,omitempty"`
	At   string `json:"at,omitempty"` // a token
	Code int    `json:"-"`

	Response *http.Response `json:"-"`
	Body     []byte         `json:"-"`
}

// IsZero reports whether r names nothing.
func (r Ref) IsZero() bool { return r.ID == "" }

// StatusCode returns the status of an answer to a write.
func (r Ref) StatusCode() int { return r.Code }

// Shown is what a read of a typed client returns.
type Shown struct {
	ID    string
	Value string
	Code  int
	State string
	By    string // the write that the state is of

	Response *http.Response
	Body     []byte
}

// StatusCode returns the status of an answer to a read.
func (s *Shown) StatusCode() int { return s.Code }

// manner is how a typed client tells what it was answered.
type manner uint8

const (
	byStatusCode manner = iota // an error with a method StatusCode
	byHTTPStatus               // an error with a method HTTPStatusCode
	byAnswer                   // an error with a whole Answer
	byValue                    // a nil error, and the status in the value
	manners

	byPolicy = manners + iota // an error that only Policy.Answer understands
	byWord                    // an error As what the answer to a write proves

	byNothing // an error that nobody understands
	byCode    // an error with a code of the client's own
	byStatus  // an error of which Status was told
)

// habits are what a client does by itself.
type habits struct {
	manner  manner
	retries int  // of a write that was answered with 5xx or lost
	follows bool // redirects

	bare    bool // what it sends is seen by nobody
	counts  bool // it counts its tries
	joins   bool // the errors of all tries
	watched bool // what it sends is watched
	auths   bool // it fetches a token before it writes
	looks   bool // it looks before it writes

	besides   bool          // it returns a value beside its error
	stale     bool          // that may be of a look before
	missing   bool          // which is for what is not there
	losesBy   int           // which error says that an answer was lost
	fields    bool          // its values have the response and its body
	mingles   bool          // it tells of all its tries in one text
	senseless bool          // what it is to write is invalid
	ahead     time.Duration // it counts with a wait that is over
}

// client is a typed client of the service.
type client struct {
	http   http.RoundTripper
	habits habits
	goal   world.Goal
	auth   string
	key    string
	job    int    // whose it is
	writes []call // calls of Write, each with what it was answered

	dialect   world.Dialect // of answers to writes
	wraps     bool          // there are rules for statuses in bodies
	tokens    bool          // it asks for the position of its write
	unchanged bool          // the last write was answered so
	wrapped   int           // the status in the body of the last one's answer
	hidden    int           // the status that its error does not tell
	looked    int           // the status of the last look before a write
}

// call is one call of Write by the library.
type call struct {
	began, ended time.Time
	status       int // that the client tells of, as others mean it; 0 if it tells of none
	unreached    bool
	idle         bool // it sent nothing, and never will
}

// send sends a request, and follows where the answer leads if that is the
// client's habit.
func (c *client) send(ctx context.Context, method, path string) (*http.Response, error) {
	resp, err := c.sendOnce(ctx, method, path, "")
	return c.follow(ctx, resp, err)
}

// get is send for a read that asks for a position, unless token is empty.
func (c *client) get(ctx context.Context, path, token string) (*http.Response, error) {
	resp, err := c.sendOnce(ctx, http.MethodGet, path, token)
	return c.follow(ctx, resp, err)
}

func (c *client) follow(ctx context.Context, resp *http.Response, err error) (*http.Response, error) {
	if err != nil || !c.habits.follows || resp.StatusCode < 301 || resp.StatusCode > 303 {
		return resp, err
	}
	at := resp.Header.Get("Location")
	if at == "" {
		return resp, nil
	}
	_ = resp.Body.Close()
	again, err := c.sendAfter(ctx, resp, http.MethodGet, pathOf(at), "")
	return c.follow(ctx, again, err)
}

func (c *client) sendOnce(ctx context.Context, method, path, token string) (*http.Response, error) {
	return c.sendAfter(ctx, nil, method, path, token)
}

// sendAfter sends a request that an answer has led to, if that is not nil.
func (c *client) sendAfter(ctx context.Context, from *http.Response, method, path, token string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, origin+path, nil)
	if err != nil {
		return nil, err
	}
	req.Response = from
	if c.auth != "" {
		req.Header["Authorization"] = []string{c.auth}
	}
	if c.key != "" && method != http.MethodGet {
		req.Header["Idempotency-Key"] = []string{c.key}
	}
	if token != "" {
		req.Header["If-Event-Reached"] = []string{token}
	}
	if c.habits.bare {
		req = req.WithContext(world.Bare(ctx))
	}
	return c.http.RoundTrip(req)
}

// pathOf returns the path of a Location.
func pathOf(at string) string { return strings.TrimPrefix(at, origin) }

// write is what a flow calls to write.
func (c *client) write(ctx context.Context, method, path string) (Ref, error) {
	began := time.Now()
	c.wrapped, c.hidden = 0, 0
	ref, err := c.writeOnce(ctx, method, path)
	made := callOf(began, ref.Code, err)
	if joined, ok := err.(interface{ Unwrap() []error }); ok && c.habits.joins {
		for _, one := range joined.Unwrap() { // the last counts, if all are refusals
			status := callOf(began, 0, one).status
			if status == 0 || proof(c.goal, c.dialect.Said(status)) == consistency.Ambiguous {
				break
			}
			made.status = status
		}
	}
	if c.wrapped > 0 {
		made.status = c.wrapped
	}
	if c.hidden > 0 && made.status == 0 && err != nil {
		made.status = c.hidden
	}
	made.status = c.dialect.Said(made.status)
	c.writes = append(c.writes, made)
	return ref, err
}

// callOf returns what a call of Write is known to have been answered.
func callOf(began time.Time, status int, err error) call {
	made := call{began: began, ended: time.Now(), status: status, unreached: world.Unreachable(err)}
	var (
		one   interface{ StatusCode() int }
		other interface{ HTTPStatusCode() int }
		whole interface{ Answer() consistency.Answer }
	)
	if a, ok := answerOf("", nil, err); ok {
		made.status = a.Status
		return made
	}
	switch {
	case errors.As(err, &whole):
		made.status = whole.Answer().Status
	case errors.As(err, &one):
		made.status = one.StatusCode()
	case errors.As(err, &other):
		made.status = other.HTTPStatusCode()
	}
	return made
}

// writeOnce sends a write, and again if that is the client's habit.
func (c *client) writeOnce(ctx context.Context, method, path string) (ref Ref, err error) {
	if c.habits.senseless {
		return Ref{}, consistency.As(consistency.NotExecuted, fmt.Errorf("%w: the name is empty", consistency.ErrInvalid))
	}
	if err := c.prepare(ctx, path); err != nil {
		return Ref{}, err
	}
	var before []error
	defer func() {
		switch {
		case len(before) == 0 || err == nil:
		case c.habits.mingles:
			err = fmt.Errorf("first %w, then %w", &failure{before[0].Error()}, err)
		default:
			err = errors.Join(append(before, err)...)
		}
	}()
	for tries := 0; ; tries++ {
		if c.habits.counts {
			consistency.CountTry(ctx)
		}
		resp, err := c.send(ctx, method, path)
		again := err != nil && ctx.Err() == nil || err == nil && resp.StatusCode >= 500
		if again && tries < c.habits.retries {
			if err == nil {
				body, _ := take(resp)
				err = c.fault(resp, body, true)
			}
			if c.habits.joins {
				before = append(before, err)
			}
			continue
		}
		if err != nil {
			if c.habits.manner == byWord && world.Unreachable(err) {
				err = consistency.As(consistency.NotExecuted, err)
			}
			return c.beside(0, err)
		}
		return c.answered(resp)
	}
}

// answered makes of the answer to a write what the client returns.
func (c *client) answered(resp *http.Response) (ref Ref, err error) {
	ref.Job = c.job
	c.unchanged = resp.Header.Get(world.Unchanged) != "" || c.goal == world.Delete && resp.StatusCode == http.StatusNotFound
	body, err := take(resp)
	if err == nil {
		err = c.fault(resp, body, true)
	} else if c.habits.watched {
		c.hidden = resp.StatusCode
		switch {
		case json.Valid([]byte(body)) && field(body, "ok") == "false": // all of it came, but not its end
			c.hidden, _ = strconv.Atoi(field(body, "code"))
		case c.wraps && resp.StatusCode == http.StatusOK: // what did not come might have been a status
			c.hidden = 0
		}
	}
	if err != nil {
		return c.beside(resp.StatusCode, err)
	}
	if c.wrapped = 0; field(body, "ok") == "false" {
		c.wrapped, _ = strconv.Atoi(field(body, "code"))
	}
	if c.habits.manner == byValue {
		ref.Code = resp.StatusCode
	}
	if c.habits.fields {
		ref.Response, ref.Body = resp, []byte(body)
	}
	if ref.ID = field(body, "id"); ref.ID == "" {
		ref.ID = idOf(resp.Header.Get("Location"))
	}
	if c.goal != world.Create {
		ref.ID = world.Standing
	}
	if c.tokens {
		ref.At = resp.Header.Get("Etag")
	}
	return ref, nil
}

func (c *client) read(ctx context.Context, ref Ref) (*Shown, error) {
	resp, err := c.get(ctx, "/things/"+ref.ID, ref.At)
	if err != nil {
		return nil, err
	}
	body, err := shownIn(ctx, resp)
	if err != nil {
		return nil, err
	}
	if err := c.fault(resp, body, false); err != nil {
		if c.habits.besides {
			return &Shown{Code: resp.StatusCode}, err
		}
		return nil, err
	}
	if body == "null" {
		return nil, nil
	}
	shown := &Shown{ID: field(body, "id"), Value: field(body, "value"), State: field(body, "state"), By: field(body, "by")}
	if shown.ID == "" && shown.Value == "0" {
		shown.Value = ""
	}
	if c.habits.manner == byValue {
		shown.Code = resp.StatusCode
	}
	if c.habits.fields {
		shown.Response, shown.Body = resp, []byte(body)
	}
	return shown, nil
}

// shownIn returns the body of an answer to a read. One that cannot be read is an error
// with its status, unless the read itself was cut short.
func shownIn(ctx context.Context, resp *http.Response) (string, error) {
	body, err := take(resp)
	if err != nil && ctx.Err() == nil {
		err = &statusError{code: resp.StatusCode, text: err.Error()}
	}
	return body, err
}

func (c *client) find(ctx context.Context) ([]Ref, error) {
	resp, err := c.send(ctx, http.MethodGet, "/things?name=alpha")
	if err != nil {
		return nil, err
	}
	body, err := shownIn(ctx, resp)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		return nil, &statusError{code: resp.StatusCode}
	}
	var refs []Ref
	for id := range strings.SplitSeq(body, ",") {
		if id == world.NoName {
			refs = append(refs, Ref{Job: c.job})
		} else if id != "" {
			refs = append(refs, Ref{Job: c.job, ID: id})
		}
	}
	return refs, nil
}

// fault returns the error that the client makes of an answer, to a write or a
// read.
func (c *client) fault(resp *http.Response, body string, write bool) error {
	status := resp.StatusCode
	if c.habits.manner == byValue || status < 300 && (write || status != http.StatusAccepted) {
		return nil
	}
	switch c.habits.manner {
	case byHTTPStatus:
		return &httpStatusError{status, body}
	case byNothing:
		if write {
			c.hidden = status
		}
		return errors.New("it did not work")
	case byStatus:
		return consistency.Status(fmt.Errorf("it did not work: %s", body), status)
	case byAnswer, byPolicy, byCode:
		a := consistency.AnswerOf(resp)
		a.Body = []byte(body)
		if c.habits.ahead > 0 {
			a.RetryAfter = -c.habits.ahead
		}
		if c.habits.manner == byCode {
			a.Status, a.Code = 0, codeOf(status)
			if write {
				c.hidden = status
			}
		}
		if c.habits.manner == byPolicy {
			return &secretiveError{a}
		}
		return &answerError{a}
	case byWord:
		if write {
			return consistency.As(proof(c.goal, c.dialect.Said(status)), &statusError{code: status, text: body})
		}
	}
	return &statusError{code: status, text: body}
}

// bodyLimit is more than anybody reads of a body.
const bodyLimit = 1 << 20

// take reads a body and closes it.
func take(resp *http.Response) (string, error) {
	body, err := io.ReadAll(io.LimitReader(resp.Body, bodyLimit))
	_ = resp.Body.Close()
	if err == nil && len(body) == bodyLimit {
		err = io.ErrShortBuffer
	}
	if err == nil && resp.Header.Get("Content-Encoding") == "gzip" {
		return unzip(body)
	}
	return string(body), err
}

func idOf(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// field returns a member of a flat JSON object, without its quotes.
func field(body, name string) string {
	_, after, ok := strings.Cut(body, `"`+name+`":`)
	if !ok {
		return ""
	}
	if end := strings.IndexAny(after, ",}"); end >= 0 {
		after = after[:end]
	}
	return strings.Trim(after, `"`)
}

type statusError struct {
	code int
	text string
}

func (e *statusError) Error() string   { return fmt.Sprintf("status %d: %s", e.code, e.text) }
func (e *statusError) StatusCode() int { return e.code }
func (e *statusError) Body() []byte    { return []byte(e.text) }

type httpStatusError struct {
	code int
	text string
}

func (e *httpStatusError) Error() string       { return fmt.Sprintf("status %d: %s", e.code, e.text) }
func (e *httpStatusError) HTTPStatusCode() int { return e.code }
func (e *httpStatusError) Body() []byte        { return []byte(e.text) }

type answerError struct{ answer consistency.Answer }

func (e *answerError) Error() string              { return fmt.Sprintf("status %d", e.answer.Status) }
func (e *answerError) Answer() consistency.Answer { return e.answer }
