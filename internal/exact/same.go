package exact

import (
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
)

const deepest = 1000

var errDeep = errors.New("it is nested too deeply")

// same returns an error that says where a and b differ, and nil if they are the same.
func same(a, b reflect.Value, depth int) error {
	if depth > deepest {
		return errDeep
	}
	if !a.IsValid() || !b.IsValid() {
		if a.IsValid() != b.IsValid() {
			return errors.New("a nil became something else")
		}
		return nil
	}
	if whole, _ := encodesItself(a.Type()); whole {
		if err := sameJSON(a, b); err != nil {
			return err
		}
		return sameFields(a, b, depth)
	}
	switch a.Kind() {
	case reflect.Interface:
		a, b = a.Elem(), b.Elem()
		if a.IsValid() && b.IsValid() && a.Type() != b.Type() {
			return fmt.Errorf("a %v in an interface became a %v", a.Type(), b.Type())
		}
		return same(a, b, depth+1)
	case reflect.Pointer:
		if a.IsNil() != b.IsNil() {
			return fmt.Errorf("a pointer of type %v became another", a.Type())
		}
		return same(a.Elem(), b.Elem(), depth+1)
	case reflect.Slice, reflect.Array:
		if a.Len() != b.Len() {
			return fmt.Errorf("a %v changed its length", a.Type())
		}
		for i := range a.Len() {
			if err := same(a.Index(i), b.Index(i), depth+1); err != nil {
				return err
			}
		}
	case reflect.Map:
		return sameEntries(a, b, depth)
	case reflect.Struct:
		return sameCarried(a, b, depth)
	case reflect.String:
		if a.String() != b.String() {
			return errors.New("a text that is not UTF-8 became another")
		}
	default:
		if !a.Equal(b) {
			return fmt.Errorf("a %v changed", a.Type())
		}
	}
	return nil
}

// sameEntries compares two maps.
func sameEntries(a, b reflect.Value, depth int) error {
	if a.Len() != b.Len() {
		return fmt.Errorf("a %v changed its length", a.Type())
	}
	for _, key := range a.MapKeys() {
		other := b.MapIndex(key)
		if !other.IsValid() {
			return fmt.Errorf("a key of a %v was lost", a.Type())
		}
		if err := same(a.MapIndex(key), other, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// sameCarried compares the fields of two structs that JSON carries. All others must be zero,
// or left out on purpose.
func sameCarried(a, b reflect.Value, depth int) error {
	for i := range a.NumField() {
		field := a.Type().Field(i)
		switch {
		case field.Tag.Get("json") == "-":
			// Left out on purpose.
		case !carried(field):
			if !a.Field(i).IsZero() {
				return fmt.Errorf("the field %s of a %v is not exported", field.Name, a.Type())
			}
		default:
			if err := same(a.Field(i), b.Field(i), depth+1); err != nil {
				return fmt.Errorf("field %s: %w", field.Name, err)
			}
		}
	}
	return nil
}

// sameFields compares the exported fields of structs that encode themselves: the method may
// come from an embedded field, and encode that field alone.
func sameFields(a, b reflect.Value, depth int) error {
	if a.Kind() == reflect.Pointer && !a.IsNil() && !b.IsNil() {
		a, b = a.Elem(), b.Elem()
	}
	if a.Kind() != reflect.Struct {
		return nil
	}
	for i := range a.NumField() {
		field := a.Type().Field(i)
		if !field.IsExported() || field.Tag.Get("json") == "-" {
			continue
		}
		if err := same(a.Field(i), b.Field(i), depth+1); err != nil {
			return fmt.Errorf("field %s: %w", field.Name, err)
		}
	}
	return nil
}

// sameJSON compares values by their encoding, since values that mean the same, such as two
// times, may differ in hidden fields.
func sameJSON(a, b reflect.Value) error {
	if !a.CanInterface() || !b.CanInterface() {
		return nil
	}
	first, err := json.Marshal(a.Interface())
	if err != nil {
		return err
	}
	second, err := json.Marshal(b.Interface())
	if err != nil {
		return err
	}
	if string(first) != string(second) || !saysEqual(a, b) {
		return fmt.Errorf("a %v changed", a.Type())
	}
	return nil
}

// saysEqual asks the method Equal or Cmp of a, if there is one for its type: an encoding may
// leave out what makes two values differ, as that of a time does with the seconds of an offset.
func saysEqual(a, b reflect.Value) (equal bool) {
	if a.Kind() == reflect.Pointer && (a.IsNil() || b.IsNil()) {
		return a.IsNil() == b.IsNil()
	}
	defer func() {
		if recover() != nil { // it is the encoding that tells
			equal = true
		}
	}()
	// The names are constants, so that the linker need not keep every method there is.
	for _, method := range [...]reflect.Value{a.MethodByName("Equal"), a.MethodByName("Cmp")} {
		if !method.IsValid() {
			continue
		}
		if t := method.Type(); t.NumIn() != 1 || t.In(0) != a.Type() || t.NumOut() != 1 {
			continue
		}
		switch out := method.Call([]reflect.Value{b})[0]; out.Kind() {
		case reflect.Bool:
			return out.Bool()
		case reflect.Int:
			return out.Int() == 0
		}
	}
	return true
}
