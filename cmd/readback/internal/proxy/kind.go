package proxy

import "net/http"

// kind is what a request does, as far as its method tells.
type kind int

const (
	read kind = iota
	write
	other
	kinds
)

func kindOf(method string) kind {
	switch method {
	case http.MethodGet, http.MethodHead:
		return read
	case http.MethodOptions, http.MethodTrace, http.MethodConnect:
		return other
	}
	return write
}

func (k kind) String() string { return [...]string{"read", "write", "other"}[k] }
