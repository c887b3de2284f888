package request

import (
	"slices"
	"strings"
)

// curlFlag is one of curl's flags. Its set never fails for what the text says,
// since the parser would print the text, which may be a secret: what is wrong
// with it is found later.
type curlFlag struct {
	name, short, usage string
	kind               string // of the value, for the help
	isBool             bool
	many               bool // can be repeated
	given              func(*Spec) bool
	set                func(*Spec, string) error
	take               func(s, other *Spec) // what the flag says in other
}

// lines returns the values that a variable of the environment holds.
func (c curlFlag) lines(text string) []string {
	if !c.many {
		return []string{text}
	}
	var lines []string
	for line := range strings.Lines(text) {
		if line = strings.TrimRight(line, "\r\n"); strings.TrimSpace(line) != "" {
			lines = append(lines, line)
		}
	}
	return lines
}

func text(name, short, kind, usage string, field func(*Spec) *string) curlFlag {
	return curlFlag{
		name: name, short: short, kind: kind, usage: usage,
		given: func(s *Spec) bool { return *field(s) != "" },
		set:   func(s *Spec, v string) error { *field(s) = v; return nil },
		take:  func(s, other *Spec) { *field(s) = *field(other) },
	}
}

func list(name, short, kind, usage string, field func(*Spec) *[]string) curlFlag {
	return curlFlag{
		name: name, short: short, kind: kind, usage: usage, many: true,
		given: func(s *Spec) bool { return len(*field(s)) > 0 },
		set:   func(s *Spec, v string) error { *field(s) = append(*field(s), v); return nil },
		take:  func(s, other *Spec) { *field(s) = slices.Concat(*field(s), *field(other)) },
	}
}

func body(name, short, usage string, how dataKind) curlFlag {
	return curlFlag{
		name: name, short: short, kind: "DATA", usage: usage,
		given: func(s *Spec) bool { return len(s.Data) > 0 },
		set: func(s *Spec, v string) error {
			s.Data = append(s.Data, Data{kind: how, text: v})
			return nil
		},
		take: func(s, other *Spec) { s.Data = other.Data },
	}
}

func flag(name, short, usage string, field func(*Spec) *bool) curlFlag {
	return curlFlag{
		name: name, short: short, usage: usage, isBool: true,
		given: func(s *Spec) bool { return *field(s) },
		set:   func(s *Spec, v string) error { return setBool(field(s), v) },
		take:  func(s, other *Spec) { *field(s) = *field(other) },
	}
}

var curlFlags = []curlFlag{
	text("request", "X", "METHOD", "method; without it GET, and POST with -d", func(s *Spec) *string { return &s.Method }),
	list("header", "H", "LINE", `header, "Name: value"; "Name:" removes one, "Name;" sends it empty, @FILE has one a line`, func(s *Spec) *[]string { return &s.Headers }),
	body("data", "d", "body, or @FILE, or @- for stdin, without line ends; several are joined by &", dataText),
	body("data-binary", "", "body, also @FILE or @-, as it is", dataBinary),
	body("data-raw", "", "body, in which a leading @ means nothing", dataRaw),
	body("data-urlencode", "", "body, CONTENT, NAME=CONTENT, @FILE or NAME@FILE, encoded for a URL", dataEncoded),
	body("data-json", "", "body in JSON, also @FILE or @-, with its Content-Type and Accept", dataJSON),
	list("form", "F", "NAME=CONTENT", "part of a form; @FILE is sent as a file, <FILE as its content; ;type= and ;filename= may follow", func(s *Spec) *[]string { return &s.Form }),
	text("upload-file", "T", "FILE", "body that is sent by PUT, - for stdin; its name is added to a URL that ends with /", func(s *Spec) *string { return &s.Upload }),
	flag("get", "G", "send what -d and --data-urlencode say as the query", func(s *Spec) *bool { return &s.Get }),
	list("cookie", "b", "NAME=VALUE", "cookie", func(s *Spec) *[]string { return &s.Cookies }),
	text("oauth2-bearer", "", "TOKEN", "token for Authorization: Bearer", func(s *Spec) *string { return &s.Bearer }),
	text("user", "u", "USER:PASSWORD", "credentials for basic authentication", func(s *Spec) *string { return &s.User }),
	text("user-agent", "A", "NAME", "the header User-Agent", func(s *Spec) *string { return &s.UserAgent }),
	flag("insecure", "k", "do not verify the server's certificate", func(s *Spec) *bool { return &s.Insecure }),
	flag("location", "L", "follow redirects of a read on its own origin; those of a write are read back anyway", func(s *Spec) *bool { return &s.Follow }),
	flag("include", "i", "put the status line and the headers before what -o writes", func(s *Spec) *bool { return &s.Include }),
	flag("silent", "s", "no progress and no log lines, as -q", func(s *Spec) *bool { return &s.Silent }),
	flag("show-error", "S", "no effect: errors are always reported", func(s *Spec) *bool { return &s.ShowError }),
	flag("fail-with-body", "f", "no effect: an error status is always an error", func(s *Spec) *bool { return &s.Fail }),
	text("output", "o", "FILE", "where the body of the last answer goes; - is stdout, in place of the result", func(s *Spec) *string { return &s.Output }),
	text("cacert", "", "FILE", "certificates to trust, in PEM", func(s *Spec) *string { return &s.CACert }),
	text("cert", "E", "FILE", "certificate of the client, in PEM", func(s *Spec) *string { return &s.Cert }),
	text("key", "", "FILE", "key of that certificate, in PEM", func(s *Spec) *string { return &s.Key }),
	text("proxy", "x", "URL", "proxy; without it, as the environment says", func(s *Spec) *string { return &s.Proxy }),
	list("resolve", "", "HOST:PORT:ADDRESS", "address in place of what the host's name resolves to", func(s *Spec) *[]string { return &s.Resolve }),
	text("unix-socket", "", "PATH", "socket to connect to, in place of the URL's host", func(s *Spec) *string { return &s.UnixSocket }),
	text("max-time", "m", "SECONDS", "time for one request, also as 1m30s", func(s *Spec) *string { return &s.MaxTime }),
	text("connect-timeout", "", "SECONDS", "time for one connection, also as 500ms", func(s *Spec) *string { return &s.ConnectTimeout }),
}
