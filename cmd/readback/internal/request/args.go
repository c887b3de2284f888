package request

import (
	"net/http"
	"path/filepath"
	"slices"
	"strings"

	"github.com/readback-go/readback/cmd/readback/internal/exit"
	"github.com/readback-go/readback/internal/redact"
)

// Kept is what a handle keeps of a request: no secret, no file, no proxy, and
// nothing that changes whom the request reaches.
type Kept struct {
	Method         string   `json:"method,omitempty"`
	URL            string   `json:"url,omitempty"`
	Header         []string `json:"header,omitempty"`
	Follow         bool     `json:"follow,omitempty"`
	MaxTime        string   `json:"max_time,omitempty"`
	ConnectTimeout string   `json:"connect_timeout,omitempty"`
}

// Need is what a handle does not keep of a request, and resuming needs.
type Need struct {
	Flag   string `json:"flag"`             // such as -H, --cacert, or URL
	Name   string `json:"name,omitempty"`   // of the header
	Value  string `json:"value,omitempty"`  // what the run had, if that is no secret
	Switch bool   `json:"switch,omitempty"` // the flag takes no value

	// Shown is a value for the line that is printed alone.
	Shown string `json:"-"`
}

// NeedURL is the need of a URL that holds secrets.
var NeedURL = Need{Flag: "URL"}

// ofWrite are headers that reads do not take from their write, besides those
// that begin with Content- or If-.
var ofWrite = []string{"Expect", "Idempotency-Key", "X-Idempotency-Key", "Prefer", "Range", "Trailer", "Transfer-Encoding", "Te", "Upgrade", "Connection"}

// BelongsToWrite reports whether a header is of the write alone: its reads and what
// takes it back go without.
func BelongsToWrite(name string) bool {
	name = http.CanonicalHeaderKey(name)
	return strings.HasPrefix(name, "Content-") || strings.HasPrefix(name, "If-") || slices.Contains(ofWrite, name)
}

// keepable reports whether a handle may hold a header: it is no secret, and does
// not change who answers.
func keepable(name string) bool { return plain(name) && !strings.EqualFold(name, "Host") }

// KeepWrite returns what reads need of a write that was sent, and what must be
// given again for them: its URL only if needURL says that it is read.
func (s *Spec) KeepWrite(in *Input, needURL bool) (Kept, []Need, error) {
	k := Kept{Method: s.Verb()}
	needs, err := k.take(s, in, BelongsToWrite)
	if err != nil {
		return k, nil, err
	}
	u, err := s.ParseURL()
	if err != nil {
		return k, nil, err
	}
	if HidesSecrets(u.String()) && needURL {
		needs = append(needs, NeedURL)
	}
	k.URL = redact.URL(u)
	return k, needs, nil
}

// KeepRead returns what is needed to read again.
func (s *Spec) KeepRead(in *Input) (Kept, []Need, error) {
	k := Kept{}
	needs, err := k.take(s, in, func(string) bool { return false })
	if err != nil {
		return k, nil, err
	}
	switch {
	case safe(s.Method):
		k.Method = s.Method
	default: // a handle sends nothing that might write
		needs = append(needs, Need{Flag: "-X", Value: s.Method})
	}
	if s.HasBody() {
		needs = append(needs, Need{Flag: "-d"})
	}
	switch {
	case s.URL == "":
	case HidesSecrets(s.URL):
		needs = append(needs, NeedURL)
	default:
		k.URL = s.URL
	}
	return k, needs, nil
}

// safe reports whether a method, or none, is one that writes nothing.
func safe(method string) bool {
	return method == "" || method == http.MethodGet || method == http.MethodHead
}

func (k *Kept) take(s *Spec, in *Input, leaveOut func(string) bool) ([]Need, error) {
	lines, err := s.header(in)
	if err != nil {
		return nil, err
	}
	var needs []Need
	for _, line := range lines {
		name := http.CanonicalHeaderKey(line.name)
		need := Need{Flag: "-H", Name: name}
		switch {
		case leaveOut(line.name):
			continue
		case line.remove:
			k.Header = append(k.Header, name+":")
			continue
		case keepable(name):
			k.Header = append(k.Header, name+": "+line.value)
			continue
		case plain(name):
			need.Value = line.value
		}
		if !slices.Contains(needs, need) {
			needs = append(needs, need)
		}
	}
	k.Follow, k.MaxTime, k.ConnectTimeout = s.Follow, s.MaxTime, s.ConnectTimeout
	return append(needs, s.needsOfConnection()...), nil
}

