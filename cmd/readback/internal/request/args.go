package request

import (
	"net/http"
	"slices"
	"strings"

	"github.com/readback-go/readback/internal/redact"
)

// Kept is a request as arguments that hold no secret.
type Kept struct {
	Args  []string // flags, less those of output, and the URL last
	Again []string // what is left out, as it is to be given again
}

// ofWrite are headers that reads do not take from their write, besides those
// that begin with Content- or If-.
var ofWrite = []string{"Expect", "Idempotency-Key", "X-Idempotency-Key", "Prefer", "Range", "Trailer", "Transfer-Encoding", "Te", "Upgrade", "Connection"}

func belongsToWrite(name string) bool {
	name = http.CanonicalHeaderKey(name)
	return strings.HasPrefix(name, "Content-") || strings.HasPrefix(name, "If-") || slices.Contains(ofWrite, name)
}

// KeepWrite returns what reads need of a write that was sent. Its URL is named
// in Again only if needURL says that it is read.
func (s *Spec) KeepWrite(in *Input, needURL bool) (Kept, error) {
	k := Kept{Args: []string{"-X", s.Verb()}}
	if err := k.headers(s, in, belongsToWrite); err != nil {
		return k, err
	}
	k.connection(s)
	u, err := s.ParseURL()
	if err != nil {
		return k, err
	}
	if HidesSecrets(u.String()) && needURL {
		k.Again = append(k.Again, "URL")
	}
	k.Args = append(k.Args, redact.URL(u))
	return k, nil
}

// KeepRead returns what is needed to read again.
func (s *Spec) KeepRead(in *Input) (Kept, error) {
	k := Kept{Args: []string{}}
	if s.Method != "" {
		k.Args = append(k.Args, "-X", s.Method)
	}
	if err := k.headers(s, in, func(string) bool { return false }); err != nil {
		return k, err
	}
	k.connection(s)
	if len(s.Data) > 0 {
		k.Again = append(k.Again, "-d")
	}
	switch {
	case s.URL == "":
	case HidesSecrets(s.URL):
		k.Again = append(k.Again, "URL")
	default:
		k.Args = append(k.Args, s.URL)
	}
	return k, nil
}

func (k *Kept) headers(s *Spec, in *Input, leaveOut func(string) bool) error {
	lines, err := s.header(in)
	if err != nil {
		return err
	}
	for _, line := range lines {
		again := "-H " + http.CanonicalHeaderKey(line.name)
		switch {
		case leaveOut(line.name):
		case line.remove:
			k.Args = append(k.Args, "-H", line.name+":")
		case plain(line.name):
			k.Args = append(k.Args, "-H", line.name+": "+line.value)
		case !slices.Contains(k.Again, again):
			k.Again = append(k.Again, again)
		}
	}
	return nil
}

func (k *Kept) connection(s *Spec) {
	for _, on := range []struct {
		flag string
		is   bool
	}{{"--insecure", s.Insecure}, {"--location", s.Follow}} {
		if on.is {
			k.Args = append(k.Args, on.flag)
		}
	}
	for _, text := range []struct{ flag, value string }{
		{"--cacert", s.CACert}, {"--cert", s.Cert}, {"--key", s.Key},
		{"--max-time", s.MaxTime}, {"--connect-timeout", s.ConnectTimeout},
	} {
		if text.value != "" {
			k.Args = append(k.Args, text.flag, text.value)
		}
	}
	for _, entry := range s.Resolve {
		k.Args = append(k.Args, "--resolve", entry)
	}
	if s.Proxy != "" {
		if proxy, err := parseProxy(s.Proxy); err != nil || proxy.User != nil {
			k.Again = append(k.Again, "--proxy")
		} else {
			k.Args = append(k.Args, "--proxy", s.Proxy)
		}
	}
}

// Lacks returns those of again that s, as it was given now, does not say.
func (s *Spec) Lacks(again []string, in *Input) ([]string, error) {
	lines, err := s.header(in)
	if err != nil {
		return nil, err
	}
	var missing []string
	for _, what := range again {
		name, isHeader := strings.CutPrefix(what, "-H ")
		switch {
		case isHeader && lines.names(name):
		case what == "-d" && len(s.Data) > 0:
		case what == "--proxy" && s.Proxy != "":
		case what == "URL" && s.URL != "":
		default:
			missing = append(missing, what)
		}
	}
	return missing, nil
}
