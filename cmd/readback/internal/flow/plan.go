package flow

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/readback-go/readback/cmd/readback/internal/exit"
	"github.com/readback-go/readback/cmd/readback/internal/expr"
	"github.com/readback-go/readback/cmd/readback/internal/request"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/redact"
	"github.com/readback-go/readback/readbackhttp"
)

// Plan is a write and how it is read back, as the command line says it. A Plan
// without Connections opens its own.
type Plan struct {
	Flags
	Lost // how a write is found whose answer was lost

	Write     request.Spec
	Read      request.Spec // takes from Write what it does not say
	Elsewhere bool         // there is no write: Write is the read
	Commands
	Operation
	Refused    []string // expressions that hold of a good answer which is a refusal
	ResendWhen []string // expressions that hold of refusals which pass
	Key        string   // idempotency key of the write
	Input      *request.Input
	Judge      *expr.Judge // of the plan's expressions; nil opens its own
	NeedBody   bool        // what reads show is needed, besides that it is there

	Connections *Connections
}

// Connections are those that the requests of a plan go through. They can be
// shared by plans with the same flags.
type Connections struct{ Write, Read *http.Transport }

// Connect opens the connections of a write and its read, which are the same if
// the read's flags say nothing of them.
func Connect(write, read request.Spec, in *request.Input) (*Connections, error) {
	w, err := write.Transport()
	if err != nil {
		return nil, err
	}
	c := &Connections{Write: w, Read: w}
	if read.Connects() {
		both := write.Override(read, in)
		if c.Read, err = both.Transport(); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// Close closes the connections that are idle.
func (c *Connections) Close() {
	c.Write.CloseIdleConnections()
	c.Read.CloseIdleConnections()
}

// defaultMaxBody is how long the body of a good answer may be that is needed.
const defaultMaxBody = 16 << 20

// defaultWriteTime bounds a write: the library leaves that to the context, but
// a command that nobody watches must end.
const defaultWriteTime = 5 * time.Minute

// Build makes the flow and the policy to run it with. Whatever is wrong with the
// plan is found here, before anything is sent.
func (p Plan) Build() (*Flow, consistency.Policy, error) {
	policy, err := p.Policy()
	if err != nil {
		return nil, policy, err
	}
	for _, spec := range []*request.Spec{&p.Write, &p.Read} {
		if *spec, err = spec.Folded(p.Input); err != nil {
			return nil, policy, err
		}
	}
	f := &Flow{}
	limit := time.Duration(0)
	if err = p.build(f); err == nil {
		limit, err = f.readLimit(p)
	}
	if err != nil {
		f.Close()
		return nil, policy, err
	}
	if policy.ReadTimeout == 0 {
		policy.ReadTimeout = limit
	}
	policy.Answer = f.answerOf
	policy.Rules.Read = f.readRules(p.Elsewhere)
	policy.Rules.Write = f.writeRules()
	return f, policy, nil
}

func (p Plan) build(f *Flow) error {
	if p.runsCommands() {
		return p.buildCommands(f)
	}
	write, err := p.writeRequest()
	if err != nil {
		return err
	}
	if f.Goal, err = p.goal(write.Method); err != nil {
		return err
	}
	if err := p.prepare(f); err != nil {
		return err
	}
	token, err := ParseToken(p.Token)
	if err != nil {
		return err
	}
	monitor, err := p.Operation.monitor()
	if err != nil {
		return err
	}
	if err := p.checkGoal(f, token); err != nil {
		return err
	}
	trip, err := p.tripper(f, write.URL)
	if err != nil {
		return err
	}
	f.trip = trip
	ex := readbackhttp.Exchange{
		Client:      &http.Client{Transport: trip},
		Write:       write,
		Goal:        f.Goal,
		Token:       token,
		Monitor:     monitor,
		Header:      write.Header,
		AllowOrigin: trip.allowed,
		MaxBody:     f.maxBody,

		LocationOfAccepted: p.AcceptedLocation,
	}
	if f.Goal != consistency.ToAbsent && f.expects() {
		ex.Match = f.match
	}
	if template := p.template(); template != "" {
		ex.Read = readbackhttp.Template(template)
	}
	f.Flow = ex.Flow()
	if err := refused(f.Flow); err != nil {
		return err
	}
	f.Name = p.name(f.Name, write.URL)
	f.wrap()
	return p.find(f, ex)
}

// prepare gives f what reads are to show.
func (p Plan) prepare(f *Flow) (err error) {
	if f.writeTime, err = p.Write.Limit(); err != nil {
		return err
	}
	if f.writeTime == 0 {
		f.writeTime = cmp.Or(p.WriteTime, defaultWriteTime)
	}
	if f.matchers, err = parseMatches("--expect-json", p.ExpectJSON); err != nil {
		return err
	}
	for i, text := range p.ExpectJSON {
		switch {
		case !hasFields(text):
		case p.Elsewhere:
			return exit.Usagef("--expect-json %q: there is no write whose answer has that field; a text with braces stands in double quotes", text)
		default:
			f.matchers[i] = f.filled("--expect-json", text)
		}
	}
	f.pairs = p.ExpectJSON
	if f.maxBody = int64(p.MaxBody); f.maxBody == 0 {
		f.maxBody = defaultMaxBody
	}
	f.exprs, _ = p.expressions()
	if f.exprs.judge = p.Judge; f.exprs.judge == nil {
		if f.exprs.judge, err = p.NewJudge(); err != nil {
			return err
		}
		f.exprs.own = f.exprs.judge != nil
	}
	f.resource = p.Operation.Resource
	f.bodyless = !f.expects() && len(p.Fail) == 0 && !p.NeedBody
	f.expected, err = parseStatuses(p.ExpectStatus)
	return err
}

// name returns the name of a flow, given that of its exchange: a person is told the
// whole path.
func (p *Plan) name(short string, at *url.URL) string {
	method, _, _ := strings.Cut(short, " ")
	if p.Elsewhere { // the request that stands for the write is a GET
		method = p.Write.Verb()
	}
	whole := *at
	whole.RawQuery = ""
	return method + " " + redact.URL(&whole)
}

// refused returns why an exchange cannot be: then its flow has no name, and its
// write sends nothing.
func refused(f consistency.Flow[readbackhttp.Ref, *readbackhttp.Document]) error {
	if f.Name != "" {
		return nil
	}
	_, err := f.Write(context.Background())
	var target *readbackhttp.TargetError
	if errors.As(err, &target) && strings.Contains(target.Reason, "AllowOrigin") {
		return exit.Usagef("will not read %s, which is of another origin than the write, without --allow-origin", target.URL.Host)
	}
	return exit.With(exit.Usage, err)
}

// writeRequest returns the write, and for a plan without one a request that
// stands for it.
func (p Plan) writeRequest() (*http.Request, error) {
	spec := p.Write
	if p.Elsewhere {
		spec.Method, spec.Data, spec.Form, spec.Upload = http.MethodGet, nil, nil, ""
	}
	req, err := spec.Request(p.Input)
	if err != nil {
		return nil, err
	}
	if p.Key != "" {
		req.Header.Set("Idempotency-Key", p.Key)
	}
	if _, given := req.Header["User-Agent"]; !given {
		req.Header.Set("User-Agent", "readback")
	}
	return req, nil
}

// template returns where the write is read back, or "" for the usual place.
func (p Plan) template() string {
	if p.Elsewhere {
		return ""
	}
	return p.Read.URL
}

func (p Plan) checkGoal(f *Flow, token readbackhttp.Token) error {
	read := p.Read
	if p.Elsewhere {
		read = p.Write
	}
	switch verb := read.Verb(); {
	case slices.Contains([]string{http.MethodPut, http.MethodPatch, http.MethodDelete}, verb):
		return exit.Usagef("%s is no read, and reads are repeated: a search may be a POST", verb)
	case f.Goal == consistency.ToPresent && p.asks() && !p.expects(f):
		return exit.Usagef("a good answer to a search proves nothing, since it may be an empty list: say what reads are to show by --expect, --expect-json or --expect-status")
	case f.Goal != consistency.ToMatch || f.matchers != nil || p.Expect != nil || token != nil:
		return nil
	case p.Elsewhere:
		return exit.Usagef("--for match needs --expect or --expect-json")
	}
	return exit.Usagef("after a %s a good answer proves nothing, since it may show the old state: say what reads are to show by --expect, --expect-json or --token, or --for present",
		p.Write.Verb())
}

// expects reports whether something is said of what a good answer looks like.
func (p Plan) expects(f *Flow) bool {
	return f.matchers != nil || p.Expect != nil || f.expected != nil
}

// ReadsItself reports whether the write's own URL is read: no other was given, and the
// answer says none, as that to a POST does.
func (p Plan) ReadsItself() bool {
	return p.Read.URL == "" && p.Write.Verb() != http.MethodPost
}

// asks reports whether reads ask for what fits, and not for one thing: by a
// query, or by another method than GET and HEAD.
func (p Plan) asks() bool {
	read, at := p.Read, p.Read.URL
	switch {
	case p.Elsewhere:
		read, at = p.Write, p.Write.URL
	case p.ReadsItself():
		at = p.Write.URL
	}
	return strings.Contains(at, "?") || read.Verb() != http.MethodGet && read.Verb() != http.MethodHead
}

// tripper returns what sends the requests of the flow.
func (p Plan) tripper(f *Flow, write *url.URL) (*tripper, error) {
	connections, read := p.Connections, p.Read
	if p.Elsewhere {
		read = p.Write
	}
	if connections == nil {
		var err error
		if connections, err = Connect(p.Write, read, p.Input); err != nil {
			return nil, err
		}
		f.own = connections
	}
	edit, err := read.Edit(p.Input)
	if err != nil {
		return nil, err
	}
	t := &tripper{
		flow: f, write: connections.Write, read: connections.Read,
		edit: edit, follow: read.Follow || p.Write.Follow, origins: []string{originOf(write)},
	}
	// What the command line names, it means: its headers may go there.
	if literal, err := url.Parse(literalOrigin(p.template())); err == nil && literal.Host != "" {
		t.origins = append(t.origins, originOf(literal))
	}
	if u, err := url.Parse(p.Find); err == nil && u.Host != "" {
		t.others = append(t.others, originOf(u))
	}
	for _, text := range p.AllowOrigin {
		origin, err := ParseOrigin("--allow-origin", text)
		if err != nil {
			return nil, err
		}
		t.others = append(t.others, origin)
	}
	return t, nil
}

// literalOrigin returns the scheme and host that a template begins with, as far
// as no field is in them.
func literalOrigin(template string) string {
	scheme, rest, found := strings.Cut(template, "://")
	if !found {
		return ""
	}
	host := rest
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		host = rest[:end]
	}
	if strings.ContainsAny(scheme+host, "{}") {
		return ""
	}
	return fmt.Sprintf("%s://%s", scheme, host)
}
