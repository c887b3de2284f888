package request

import (
	"encoding/json"
	"net/url"
	"slices"
	"strings"

	"github.com/readback-go/readback/internal/redact"
)

// plainHeaders are those whose values hold no secret.
var plainHeaders = []string{
	"Accept", "Accept-Encoding", "Accept-Language", "Cache-Control", "Content-Language",
	"Content-Type", "Host", "Pragma", "Prefer", "User-Agent",
}

func plain(name string) bool {
	return slices.ContainsFunc(plainHeaders, func(p string) bool { return strings.EqualFold(p, name) })
}

// leastSecret is how long a text must be to be looked for in output: a shorter
// one is found in everything.
const leastSecret = 4

// Secrets returns the texts of s that must not be shown: the values of headers
// but the plain ones, passwords, and values of parameters in the URL that are
// marked as secret.
func (s *Spec) Secrets(in *Input) []string {
	var found []string
	add := func(texts ...string) {
		for _, text := range texts {
			if len(text) >= leastSecret && !slices.Contains(found, text) {
				found = append(found, text)
			}
		}
	}
	lines, _ := s.header(in)
	for _, line := range lines {
		if plain(line.name) {
			continue
		}
		add(line.value)
		if _, credentials, ok := strings.Cut(line.value, " "); ok {
			add(strings.TrimSpace(credentials)) // without the scheme before it
		}
	}
	if _, password, ok := strings.Cut(s.User, ":"); ok {
		add(password, url.QueryEscape(password), url.PathEscape(password))
	}
	add(SecretParams(s.URL)...)
	if u, err := parseProxy(s.Proxy); err == nil && u.User != nil {
		if password, ok := u.User.Password(); ok {
			add(password, url.QueryEscape(password), url.PathEscape(password))
		}
	}
	return found
}

// SecretParams returns the values of a URL's parameters that are marked as
// secret, as they stand there and unescaped.
func SecretParams(raw string) []string {
	_, query, ok := strings.Cut(raw, "?")
	if !ok {
		return nil
	}
	query, _, _ = strings.Cut(query, "#")
	var found []string
	for _, pair := range strings.FieldsFunc(query, func(r rune) bool { return r == '&' || r == ';' }) {
		if redact.URLString("/?"+pair) == "/?"+pair {
			continue
		}
		_, value, _ := strings.Cut(pair, "=")
		found = append(found, value)
		if plain, err := url.QueryUnescape(value); err == nil {
			found = append(found, plain)
		}
	}
	return found
}

// HidesSecrets reports whether a URL, or a template of one, has parts that must
// not be kept.
func HidesSecrets(raw string) bool {
	raw, _, _ = strings.Cut(raw, "#")
	raw = strings.NewReplacer("{", "x", "}", "x").Replace(raw)
	return redact.URLString(raw) != raw
}

// Scrub returns a function that hides secrets in a text, also as JSON spells
// them. What holds no whole secret stays as it is.
func Scrub(secrets []string) func(string) string {
	longest := slices.SortedFunc(slices.Values(secrets), func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, secret := range longest { // one may be the beginning of another
		if len(secret) < leastSecret {
			break
		}
		pairs = append(pairs, secret, hidden)
		if spelt, err := json.Marshal(secret); err == nil && string(spelt[1:len(spelt)-1]) != secret {
			pairs = append(pairs, string(spelt[1:len(spelt)-1]), hidden)
		}
	}
	return strings.NewReplacer(pairs...).Replace
}

// ShownTemplate returns a template of a URL without its secrets.
func ShownTemplate(template string) string {
	if !HidesSecrets(template) {
		return template
	}
	shown := redact.URLString(strings.NewReplacer("{", "%7B", "}", "%7D").Replace(template))
	return strings.NewReplacer("%7B", "{", "%7D", "}").Replace(shown)
}

// Shown returns the URL of s without its secrets, and "" if it is none.
func (s *Spec) Shown() string {
	u, err := s.ParseURL()
	if err != nil {
		return ""
	}
	return redact.URL(u)
}

const hidden = "REDACTED"
