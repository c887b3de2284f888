package flow

import (
	"net/url"
	"slices"
	"strings"

	"github.com/readback-go/readback/cmd/readback/internal/exit"
)

// Origins returns the origins that get the credentials of the command line.
func (f *Flow) Origins() []string {
	if f.trip == nil {
		return nil
	}
	return unique(f.trip.origins)
}

// OtherOrigins returns those that reads may go to without credentials.
func (f *Flow) OtherOrigins() []string {
	if f.trip == nil {
		return nil
	}
	return slices.DeleteFunc(unique(f.trip.others), func(o string) bool { return slices.Contains(f.trip.origins, o) })
}

func unique(origins []string) []string {
	var all []string
	for _, origin := range origins {
		if !slices.Contains(all, origin) {
			all = append(all, origin)
		}
	}
	return all
}

// ParseOrigin returns the origin of an absolute URL of http or https, or of one
// without a scheme, as curl takes it.
func ParseOrigin(flag, text string) (string, error) {
	raw := text
	if flag == "" && !strings.Contains(raw, "://") && raw != "" && raw[0] != '/' {
		raw = "http://" + raw
	}
	u, err := url.Parse(literalOrigin(raw))
	if flag != "" {
		u, err = url.Parse(raw)
	}
	if err != nil || u.Host == "" || u.User != nil || u.Scheme != "http" && u.Scheme != "https" {
		return "", exit.Usagef("%s: want an origin, such as https://other.example", flag)
	}
	return originOf(u), nil
}

// originOf returns the origin of u as a text, without a port that is the usual
// one.
func originOf(u *url.URL) string {
	scheme, host, port := strings.ToLower(u.Scheme), strings.ToLower(u.Hostname()), u.Port()
	if strings.Contains(host, ":") {
		host = "[" + host + "]"
	}
	if port == "" || port == map[string]string{"http": "80", "https": "443"}[scheme] {
		return scheme + "://" + host
	}
	return scheme + "://" + host + ":" + port
}
