package exact

import (
	"bytes"
	"encoding/json"
	"reflect"
	"slices"
	"strings"
)

// Holds reports whether type W has a place for all that a stored value says, which another program
// may have encoded; or else for less, where W has no field either that the value lacks. A type that
// lacks one field and has another is likely to call it by another name, and what it decodes would
// mean something else.
func Holds[W any](stored []byte) (all, less bool) {
	var w W
	if json.Unmarshal(stored, &w) != nil {
		return false, false
	}
	today, err := json.Marshal(w)
	if err != nil {
		return false, false
	}
	all = Within(stored, today)
	return all, all || Within(today, stored) && !misses(reflect.TypeFor[W](), decoded(stored))
}

// misses reports whether a type has a field that a value lacks, also one that is left out where it
// is empty.
func misses(t reflect.Type, value any) bool {
	if whole, err := encodesItself(t); whole || err != nil {
		return false
	}
	switch t.Kind() {
	case reflect.Pointer:
		return misses(t.Elem(), value)
	case reflect.Slice, reflect.Array:
		list, _ := value.([]any)
		return slices.ContainsFunc(list, func(one any) bool { return misses(t.Elem(), one) })
	case reflect.Map:
		object, _ := value.(map[string]any)
		for _, one := range object {
			if misses(t.Elem(), one) {
				return true
			}
		}
	case reflect.Struct:
		object, ok := value.(map[string]any)
		return ok && missesField(t, object)
	}
	return false
}

func missesField(t reflect.Type, object map[string]any) bool {
	for i := range t.NumField() {
		field := t.Field(i)
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		switch {
		case !carried(field):
		case field.Anonymous && name == "" && field.Type.Kind() == reflect.Struct: // its fields are in the same object
			if misses(field.Type, object) {
				return true
			}
		case field.Anonymous && name == "": // or there is none of them
		default:
			if name == "" {
				name = field.Name
			}
			if one, there := member(object, name); !there || misses(field.Type, one) {
				return true
			}
		}
	}
	return false
}

// HasOther reports whether one JSON document has members that another one lacks, whatever their
// values are.
func HasOther(one, than []byte) bool { return otherMembers(decoded(one), decoded(than)) }

func otherMembers(one, than any) bool {
	switch one := one.(type) {
	case map[string]any:
		than, object := than.(map[string]any)
		for name, value := range one {
			if other, there := member(than, name); object && (!there || otherMembers(value, other)) {
				return true
			}
		}
	case []any:
		than, _ := than.([]any)
		for i := range min(len(one), len(than)) {
			if otherMembers(one[i], than[i]) {
				return true
			}
		}
	}
	return false
}

// Within reports whether all that a JSON document says is also said by another one, which may say
// more.
func Within(part, whole []byte) bool {
	one, all := decoded(part), decoded(whole)
	return one != broken{} && all != broken{} && covers(all, one)
}

// decoded returns what a JSON document says, with its numbers as they are written.
func decoded(data []byte) (value any) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	if decoder.Decode(&value) != nil {
		return broken{}
	}
	return value
}

// broken is what is no JSON.
type broken struct{}

func covers(whole, part any) bool {
	switch part := part.(type) {
	case map[string]any:
		whole, _ := whole.(map[string]any)
		for name, value := range part {
			if other, there := member(whole, name); !there || !covers(other, value) {
				return false
			}
		}
		return true
	case []any:
		whole, _ := whole.([]any)
		return slices.EqualFunc(whole, part, covers)
	}
	return whole == part
}

// member finds a member of an object as package json finds a field: upper and lower case are
// the same where there is no better.
func member(of map[string]any, name string) (value any, there bool) {
	if value, there = of[name]; there {
		return value, true
	}
	for other, value := range of {
		if strings.EqualFold(other, name) {
			return value, true
		}
	}
	return nil, false
}
