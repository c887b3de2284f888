package flow

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/spf13/pflag"

	"github.com/readback-go/readback/cmd/readback/internal/exit"
	"github.com/readback-go/readback/cmd/readback/internal/request"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

// Operation says how to follow what goes on after a write was answered.
type Operation struct {
	Follow   followed // whether, and where it is
	State    string   // JSON pointer
	Error    string   // JSON pointer
	Resource string   // JSON pointer
	Done     []string // states, or expressions
	Failed   []string // states, or expressions

	StatusOnly       bool
	AcceptedLocation bool // the Location of a 202 is what was written
}

// AddFlags adds the flags of operations.
func (o *Operation) AddFlags(fs *pflag.FlagSet) {
	fs.Var(&o.Follow, "monitor", "follow the operation that a good answer speaks of, before reading; --monitor=TEMPLATE says where it is, such as --monitor='/tasks/{taskUid}'")
	fs.Lookup("monitor").NoOptDefVal = "true"
	fs.StringVar(&o.State, "monitor-state", "", "JSON `POINTER` to the state of that operation (default /status, /state or /done)")
	fs.StringArrayVar(&o.Done, "monitor-done", nil, "`STATE` of an operation that ended well, or an expression that is true then; any of several (default the usual words)")
	fs.StringArrayVar(&o.Failed, "monitor-failed", nil, "`STATE` of an operation that failed, or an expression that is true then; any of several (default the usual words)")
	fs.StringVar(&o.Error, "monitor-error", "", "JSON `POINTER` to the error (default error, beside the state)")
	fs.StringVar(&o.Resource, "monitor-resource", "", "JSON `POINTER` in the operation to the URL of what was written")
	fs.BoolVar(&o.StatusOnly, "monitor-status-only", false, "only the status counts: 202 means running, another good one done")
	fs.BoolVar(&o.AcceptedLocation, "accepted-location", false, "take the Location of a 202 for what was written, and not for an operation")
}

// followed is whether an operation is followed, and the template of where it is.
type followed struct {
	on bool
	at string
}

func (f *followed) Type() string { return "bool" } // with or without a value

func (f *followed) String() string {
	if f == nil || !f.on && f.at == "" {
		return ""
	}
	if f.at == "" {
		return "true"
	}
	return f.at
}

func (f *followed) Set(text string) error {
	on, err := strconv.ParseBool(text)
	switch {
	case err == nil:
		*f = followed{on: on}
	case strings.ContainsAny(text, "/{"):
		*f = followed{on: true, at: text}
	default:
		return fmt.Errorf("want no value, or the template of a URL")
	}
	return nil
}

// Given reports whether an operation is to be followed.
func (o *Operation) Given() bool {
	return o.Follow.on || o.State != "" || o.Error != "" || o.Resource != "" ||
		len(o.Done)+len(o.Failed) > 0 || o.StatusOnly
}

// stateWord is what a state looks like: all else is an expression.
var stateWord = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_-]*$`)

// SplitStates parts the values of --monitor-done and --monitor-failed.
func SplitStates(all []string) (expressions, states []string) {
	for _, text := range all {
		if stateWord.MatchString(text) {
			states = append(states, text)
		} else {
			expressions = append(expressions, text)
		}
	}
	return expressions, states
}

// monitor returns how the library follows it, and nil if there is nothing to follow.
func (o *Operation) monitor() (*readbackhttp.Monitor, error) {
	if !o.Given() {
		return nil, nil
	}
	m := &readbackhttp.Monitor{State: o.State, Error: o.Error, Resource: o.Resource, StatusOnly: o.StatusOnly}
	_, m.Done = SplitStates(o.Done)
	_, m.Failed = SplitStates(o.Failed)
	if o.StatusOnly && (o.State != "" || o.Error != "" || len(o.Done)+len(o.Failed) > 0) {
		return nil, exit.Usagef("--monitor-status-only looks at statuses alone: it has no use with a state")
	}
	if o.Follow.at != "" {
		if userIn(o.Follow.at) {
			return nil, exit.Usagef("--monitor: credentials do not belong in a URL")
		}
		m.At = readbackhttp.Template(o.Follow.at)
	}
	return m, nil
}

// follow returns a monitor that asks expressions besides.
func (f *Flow) follow(monitor func(context.Context, *readbackhttp.Ref) (bool, error)) func(context.Context, *readbackhttp.Ref) (bool, error) {
	return func(ctx context.Context, ref *readbackhttp.Ref) (bool, error) {
		f.phase, f.looked = monitoring, nil
		done, err := monitor(ctx, ref)
		if f.looked == nil || len(f.exprs.done.sources)+len(f.exprs.failed.sources) == 0 {
			return done, err
		}
		return f.judgeOperation(ctx, ref, done, err)
	}
}

// judgeOperation says what a look at an operation means, in which the expressions
// go before the usual words. A 303 or a 204 ends it in any case, and what a bad
// status means is not theirs to say, unless one holds.
func (f *Flow) judgeOperation(ctx context.Context, ref *readbackhttp.Ref, done bool, err error) (bool, error) {
	a := f.looked
	if why := f.anyHolds(ctx, f.exprs.failed, a.Status, a.Header, a.Body); why != nil {
		return false, fmt.Errorf("%w: %w", consistency.ErrOperation, why)
	}
	if len(f.exprs.done.sources) == 0 {
		return done, err
	}
	switch {
	case a.Status == http.StatusSeeOther || a.Status == http.StatusNoContent:
		return done, err
	case f.anyHolds(ctx, f.exprs.done, a.Status, a.Header, a.Body) != nil:
		f.locate(ref, a)
		return true, nil
	case ctx.Err() != nil:
		return false, context.Cause(ctx)
	case a.Status < 200 || a.Status > 299:
		return false, err
	case !isJSON(a.Body):
		return false, consistency.As(consistency.Ambiguous, fmt.Errorf("what the operation answered is %s", notJSON(a.Header, a.Body)))
	case len(f.exprs.failed.sources) == 0 && errors.Is(err, consistency.ErrOperation):
		return false, err
	}
	return false, nil
}

// locate notes where --monitor-resource points.
func (f *Flow) locate(ref *readbackhttp.Ref, a *request.Answer) {
	if f.resource == "" {
		return
	}
	text, found := a.Field(f.resource)
	if !found {
		return
	}
	var base url.URL
	if a.URL != nil {
		base = *a.URL
	}
	base.User = nil
	if at, err := base.Parse(text); err == nil && at.User == nil {
		ref.Location = at.String()
	}
}
