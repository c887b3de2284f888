package flow

import (
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

// FaultError ends a run by --fail: what was asked for will never be.
type FaultError struct {
	Expression string
	Value      string // as JSON
}

// Error names the expression, and its value if that says more than true.
func (e *FaultError) Error() string {
	text := fmt.Sprintf("--fail '%s' holds", e.Expression)
	if e.Value != "true" {
		text += ": " + e.Value
	}
	return text
}

// expressions are the expressions of a flow, with the process that evaluates
// them.
type expressions struct {
	judge              *expr.Judge
	own                bool // the judge is this flow's to close
	expect, fail, mine []string
}

// Judge compiles the expressions of a plan. Plans with the same ones can share it.
func (p Plan) judge() (*expr.Judge, error) {
	mine, _ := splitMine(p.Mine)
	sources := append(append(append([]string{}, p.Expect...), p.Fail...), mine...)
	if len(sources) == 0 {
		return nil, nil
	}
	ctx := context.Background()
	if p.Input != nil && p.Input.Context != nil {
		ctx = p.Input.Context
	}
	judge, err := expr.New(ctx, sources...)
	var wrong *expr.CompileError
	switch {
	case errors.As(err, &wrong):
		flag := "--expect"
		switch {
		case wrong.N >= len(p.Expect)+len(p.Fail):
			flag = "--mine"
		case wrong.N >= len(p.Expect):
			flag = "--fail"
		}
		hint := ""
		if flag == "--fail" {
			hint = "; curl's --fail is -f here"
		}
		return nil, exit.Usagef("%s '%s': that is no expression: %s%s", flag, sources[wrong.N], wrong.Reason, hint)
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
	a := f.answer
	if a == nil {
		a = f.kept
	}
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

// met reports whether all expressions hold of a document, and notes the first
// that does not.
func (f *Flow) met(ctx context.Context, doc *readbackhttp.Document) bool {
	for n, source := range f.exprs.expect {
		in, can := f.input(source, doc.Status, doc.Header, doc.Body)
		if !can {
			f.unmet, f.notJSON = source, notJSON(doc.Header, doc.Body)
			return false
		}
		result, err := f.exprs.judge.Eval(ctx, n, in)
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
	if len(f.exprs.fail) == 0 {
		return nil
	}
	status, header, body := 0, http.Header(nil), []byte(nil)
	var failed *readbackhttp.StatusError
	switch {
	case doc != nil:
		status, header, body = doc.Status, doc.Header, doc.Body
	case errors.As(err, &failed):
		a := failed.Answer()
		status, header, body = a.Status, a.Header, a.Body
	default:
		return nil
	}
	for n, source := range f.exprs.fail {
		in, can := f.input(source, status, header, body)
		if !can {
			continue
		}
		result, err := f.exprs.judge.Eval(ctx, len(f.exprs.expect)+n, in)
		if err == nil && result.Any {
			return &FaultError{source, result.Value}
		}
	}
	return nil
}

// judgeRead makes of a read what the expressions say of it.
func (f *Flow) judgeRead(ctx context.Context, doc *readbackhttp.Document, err error) (*readbackhttp.Document, error) {
	fault := f.fault(ctx, doc, err)
	if fault == nil {
		f.faults = 0
	} else if f.faults++; f.faults >= f.settle { // one stale read may show an earlier failure
		return nil, consistency.As(consistency.Refused, fault)
	} else {
		return nil, consistency.As(consistency.Ambiguous, fault)
	}
	if err != nil || len(f.exprs.expect)+len(f.matchers) == 0 && f.commands.Read == nil {
		return doc, err
	}
	beforeJSON, beforeUnmet := f.notJSON, f.unmet
	f.notJSON, f.unmet = "", ""
	good := (f.last == nil || f.last.Status == 0) && f.met(ctx, doc) && f.pairsMet(doc)
	if ctx.Err() != nil { // cut short: what the last whole read lacked still holds
		f.notJSON, f.unmet = beforeJSON, beforeUnmet
		return nil, context.Cause(ctx)
	}
	if f.Goal == consistency.ToAbsent {
		if good {
			return nil, goneError{doc}
		}
		return doc, nil
	}
	f.good = nil
	if good {
		f.good = doc
	}
	return doc, nil
}

// goneError is a good answer that says that the thing is gone.
type goneError struct{ doc *readbackhttp.Document }

func (e goneError) Error() string { return "what was expected of it holds, so it is gone" }

// StatusCode makes it one of the answers that mean so.
func (e goneError) StatusCode() int { return http.StatusNotFound }
