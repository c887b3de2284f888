package consistency

import (
	"encoding/json"

	"github.com/readback-go/readback/internal/pointer"
)

// JSON returns what a rule's Body can ask: whether the JSON pointer finds, in a
// body that is JSON, one of the values given, compared as JSON; or, if none is
// given, anything that says something: not null, false, zero or empty.
//
// It never fits if at is not a pointer or a value cannot be encoded, nor a body that is
// not one whole JSON document.
func JSON(at string, values ...any) func(body []byte) bool {
	wanted := make([]any, 0, len(values))
	for _, value := range values {
		encoded, err := json.Marshal(value)
		if err != nil {
			continue
		}
		if doc, err := pointer.Decode(encoded); err == nil {
			wanted = append(wanted, doc)
		}
	}
	return func(body []byte) bool {
		if !pointer.Valid(at) {
			return false
		}
		doc, err := pointer.Decode(body)
		if err != nil {
			return false
		}
		got, found := pointer.Get(doc, at)
		if !found {
			return false
		}
		if len(values) == 0 {
			return !pointer.Blank(got)
		}
		for _, want := range wanted {
			if pointer.Equal(got, want) {
				return true
			}
		}
		return false
	}
}
