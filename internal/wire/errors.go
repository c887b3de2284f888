package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"reflect"
	"strings"
)

// Only reports whether err is accepted by is, or wraps an accepted error and no other error that
// could be of another request. An error that only names a kind, see [Annotates], is not another.
func Only(err error, is func(error) bool) bool {
	if err == nil {
		return false
	}
	if is(err) {
		return true
	}
	switch e := err.(type) {
	case interface{ Unwrap() error }:
		return Only(e.Unwrap(), is)
	case interface{ Unwrap() []error }:
		found := false
		for _, inner := range e.Unwrap() {
			switch {
			case Only(inner, is):
				found = true
			case !Annotates(err, inner):
				return false
			}
		}
		return found
	}
	return false
}

// Same compares errors, and never panics.
func Same(a, b error) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	if va := reflect.ValueOf(a); va.Kind() != reflect.Pointer {
		defer func() { _ = recover() }() // an interface in it may hold a value that cannot be compared
		return va.Comparable() && a == b
	}
	return a == b
}

// message is the type of the errors that fmt.Errorf makes from several errors, and text the type
// of those that errors.New makes.
var (
	message = reflect.TypeOf(fmt.Errorf("%w %w", io.EOF, io.EOF))
	text    = reflect.TypeOf(io.EOF)
)

// Annotates reports whether inner, one of several errors in outer, only names the kind of outer,
// as the sentinel of a package does in fmt.Errorf("%w: %w", ErrAPI, err). That is so if outer is
// one message, and inner is only a text, made by errors.New or a constant, and not an error of a
// connection or a context. The errors in an errors.Join are separate failures.
func Annotates(outer, inner error) bool {
	if reflect.TypeOf(outer) != message || Tells(inner) {
		return false
	}
	made := reflect.TypeOf(inner)
	return made == text || made.Kind() == reflect.String
}

// Tells reports whether err is an error of a connection or a context. Then the answer itself was
// lost, and not only its status.
func Tells(err error) bool {
	for err != nil {
		switch err {
		case io.EOF, io.ErrUnexpectedEOF, io.ErrClosedPipe, net.ErrClosed, context.Canceled, context.DeadlineExceeded:
			return true
		}
		switch e := err.(type) {
		case net.Error: // those of net and net/url, and errors of the system
			return true
		case interface{ Timeout() bool }:
			return true
		case interface{ Unwrap() []error }:
			for _, inner := range e.Unwrap() {
				if Tells(inner) {
					return true
				}
			}
			return false
		}
		if ofHTTP(reflect.TypeOf(err)) {
			return true
		}
		err = errors.Unwrap(err)
	}
	return false
}

// ofHTTP reports whether a type of error is from net/http or its HTTP/2: some errors of streams
// have no method that would show that.
func ofHTTP(made reflect.Type) bool {
	if made.Kind() == reflect.Pointer {
		made = made.Elem()
	}
	switch made.PkgPath() {
	case "net/http", "golang.org/x/net/http2":
		return true
	}
	return strings.HasPrefix(made.PkgPath(), "net/http/internal/")
}
