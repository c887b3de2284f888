package readbackhttp

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/readback-go/readback/internal/pointer"
	"github.com/readback-go/readback/internal/redact"
)

// Target says where a write is read back. Make it with [Location], [Template]
// or [URL].
type Target struct {
	kind   targetKind
	pieces []piece // of a template
	fields []field // that the template asks for
	err    error   // what is wrong with the template
}

type targetKind uint8

const (
	toLocation targetKind = iota + 1
	toItself
	toTemplate
)

// piece is a literal text or the name of a field.
type piece struct {
	text  string
	field bool
	path  bool // the slashes of the field's value stand for themselves
}

// field is a value of the write's answer.
type field struct{ name string }

// Location returns the target that the Location header of the answer names. A
// relative one is resolved against the URL of the write.
func Location() Target { return Target{kind: toLocation} }

// URL returns a target that is known before the write. A relative one is
// resolved against the URL of the write.
func URL(raw string) Target {
	return Target{kind: toTemplate, pieces: []piece{{text: raw}}}
}

// Template returns the target that text becomes when the fields in braces are
// filled in from the answer to the write:
//
//	{id}              the member of that name of a JSON body
//	{/data/items/0}   what the JSON pointer finds in it
//	{header:X-Id}     the header
//	{location}        the Location header, as an absolute URL
//	{+/name}          a field whose value is a path, such as operations/1: its
//	                  slashes stay
//
// Values are escaped for where they stand, in the path or in the query, except
// {location}. A value must be a string, a number or a boolean. A relative target
// is resolved against the URL of the write. Braces that do not match, fields that
// cannot be, and an origin that may not be read, unless fields are part of it,
// are reported before anything is sent; a field that the answer lacks ends the
// flow, unconfirmed, before anything is read.
func Template(text string) Target {
	t := Target{kind: toTemplate}
	for rest := text; rest != ""; {
		open := strings.IndexAny(rest, "{}")
		if open < 0 {
			t.pieces = append(t.pieces, piece{text: rest})
			break
		}
		if rest[open] == '}' {
			return broken(text, "has a } without a {")
		}
		t.pieces = append(t.pieces, piece{text: rest[:open]})
		name, after, closed := strings.Cut(rest[open+1:], "}")
		switch {
		case !closed:
			return broken(text, "has a { without a }")
		case slices.Contains([]string{"", "/", "header:", "+", "+/", "+header:", "+" + locationField}, name) || strings.ContainsAny(name, "{ "):
			return broken(text, fmt.Sprintf("has the field {%s}, which cannot be", name))
		}
		name, path := strings.CutPrefix(name, "+")
		t.pieces = append(t.pieces, piece{text: name, field: true, path: path})
		t.fields = append(t.fields, field{name})
		rest = after
	}
	if len(t.pieces) == 0 {
		return broken(text, "is empty")
	}
	return t
}

func broken(text, why string) Target {
	// What is broken cannot be redacted as a URL.
	if path, _, cut := strings.Cut(text, "?"); cut {
		text = path + "?…"
	}
	text = redact.Snippet([]byte(text), snippetLimit)
	return Target{kind: toTemplate, err: fmt.Errorf("readbackhttp: the template %q %s", text, why)}
}

// itself is the target that is the URL of the write.
func itself() Target { return Target{kind: toItself} }

func (t Target) isZero() bool { return t.kind == 0 }

// known reports whether the target is known before the write.
func (t Target) known() bool {
	return t.kind == toItself || t.kind == toTemplate && len(t.fields) == 0
}

// needsBody reports whether a field of the template is in the answer's body.
func (t Target) needsBody() bool {
	for _, f := range t.fields {
		if f.name != locationField && !strings.HasPrefix(f.name, "header:") {
			return true
		}
	}
	return false
}

// sample returns a made-up reference with which the target can be checked before the
// write, and false if only the answer to the write can tell where it is.
func (t Target) sample() (Ref, bool) {
	if t.known() {
		return Ref{}, true
	}
	if len(t.pieces) == 0 || t.pieces[0].field {
		return Ref{}, false
	}
	text := t.pieces[0].text
	if _, host, absolute := strings.Cut(text, "//"); absolute {
		text = host
	}
	if !strings.ContainsAny(text, "/?#") {
		return Ref{}, false
	}
	ref := Ref{Fields: make(map[string]string, len(t.fields))}
	for _, f := range t.fields {
		ref.Fields[f.name] = "x"
	}
	return ref, true
}

