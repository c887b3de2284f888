package consistency

import (
	"io"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/readback-go/readback/internal/retryafter"
)

// Answer is what the rules see of one answer.
type Answer struct {
	Method     string        // of the request; empty if not known
	Status     int           // HTTP status code; 0 if none is known
	Header     http.Header   // nil if not known
	Body       []byte        // the beginning of an error's body; nil if not known
	RetryAfter time.Duration // how long the server asks to wait; 0 if it does not
	Note       string        // for the history, such as that a cache answered
}

// answerOf finds the status in what a call returned: in the error, or, since
// generated clients return a 404 with a nil error, in the value.
func answerOf[T any](p *Policy, value *T, err error) Answer {
	if p.Answer != nil {
		if a, ok := p.Answer(*value, err); ok {
			return a
		}
	}
	if err != nil {
		return answerOfError(err)
	}
	return answerOfValue(carrier(value))
}

type (
	answerer   interface{ Answer() Answer }
	statusCode interface{ StatusCode() int }
	httpStatus interface{ HTTPStatusCode() int }
	bodied     interface{ Body() []byte }
)

func answerOfError(err error) (a Answer) {
	if whole, ok := find[answerer](err); ok {
		return whole.Answer()
	}
	if code, ok := find[statusCode](err); ok {
		a.Status = code.StatusCode()
	} else if code, ok := find[httpStatus](err); ok {
		a.Status = code.HTTPStatusCode()
	}
	if body, ok := find[bodied](err); ok {
		a.Body = body.Body()
	}
	return a
}

// find does what errors.As does, without reflection: it runs for each read, and
// the stack that reflection needs would stay with each flow that waits.
func find[T any](err error) (found T, ok bool) {
	for err != nil {
		if found, ok = err.(T); ok {
			return found, true
		}
		if as, can := err.(interface{ As(any) bool }); can && as.As(&found) {
			return found, true
		}
		switch wrapper := err.(type) {
		case interface{ Unwrap() error }:
			err = wrapper.Unwrap()
		case interface{ Unwrap() []error }:
			for _, inner := range wrapper.Unwrap() {
				if found, ok = find[T](inner); ok {
					return found, true
				}
			}
			return found, false
		default:
			return found, false
		}
	}
	return found, false
}

func answerOfValue(value any) Answer {
	switch v := value.(type) {
	case nil:
	case *http.Response:
		return AnswerOf(v)
	case answerer:
		return v.Answer()
	case statusCode:
		return Answer{Status: v.StatusCode()}
	case httpStatus:
		return Answer{Status: v.HTTPStatusCode()}
	}
	return Answer{}
}

// AnswerOf returns what the rules need of resp, whose body it leaves alone: for
// Policy.Answer, where a client's error holds the response in a field. It never
// fails; a nil resp is an answer without a status.
func AnswerOf(resp *http.Response) Answer {
	if resp == nil {
		return Answer{}
	}
	a := Answer{Status: resp.StatusCode, Header: resp.Header, Note: cacheNote(resp.Header)}
	a.RetryAfter, _ = retryafter.Parse(resp.Header, time.Now())
	if resp.Request != nil {
		a.Method = resp.Request.Method
	}
	return a
}

// carrier returns value's methods without copying a struct to the heap: a
// pointer to T has the methods of T, unless T is a pointer or an interface
// itself. A nil pointer carries nothing, nor does one in an interface.
func carrier[T any](value *T) any {
	switch v := content(value); {
	case !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil():
		return nil
	case v.Kind() == reflect.Pointer || reflect.TypeFor[T]().Kind() == reflect.Interface:
		return *value
	}
	return value
}

// empty reports whether value is a nil pointer or interface, or an empty slice
// or map, also in an interface: nothing that could have been written.
func empty[T any](value *T) bool {
	v := content(value)
	switch v.Kind() {
	case reflect.Invalid:
		return true
	case reflect.Pointer, reflect.Func, reflect.Chan:
		return v.IsNil()
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	}
	return false
}

// content returns what value points to, or what is in it if that is an
// interface: the zero Value if nothing is.
func content[T any](value *T) reflect.Value {
	v := reflect.ValueOf(value).Elem()
	if v.Kind() == reflect.Interface {
		return v.Elem()
	}
	return v
}

const (
	// drainLimit is how much of a body is read to get its connection back.
	drainLimit = 64 << 10
	// errorBodyLimit is how much of an error's body is kept for the rules.
	errorBodyLimit = 4 << 10
)

// release gives back the connection of an answer, while its context lasts. It
// returns the beginning of the body if that is an error's.
func release[T any](value *T) (body []byte) {
	resp, ok := any(*value).(*http.Response)
	if !ok || resp == nil || resp.Body == nil {
		return nil
	}
	if resp.StatusCode >= http.StatusBadRequest {
		body, _ = io.ReadAll(io.LimitReader(resp.Body, errorBodyLimit))
	}
	_, _ = io.CopyN(io.Discard, resp.Body, drainLimit)
	_ = resp.Body.Close()
	return body
}

// cacheNote tells whether a cache in between answered, which explains much.
func cacheNote(h http.Header) string {
	var notes []string
	if age := h.Get("Age"); age != "" && age != "0" {
		notes = append(notes, "cached, age "+age+" s")
	}
	if x := h.Get("X-Cache"); strings.Contains(strings.ToUpper(x), "HIT") {
		notes = append(notes, "X-Cache: HIT")
	}
	return strings.Join(notes, ", ")
}
