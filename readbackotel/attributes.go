package readbackotel

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"

	"go.opentelemetry.io/otel/attribute"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/poll"
)

// The names of attributes that no convention has.
const (
	nameKey     = "readback.flow.name"
	instanceKey = "readback.flow.instance"
	outcomeKey  = "readback.outcome"
	classKey    = "readback.class"
	reasonKey   = "readback.reason"
	verdictKey  = "readback.verdict"
	readsKey    = "readback.reads"
	attemptKey  = "readback.attempt"
	lagAfterKey = "readback.lag.after"
	lagByKey    = "readback.lag.by"
	codeKey     = "readback.code"
	noteKey     = "readback.note"
	durationKey = "readback.duration"
)

// identity says which flow it is.
func identity(e *consistency.Event) []attribute.KeyValue {
	all := []attribute.KeyValue{text(nameKey, e.Flow)}
	return appendText(all, instanceKey, e.Instance)
}

// ofFlow says how a flow ended; of one that was left nothing is known.
func ofFlow(e *consistency.Event) []attribute.KeyValue {
	if e.Phase != consistency.PhaseEnd {
		return nil
	}
	all := []attribute.KeyValue{
		text(outcomeKey, e.Outcome.String()),
		attribute.Int(readsKey, e.N),
	}
	if e.Class != 0 {
		all = append(all, text(classKey, e.Class.String()))
	}
	if e.Lag.After >= 0 && e.N > 0 {
		all = append(all, attribute.Float64(lagAfterKey, e.Lag.After.Seconds()))
	}
	if e.Lag.By >= 0 && e.N > 0 {
		all = append(all, attribute.Float64(lagByKey, e.Lag.By.Seconds()))
	}
	return appendAnswer(appendText(all, reasonKey, string(e.Reason)), e)
}

// ofStep says what a write or a look told.
func ofStep(e *consistency.Event) []attribute.KeyValue {
	all := []attribute.KeyValue{attribute.Int(attemptKey, e.N)}
	if e.Phase == consistency.PhaseWrite {
		all = append(all, text(classKey, e.Class.String()))
	} else {
		all = append(all, text(verdictKey, e.Verdict.String()))
	}
	return appendAnswer(appendText(all, reasonKey, string(e.Reason)), e)
}

func appendAnswer(all []attribute.KeyValue, e *consistency.Event) []attribute.KeyValue {
	if e.Status != 0 {
		all = append(all, semconv.HTTPResponseStatusCode(e.Status))
	}
	return appendText(appendText(all, codeKey, e.Code), noteKey, e.Note)
}

// text is an attribute. Its value is UTF-8, whatever it was: an exporter that finds other
// bytes drops all that it was to send together with them.
func text(key, value string) attribute.KeyValue {
	return attribute.String(key, valid(value))
}

func valid(value string) string { return strings.ToValidUTF8(value, string(utf8.RuneError)) }

func appendText(all []attribute.KeyValue, key, value string) []attribute.KeyValue {
	if value == "" {
		return all
	}
	return append(all, text(key, value))
}

// stepFailed reports whether a step went wrong: what is only lag did not.
func stepFailed(e *consistency.Event) bool {
	if e.Phase == consistency.PhaseWrite {
		return e.Class != consistency.Applied && e.Class != consistency.Accepted
	}
	return e.Verdict == poll.Stop || e.Verdict == poll.Unknown && e.Err != nil
}

// stepError is the type of a step's error, as the conventions have it for HTTP.
func stepError(e *consistency.Event) string {
	switch {
	case e.Code != "":
		return e.Code
	case e.Status != 0:
		return strconv.Itoa(e.Status)
	}
	return semconv.ErrorTypeOther.Value.AsString()
}

// errorType says in a word or two why a flow is not confirmed: one of a few, to be
// counted by.
func errorType(e *consistency.Event) string {
	for _, known := range [...]struct {
		err  error
		word string
	}{
		{consistency.ErrInvalid, "invalid"},
		{consistency.ErrOperation, "operation failed"},
		{consistency.ErrNoFind, "no find"},
		{consistency.ErrNoReference, "no reference"},
		{consistency.ErrNotProvablyMine, "not provably mine"},
		{poll.ErrDeadline, "not seen in time"},
		{poll.ErrWindow, "not seen in time"},
	} {
		if errors.Is(cause(e.Err), known.err) {
			return known.word
		}
	}
	var why *consistency.Error
	switch {
	case errors.As(e.Err, &why) && why.Context != nil:
		return "context ended"
	case e.Outcome == consistency.Unconfirmed:
		return "stopped"
	case e.Class == consistency.NotExecuted:
		return "not sent"
	case e.Status == http.StatusTooManyRequests:
		return "rate limited"
	}
	return "refused"
}

// cause is why the flow ended, apart from what its calls told.
func cause(err error) error {
	var why *consistency.Error
	if errors.As(err, &why) {
		return why.Cause
	}
	return nil
}

// within is the context of an event, which a hand-made one may lack.
func within(ctx context.Context) context.Context {
	if ctx == nil {
		return context.Background()
	}
	return ctx
}
