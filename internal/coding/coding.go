// Package coding undoes the codings of bodies, for those who judge what a body says
// while the client gets it as it was sent.
package coding

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
)

// Kind is how a body is coded.
type Kind uint8

const (
	Plain   Kind = iota // not at all
	Gzip                // which Text undoes
	Unknown             // nobody here can undo it
)

// Of returns the coding that a header tells.
func Of(h http.Header) Kind {
	switch values := h["Content-Encoding"]; {
	case len(values) == 0, len(values) == 1 && is(values[0], "", "identity"):
		return Plain
	case len(values) == 1 && is(values[0], "gzip", "x-gzip"):
		return Gzip
	}
	return Unknown
}

func is(value string, names ...string) bool {
	for _, name := range names {
		if strings.EqualFold(strings.TrimSpace(value), name) {
			return true
		}
	}
	return false
}

// Text returns what the beginning of a body says, in no coding and no more than limit
// bytes of it, and whether that is all. Whole says that the beginning is the whole
// body. Of a coding that is unknown it is nothing.
func Text(h http.Header, body []byte, whole bool, limit int) (text []byte, all bool) {
	switch Of(h) {
	case Plain:
		return body, whole
	case Gzip:
		if len(body) == 0 { // as to HEAD, and with a 304
			return body, whole
		}
		text, all = Unzip(body, limit)
		return text, all && whole
	}
	return nil, false
}

// Unzip returns the beginning of what is in a body that was zipped, and whether that
// is all.
func Unzip(body []byte, limit int) (text []byte, all bool) {
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return nil, false
	}
	text, err = io.ReadAll(io.LimitReader(z, int64(limit)))
	return text, err == nil && len(text) < limit
}
