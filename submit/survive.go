package submit

import (
	"bytes"
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
)

// encodeJob returns a job as it is stored. It refuses a job that JSON would change: the
// write is always made from the stored job, which would differ from the caller's.
func encodeJob[J any](job J) ([]byte, error) {
	data, err := json.Marshal(job)
	if err != nil {
		return nil, invalid("the job cannot be stored: %w", err)
	}
	if len(data) > maxJob {
		return nil, invalid("the job is longer than %d bytes as JSON: %d", maxJob, len(data))
	}
	var back J
	if err := json.Unmarshal(data, &back); err != nil {
		return nil, invalid("the job does not survive being stored as JSON: it cannot be read again: %w", err)
	}
	if where, same := survives(reflect.ValueOf(&job).Elem(), reflect.ValueOf(&back).Elem(), "job"); !same {
		return nil, invalid("the job does not survive being stored as JSON: %s is lost or changed", where)
	}
	again, err := json.Marshal(back)
	if err != nil || !bytes.Equal(data, again) {
		return nil, invalid("the job does not survive being stored as JSON: it reads %s, and then %s",
			truncate(string(data), 200), truncate(string(again), 200))
	}
	return data, nil
}

// survives reports whether b, decoded from the JSON of a, has all that a has, and if not,
// where it differs. Nil and empty count as equal.
func survives(a, b reflect.Value, path string) (where string, same bool) {
	if !a.IsValid() || !b.IsValid() {
		return path, a.IsValid() == b.IsValid()
	}
	if a.Type() != b.Type() {
		return fmt.Sprintf("%s, a %v that becomes a %v,", path, a.Type(), b.Type()), false
	}
	if a.CanInterface() && hasOwnText(a.Type()) {
		return path, sameText(a, b)
	}
	switch a.Kind() {
	case reflect.Struct:
		for i := range a.NumField() {
			field := a.Type().Field(i)
			if where, same := survives(a.Field(i), b.Field(i), path+"."+field.Name); !same {
				return where, false
			}
		}
		return "", true
	case reflect.Pointer, reflect.Interface:
		if a.IsNil() || b.IsNil() {
			return path, a.IsNil() == b.IsNil()
		}
		return survives(a.Elem(), b.Elem(), path)
	case reflect.Slice, reflect.Array:
		if a.Len() != b.Len() {
			return path, false
		}
		for i := range a.Len() {
			if where, same := survives(a.Index(i), b.Index(i), fmt.Sprintf("%s[%d]", path, i)); !same {
				return where, false
			}
		}
		return "", true
	case reflect.Map:
		if a.Len() != b.Len() {
			return path, false
		}
		for each := a.MapRange(); each.Next(); {
			at := fmt.Sprintf("%s[%v]", path, each.Key())
			if where, same := survives(each.Value(), b.MapIndex(each.Key()), at); !same {
				return where, false
			}
		}
		return "", true
	case reflect.Func, reflect.Chan, reflect.UnsafePointer:
		return path, a.IsNil() && b.IsNil()
	default:
		return path, a.Equal(b)
	}
}

// hasOwnText reports whether a type encodes and decodes itself: then its text is compared,
// and not its fields.
func hasOwnText(t reflect.Type) bool {
	p := reflect.PointerTo(t)
	return t.Implements(jsonOut) && p.Implements(jsonIn) || t.Implements(textOut) && p.Implements(textIn)
}

var (
	jsonOut = reflect.TypeFor[json.Marshaler]()
	jsonIn  = reflect.TypeFor[json.Unmarshaler]()
	textOut = reflect.TypeFor[encoding.TextMarshaler]()
	textIn  = reflect.TypeFor[encoding.TextUnmarshaler]()
)

func sameText(a, b reflect.Value) bool {
	one, err := json.Marshal(a.Interface())
	if err != nil {
		return false
	}
	other, err := json.Marshal(b.Interface())
	return err == nil && bytes.Equal(one, other)
}
