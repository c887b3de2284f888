package readbackhttp

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"

	"github.com/readback-go/readback/internal/pointer"
)

// HasJSON returns a match that accepts a document in which the JSON pointer
// finds want: a string, a number, a boolean, nil, or what encodes to the same
// JSON value. Numbers are compared by value, members in any order.
//
// If at is not a JSON pointer, or want cannot be encoded, HasJSON returns nil,
// and an update that has nothing else to go by is refused before its write. Where
// nil says that there is no match, beside a Token and in a [Hold], look at it
// first.
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
		return ok && normal(a) == normal(b)
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

// decimal is a number: its digits, without zeros around them, times a power of
// ten. As floats, different numbers may be the same.
type decimal struct {
	negative bool
	digits   string
	exponent int64
}

// normal returns the one decimal that n is.
func normal(n json.Number) decimal {
	text, exponent, _ := strings.Cut(strings.ToLower(string(n)), "e")
	text, negative := strings.CutPrefix(text, "-")
	whole, fraction, _ := strings.Cut(text, ".")
	digits := whole + fraction
	d := decimal{negative: negative, digits: strings.TrimRight(digits, "0")}
	d.exponent = int64(len(whole) - len(d.digits))
	d.digits = strings.TrimLeft(d.digits, "0")
	switch {
	case d.digits == "":
		return decimal{}
	case exponent == "":
		return d
	}
	power, err := strconv.ParseInt(exponent, 10, 32)
	if err != nil { // absurd: then only what is written the same is the same
		return decimal{digits: string(n)}
	}
	d.exponent += power
	return d
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
