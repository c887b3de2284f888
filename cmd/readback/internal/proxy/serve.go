package proxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"
)

// ErrCutOff is the error of a [Serve] that ended before all was answered.
var ErrCutOff = errors.New("requests were cut off")

// farewell is how long connections without a request stay open once nobody is let
// in, since the next one may be on its way. It is answered, and the client is told
// to close.
const farewell = 250 * time.Millisecond

// Serve answers what comes to the listener until ctx ends. Then it lets nobody
// in, answers all requests that it has, for as long as grace says, and returns.
// If that was not enough, the rest is cut off, and the error matches [ErrCutOff].
// The listener is closed in the end.
//
// It speaks HTTP/1 and, without TLS, HTTP/2. Only the time for the headers of a
// request is limited: bodies and answers may take as long as they like.
func Serve(ctx context.Context, l net.Listener, p *Proxy, grace time.Duration) error {
	open := newConnections()
	srv := newServer(p)
	srv.ConnState, srv.ConnContext = open.note, guarded
	door := &door{Listener: l}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(door) }()
	select {
	case err := <-served:
		_ = srv.Close()
		return err
	case <-ctx.Done():
	}
	rest, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	p.Drain()
	door.close()
	<-served
	open.wait(rest, farewell)
	err := srv.Shutdown(rest)
	if err != nil {
		n := p.options.Meter.inFlight.Load() // before they end, of being cut off
		_ = srv.Close()
		if n > 0 {
			return fmt.Errorf("%w: %d of them after %v", ErrCutOff, n, grace)
		}
	}
	return nil
}

func newServer(h http.Handler) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:           h,
		Protocols:         protocols,
		ReadHeaderTimeout: 10 * time.Second,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    headerLimit,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
}
