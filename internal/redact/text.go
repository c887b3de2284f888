package redact

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/readback-go/readback/internal/cause"
)

// Error returns the text of err without its secrets, and the empty text for nil. It hides
//
//   - URLs of a [*url.Error] in the tree of err, and all other URLs with a scheme, as
//     [URLString] does; if a URL cannot be parsed, also the parts of it that the reason
//     quotes;
//   - strings and flat lists of JSON members with the name of a secret;
//   - the word after Bearer, Basic and ApiKey, and JSON Web Tokens wherever they stand;
//   - the rest of the line after the name and colon of an authorization, cookie or key header;
//   - the value after an equals sign, if the name before it is of a password, token, key or
//     the like, or one of more.
func Error(err error, more ...string) string {
	if err == nil {
		return ""
	}
	text := textOf(err)
	found := urlErrors(err)
	for _, e := range found {
		if URLString(e.URL) == unparsable && e.Err != nil {
			// For instance: invalid port ":secret" after host.
			reason := textOf(e.Err)
			text = strings.ReplaceAll(text, reason, quoted.ReplaceAllLiteralString(reason, `"`+hidden+`"`))
		}
	}
	// The longest first, since one URL may be the beginning of another.
	slices.SortStableFunc(found, func(a, b *url.Error) int { return len(b.URL) - len(a.URL) })
	for _, e := range found {
		shown := URLString(e.URL, more...)
		if shown == e.URL {
			continue
		}
		text = strings.ReplaceAll(text, strconv.Quote(e.URL), strconv.Quote(shown)) // as url.Error prints it
		if strings.ContainsAny(e.URL, "@?#=") {                                     // else nothing to tell it from other text by
			text = strings.ReplaceAll(text, e.URL, shown)
		}
	}
	return redactText(text, more)
}

// textOf returns err.Error(). If that panics, as for a nil pointer in an error, it returns a
// text that names the type.
func textOf(err error) (text string) {
	defer func() {
		if recover() != nil {
			text = fmt.Sprintf("an error of type %T that has no text", err)
		}
	}()
	return err.Error()
}

// quoted matches a text that strconv.Quote made.
var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// urlErrors returns all *url.Errors in the tree of err, where errors.As would stop at the first
// one. If a method panics, it returns those that were found before.
func urlErrors(err error) (found []*url.Error) {
	defer func() { _ = recover() }()
	for err != nil {
		switch e := err.(type) {
		case *url.Error:
			found = append(found, e)
		case *cause.Ended:
			return append(found, urlErrors(e.Cause)...) // it does not unwrap to it as it is
		}
		if many, ok := err.(interface{ Unwrap() []error }); ok {
			for _, err := range many.Unwrap() {
				found = append(found, urlErrors(err)...)
			}
			return found
		}
		err = errors.Unwrap(err)
	}
	return found
}

var (
	// secretMember finds a JSON member whose value is a string or a flat
	// list, the last perhaps without its end. Its groups are all before the
	// value, the name, and what the string holds. A name that began with a
	// space or a comma could be what stands between two strings, so it is none.
	secretMember = regexp.MustCompile(
		`(?s)("((?:[^"\\\s,:\[\]{}]|\\.)(?:[^"\\]|\\.)*)"\s*:\s*)` +
			`(?:"((?:[^"\\]|\\.)*)"?|\[(?:[^"\[\]{}]|"(?:[^"\\]|\\.)*"?)*(?:\]|$))`)

	// secretHeader hides to the end of the line, for cookies and digests are
	// lists whose end cannot be told from what follows.
	secretHeader = regexp.MustCompile(
		`(?i)([\w-]*(?:authorization|cookie|api-?key|auth-?token)[ \t]*:[ \t]*)[^ \t\r\n][^\r\n]*`)

	// secretPair finds name=value in prose. A quote that a comma or a bracket
	// follows is the end of a text of JSON, not the beginning of a value.
	secretPair = regexp.MustCompile(
		`([\w.-]+)=(?:\\*"[^",}\]][^"]*"?|\\*'[^']*'?|[^\s"'&;<>\\]+)`)

	// secretPairNames are fewer than the other names of secrets, since much is
	// written with an equals sign: code = NotFound, with-key=1h, author=alice.
	secretPairNames = regexp.MustCompile(
		`(?i)(?:password|passwd|pwd|passphrase|secret|token|(?:api|access|secret|private)[_-]?key|signature|credentials?|session[_-]?id|jwt)$`)

	// secretJWT finds a JSON Web Token by its looks: its first part begins as {" does.
	secretJWT = regexp.MustCompile(`\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*`)

	secretScheme = regexp.MustCompile(`(?i)\b((?:bearer|basic|apikey)\s+["']?)[^\s"]+`)
)

