// Package forbidden tells a denied role from an instance that cannot be seen
// yet.
//
// Some APIs answer 403 with two bodies. One that carries a code says that the
// caller lacks a role or permission for this type of resource, which no waiting
// will change. One that carries a status says that the caller has no access to
// this instance, which right after a write may be lag.
package forbidden

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// MissingRole returns true only for the body of a real denial: a JSON object
// whose member "code" is 403, as a number or as the string "403", and that has
// no member "status", of whatever value.
//
// It is false for everything else: an empty or truncated body, other JSON, other
// text. Names are compared exactly, "Code" is another member; of a member that
// is there twice the last counts. An empty body costs no allocation.
func MissingRole(body []byte) bool {
	body = bytes.TrimPrefix(body, []byte("\ufeff")) // a byte order mark
	body = bytes.TrimLeft(body, " \t\r\n")
	if len(body) == 0 || body[0] != '{' {
		return false
	}
	// A map, for the fields of a struct would match names in any case.
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		return false
	}
	if _, ok := members["status"]; ok {
		return false
	}
	code := members["code"]
	var text string
	if len(code) > 0 && code[0] == '"' {
		return json.Unmarshal(code, &text) == nil && text == "403"
	}
	n, err := strconv.ParseFloat(string(code), 64)
	return err == nil && n == 403
}
