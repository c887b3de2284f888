// Package exact encodes values as JSON, and checks that decoding gives the same value.
//
// JSON loses more than one expects: an integer in an interface becomes a float, bytes that
// are not UTF-8 change, and fields that are not exported are lost. But another process must
// read a stored reference as the same one.
package exact

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"sync"
	"unicode/utf8"
)

var (
	marshaler       = reflect.TypeFor[json.Marshaler]()
	unmarshaler     = reflect.TypeFor[json.Unmarshaler]()
	textMarshaler   = reflect.TypeFor[encoding.TextMarshaler]()
	textUnmarshaler = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// Type returns an error if JSON changes all, or nearly all, values of type t, and nil if that
// depends on the value.
func Type(t reflect.Type) error {
	if why, ok := known.Load(t); ok {
		err, _ := why.(error)
		return err
	}
	err := find(t)
	known.Store(t, err)
	return err
}

// known keeps the results of Type.
var known sync.Map

func find(t reflect.Type) error {
	if s := deref(t); s.Kind() == reflect.Struct && s.NumField() > 0 && !visible(s) {
		if whole, err := encodesItself(t); !whole && err == nil {
			return fmt.Errorf("JSON carries no field of a %v", t)
		}
	}
	return check(t, make(map[reflect.Type]bool))
}

func visible(t reflect.Type) bool {
	for i := range t.NumField() {
		if carried(t.Field(i)) {
			return true
		}
	}
	return false
}

func check(t reflect.Type, seen map[reflect.Type]bool) error {
	if t == nil || seen[t] {
		return nil
	}
	seen[t] = true
	if whole, err := encodesItself(t); whole || err != nil {
		return err
	}
	switch t.Kind() {
	case reflect.Chan, reflect.Func, reflect.Complex64, reflect.Complex128, reflect.UnsafePointer:
		return fmt.Errorf("JSON cannot carry a %v", t)
	case reflect.Interface:
		if t.NumMethod() > 0 {
			return fmt.Errorf("JSON cannot be decoded into the interface %v", t)
		}
	case reflect.Map:
		key := t.Key()
		switch k := key.Kind(); {
		case k == reflect.String || k >= reflect.Int && k <= reflect.Uintptr:
		case both(key, textMarshaler, textUnmarshaler):
		default:
			return fmt.Errorf("JSON cannot carry the keys of a %v", t)
		}
		return check(t.Elem(), seen)
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return check(t.Elem(), seen)
	case reflect.Struct:
		for i := range t.NumField() {
			field := t.Field(i)
			if !carried(field) {
				continue
			}
			if err := check(field.Type, seen); err != nil {
				return fmt.Errorf("field %s: %w", field.Name, err)
			}
		}
	}
	return nil
}

// carried reports whether JSON carries a field of a struct.
func carried(field reflect.StructField) bool {
	if field.Tag.Get("json") == "-" {
		return false
	}
	return field.IsExported() || field.Anonymous && deref(field.Type).Kind() == reflect.Struct
}

func deref(t reflect.Type) reflect.Type {
	if t.Kind() == reflect.Pointer {
		return t.Elem()
	}
	return t
}

// encodesItself reports whether type t has its own methods to encode and to decode itself. It
// is an error if it can only encode itself.
func encodesItself(t reflect.Type) (bool, error) {
	if t.Kind() == reflect.Interface {
		return false, nil
	}
	switch {
	case both(t, marshaler, unmarshaler), both(t, textMarshaler, textUnmarshaler) && !has(t, marshaler):
		return true, nil
	case has(t, marshaler), has(t, textMarshaler):
		return false, fmt.Errorf("a %v encodes itself, but cannot be decoded", t)
	}
	return false, nil
}

func both(t, encode, decode reflect.Type) bool {
	return has(t, encode) && (t.Implements(decode) || reflect.PointerTo(t).Implements(decode))
}

func has(t, method reflect.Type) bool {
	return t.Implements(method) || reflect.PointerTo(t).Implements(method)
}

// Encode returns v as JSON, or an error if decoding would not give the same value. A method
// of v that panics is an error too.
func Encode[T any](v *T) (encoded json.RawMessage, err error) {
	defer func() {
		if r := recover(); r != nil {
			encoded, err = nil, fmt.Errorf("JSON cannot carry it: a panic: %v", r)
		}
	}()
	encoded, err = json.Marshal(v)
	if err != nil {
		return nil, fmt.Errorf("JSON cannot carry it: %w", err)
	}
	value := reflect.ValueOf(v).Elem()
	if simple(value) {
		return encoded, nil
	}
	back := new(T)
	if err := json.Unmarshal(encoded, back); err != nil {
		return nil, fmt.Errorf("it does not come back from JSON: %w", err)
	}
	if err := same(value, reflect.ValueOf(back).Elem(), 0); err != nil {
		return nil, fmt.Errorf("it does not come back from JSON as it is: %w", err)
	}
	return encoded, nil
}

// simple reports whether v surely survives JSON, which saves the check.
func simple(v reflect.Value) bool {
	if _, plain := v.Interface().(interface{ String() string }); plain {
		return false // its type may have its own encoding
	}
	switch k := v.Kind(); {
	case k == reflect.String:
		return utf8.ValidString(v.String()) && !has(v.Type(), marshaler) && !has(v.Type(), textMarshaler)
	case k == reflect.Bool || k >= reflect.Int && k <= reflect.Uint64:
		return !has(v.Type(), marshaler) && !has(v.Type(), textMarshaler)
	}
	return false
}
