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

// Decode decodes one JSON value, with numbers as json.Number. Anything after it is an error. A
// byte order mark before it is skipped.
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

// Blank reports whether a decoded JSON value says nothing: null, false, zero, an empty text, a
// list of nothing but nulls, and an object that holds only such.
func Blank(doc any) bool {
	switch v := doc.(type) {
	case nil:
		return true
	case bool:
		return !v
	case string:
		return v == ""
	case json.Number:
		f, err := v.Float64()
		return err == nil && f == 0
	case []any:
		for _, member := range v {
			if member != nil {
				return false
			}
		}
		return true
	case map[string]any:
		for _, member := range v {
			if !Blank(member) {
				return false
			}
		}
		return true
	}
	return false
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

// decimal is a number: its digits, without leading and trailing zeros, times a power of ten. It
// is exact, while different numbers may be the same float.
type decimal struct {
	negative bool
	digits   string
	exponent int64
}

// normal returns n as a decimal. Equal numbers give equal decimals.
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
	if err != nil { // an absurd exponent: such numbers are equal only if they are written alike
		return decimal{digits: string(n)}
	}
	d.exponent += power
	return d
}
