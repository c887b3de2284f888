package pointer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strconv"
	"strings"
)

// Decode decodes JSON, and nothing behind it, with numbers as json.Number. A byte
// order mark before it is skipped.
func Decode(body []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(bytes.TrimPrefix(body, []byte("\ufeff"))))
	decoder.UseNumber()
	var doc any
	if err := decoder.Decode(&doc); err != nil {
		return nil, fmt.Errorf("not JSON: %w", err)
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("not JSON: something follows it")
	}
	return doc, nil
}

// Equal compares decoded JSON values: numbers by value, members in any order.
func Equal(a, b any) bool {
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
			if !found || !Equal(value, other) {
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
			if !Equal(a[i], b[i]) {
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
