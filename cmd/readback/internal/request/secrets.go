package request

import (
	"encoding/json"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/readback-go/readback/internal/redact"
)

// plainHeaders are those whose values hold no secret, besides versions of APIs.
var plainHeaders = []string{
	"Accept", "Accept-Encoding", "Accept-Language", "Cache-Control", "Content-Language",
	"Content-Type", "Host", "Pragma", "Prefer", "User-Agent", "X-Requested-With",
}

func plain(name string) bool {
	return slices.ContainsFunc(plainHeaders, func(p string) bool { return strings.EqualFold(p, name) }) ||
		strings.HasSuffix(strings.ToLower(name), "-version")
}

// secretWords are in the names of headers that are made for secrets.
var secretWords = []string{
	"auth", "cookie", "credential", "jwt", "key", "pass", "secret", "session", "signature", "token",
}

func namedSecret(name string) bool {
	name = strings.ToLower(name)
	return slices.ContainsFunc(secretWords, func(word string) bool { return strings.Contains(name, word) })
}

const (
	// leastSecret is how long a text must be to be looked for in output: a shorter
	// one is found in everything.
	leastSecret = 4

	// leastUnnamed is that of a text that nothing says is a secret: words of every
	// day are in other text, too.
	leastUnnamed = 8
)

// Secrets returns the texts of s that must not be shown: the values of headers
// but the plain ones, passwords, values of parameters in the URL that are marked
// as secret, and those of fields of the body that can be nothing else.
func (s *Spec) Secrets(in *Input) []string {
	var found []string
	add := func(least int, texts ...string) {
		for _, text := range texts {
			if len(text) >= least && !slices.Contains(found, text) {
				found = append(found, text)
			}
		}
	}
	lines, _ := s.header(in)
	for _, line := range lines {
		switch {
		case plain(line.name):
		case !namedSecret(line.name):
			add(leastUnnamed, line.value)
		default:
			_, credentials, _ := strings.Cut(line.value, " ") // without the scheme before it
			add(leastSecret, line.value, strings.TrimSpace(credentials))
			add(leastUnnamed, parameters(line.value)...)
		}
	}
	addUser := func(name, password string) {
		add(leastSecret, password, url.QueryEscape(password), url.PathEscape(password))
		if password == "" {
			add(leastUnnamed, name) // many services take a token for the name
		}
	}
	if name, password, ok := strings.Cut(s.User, ":"); ok {
		addUser(name, password)
	}
	add(leastSecret, SecretParams(s.URL)...)
	if data, err := s.data(in); err == nil {
		add(leastUnnamed, secretFields(data)...)
	}
	for _, part := range s.Form {
		if name, value, _ := strings.Cut(part, "="); secretField.MatchString(name) {
			add(leastUnnamed, value)
		}
	}
	if u, err := parseProxy(s.Proxy); err == nil && u.User != nil {
		password, _ := u.User.Password()
		addUser(u.User.Username(), password)
	}
	return found
}

// parameters returns what stands after each = of a list: of cookies, or in
// Authorization.
func parameters(list string) []string {
	var found []string
	for part := range strings.FieldsFuncSeq(list, func(r rune) bool { return r == ';' || r == ',' || r == ' ' }) {
		if _, value, ok := strings.Cut(part, "="); ok {
			found = append(found, strings.Trim(value, `"`))
		}
	}
	return found
}

// secretField finds the names of fields that hold nothing but secrets. Other names
// with such words are those of things: a secretName, the key of a label.
var secretField = regexp.MustCompile(`(?i)^(?:password|passwd|pwd|passphrase|(?:client[_-]?)?secret|(?:(?:access|auth|refresh|api)[_-]?)?token|(?:api|private|secret)[_-]?key)$`)

// mostFields is how long a body may be to be looked through for such fields: what is
// longer is an upload.
const mostFields = 4 << 20

// secretFields returns the texts of such fields of a body, JSON or a form.
func secretFields(body []byte) (found []string) {
	if len(body) > mostFields {
		return nil
	}
	var walk func(name string, value any)
	walk = func(name string, value any) {
		switch v := value.(type) {
		case string:
			if secretField.MatchString(name) {
				found = append(found, v)
			}
		case []any:
			for _, item := range v {
				walk(name, item)
			}
		case map[string]any:
			for _, name := range slices.Sorted(maps.Keys(v)) {
				walk(name, v[name])
			}
		}
	}
	var document any
	if json.Unmarshal(body, &document) == nil {
		walk("", document)
		return found
	}
	for pair := range strings.SplitSeq(string(body), "&") {
		name, value, _ := strings.Cut(pair, "=")
		if secretField.MatchString(name) {
			found = append(found, value)
			if plain, err := url.QueryUnescape(value); err == nil {
				found = append(found, plain)
			}
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

// tokens are those of JSON in which something can hide, a name with its colon.
var tokens = regexp.MustCompile(`"((?:[^"\\]|\\.)*)"(\s*:)?|-?[0-9][-+.0-9eE]*`)

// ScrubJSON is what scrub hides in a JSON document, which stays one: a number
// that is hidden becomes a text. Names of members stay unless names says
// otherwise, since whoever reads the document looks for them.
func ScrubJSON(scrub func(string) string, document string, names bool) string {
	var b strings.Builder
	end := 0
	for _, at := range tokens.FindAllStringSubmatchIndex(document, -1) {
		isNumber, isName := at[2] < 0, at[4] >= 0
		if isNumber {
			at[2], at[3] = at[0], at[1]
		}
		text := document[at[2]:at[3]]
		clean := scrub(text)
		switch {
		case clean == text || isName && !names:
			continue
		case isNumber:
			clean = `"` + clean + `"`
		}
		b.WriteString(document[end:at[2]] + clean)
		end = at[3]
	}
	return b.String() + document[end:]
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