// needsOfConnection returns what says whom a request reaches. Files are absolute,
// since resuming may happen elsewhere.
func (s *Spec) needsOfConnection() []Need {
	var needs []Need
	if s.Insecure {
		needs = append(needs, Need{Flag: "--insecure", Switch: true})
	}
	for _, file := range []struct{ flag, name string }{
		{"--cacert", s.CACert}, {"--cert", s.Cert}, {"--key", s.Key},
	} {
		if file.name == "" {
			continue
		}
		if absolute, err := filepath.Abs(file.name); err == nil {
			file.name = absolute
		}
		needs = append(needs, Need{Flag: file.flag, Value: file.name})
	}
	for _, entry := range s.Resolve {
		needs = append(needs, Need{Flag: "--resolve", Value: entry})
	}
	if s.UnixSocket != "" {
		at := s.UnixSocket
		if absolute, err := filepath.Abs(at); err == nil {
			at = absolute
		}
		needs = append(needs, Need{Flag: "--unix-socket", Value: at})
	}
	if s.Proxy != "" {
		need := Need{Flag: "--proxy", Value: s.Proxy}
		if proxy, err := parseProxy(s.Proxy); err != nil || proxy.User != nil {
			need.Value = ""
		}
		needs = append(needs, need)
	}
	return needs
}

// Spec returns the request that was kept. What a handle may not hold is an
// error, whoever wrote it.
func (k Kept) Spec(read bool) (Spec, error) {
	s := Spec{Method: k.Method, URL: k.URL, Follow: k.Follow, MaxTime: k.MaxTime, ConnectTimeout: k.ConnectTimeout}
	if read && !safe(k.Method) {
		return s, exit.Usagef("the handle names a method for reads, and a handle sends only GET and HEAD")
	}
	for _, text := range k.Header {
		line, err := parseField(text)
		if err != nil || strings.HasPrefix(text, "@") || !line.remove && !keepable(line.name) {
			return s, exit.Usagef("the handle holds a header that no handle may hold")
		}
		s.Headers = append(s.Headers, text)
	}
	if userInURL.MatchString(s.URL) {
		return s, exit.Usagef("the handle holds a URL with user information")
	}
	return s, nil
}

// Lacks returns those needs that s, as it was given now, does not meet.
func (s *Spec) Lacks(needs []Need, in *Input) ([]Need, error) {
	lines, err := s.header(in)
	if err != nil {
		return nil, err
	}
	var missing []Need
	for _, need := range needs {
		met := false
		switch need.Flag {
		case "-H":
			met = lines.names(need.Name)
		case "-d":
			met = s.HasBody()
		case "-X":
			met = s.Method != ""
		case "URL":
			met = s.URL != ""
		default:
			met = s.says(need.Flag)
		}
		if !met {
			missing = append(missing, need)
		}
	}
	return missing, nil
}

// says reports whether one of curl's flags was given. A flag that is none of
// them, as a handle may name, is not asked for.
func (s *Spec) says(flag string) bool {
	name := strings.TrimLeft(flag, "-")
	for _, c := range curlFlags {
		if c.name == name {
			return c.given(s)
		}
	}
	return true
}

// Credentials reports whether s holds what must go to nobody but whom it is for:
// a header that is not a plain one, a user, a certificate or a body.
func (s *Spec) Credentials(in *Input) (bool, error) {
	lines, err := s.header(in)
	if err != nil {
		return false, err
	}
	return s.Cert != "" || s.HasBody() || slices.ContainsFunc(lines, func(f field) bool { return !f.remove && !plain(f.name) }), nil
}

// String says what must be given, in one line.
func (n Need) String() string {
	text := n.Flag
	switch {
	case n.Name != "":
		text += " " + n.Name
	case n.Value != "":
		text += " " + n.Value
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, text)
}

// Placeholder reports whether a text is, or ends with, the three dots that stand
// for a value in a command line that was printed.
func Placeholder(text string) bool {
	for _, dots := range []string{"...", "…"} {
		if text == dots || strings.HasSuffix(text, " "+dots) {
			return true
		}
	}
	return false
}

// Texts returns what the flags of s were given as texts.
func (s *Spec) Texts() []string {
	texts := []string{s.URL, s.User, s.UserAgent, s.CACert, s.Cert, s.Key, s.Proxy, s.Bearer, s.Upload, s.UnixSocket}
	for _, d := range s.Data {
		texts = append(texts, d.text)
	}
	return slices.Concat(texts, s.Resolve, s.Cookies, s.Form)
}
