package wire

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"reflect"
	"slices"
	"strings"
)

// Tries is what is known of the tries of one write.
type Tries struct {
	Seen     []Exchange // by a RoundTripper, in order
	Replayed int        // that net/http wrote again in one of those
	Traced   int        // that only the trace saw
	Counted  int        // by CountTry
	Told     []error    // how those ended of which that is known; nil is well
}

// N returns how many there were; zero if nothing was counted.
func (t Tries) N() int { return len(t.Seen) + t.Unseen() }

// Unseen returns how many of them nobody saw the answer of, but perhaps the
// caller of the write.
func (t Tries) Unseen() int { return t.Replayed + t.Traced + t.Counted }

// Tries returns the tries of a write: every request that asks for a change,
// wherever it went, unless it went to another origin than the last one and was
// answered well, with the answer read to its end, before the last one began. That
// is how a token is fetched. A request that net/http itself wrote twice is two, and
// one that was never sent is none.
func (c *Call) Tries() Tries {
	if c == nil {
		return Tries{}
	}
	var tries Tries
	all := c.Exchanges()
	tries.Seen = all[:0] // what is no try is dropped, behind what is looked at
	last := -1
	for i := range all {
		if !all[i].Safe {
			last = i
		}
	}
	for i := range all {
		ex := &all[i]
		if ex.Safe || ex.NotSent || i != last && ex.ended > 0 && ex.ended < all[last].began &&
			ex.Status >= 200 && ex.Status <= 299 && origin(ex.URL) != origin(all[last].URL) {
			continue
		}
		tries.Seen = append(tries.Seen, *ex)
		tries.Replayed += max(ex.Writes-1, 0)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	tries.Counted, tries.Told = c.counted, slices.Clone(c.told)
	if t := c.trace; t != nil {
		t.mu.Lock()
		tries.Traced = max(t.written-t.watched, 0)
		t.mu.Unlock()
	}
	return tries
}

// NeverSent reports whether err, which the call returned, proves that nothing was
// sent: nothing was counted, a connection was asked for and no header was written
// on any, and err is the error of the last request. A client that tells the trace
// nothing gives no such proof.
func (c *Call) NeverSent(err error) (never bool) {
	if c == nil || err == nil {
		return false
	}
	defer func() {
		if recover() != nil { // a method of the caller's error
			never = false
		}
	}()
	if tries := c.Tries(); tries.N() > 0 {
		return false
	}
	all := c.Exchanges()
	if n := len(all); n > 0 {
		if !all[n-1].NotSent {
			return false
		}
		if Only(err, func(e error) bool { return Same(e, all[n-1].Err) }) {
			return true
		}
	}
	t := c.trace
	if t == nil {
		return false
	}
	if !t.unsent(err) {
		return false
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.asked {
		return false
	}
	return Only(err, func(e error) bool {
		if failed, ok := e.(*url.Error); ok && hostPort(failed.URL) == t.host {
			return true
		}
		for _, why := range t.failed {
			if Same(e, why) {
				return true
			}
		}
		return false
	})
}

// hostPort returns the address that net/http asks a connection to.
func hostPort(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	if u.Port() != "" {
		return u.Host
	}
	_, port, _ := strings.Cut(strings.TrimPrefix(origin(u), strings.ToLower(u.Scheme)+"://"), u.Hostname()+":")
	return net.JoinHostPort(u.Hostname(), port)
}

// Only reports whether err is an error that is accepts, or wraps one and no other
// that would tell of another request. What names only the kind of an error, beside
// it in one message, is no other.
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

// Same compares errors, those of types that cannot be compared too.
func Same(a, b error) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	if va := reflect.ValueOf(a); va.Kind() != reflect.Pointer {
		defer func() { _ = recover() }() // an interface in it may hold what cannot be compared
		return va.Comparable() && a == b
	}
	return a == b
}

// message is the type of errors that fmt.Errorf makes of several, and text of those
// that errors.New makes.
var (
	message = reflect.TypeOf(fmt.Errorf("%w %w", io.EOF, io.EOF))
	text    = reflect.TypeOf(io.EOF)
)

// Annotates reports whether inner, one of several errors in outer, only says what
// kind of error outer is, as a package's sentinel does in
// fmt.Errorf("%w: %w", ErrAPI, err): outer is one message, and inner tells of no
// connection and no context, and is a text alone, as errors.New or a constant makes
// it. The errors that errors.Join gathers are several failures.
func Annotates(outer, inner error) bool {
	if reflect.TypeOf(outer) != message || Tells(inner) {
		return false
	}
	made := reflect.TypeOf(inner)
	return made == text || made.Kind() == reflect.String
}

// Tells reports whether err is that of a connection or a context: then an answer was
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

// ofHTTP reports whether errors of a type are those of net/http or of its HTTP/2: some
// of a stream have no method that says so.
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
