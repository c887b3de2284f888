package readbacktest

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Handler is a server with a script. It is an [http.Handler], and also an
// [http.RoundTripper]: as the transport of a client it answers all requests, whatever their
// host, without a network. Make it with [NewHandler]. It is safe for concurrent use.
type Handler struct {
	script Script
	rules  []rule
	start  time.Time
	closed chan struct{}

	mu         sync.Mutex
	resources  *resources
	due        []dueCommand // by time
	cached     map[string]cached
	keys       map[string]*keyed
	operations []*operation
	reads      int
	requests   []*Request
	executed   []Executed
}

// rule is a rule of the script, and how many requests it matched.
type rule struct {
	Rule
	pattern
	asked int
}

// dueCommand is a command and when it is executed.
type dueCommand struct {
	*command
	at      time.Duration
	request *Request
}

// NewHandler returns a server with a script. It panics if the script is invalid.
func NewHandler(script Script) *Handler {
	h, err := newHandler(script)
	if err != nil {
		panic(err)
	}
	return h
}

func newHandler(script Script) (*Handler, error) {
	if err := script.check(); err != nil {
		return nil, err
	}
	h := &Handler{
		script: script, start: time.Now(), closed: make(chan struct{}),
		cached: make(map[string]cached), keys: make(map[string]*keyed),
	}
	for _, r := range script.Rules {
		p, _ := parsePattern(r.On) // checked with the script
		h.rules = append(h.rules, rule{Rule: r, pattern: p})
	}
	h.resources = newResources(&h.script, h.start)
	return h, nil
}

func (h *Handler) now() time.Duration { return time.Since(h.start) }

// clock is the time on the server's clock, which may be ahead.
func (h *Handler) clock() time.Time { return time.Now().Add(h.script.Skew) }

// exchange is a request that is being answered.
type exchange struct {
	request *Request
	rule    *Rule
	url     *url.URL
}

func (x *exchange) note(format string, args ...any) {
	if x.request.Note != "" {
		x.request.Note += ", "
	}
	x.request.Note += fmt.Sprintf(format, args...)
}

var noRule = new(Rule)

// arrive finds the rule for a request whose body was not read yet. It records the request,
// unless the rule says that it does not reach the server.
func (h *Handler) arrive(r *http.Request) *exchange {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.settle()
	x := &exchange{rule: noRule, url: r.URL, request: &Request{
		At: now, Method: r.Method, Target: r.URL.RequestURI(), Header: r.Header.Clone(), path: segments(r.URL),
	}}
	if x.request.Method == "" {
		x.request.Method = http.MethodGet
	}
	for i := range h.rules {
		rule := &h.rules[i]
		if now < rule.From || rule.Until != 0 && now >= rule.Until ||
			!rule.match(x.request.Method, x.request.path) || rule.Times != 0 && rule.asked >= rule.Skip+rule.Times {
			continue
		}
		if rule.asked++; rule.asked > rule.Skip {
			x.rule = &rule.Rule
			x.note("rule %d", i)
			break
		}
	}
	if x.rule.Cut != Unreachable {
		h.requests = append(h.requests, x.request)
	}
	if x.rule.Cut == CutRequest {
		x.note("cut before its body was read")
	}
	return x
}

// brokenOff records that the body of a request did not arrive.
func (h *Handler) brokenOff(x *exchange) {
	h.mu.Lock()
	defer h.mu.Unlock()
	x.note("broke off")
}

// answer answers a request whose body was read. Pause waits, and returns an error if the
// client no longer waits for the answer.
func (h *Handler) answer(x *exchange, body []byte, pause func(time.Duration) error) (*reply, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	x.request.Body = body
	now := h.settle()
	var usual *reply
	var err error
	switch x.request.Method {
	case http.MethodGet, http.MethodHead:
		if x.rule.Cut == 0 && x.rule.Status < 300 {
			usual, err = h.read(x, x.request.At, pause) // the state of its arrival, however slow its body was
		}
	case http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
		usual = h.write(x, body, now)
	default:
		usual = refuse(http.StatusMethodNotAllowed)
		usual.header.Set("Allow", "GET,HEAD,POST,PUT,PATCH,DELETE")
	}
	if err != nil {
		x.note("given up")
		return nil, err
	}
	if x.rule.Cut != 0 {
		x.note("cut in place of an answer")
		return &reply{cut: x.rule.Cut, delay: x.rule.Delay}, nil
	}
	if usual == nil {
		usual = &reply{header: make(http.Header)}
	}
	r := x.rule.apply(usual, h.clock())
	r.header.Set("Date", h.clock().UTC().Format(http.TimeFormat))
	if own := x.rule.Header["Date"]; len(own) > 0 {
		r.header["Date"] = own
	}
	if !r.behind {
		h.store(x, r)
	}
	x.request.Status = r.status
	return r, nil
}

// settle executes all commands that are due, each as of its time, and returns the time. It
// replaces timers: nobody can see the state in between.
func (h *Handler) settle() time.Duration {
	now := h.now()
	for len(h.due) > 0 && h.due[0].at <= now {
		next := h.due[0]
		h.due = h.due[1:]
		h.execute(next)
	}
	return now
}

// schedule adds a command to be executed later, after others that are due at the same time.
func (h *Handler) schedule(j dueCommand) {
	i := len(h.due)
	for i > 0 && h.due[i-1].at > j.at {
		i--
	}
	h.due = slices.Insert(h.due, i, j)
}

// execute executes a command, and records it unless it is refused.
func (h *Handler) execute(j dueCommand) (change, *version, int) {
	c, v, position := h.resources.execute(j.command, j.at)
	if j.op != nil && v == nil {
		j.op.refused = true
	}
	if v == nil {
		j.keyed.executed(nil)
		return c, nil, 0
	}
	j.keyed.executed(h.written(c, v, position))
	e := Executed{
		At: j.at, Method: j.method, Target: j.request.Target, Path: joinPath(c.path), path: j.path,
	}
	if !v.gone {
		e.Body = v.body
	}
	t := h.resources.things[e.Path]
	for replica := range v.lags {
		e.Shown = max(e.Shown, shownAt(t.history, replica))
	}
	h.executed = append(h.executed, e)
	return c, v, position
}

// executions says in words when a write is executed.
func executions(after []time.Duration) string {
	words := make([]string, len(after))
	for i, d := range after {
		words[i] = "at once"
		if d > 0 {
			words[i] = "after " + short(d)
		}
	}
	if len(words) == 0 {
		return "not executed"
	}
	return "executed " + strings.Join(words, " and ")
}
