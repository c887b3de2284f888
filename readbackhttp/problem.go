package readbackhttp

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/readback-go/readback/internal/pointer"
	"github.com/readback-go/readback/internal/redact"
)

// Problem is what the body of an error answer says, in one struct for the
// shapes in use: a status or code with a message, the validation errors of a
// JSON schema, rejected business rules, and the problem details of [RFC 9457].
// What the body does not say is zero.
//
// Names are matched exactly. A member of another JSON type than its field is
// ignored, as is a value nested more than 32 levels deep; of a member that is
// there twice the last counts. Nothing is hidden from the fields: whatever the
// server put into the body is there, while [Problem.String] can be printed.
//
// [RFC 9457]: https://www.rfc-editor.org/rfc/rfc9457
type Problem struct {
	Status  int    // member status, a number or its digits in a string, from 100 to 999
	Code    string // member code, a string or the text of a number
	Message string // member message

	// What a JSON schema has against the request.
	InstancePath string         // member instancePath: where in the request, as a JSON pointer; empty is its root
	SchemaPath   string         // member schemaPath: the rule in the schema
	Keyword      string         // member keyword: the kind of rule, such as required or enum
	Params       map[string]any // member params: the facts of the rule, numbers as json.Number

	// What a business rule has against the request.
	Path     string // member path: the property
	Expected string // member expected: what it should have been

	// Problem details.
	Type     string // member type: a URI for the kind of problem
	Title    string // member title: the kind in words
	Detail   string // member detail: this case in words
	Instance string // member instance: a URI for this case

	// Extensions are the members with other names, numbers as json.Number.
	// Nil means none.
	Extensions map[string]any
}

const (
	maxProblemDepth = 32   // levels of lists and objects in one member
	maxProblemLine  = 1024 // bytes of Problem.String
)

// String returns the problem in one line, at most 1,024 bytes of UTF-8: the
// message or else the title, and the detail; then where it lies and what the
// rule names, which is a missing property, one too many, the values allowed or
// the one expected, unless the words before name it already. Without words, the
// keyword, type, code or status, the first that is there, stands for them. The
// zero Problem is the empty text. URLs and credentials are redacted.
func (p Problem) String() string {
	line := p.words()
	add := func(format, what string) {
		if what != "" {
			line += fmt.Sprintf(format, what)
		}
	}
	addNew := func(format, what string) {
		if !mentions(line, what) {
			add(format, what)
		}
	}
	param := func(name string) string {
		if v, ok := p.Params[name]; ok {
			return unquoted(v)
		}
		return ""
	}
	add(" at %s", cmp.Or(p.InstancePath, p.Path))
	addNew(" (missing: %s)", param("missingProperty"))
	addNew(" (not allowed: %s)", param("additionalProperty"))
	if values, ok := p.Params["allowedValues"].([]any); ok {
		list := make([]string, len(values))
		for i, v := range values {
			list[i] = unquoted(v)
		}
		add(" (allowed: %s)", strings.Join(list, ", "))
	}
	addNew(" (expected: %s)", p.Expected)
	return redact.Snippet([]byte(line), maxProblemLine)
}

// mentions reports whether word stands in line, and not as a part of another:
// "invalid" does not mention "id".
func mentions(line, word string) bool {
	if word == "" {
		return true
	}
	inWord := func(r rune) bool { return r == '_' || unicode.IsLetter(r) || unicode.IsDigit(r) }
	for rest := line; ; {
		i := strings.Index(rest, word)
		if i < 0 {
			return false
		}
		rest = rest[i+len(word):]
		end := len(line) - len(rest)
		before, _ := utf8.DecodeLastRuneInString(line[:end-len(word)])
		after, _ := utf8.DecodeRuneInString(rest)
		if !inWord(before) && !inWord(after) {
			return true
		}
	}
}