// redactText hides secrets in any text.
func redactText(text string, more []string) string {
	text = redactMembers(text, more)
	text = inText.ReplaceAllStringFunc(text, func(raw string) string {
		// Characters after a URL that belong to the sentence or quotation around it.
		end := `.,:;!?)}'\`
		if !strings.Contains(raw, "[") { // no IPv6 address
			end += "]"
		}
		u := strings.TrimRight(raw, end)
		tail := raw[len(u):]
		u, ok := unescapeJSON(u)
		if !ok {
			return unparsable + tail
		}
		return URLString(u, more...) + tail
	})
	text = redactHeaders(text)
	text = secretPair.ReplaceAllStringFunc(text, func(pair string) string {
		name, value, _ := strings.Cut(pair, "=")
		named := secretPairNames.MatchString(name) ||
			slices.ContainsFunc(more, func(m string) bool { return strings.EqualFold(m, name) })
		if !named || strings.TrimRight(value, `.,:!?)}]`) == hidden { // as in a URL
			return pair
		}
		return name + "=" + hidden
	})
	text = secretScheme.ReplaceAllString(text, "${1}"+hidden)
	if !strings.Contains(text, "eyJ") {
		return text
	}
	return secretJWT.ReplaceAllLiteralString(text, hidden)
}

// outcomes match the text of a flow's error after its name and a colon.
var outcomes = regexp.MustCompile(`^(?:confirmed|unconfirmed|failed)(?:[ ,;:]|$)`)

// redactHeaders hides values of headers. The end of a URL's path does not count as a header, nor
// does the name of a flow.
func redactHeaders(text string) string {
	var b strings.Builder
	for {
		at := secretHeader.FindStringSubmatchIndex(text)
		if at == nil {
			return b.String() + text
		}
		value := at[3]
		if at[0] > 0 && text[at[0]-1] == '/' || outcomes.MatchString(text[value:]) {
			b.WriteString(text[:value])
			text = text[value:]
			continue
		}
		b.WriteString(text[:value] + hidden)
		text = text[at[1]:]
	}
}

func redactMembers(text string, more []string) string {
	return secretMember.ReplaceAllStringFunc(text, func(member string) string {
		m := secretMember.FindStringSubmatch(member)
		if name, ok := unescapeJSON(m[2]); !ok || secret(name, more) {
			return m[1] + `"` + hidden + `"`
		}
		if !strings.Contains(m[3], `\"`) {
			return member
		}
		// JSON in a string of JSON. Every level doubles the backslashes, so
		// there are few.
		inner, ok := unescapeJSON(m[3])
		if !ok {
			return m[1] + `"` + hidden + `"`
		}
		shown := redactMembers(inner, more)
		if shown == inner {
			return member
		}
		return m[1] + strconv.Quote(shown)
	})
}

// unescapeJSON resolves the escapes inside a JSON string, such as \/ for a slash and \u0026 for
// an ampersand. It returns false if they are invalid.
func unescapeJSON(s string) (string, bool) {
	if !strings.Contains(s, `\`) {
		return s, true
	}
	var plain string
	err := json.Unmarshal([]byte(`"`+s+`"`), &plain)
	return plain, err == nil
}
