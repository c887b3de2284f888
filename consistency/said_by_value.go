package consistency

import (
	"fmt"
	"net/http"
	"reflect"
)

// statusError stands for an answer whose error was nil but whose status was not
// a success, as generated clients return it.
type statusError int

func (s statusError) Error() string   { return fmt.Sprintf("answered with status %d", int(s)) }
func (s statusError) StatusCode() int { return int(s) }

func answerOfValue(value any) (a Answer) {
	defer func() {
		if recover() != nil {
			a = Answer{}
		}
	}()
	switch v := value.(type) {
	case nil:
	case *http.Response:
		return AnswerOf(v)
	case answerer:
		return v.Answer()
	case statusCode:
		return answerInFields(value, v.StatusCode())
	case httpStatus:
		return answerInFields(value, v.HTTPStatusCode())
	}
	return Answer{}
}

// answerInFields returns what a value with a status tells besides: generated clients
// return structs with the response and the body that they have read of it, others
// have a method for the body.
func answerInFields(value any, status int) (a Answer) {
	a.Status = statusOrNone(status)
	defer func() {
		if a.Body == nil {
			a.Body, a.Whole = bodyByMethod(value)
		}
	}()
	v := reflect.ValueOf(value)
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return a
	}
	var resp *http.Response
	var body []byte
	responses, bodies := 0, 0
	for i := range v.NumField() {
		f := v.Field(i)
		if !f.CanInterface() {
			continue
		}
		switch f.Type() { // a field's name costs an allocation
		case reflect.TypeFor[*http.Response]():
			resp = f.Interface().(*http.Response)
			responses++
		case reflect.TypeFor[[]byte]():
			body = f.Bytes()
			bodies++
		}
	}
	if responses != 1 || resp == nil || resp.StatusCode != status {
		return a
	}
	a = AnswerOf(resp)
	if bodies == 1 && body != nil {
		a.Body, a.Whole = body[:min(len(body), bodyLimit)], len(body) <= bodyLimit
	}
	return a
}

// bodyByMethod returns the body that a value gives out by a method, if it has one.
func bodyByMethod(value any) (body []byte, whole bool) {
	defer func() {
		if recover() != nil { // it has not been read
			body, whole = nil, false
		}
	}()
	switch v := value.(type) {
	case bodied:
		body = v.Body()
	case interface{ Bytes() []byte }:
		body = v.Bytes()
	}
	return body[:min(len(body), bodyLimit)], body != nil && len(body) <= bodyLimit
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

// content returns what value points to, or what is in it if that is an
// interface: the zero Value if nothing is.
func content[T any](value *T) reflect.Value {
	v := reflect.ValueOf(value).Elem()
	if v.Kind() == reflect.Interface {
		return v.Elem()
	}
	return v
}
