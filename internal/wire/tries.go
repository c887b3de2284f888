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
	Seen     []Exchange // tries that a RoundTripper saw, in order
	Replayed int        // tries that net/http made again within one of those
	Traced   int        // tries that only the trace saw
	Counted  int        // tries that CountTry counted
	Told     []error    // how counted tries ended, as far as it is known; nil means well
}

// N returns how many tries there were; zero if nothing was noted.
func (t Tries) N() int { return len(t.Seen) + t.Unseen() }

// Unseen returns the number of tries whose answer no RoundTripper saw.
func (t Tries) Unseen() int { return t.Replayed + t.Traced + t.Counted }

// Tries returns the tries of a write. Every request that asks for a change is a try, wherever it
// went, with one exception: requests to another origin than the last one, whose 2xx was read to
// its end before the last one began. (So a token is fetched.) A request that net/http wrote
// twice counts as two tries; one that was never sent does not count.
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

// NeverSent reports whether err, the error of the call, proves that nothing was sent: nothing was
// counted, a connection was asked for, no header was written on any connection, and err is the
// error of the last request. A client that does not call the hooks of the trace gives no such
// proof.
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

// hostPort returns the address to which net/http connects for a URL.
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