func (p Problem) words() string {
	head := cmp.Or(p.Message, p.Title)
	switch {
	case head != "" && p.Detail != "" && head != p.Detail:
		return strings.TrimSuffix(head, ".") + ": " + p.Detail
	case head != "":
		return head
	case p.Detail != "":
		return p.Detail
	case p.Keyword != "":
		return p.Keyword
	case p.Type != "" && p.Type != "about:blank": // which says: the status is all there is
		return p.Type
	case p.Code != "":
		return "code " + p.Code
	case p.Status != 0:
		return strings.TrimSpace(fmt.Sprintf("status %d %s", p.Status, http.StatusText(p.Status)))
	}
	return ""
}

// unquoted is a JSON value as people write it: strings without quotation marks.
func unquoted(v any) string {
	if s, ok := v.(string); ok {
		return s
	}
	return jsonText(v)
}

// parseProblem returns what body says, and whether it is a JSON object with at
// least one member of a [Problem] in it, of a fitting type. A byte order mark is
// skipped.
func parseProblem(body []byte) (Problem, bool) {
	body = bytes.TrimPrefix(body, []byte("\ufeff"))
	body = bytes.TrimLeft(body, " \t\r\n")
	if len(body) == 0 || body[0] != '{' {
		return Problem{}, false
	}
	// A map, for the fields of a struct would match names in any case, and
	// one member of a wrong type would spoil the rest.
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil {
		return Problem{}, false
	}
	var p Problem
	known := false
	for name, raw := range members {
		ok := false
		switch text := p.text(name); {
		case text != nil:
			*text, ok = jsonString(raw)
		case name == "status":
			p.Status, ok = jsonStatus(raw)
		case name == "code":
			p.Code, ok = jsonCode(raw)
		case name == "params":
			var v any
			if v, ok = jsonValue(raw); ok {
				p.Params, ok = v.(map[string]any)
			}
		default:
			if v, ok := jsonValue(raw); ok {
				if p.Extensions == nil {
					p.Extensions = make(map[string]any)
				}
				p.Extensions[name] = v
			}
		}
		known = known || ok
	}
	if !known {
		return Problem{}, false
	}
	return p, true
}

// text returns the field for a member whose values are strings, and nil for any other.
func (p *Problem) text(name string) *string {
	switch name {
	case "message":
		return &p.Message
	case "instancePath":
		return &p.InstancePath
	case "schemaPath":
		return &p.SchemaPath
	case "keyword":
		return &p.Keyword
	case "path":
		return &p.Path
	case "expected":
		return &p.Expected
	case "type":
		return &p.Type
	case "title":
		return &p.Title
	case "detail":
		return &p.Detail
	case "instance":
		return &p.Instance
	}
	return nil
}

func jsonString(raw json.RawMessage) (s string, ok bool) {
	if raw[0] != '"' { // null would unmarshal too
		return "", false
	}
	err := json.Unmarshal(raw, &s)
	return s, err == nil
}

func jsonCode(raw json.RawMessage) (string, bool) {
	if isJSONNumber(raw) {
		return string(raw), true
	}
	return jsonString(raw)
}

func jsonStatus(raw json.RawMessage) (int, bool) {
	s, ok := jsonCode(raw)
	if !ok {
		return 0, false
	}
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil && isJSONNumber(raw) { // some encoders write 403.0
		var f float64
		if f, err = strconv.ParseFloat(s, 64); f != math.Trunc(f) || f < 0 || f > 999 {
			return 0, false
		}
		n = uint64(f)
	}
	if err != nil || n < 100 || n > 999 {
		return 0, false
	}
	return int(n), true
}

func isJSONNumber(raw json.RawMessage) bool {
	return raw[0] == '-' || '0' <= raw[0] && raw[0] <= '9'
}

func jsonValue(raw json.RawMessage) (v any, ok bool) {
	if jsonDepth(raw) > maxProblemDepth {
		return nil, false
	}
	v, err := pointer.Decode(raw) // a float64 would round the digits of a large id
	return v, err == nil
}

// jsonDepth returns how many levels of lists and objects valid JSON has.
func jsonDepth(raw []byte) int {
	level, deepest, inString := 0, 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			level++
			deepest = max(deepest, level)
		case c == '}' || c == ']':
			level--
		}
	}
	return deepest
}
