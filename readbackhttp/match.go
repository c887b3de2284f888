package readbackhttp

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"

	"github.com/readback-go/readback/internal/pointer"
)

// HasJSON returns a match that accepts a document in which the JSON pointer
// finds want: a string, a number, a boolean, nil, or what encodes to the same
// JSON value. Numbers are compared by value, members in any order. A want that
// cannot be encoded accepts nothing.
func HasJSON(at string, want any) func(Ref, *Document) bool {
	encoded, err := json.Marshal(want)
	var wanted any
	if err == nil {
		wanted, err = decode(encoded)
	}
	return func(_ Ref, doc *Document) bool {
		if err != nil {
			return false
		}
		shown, bad := decode(doc.Body)
		if bad != nil {
			return false
		}
		got, found := pointer.Get(shown, at)
		return found && equal(got, wanted)
	}
}

// equal compares decoded JSON values.
func equal(a, b any) bool {
	switch a := a.(type) {
	case json.Number:
		b, ok := b.(json.Number)
		if !ok {
			return false
		}
		if a == b {
			return true
		}
		x, errX := a.Float64()
		y, errY := b.Float64()
		_, exactX := strconv.ParseInt(a.String(), 10, 64)
		_, exactY := strconv.ParseInt(b.String(), 10, 64)
		// Two integers that differ in writing differ; as floats they may not.
		bothExact := exactX == nil && exactY == nil
		return errX == nil && errY == nil && !bothExact && x == y
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for name, value := range a {
			other, found := b[name]
			if !found || !equal(value, other) {
				return false
			}
		}
		return true
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !equal(a[i], b[i]) {
				return false
			}
		}
		return true
	}
	return reflect.DeepEqual(a, b)
}

// scalar returns the text of a JSON value that has one.
func scalar(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, v != ""
	case json.Number:
		return v.String(), true
	case bool:
		return fmt.Sprint(v), true
	}
	return "", false
}
