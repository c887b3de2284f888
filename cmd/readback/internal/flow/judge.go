package flow

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/readback-go/readback/cmd/readback/internal/exit"
	"github.com/readback-go/readback/cmd/readback/internal/expr"
	"github.com/readback-go/readback/cmd/readback/internal/request"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackhttp"
)

// FaultError is an expression that holds of an answer and ends the run: what was
// asked for will never be.
type FaultError struct {
	Expression string
	Value      string // as JSON

	flag string
}

// Error names the expression, and its value if that says more than true.
func (e *FaultError) Error() string {
	text := fmt.Sprintf("%s '%s' holds", e.flag, e.Expression)
	if e.Value != "true" {
		text += ": " + e.Value
	}
	return text
}

// group is the expressions of one flag, of which a judge calls the first by that
// number.
type group struct {
	flag    string
	sources []string
	first   int
}

// expressions are the expressions of a flow, with the process that evaluates
// them.
type expressions struct {
	judge *expr.Judge
	own   bool // the judge is this flow's to close

	expect, fail, mine, lag, refused, again, done, failed group
}

// expressions returns those of a plan. Plans with the same flags number them in the same
// way.
func (p Plan) expressions() (e expressions, all []*group) {
	mine, _ := splitMine(p.Mine)
	done, _ := SplitStates(p.Operation.Done)
	failed, _ := SplitStates(p.Operation.Failed)
	e.expect = group{flag: "--expect", sources: p.Expect}
	e.fail = group{flag: "--fail", sources: p.Fail}
	e.mine = group{flag: "--mine", sources: mine}
	e.lag = group{flag: "--lag", sources: p.Lag}
	e.refused = group{flag: "--refused", sources: p.Refused}
	e.again = group{flag: "--resend-when", sources: p.ResendWhen}
	e.done = group{flag: "--monitor-done", sources: done}
	e.failed = group{flag: "--monitor-failed", sources: failed}
	all = []*group{&e.expect, &e.fail, &e.mine, &e.lag, &e.refused, &e.again, &e.done, &e.failed}
	n := 0
	for _, g := range all {
		g.first = n
		n += len(g.sources)
	}
	return e, all
}

// NewJudge compiles the expressions of a plan, for all plans with the same ones. It
// is the caller's to close, and nil if there are none.
func (p Plan) NewJudge() (*expr.Judge, error) {
	_, groups := p.expressions()
	var sources []string
	for _, g := range groups {
		sources = append(sources, g.sources...)
	}
	if len(sources) == 0 {
		return nil, nil
	}
	ctx := context.Background()
	if p.Input != nil && p.Input.Context != nil {
		ctx = p.Input.Context
	}
	compile := expr.New
	if p.Elsewhere {
		compile = expr.NewAlone
	}
	judge, err := compile(ctx, sources...)
	var wrong *expr.CompileError
	switch {
	case errors.As(err, &wrong):
		flag := ""
		for _, g := range groups {
			if len(g.sources) > 0 && g.first <= wrong.N {
				flag = g.flag
			}
		}
		hint := ""
		if flag == "--fail" && strings.HasPrefix(wrong.Reason, "this is not") {
			hint = "; curl's --fail is -f here"
		}
		return nil, exit.Usagef("%s '%s': %s%s", flag, sources[wrong.N], wrong.Reason, hint)
	case err != nil:
		return nil, exit.With(exit.Usage, err)
	}
	return judge, nil
}

// pairStart is what --mine POINTER=VALUE begins with: all else is an expression.
var pairStart = regexp.MustCompile(`^[^\s.$(\[{"=|][^\s()|"=<>!]*=([^=]|$)`)

// IsExpression reports whether a value of --mine is an expression, and no
// POINTER=VALUE.
func IsExpression(text string) bool { return !pairStart.MatchString(text) }

// splitMine parts the values of --mine.
func splitMine(all []string) (expressions, pairs []string) {
	for _, text := range all {
		if IsExpression(text) {
			expressions = append(expressions, text)
		} else {
			pairs = append(pairs, text)
		}
	}
	return expressions, pairs
}

// input returns what expressions see of an answer, and false if the body is no
// JSON and the expression does not ask for anything else.
func (f *Flow) input(source string, status int, header http.Header, body []byte) (expr.Input, bool) {
	in := expr.Input{Status: status, Header: header, Write: f.written()}
	if isJSON(body) {
		if in.Document = body; strings.Contains(source, "$text") {
			in.Text = string(body)
		}
		return in, true
	}
	in.Text = string(body)
	for _, name := range []string{"$text", "$status", "$headers"} {
		if strings.Contains(source, name) {
			return in, true
		}
	}
	return in, false
}

