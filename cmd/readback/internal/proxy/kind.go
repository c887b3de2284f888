package proxy

import (
	"net/http"

	"github.com/readback-go/readback/internal/wire"
)

// kind is what a request does, as far as its method tells.
type kind int

const (
	read kind = iota
	write
	other
	kinds
)

func kindOf(method string) kind {
	switch {
	case method == http.MethodGet || method == http.MethodHead:
		return read
	case method == http.MethodConnect || wire.Safe(method):
		return other
	}
	return write
}

func (k kind) String() string { return [...]string{"read", "write", "other"}[k] }
