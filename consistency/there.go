package consistency

import (
	"bytes"
	"net/http"
	"reflect"

	"github.com/readback-go/readback/internal/pointer"
)

// presence is how much there is in what a read returned.
type presence uint8

const (
	nothing   presence = iota // nil, null, or false of a read that returns a bool
	hollow                    // perhaps an envelope, a list or a maintenance page with nothing in it
	something                 // all else
)

// presenceOf says how much there is in value, with which a call was answered by a.
// A value that only carries an answer, such as a response, is judged by its body.
// Answers to HEAD are something.
func presenceOf[T any](value *T, a *Answer) presence {
	if a.Method == http.MethodHead {
		return something
	}
	v := content(value)
	if v.IsValid() && v.Kind() == reflect.Pointer && v.IsNil() {
		return nothing
	}
	if _, isResponse := any(*value).(*http.Response); isResponse || a.Whole && answerOfValue(carrier(value)).Status != 0 {
		if !a.Whole {
			return something // it is long, or was not read
		}
		return presenceOfBody(a.Body)
	}
	return presenceIn(v)
}

func presenceIn(v reflect.Value) presence {
	switch v.Kind() {
	case reflect.Invalid:
		return nothing
	case reflect.Pointer, reflect.Interface:
		if v.IsNil() {
			return nothing
		}
		return presenceIn(v.Elem())
	case reflect.Func, reflect.Chan:
		if v.IsNil() {
			return nothing
		}
	case reflect.Bool:
		if !v.Bool() {
			return nothing
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return presenceOfBody(v.Bytes())
		}
		if v.Len() == 0 {
			return hollow
		}
	case reflect.Map:
		if v.Len() == 0 {
			return hollow
		}
	case reflect.Struct:
		if hasFields(v) && allZero(v) {
			return hollow
		}
	}
	return something
}

// allZero reports whether v is zero, or a list, a map or a struct in which there
// is nothing: what JSON makes of an envelope has lists that are not nil.
func allZero(v reflect.Value) bool {
	switch v.Kind() {
	case reflect.Slice, reflect.Map:
		return v.Len() == 0
	case reflect.Struct:
		message := isMessage(v)
		for i := range v.NumField() {
			if message {
				if name := v.Type().Field(i).Name; name == "state" || name == "sizeCache" {
					continue
				}
			}
			if !allZero(v.Field(i)) {
				return false
			}
		}
		return true
	case reflect.Pointer, reflect.Interface:
		return v.IsNil() || v.Elem().Kind() == reflect.Struct && hasFields(v.Elem()) && allZero(v.Elem())
	}
	return v.IsZero()
}

// isMessage reports whether a struct is a message that protoc generated. In its
// fields state and sizeCache protobuf keeps what is its own: as soon as a message
// was received they are set, and say nothing of what is in it.
func isMessage(v reflect.Value) bool {
	for i := range v.NumField() {
		// A field's name costs an allocation, so its type is asked alone.
		if t := v.Field(i).Type(); t.Name() == "MessageState" && t.PkgPath() == "google.golang.org/protobuf/internal/impl" {
			return true
		}
	}
	return false
}

// hasFields reports whether a struct has any field but the three that each message
// has: state, sizeCache and unknownFields.
func hasFields(v reflect.Value) bool {
	if isMessage(v) {
		return v.NumField() > 3
	}
	return v.NumField() > 0
}

// hollowLimit is how long a body may be that has nothing in it.
const hollowLimit = 4 << 10

func presenceOfBody(body []byte) presence {
	if len(body) > hollowLimit {
		return something
	}
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff")))
	switch {
	case len(body) == 0:
		return hollow
	case bytes.Equal(body, []byte("null")), bytes.Equal(body, []byte("false")):
		return nothing
	case body[0] != '{' && body[0] != '[':
		return something
	}
	doc, err := pointer.Decode(body)
	if err == nil && pointer.Blank(doc) {
		return hollow
	}
	return something
}

func isInterface[T any]() bool { return reflect.TypeFor[T]().Kind() == reflect.Interface }