// written returns the answer to the write as expressions see it.
func (f *Flow) written() *expr.Write {
	a := cmp.Or(f.answer, f.kept)
	if a == nil {
		return nil
	}
	w := &expr.Write{Status: a.Status, Headers: expr.Headers(a.Header), Text: string(a.Body), Body: json.RawMessage("null")}
	if isJSON(a.Body) {
		w.Body = a.Body
	}
	return w
}

// Keep gives the flow the answer to a write of another process.
func (f *Flow) Keep(a *request.Answer) { f.kept = a }

// Recall returns the reference that the write of this flow would have had with an
// answer that another process kept. Nothing is sent.
func (f *Flow) Recall(ctx context.Context, a *request.Answer) (ref readbackhttp.Ref, err error) {
	f.recalled = a
	defer func() { f.recalled, f.phase = nil, idle }()
	return f.Write(ctx)
}

// met reports whether all expressions hold of a document, and notes the first
// that does not.
func (f *Flow) met(ctx context.Context, doc *readbackhttp.Document) bool {
	for n, source := range f.exprs.expect.sources {
		in, can := f.input(source, doc.Status, doc.Header, doc.Body)
		if !can {
			f.unmet, f.notJSON = source, notJSON(doc.Header, doc.Body)
			return false
		}
		result, err := f.exprs.judge.Eval(ctx, f.exprs.expect.first+n, in)
		switch {
		case err != nil:
			f.unmet = fmt.Sprintf("%s, which failed: %s", source, err)
			return false
		case !result.True:
			f.unmet = source
			return false
		}
	}
	return true
}

// fault returns why a read says that it will never be so, and nil if it does not.
// An expression that fails on an answer says nothing.
func (f *Flow) fault(ctx context.Context, doc *readbackhttp.Document, err error) *FaultError {
	var failed *readbackhttp.StatusError
	switch {
	case doc != nil:
		return f.anyHolds(ctx, f.exprs.fail, doc.Status, doc.Header, doc.Body)
	case errors.As(err, &failed):
		a := failed.Answer()
		return f.anyHolds(ctx, f.exprs.fail, a.Status, a.Header, a.Body)
	}
	return nil
}

// judgeRead finds out what the expressions say of a read. The library asks for it:
// whether the document is as expected, shows a failure, or that the thing is gone.
func (f *Flow) judgeRead(ctx context.Context, doc *readbackhttp.Document, err error) (*readbackhttp.Document, error) {
	f.good, f.faulty, f.why, f.lagged = nil, nil, nil, false
	var status *readbackhttp.StatusError
	answered := errors.As(err, &status)
	if fault := f.fault(ctx, doc, err); fault != nil {
		if answered {
			doc = documentOf(status) // of which the library asks for its fault
		}
		f.faulty, f.why = doc, fault
		return doc, nil
	}
	if f.lagged = answered && f.lags(ctx, status); f.lagged {
		return doc, err
	}
	if err != nil || !f.expects() && f.commands.Read == nil {
		return doc, err
	}
	beforeJSON, beforeUnmet := f.notJSON, f.unmet
	f.notJSON, f.unmet = "", ""
	good := (f.last == nil || f.last.Status == 0) && f.met(ctx, doc) && f.pairsMet(doc)
	if ctx.Err() != nil { // cut short: what the last whole read lacked still holds
		f.notJSON, f.unmet = beforeJSON, beforeUnmet
		return nil, context.Cause(ctx)
	}
	if good {
		f.good = doc
	}
	return doc, nil
}

// lags reports whether an answer with a bad status is lag of this service, as --lag
// says. An expression that fails says nothing.
func (f *Flow) lags(ctx context.Context, status *readbackhttp.StatusError) bool {
	a := status.Answer()
	return f.anyHolds(ctx, f.exprs.lag, a.Status, a.Header, a.Body) != nil
}

// ResendWhen says which refusals of the write are known to pass, and is nil if none
// are.
func (f *Flow) ResendWhen() func(consistency.Answer) bool {
	if len(f.exprs.again.sources) == 0 {
		return nil
	}
	return func(a consistency.Answer) bool {
		return f.anyHolds(context.Background(), f.exprs.again, a.Status, a.Header, a.Body) != nil
	}
}

// anyHolds returns the first of some expressions that holds of an answer, with its
// value, and nil for none.
func (f *Flow) anyHolds(ctx context.Context, of group, status int, header http.Header, body []byte) *FaultError {
	for n, source := range of.sources {
		in, can := f.input(source, status, header, body)
		if !can {
			continue
		}
		if result, err := f.exprs.judge.Eval(ctx, of.first+n, in); err == nil && result.Any {
			return &FaultError{source, result.Value, of.flag}
		}
	}
	return nil
}
