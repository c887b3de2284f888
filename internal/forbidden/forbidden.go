// Package forbidden distinguishes the kinds of 403: a missing role, an instance that is not
// visible yet, and a rate limit.
//
// Some APIs answer 403 with two kinds of bodies. A body with a code says that the caller lacks
// a role or permission for this type of resource, which waiting does not change. A body with
// a status says that the caller has no access to this instance, which may be lag right after
// a write.
package forbidden

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strconv"
)

// MissingRole returns true only for a body that names a missing role: a JSON object with a
// member "code" that is the number 403 or the string "403", and without a member "status".
//
// It returns false for everything else: an empty or truncated body, other JSON, other text.
// Names are compared exactly. If a member occurs twice, the last counts. An empty body costs
// no allocation.
func MissingRole(body []byte) bool {
	body = bytes.TrimPrefix(body, []byte("\ufeff")) // a byte order mark
	body = bytes.TrimLeft(body, " \t\r\n")
	if len(body) == 0 || body[0] != '{' {
		return false
	}
	// A map, since the fields of a struct would match names in any case.
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

// rateLimit finds the names of a rate limit in codes and sentences, in any case.
var rateLimit = regexp.MustCompile(`(?i:(?:\b|_)(?:rate[ _-]?limit|throttl))|[a-z]RateLimit`)

// RateLimit reports whether a body speaks of a rate limit, for services that have no header for
// it: rateLimitExceeded, RATE_LIMITED, "a secondary rate limit", ThrottlingException.
func RateLimit(body []byte) bool { return len(body) > 0 && rateLimit.Match(body) }
