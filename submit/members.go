package submit

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strings"
)

// members are the members of a JSON object that this version does not know. They are
// kept, so that an older process loses nothing that a newer one has recorded.
type members map[string]json.RawMessage

// split decodes an object into what, a pointer to a struct, and returns the members that
// the struct has no field for.
func split(data []byte, what any) (members, error) {
	strict := json.NewDecoder(bytes.NewReader(data))
	strict.DisallowUnknownFields()
	if strict.Decode(what) == nil && len(bytes.TrimSpace(data[strict.InputOffset():])) == 0 {
		return nil, nil
	}
	// Strict decoding may have set some fields; this sets all of them again.
	if err := json.Unmarshal(data, what); err != nil {
		return nil, err
	}
	var all members
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, err
	}
	fields := reflect.TypeOf(what).Elem()
	for i := range fields.NumField() {
		known, _, _ := strings.Cut(fields.Field(i).Tag.Get("json"), ",")
		maps.DeleteFunc(all, func(name string, _ json.RawMessage) bool {
			return known != "" && strings.EqualFold(name, known) // as package json finds fields
		})
	}
	if len(all) == 0 {
		return nil, nil
	}
	return all, nil
}

// join encodes what as a JSON object, and adds the members m.
func (m members) join(what any) ([]byte, error) {
	data, err := json.Marshal(what)
	if err != nil || len(m) == 0 {
		return data, err
	}
	data = data[:len(data)-1]
	for _, name := range slices.Sorted(maps.Keys(m)) {
		quoted, err := json.Marshal(name)
		if err != nil {
			return nil, err
		}
		data = append(append(append(append(data, ','), quoted...), ':'), m[name]...)
	}
	return append(data, '}'), nil
}
