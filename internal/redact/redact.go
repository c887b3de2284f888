// Package redact says what of a request or an answer may be printed, logged or
// kept.
//
// A name is taken for that of a secret if it contains, in any case, one of key,
// token, secret, sig, password, passwd, pwd, auth, credential, code, session,
// jwt or cookie, if it begins with x-amz- or x-goog-, or if the caller gives it
// as one more, which is compared as a whole and in any case. In bodies, code is
// no secret, since it is the usual name of an error's kind. The name keyword,
// alone, is never one. What is hidden reads REDACTED.
package redact

import (
	"slices"
	"strings"
)

const (
	hidden     = "REDACTED"
	unparsable = "[unparsable URL]"
)

// secretWords mark a name wherever they stand in it; sig stands for signature
// too.
var secretWords = []string{
	"key", "token", "secret", "sig", "password", "passwd", "pwd", "auth",
	"credential", "session", "jwt", "cookie",
}

// secret reports whether name is that of a secret in any place.
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

// secretParam is secret for URLs, where a code is what buys a token.
func secretParam(name string, more []string) bool {
	return secret(name, more) || strings.Contains(strings.ToLower(name), "code")
}
