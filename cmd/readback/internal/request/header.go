package request

import (
	"net/http"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/readback-go/readback/cmd/readback/internal/exit"
)

// field is one line of -H.
type field struct {
	name, value string
	remove      bool
}

type fields []field

// names reports whether a line names that header, to set or to remove it.
func (f fields) names(name string) bool {
	for _, line := range f {
		if strings.EqualFold(line.name, name) {
			return true
		}
	}
	return false
}

// apply sets and removes headers of req. The first line of a name replaces what
// is there, and the next ones are added.
func (f fields) apply(req *http.Request) {
	began := make(map[string]bool)
	for _, line := range f {
		name := http.CanonicalHeaderKey(line.name)
		switch {
		case name == "Host":
			req.Host = line.value // empty is that of the URL
			continue
		case line.remove:
			req.Header.Del(name)
			if name == "User-Agent" {
				req.Header[name] = nil // or net/http sends its own
			}
			continue
		case !began[name]:
			req.Header.Del(name)
		}
		began[name] = true
		req.Header.Add(name, line.value)
	}
}

// header returns what -H, -A and -u say. What is wrong with a line is said
// without the line, which may hold a secret.
func (s *Spec) header(in *Input) (fields, error) {
	var all fields
	for _, given := range s.Headers {
		name, isFile := strings.CutPrefix(given, "@")
		if !isFile {
			line, err := parseField(s.fill(given))
			if err != nil {
				return nil, err
			}
			all = append(all, line)
			continue
		}
		content, err := in.File("-H", name)
		if err != nil {
			return nil, err
		}
		for text := range strings.Lines(string(content)) {
			if text = strings.TrimRight(text, "\r\n"); strings.TrimSpace(text) == "" {
				continue
			}
			line, err := parseField(s.fill(text))
			if err != nil {
				return nil, err
			}
			all = append(all, line)
		}
	}
	if s.UserAgent != "" && !all.names("User-Agent") {
		if !httpguts.ValidHeaderFieldValue(s.UserAgent) {
			return nil, exit.Usagef("-A: that is not the value of a header")
		}
		all = append(all, field{name: "User-Agent", value: s.UserAgent})
	}
	if len(s.Cookies) > 0 && !all.names("Cookie") {
		for _, cookie := range s.Cookies {
			if !strings.Contains(cookie, "=") {
				return nil, exit.Usagef("-b: want NAME=VALUE; files of cookies are not read")
			}
		}
		value := strings.Join(s.Cookies, "; ")
		if !httpguts.ValidHeaderFieldValue(value) {
			return nil, exit.Usagef("-b: that is not the value of a header")
		}
		all = append(all, field{name: "Cookie", value: value})
	}
	if s.Bearer != "" && !all.names("Authorization") {
		if !httpguts.ValidHeaderFieldValue(s.Bearer) || Placeholder(s.Bearer) {
			return nil, exit.Usagef("--oauth2-bearer: that is not a token")
		}
		all = append(all, field{name: "Authorization", value: "Bearer " + s.Bearer})
	}
	if s.User != "" && !all.names("Authorization") {
		if !strings.Contains(s.User, ":") {
			return nil, exit.Usagef("-u: want USER:PASSWORD; readback asks for no password")
		}
		all = append(all, field{name: "Authorization", value: s.basic()})
	}
	return all, nil
}

func parseField(text string) (field, error) {
	name, value, colon := strings.Cut(text, ":")
	empty := false
	if !colon {
		name, empty = strings.CutSuffix(text, ";")
	}
	f := field{name: strings.TrimSpace(name), value: strings.TrimSpace(value)}
	switch {
	case !colon && !empty:
		return field{}, exit.Usagef(`-H: a header is "Name: value"`)
	case !httpguts.ValidHeaderFieldName(f.name):
		return field{}, exit.Usagef("-H: what stands before the colon is not the name of a header")
	case Placeholder(f.value):
		return field{}, exit.Usagef("-H: %s: three dots stand for the value: put it there", f.name)
	case !httpguts.ValidHeaderFieldValue(f.value):
		return field{}, exit.Usagef("-H: %s: the value cannot be sent", f.name)
	}
	f.remove = f.value == "" && !empty
	return f, nil
}
