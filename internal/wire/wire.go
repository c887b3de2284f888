// Package wire counts what a write really put on the wire.
//
// A client that retries by itself hides an ambiguous try behind a later
// refusal: its POST answered 503, was sent again and came back as 409. Only the
// requests that were written tell.
package wire

import (
	"context"
	"net/http/httptrace"
	"sync/atomic"
)

// Tries counts the requests of one write. It is safe for concurrent use; the
// transport may still call it after the write returned.
type Tries struct {
	asked   atomic.Int32 // for a connection
	got     atomic.Int32 // a connection
	written atomic.Int32 // request headers
	void    atomic.Int32 // written requests that are known not to be executed
}

type key struct{}

// Trace returns a context in which requests of net/http are counted.
func Trace(ctx context.Context) (context.Context, *Tries) {
	t := new(Tries)
	ctx = context.WithValue(ctx, key{}, t)
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn:      func(string) { t.asked.Add(1) },
		GotConn:      func(httptrace.GotConnInfo) { t.got.Add(1) },
		WroteHeaders: func() { t.written.Add(1) },
	}), t
}

// From returns the tries that ctx counts, or nil.
func From(ctx context.Context) *Tries {
	t, _ := ctx.Value(key{}).(*Tries)
	return t
}

// NeverSent reports whether a connection was asked for and none was got. A
// client that does not tell the trace anything gets no such proof.
func (t *Tries) NeverSent() bool {
	return t != nil && t.asked.Load() > 0 && t.got.Load() == 0
}

// Repeated reports whether more than one request was written that may have been
// executed.
func (t *Tries) Repeated() bool {
	return t != nil && t.written.Load()-t.void.Load() > 1
}

// Void says that the last request written is known not to have been executed,
// such as one that was answered with 307.
func (t *Tries) Void() {
	if t != nil {
		t.void.Add(1)
	}
}
