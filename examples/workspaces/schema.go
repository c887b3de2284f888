package workspaces

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"unicode/utf8"
)

// schema lists the properties that a request body may have. All are strings.
// It stands for a JSON schema, and refuses in the words of the validator that
// the contract's examples come from: the first broken rule only, in the order
// required, additionalProperties, then property by property.
type schema []property

type property struct {
	name     string
	ref      string // path of a shared schema; empty means one of its own
	enum     []string
	required bool
	nonEmpty bool
}

// maxLength keeps names short enough to be keys.
const maxLength = 200

var statusProperty = property{
	name: "status",
	ref:  "schemas/_Shared/Observability/alert_status.json",
	enum: []string{"FIRING", "RESOLVED"},
}

var createSchema = schema{
	{name: "workspaceName", required: true, nonEmpty: true},
	{name: "displayName"},
	{name: "reference"},
	statusProperty,
}

var changeSchema = schema{
	{name: "workspaceName", nonEmpty: true},
	{name: "displayName"},
	statusProperty,
}

var memberSchema = schema{
	{name: "userName", required: true, nonEmpty: true},
}

// decode returns the properties that body has, or a refusal.
func (s schema) decode(body []byte) (map[string]string, error) {
	if !json.Valid(body) {
		return nil, refuse(http.StatusBadRequest)
	}
	names, raw, ok := object(body)
	if !ok {
		return nil, refuseType("", "#", "object")
	}
	for _, p := range s {
		if _, given := raw[p.name]; p.required && !given {
			return nil, refuseSchema("", "#/required", "required",
				map[string]any{"missingProperty": p.name},
				fmt.Sprintf("must have required property '%s'", p.name))
		}
	}
	for _, name := range names {
		if !slices.ContainsFunc(s, func(p property) bool { return p.name == name }) {
			return nil, refuseSchema("", "#/additionalProperties", "additionalProperties",
				map[string]any{"additionalProperty": name},
				"must NOT have additional properties")
		}
	}
	values := make(map[string]string, len(raw))
	for _, p := range s {
		if data, given := raw[p.name]; given {
			value, err := p.decode(data)
			if err != nil {
				return nil, err
			}
			values[p.name] = value
		}
	}
	return values, nil
}

// decode returns the property's value, or a refusal.
func (p property) decode(data json.RawMessage) (string, error) {
	instance, schema := "/"+p.name, "#/properties/"+p.name
	if p.ref != "" {
		schema = p.ref
	}
	var value any
	if err := json.Unmarshal(data, &value); err != nil {
		return "", refuse(http.StatusBadRequest)
	}
	text, ok := value.(string)
	switch length := utf8.RuneCountInString(text); {
	case !ok:
		return "", refuseType(instance, schema, "string")
	case p.enum != nil && !slices.Contains(p.enum, text):
		return "", refuseSchema(instance, schema+"/enum", "enum",
			map[string]any{"allowedValues": p.enum},
			"must be equal to one of the allowed values")
	case p.nonEmpty && length == 0:
		return "", refuseSchema(instance, schema+"/minLength", "minLength",
			map[string]any{"limit": 1}, "must NOT have fewer than 1 characters")
	case length > maxLength:
		return "", refuseSchema(instance, schema+"/maxLength", "maxLength",
			map[string]any{"limit": maxLength},
			fmt.Sprintf("must NOT have more than %d characters", maxLength))
	}
	return text, nil
}

func refuseType(instance, schema, want string) error {
	return refuseSchema(instance, schema+"/type", "type",
		map[string]any{"type": want}, "must be "+want)
}

// object takes a JSON object apart and keeps the order of its names, which a
// map would lose: the first name that is one too many is the one reported.
// Data must be valid JSON; ok is false if it is no object.
func object(data []byte) (names []string, values map[string]json.RawMessage, ok bool) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	if start, err := decoder.Token(); err != nil || start != json.Delim('{') {
		return nil, nil, false
	}
	values = make(map[string]json.RawMessage)
	for decoder.More() {
		token, err := decoder.Token()
		if err != nil {
			return nil, nil, false
		}
		var value json.RawMessage
		if err := decoder.Decode(&value); err != nil {
			return nil, nil, false
		}
		name, _ := token.(string)
		names = append(names, name)
		values[name] = value
	}
	return names, values, true
}

// maxBody bounds what is read of a request's body.
const maxBody = 64 << 10

// readBody reads all of a request's body, or refuses one that is too long.
func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.Body == nil { // called in process, with a client's request
		return nil, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if _, tooLong := errors.AsType[*http.MaxBytesError](err); tooLong {
		return nil, refuse(http.StatusRequestEntityTooLarge)
	}
	if err != nil { // the client went away or sent a broken body
		return nil, refuse(http.StatusBadRequest)
	}
	return body, nil
}