func (t Target) check() error {
	if t.err != nil {
		return t.err
	}
	if t.kind == toTemplate && t.known() {
		if _, err := url.Parse(t.pieces[0].text); err != nil || t.pieces[0].text == "" {
			return errors.New("readbackhttp: the URL to read is not a URL")
		}
	}
	return nil
}

// pick takes the fields of the template from the answer. What is not there, or
// has no value that fits a URL, is left out, as is all of a body that could not
// be read to its end.
func (t Target) pick(got *answered, bodyErr error) map[string]string {
	picked := make(map[string]string, len(t.fields))
	doc, bad := pointer.Decode(got.body)
	if bodyErr != nil {
		bad = bodyErr
	}
	for _, f := range t.fields {
		if name, ok := strings.CutPrefix(f.name, "header:"); ok {
			if value := got.resp.Header.Get(name); value != "" {
				picked[f.name] = value
			}
			continue
		}
		if bad != nil || f.name == locationField {
			continue
		}
		if value, found := pointer.Get(doc, pointer.Of(f.name)); found {
			if text, ok := scalar(value); ok {
				picked[f.name] = text
			}
		}
	}
	return picked
}

const locationField = "location"

// resolve returns the URL to read.
func (t Target) resolve(write *url.URL, ref Ref) (*url.URL, error) {
	base := *write
	base.User = nil
	switch t.kind {
	case toItself:
		return &base, nil
	case toLocation:
		return parse(&base, ref.Location, "the answer has no Location of what was written")
	}
	var b, literal strings.Builder // literal has something harmless for each field
	for _, p := range t.pieces {
		if !p.field {
			b.WriteString(p.text)
			literal.WriteString(p.text)
			continue
		}
		literal.WriteString("x")
		value := ref.Fields[p.text]
		switch {
		case p.text == locationField && value == "":
			value = ref.Location
		case strings.Contains(b.String(), "?"):
			value = url.QueryEscape(value)
		default:
			if value = url.PathEscape(value); p.path {
				value = segments(value, strings.HasSuffix(b.String(), "/"))
			}
			if !strings.Contains(b.String(), "/") {
				value = strings.ReplaceAll(value, ":", "%3A") // or it would be read as a scheme
			}
		}
		if value == "" {
			return nil, &TargetError{Reason: fmt.Sprintf("the answer has no usable field {%s}", p.text)}
		}
		b.WriteString(value)
	}
	if dots(b.String()) > dots(literal.String()) {
		return nil, &TargetError{Reason: "the answer's fields would climb out of their place in the path"}
	}
	return parse(&base, b.String(), "the URL is empty")
}

// segments returns a path that was escaped with its slashes, and nothing if one of its
// segments is empty: two slashes could begin a host. One at its beginning is left out
// behind another.
func segments(escaped string, behind bool) string {
	path := strings.ReplaceAll(escaped, "%2F", "/")
	rest := strings.TrimPrefix(path, "/")
	if strings.Contains("/"+rest+"/", "//") {
		return ""
	}
	if behind {
		return rest
	}
	return path
}

// dots returns how many segments of a URL's path stand for another place.
func dots(raw string) int {
	if end := strings.IndexAny(raw, "?#"); end >= 0 {
		raw = raw[:end]
	}
	n := 0
	for segment := range strings.SplitSeq(raw, "/") {
		if segment == "." || segment == ".." {
			n++
		}
	}
	return n
}

func parse(base *url.URL, raw, ifEmpty string) (*url.URL, error) {
	if raw == "" {
		return nil, &TargetError{Reason: ifEmpty}
	}
	at, err := base.Parse(raw)
	if err != nil {
		return nil, &TargetError{Reason: "not a URL"}
	}
	at.Fragment, at.RawFragment = "", ""
	at.RawQuery = strings.ReplaceAll(at.RawQuery, " ", "%20") // a blank would end the request line
	if at.User != nil {
		at.User = url.User("") // to be refused, and what it says kept in no handle
	}
	return at, nil
}

// locate returns the absolute URL that a header of resp names, or "".
func locate(resp *http.Response, header string) string {
	raw := resp.Header.Get(header)
	if raw == "" {
		return ""
	}
	base := *resp.Request.URL
	base.User = nil
	at, err := parse(&base, raw, "")
	if err != nil {
		return ""
	}
	at.RawQuery = ascii(at.RawQuery)
	return at.String()
}

// ascii encodes what no URL may have as it is: a handle, which is JSON, would
// change what is not UTF-8 into something else.
func ascii(query string) string {
	var b strings.Builder
	for i := range len(query) {
		if c := query[i]; c < utf8.RuneSelf {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}
