package request

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/readback-go/readback/internal/pointer"
)

// Answer is what a template takes its fields from.
type Answer struct {
	Method string   // of the request that was answered
	URL    *url.URL // of that request
	Status int
	Header http.Header
	Body   []byte
}

// Response returns the answer as one to req.
func (a *Answer) Response(req *http.Request) *http.Response {
	header := a.Header.Clone()
	if header == nil {
		header = make(http.Header)
	}
	return &http.Response{
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, StatusCode: a.Status, Header: header,
		Body: io.NopCloser(bytes.NewReader(a.Body)), ContentLength: int64(len(a.Body)), Request: req,
	}
}

// LocationField is the field that stands for the Location header.
const LocationField = "location"

var fieldPattern = regexp.MustCompile(`\{([^{}]+)\}`)

// Fields returns the names of the fields that a template asks for.
func Fields(template string) []string {
	var names []string
	for _, found := range fieldPattern.FindAllStringSubmatch(template, -1) {
		names = append(names, found[1])
	}
	return names
}

// Field returns a field of the answer as text, and whether it has that: {id} is
// a member of its JSON body, {/a/b} what a JSON pointer finds there,
// {header:Name} a header, {location} the absolute URL of the Location header and
// {status} the status.
func (a *Answer) Field(name string) (string, bool) {
	if header, ok := strings.CutPrefix(name, "header:"); ok {
		value := a.Header.Get(header)
		return value, value != ""
	}
	switch name {
	case LocationField:
		if a.Header.Get("Location") != "" && a.URL != nil {
			return a.URLOf("Location")
		}
	case "status":
		if value, found := Member(a.Body, name); found {
			return value, true
		}
		return fmt.Sprint(a.Status), a.Status != 0
	}
	return Member(a.Body, name)
}

// URLOf returns the absolute URL that a header names, and whether it names one.
func (a *Answer) URLOf(header string) (string, bool) {
	raw := a.Header.Get(header)
	if raw == "" || a.URL == nil {
		return "", false
	}
	at, err := a.URL.Parse(raw)
	if err != nil || at.User != nil {
		return "", false
	}
	return at.String(), true
}

// Member returns a member of a JSON document, or what a JSON pointer finds in
// it, as text, and whether it is there and has a text: an object or a list has
// its JSON.
func Member(body []byte, name string) (string, bool) {
	decoder := json.NewDecoder(bytes.NewReader(body))
	decoder.UseNumber()
	var doc any
	if err := decoder.Decode(&doc); err != nil {
		return "", false
	}
	value, found := pointer.Get(doc, pointer.Of(name))
	if !found || value == nil {
		return "", false
	}
	if text, ok := value.(string); ok {
		return text, true
	}
	encoded, err := json.Marshal(value)
	return string(encoded), err == nil
}

// Source has fields.
type Source interface {
	Field(name string) (string, bool)
}

// Fill puts fields into a text, as they are. It looks into each source in turn,
// and returns the name of the first field that none of them has.
func Fill(template string, sources ...Source) (text, missing string) {
	text = fieldPattern.ReplaceAllStringFunc(template, func(braced string) string {
		name := braced[1 : len(braced)-1]
		for _, s := range sources {
			if value, found := s.Field(name); found {
				return value
			}
		}
		if missing == "" {
			missing = name
		}
		return ""
	})
	return text, missing
}

// FillURL is Fill for a URL, absolute or to be resolved against that of the
// answer: values are escaped for where they stand, in the path or in the query,
// except {location}.
func FillURL(template string, a *Answer) (at *url.URL, missing string, err error) {
	var b strings.Builder
	rest := template
	for {
		where := fieldPattern.FindStringSubmatchIndex(rest)
		if where == nil {
			break
		}
		b.WriteString(rest[:where[0]])
		name := rest[where[2]:where[3]]
		rest = rest[where[1]:]
		value, found := a.Field(name)
		if !found || value == "" {
			return nil, name, nil
		}
		switch {
		case name == LocationField:
		case strings.Contains(b.String(), "?"):
			value = url.QueryEscape(value)
		default:
			value = url.PathEscape(value)
			if value == "." || value == ".." {
				return nil, name, nil // would climb out of its place in the path
			}
			if !strings.Contains(b.String(), "/") {
				value = strings.ReplaceAll(value, ":", "%3A") // or it would be read as a scheme
			}
		}
		b.WriteString(value)
	}
	b.WriteString(rest)
	at, err = url.Parse(b.String())
	if err != nil {
		return nil, "", fmt.Errorf("what the template becomes is not a URL")
	}
	if a.URL != nil {
		at = a.URL.ResolveReference(at)
	}
	return at, "", nil
}
