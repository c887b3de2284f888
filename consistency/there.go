package consistency

import (
	"bytes"
	"encoding/json"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/readback-go/readback/internal/pointer"
)

// presence is how much there is in what a read returned.
type presence uint8

const (
	nothing   presence = iota // nil, null, or false of a read that returns a bool
	empty                     // perhaps an envelope, a list or a maintenance page with nothing in it
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
	case reflect.String:
		if isEmptyText(v.String()) {
			return empty
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return presenceOfBody(v.Bytes())
		}
		if onlyNils(v) {
			return empty
		}
	case reflect.Map:
		if saysNothing(v, deepest) {
			return empty
		}
	case reflect.Struct:
		if hasFields(v) && allZero(v, deepest) {
			return empty
		}
	}
	return something
}

// onlyNils reports whether a list is empty, or holds nothing but nils, such as the answer
// to a list of ids of which none is there.
func onlyNils(list reflect.Value) bool {
	elem := list.Type().Elem()
	switch raw := elem == reflect.TypeFor[json.RawMessage](); {
	case raw, elem.Kind() == reflect.Pointer, elem.Kind() == reflect.Interface:
		for i := range list.Len() {
			if one := list.Index(i); !one.IsNil() && !(raw && isNull(one.Bytes())) {
				return false
			}
		}
		return true
	}
	return list.Len() == 0
}

func isNull(raw []byte) bool { return string(bytes.TrimSpace(raw)) == "null" }

// saysNothing reports whether a map is empty, or what JSON makes of an envelope that
// holds nothing: its members are nil, lists and maps with nothing in them or, where they
// may be of any type, as empty.
func saysNothing(m reflect.Value, levels int) bool {
	switch m.Type().Elem().Kind() {
	case reflect.Interface, reflect.Pointer, reflect.Slice, reflect.Map:
		for members := m.MapRange(); members.Next(); {
			if !blank(members.Value(), levels-1) {
				return false
			}
		}
		return true
	}
	return m.Len() == 0
}

// blank is [pointer.Blank] for what is in an any.
func blank(v reflect.Value, levels int) bool {
	for v.Kind() == reflect.Interface && !v.IsNil() {
		v = v.Elem()
	}
	switch v.Kind() {
	case reflect.Pointer:
		return v.IsNil()
	case reflect.Struct:
		return hasFields(v) && allZero(v, levels)
	case reflect.Slice, reflect.Map, reflect.String:
		return allZero(v, levels)
	}
	return v.IsZero()
}

// deepest is how many levels of a value are looked at: what refers to itself has no
// end, and what is deeper than that is no envelope.
const deepest = 100

// allZero reports whether v is zero, or a list, a map or a struct in which there
// is nothing: what JSON makes of an envelope has lists that are not nil.
func allZero(v reflect.Value, levels int) bool {
	if levels == 0 {
		return false
	}
	switch v.Kind() {
	case reflect.Slice:
		if v.Type() == reflect.TypeFor[json.RawMessage]() {
			return isBlank(v.Bytes())
		}
		return onlyNils(v)
	case reflect.Map:
		return saysNothing(v, levels)
	case reflect.Struct:
		message := isMessage(v)
		for i := range v.NumField() {
			if message {
				if name := v.Type().Field(i).Name; name == "state" || name == "sizeCache" {
					continue
				}
			}
			if !allZero(v.Field(i), levels-1) {
				return isZeroTime(v)
			}
		}
		return true
	case reflect.Pointer:
		return v.IsNil() || v.Elem().Kind() == reflect.Struct && hasFields(v.Elem()) && allZero(v.Elem(), levels-1)
	case reflect.Interface:
		if v.IsNil() {
			return true
		}
		switch in := v.Elem(); in.Kind() {
		case reflect.Slice, reflect.Map:
			return allZero(in, levels-1)
		case reflect.Struct:
			return hasFields(in) && allZero(in, levels-1)
		}
		return false
	case reflect.String:
		return v.Len() == 0 || v.Type() == reflect.TypeFor[json.Number]() && pointer.Blank(json.Number(v.String()))
	}
	return v.IsZero()
}

// isZeroTime reports whether v is the zero time of some place: many services send it
// for none, and it is decoded with a place that is not zero.
func isZeroTime(v reflect.Value) bool {
	if v.Type() != reflect.TypeFor[time.Time]() || !v.CanInterface() {
		return false
	}
	return v.Interface().(time.Time).IsZero()
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

// emptyLimit is how long a body may be that has nothing in it.
const emptyLimit = 4 << 10

func presenceOfBody(body []byte) presence {
	if len(body) > emptyLimit {
		return something
	}
	body = bytes.TrimSpace(bytes.TrimPrefix(body, []byte("\ufeff")))
	switch {
	case len(body) == 0, bytes.Equal(body, []byte(`""`)):
		return empty
	case bytes.Equal(body, []byte("null")), bytes.Equal(body, []byte("false")):
		return nothing
	case body[0] != '{' && body[0] != '[':
		return something
	}
	if isBlank(body) {
		return empty
	}
	return something
}

// isEmptyText reports whether a text is a body with nothing in it: null, or a list or an
// object. All else is a text, also an empty one.
func isEmptyText(text string) bool {
	text = strings.TrimSpace(text)
	if text == "" || text[0] != '{' && text[0] != '[' && text != "null" {
		return false
	}
	return presenceOfBody([]byte(text)) != something
}

// isBlank reports whether JSON says nothing.
func isBlank(text []byte) bool {
	if len(text) == 0 {
		return true
	}
	if len(text) > emptyLimit {
		return false
	}
	doc, err := pointer.Decode(text)
	return err == nil && pointer.Blank(doc)
}

func isInterface[T any]() bool { return reflect.TypeFor[T]().Kind() == reflect.Interface }
