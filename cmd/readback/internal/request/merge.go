package request

import "slices"

// Connects reports whether s says how to connect.
func (s Spec) Connects() bool {
	return s.Insecure || s.CACert != "" || s.Cert != "" || s.Key != "" || s.Proxy != "" ||
		len(s.Resolve) > 0 || s.UnixSocket != "" || s.ConnectTimeout != ""
}

// Override returns s with what other says in place of what s says; of headers,
// those of the same name. What cannot be read of other's headers is found when
// they are used.
func (s Spec) Override(other Spec, in *Input) Spec {
	given, _ := other.header(in)
	s.Headers = slices.DeleteFunc(slices.Clone(s.Headers), func(line string) bool {
		f, err := parseField(line)
		return err == nil && given.names(f.name)
	})
	for _, c := range curlFlags {
		if c.given(&other) {
			c.take(&s, &other)
		}
	}
	if other.URL != "" {
		s.URL = other.URL
	}
	return s
}

// Given reports whether s says anything: a URL, or any of curl's flags.
func (s *Spec) Given() bool {
	return s.URL != "" || slices.ContainsFunc(curlFlags, func(c curlFlag) bool { return c.given(s) })
}

// Any reports whether any of curl's flags was given.
func (g *Groups) Any() bool {
	return slices.ContainsFunc(g.specs, func(s *Spec) bool {
		return slices.ContainsFunc(curlFlags, func(c curlFlag) bool { return c.given(s) })
	})
}
