package request

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/readback-go/readback/cmd/readback/internal/exit"
)

// Spec is one request as its flags describe it. What was not given is zero.
type Spec struct {
	Method    string
	URL       string // may be a template; without user information
	Headers   []string
	Data      []Data
	Form      []string // parts of -F
	Upload    string   // file of -T
	Get       bool     // -G: Data is the query
	Cookies   []string
	Bearer    string
	User      string
	UserAgent string

	Follow    bool
	Include   bool
	Silent    bool
	ShowError bool
	Fail      bool
	Output    string

	Insecure       bool
	CACert         string
	Cert           string
	Key            string
	Proxy          string
	Resolve        []string
	UnixSocket     string
	MaxTime        string
	ConnectTimeout string

	vars *strings.Replacer
}

// With returns a copy of s in which {name} stands for the value of that name in
// vars: in the URL, in headers and in the body, files included. Other braces
// mean nothing, so that JSON stays what it is.
func (s Spec) With(vars map[string]string) Spec {
	var pairs []string
	for name, value := range vars {
		pairs = append(pairs, "{"+name+"}", value)
	}
	s.vars = strings.NewReplacer(pairs...)
	return s
}

// fill puts the values of With into text.
func (s *Spec) fill(text string) string {
	if s.vars == nil {
		return text
	}
	return s.vars.Replace(text)
}

// userInURL finds the user information of an absolute URL, up to the last @
// before its path. It works on templates too.
var userInURL = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9+.-]*://)([^/?#]*)@`)

// takeUser makes -u of user information in the URL, so that it is in no text
// from here on. As with curl, a -u of its own wins.
func (s *Spec) takeUser() {
	found := userInURL.FindStringSubmatch(s.URL)
	if found == nil {
		return
	}
	s.URL = found[1] + s.URL[len(found[0]):]
	if s.User != "" {
		return
	}
	name, password, _ := strings.Cut(found[2], ":")
	for _, part := range []*string{&name, &password} {
		if plain, err := url.PathUnescape(*part); err == nil {
			*part = plain
		}
	}
	s.User = name + ":" + password
}

// ParseURL returns the URL of the request, which must not be a template.
func (s *Spec) ParseURL() (*url.URL, error) {
	if s.URL == "" {
		return nil, exit.Usagef("there is no URL")
	}
	raw := s.uploadName(s.fill(s.URL))
	if !strings.Contains(raw, "://") {
		raw = "http://" + raw // as curl does
	}
	u, err := url.Parse(raw)
	switch {
	case err != nil || u.User != nil: // its text may hold what must not be shown
		return nil, exit.Usagef("the URL is not valid")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, exit.Usagef("the URL is not one of http or https")
	case u.Hostname() == "":
		return nil, exit.Usagef("the URL names no host")
	}
	if _, err := strconv.ParseUint(u.Port(), 10, 16); err != nil && u.Port() != "" {
		return nil, exit.Usagef("the URL has a port above 65535")
	}
	u.Fragment, u.RawFragment = "", ""
	u.RawQuery = strings.ReplaceAll(u.RawQuery, " ", "%20") // a blank would end the request line
	return u, nil
}

// Writes reports whether s was given a method, or a body, which makes it a POST.
// Without them it is a GET, as with curl.
func (s *Spec) Writes() bool { return s.Method != "" || s.HasBody() }

// Verb returns the method, as curl chooses it.
func (s *Spec) Verb() string {
	switch {
	case s.Method != "":
		return s.Method
	case s.Upload != "":
		return http.MethodPut
	case s.HasBody():
		return http.MethodPost
	}
	return http.MethodGet
}

var token = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

// Request returns the request. Its body can be sent again: what is read for it,
// from in, is read to its end.
func (s *Spec) Request(in *Input) (*http.Request, error) {
	folded, err := s.Folded(in)
	if err != nil {
		return nil, err
	}
	s = &folded
	u, err := s.ParseURL()
	if err != nil {
		return nil, err
	}
	header, data, err := s.parts(in)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequest(s.Verb(), u.String(), nil)
	if err != nil {
		return nil, exit.Usagef("the URL is not valid")
	}
	setBody(req, data)
	header.apply(req)
	return req, nil
}

// parts returns what s says of a request besides its URL, the method checked.
func (s *Spec) parts(in *Input) (header fields, data []byte, err error) {
	if header, err = s.header(in); err != nil {
		return nil, nil, err
	}
	data, contentType, err := s.body(in)
	if err != nil {
		return nil, nil, err
	}
	if data != nil && contentType != "" && !header.names("Content-Type") {
		header = append(header, field{"Content-Type", contentType, false})
	}
	if s.isJSON() && !header.names("Accept") {
		header = append(header, field{"Accept", "application/json", false})
	}
	if !token.MatchString(s.Verb()) {
		return nil, nil, exit.Usagef("-X: that is not a method")
	}
	return header, data, nil
}

// Edit changes the headers of a request, and gives it the method and body of s
// if s has them: for a read that takes the rest from its write.
type Edit struct {
	method string
	header fields
	data   []byte
}

// Edit returns how s differs from the request that it takes the rest from.
func (s *Spec) Edit(in *Input) (*Edit, error) {
	folded, err := s.Folded(in)
	if err != nil {
		return nil, err
	}
	s = &folded
	header, data, err := s.parts(in)
	if err != nil {
		return nil, err
	}
	return &Edit{method: s.Verb(), header: header, data: data}, nil
}

// Apply changes req, which must be the caller's own.
func (e *Edit) Apply(req *http.Request) {
	req.Method = e.method
	e.header.apply(req)
	setBody(req, e.data)
}

// ApplyPlain is Apply for a place that gets no credentials: of the headers only
// those that say what is wanted.
func (e *Edit) ApplyPlain(req *http.Request) {
	var harmless fields
	for _, line := range e.header {
		switch http.CanonicalHeaderKey(line.name) {
		case "Accept", "Accept-Language", "Content-Type", "User-Agent":
			harmless = append(harmless, line)
		}
	}
	(&Edit{method: e.method, header: harmless, data: e.data}).Apply(req)
}

// basic returns the value of the header Authorization for -u.
func (s *Spec) basic() string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(s.User))
}

// Limit returns the time of --max-time, and 0 if it was not given.
func (s *Spec) Limit() (time.Duration, error) { return seconds("--max-time", s.MaxTime) }

// seconds reads a time as curl does, or as Go does.
func seconds(flag, text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		var n float64
		if n, err = strconv.ParseFloat(text, 64); err == nil {
			d = time.Duration(n * float64(time.Second))
		}
	}
	if err != nil || d <= 0 || d > 1000*time.Hour {
		return 0, exit.Usagef("%s %q: want seconds, or a duration such as 1m30s, above 0", flag, text)
	}
	return d, nil
}

func setBool(field *bool, text string) error {
	on, err := strconv.ParseBool(text)
	if err != nil {
		return fmt.Errorf("%q is neither true nor false", text)
	}
	*field = on
	return nil
}
