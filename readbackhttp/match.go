package readbackhttp

import (
	"encoding/json"
	"fmt"

	"github.com/readback-go/readback/internal/pointer"
)

// HasJSON returns a match that accepts a document in which the JSON pointer
// finds want: a string, a number, a boolean, nil, or what encodes to the same
// JSON value. Numbers are compared by value, members in any order.
//
// If at is not a JSON pointer, or want cannot be encoded, HasJSON returns nil,
// and an update that has nothing else to go by is refused before its write. Beside a
// Token and in a [Hold] nil means that there is no match: there, check it first.
func HasJSON(at string, want any) func(Ref, *Document) bool {
	encoded, err := json.Marshal(want)
	if err != nil || !pointer.Valid(at) {
		return nil
	}
	wanted, err := decode(encoded)
	if err != nil {
		return nil
	}
	return func(_ Ref, doc *Document) bool {
		shown, err := decode(doc.Body)
		if err != nil {
			return doc.differs(at, string(encoded), "no JSON")
		}
		got, found := pointer.Get(shown, at)
		if found && pointer.Equal(got, wanted) {
			doc.wanted = ""
			return true
		}
		return doc.differs(at, string(encoded), text(got, found))
	}
}

// differs notes what was wanted of d, and is false.
func (d *Document) differs(at, wanted, shown string) bool {
	if at == "" {
		at = "the document"
	}
	d.wanted = fmt.Sprintf("%s is %s, not %s", at, shown, wanted)
	return false
}

// text returns a JSON value as text, for an error.
func text(value any, found bool) string {
	if !found {
		return "missing"
	}
	encoded, err := json.Marshal(value)
	if err != nil {
		return "another"
	}
	return string(encoded[:min(len(encoded), 100)])
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
