// Package redact hides secrets in requests and answers, before they are printed, logged or
// kept. A hidden text reads REDACTED.
//
// A name counts as the name of a secret if, in any case,
//
//   - it contains key, token, secret, sig, password, passwd, pwd, auth, credential, code,
//     session, jwt or cookie (but not code in bodies, where it usually names the kind of an
//     error);
//   - it begins with x-amz- or x-goog-; or
//   - it is one of the caller's additional names, as a whole.
//
// The name keyword is never one.
package redact

import (
	"slices"
	"strings"
)

const (
	hidden     = "REDACTED"
	unparsable = "[unparsable URL]"
)

// secretWords mark a name that contains one of them; sig is for signature too.
var secretWords = []string{
	"key", "token", "secret", "sig", "password", "passwd", "pwd", "auth",
	"credential", "session", "jwt", "cookie",
}

// secret reports whether name is the name of a secret, in bodies and elsewhere.
func secret(name string, more []string) bool {
	name = strings.ToLower(name)
	switch {
	case slices.ContainsFunc(more, func(m string) bool { return strings.EqualFold(m, name) }):
		return true
	case name == "keyword": // a search term, or the rule of a JSON schema
		return false
	case strings.HasPrefix(name, "x-amz-"), strings.HasPrefix(name, "x-goog-"):
		return true
	}
	return slices.ContainsFunc(secretWords, func(w string) bool { return strings.Contains(name, w) })
}

// Secret reports whether a member of a body that has this name is a secret.
func Secret(name string) bool { return secret(name, nil) }

// secretParam is secret for URLs, where a code can be exchanged for a token.
func secretParam(name string, more []string) bool {
	return secret(name, more) || strings.Contains(strings.ToLower(name), "code")
}
