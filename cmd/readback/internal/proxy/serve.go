package proxy

import (
	"context"
	"errors"
	"fmt"
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
// It speaks HTTP/1 and HTTP/2, in the clear or with TLS, as the options say. Only the time for the headers of a
// request is limited: bodies and answers may take as long as they like.
func Serve(ctx context.Context, l net.Listener, p *Proxy, grace time.Duration) error {
	open := newConnections()
	srv := newServer(p, p.options.Warn)
	srv.ConnState, srv.ConnContext = open.note, guarded
	draining := &drainListener{Listener: l}
	var listener net.Listener = guards{draining}
	if config := p.options.TLS; config != nil {
		srv.Protocols.SetHTTP2(true)
		listener = shakeHands(draining, config, p.notLetIn)
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(listener) }()
	select {
	case err := <-served:
		_ = srv.Close()
		return err
	case <-ctx.Done():
	}
	rest, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	p.Drain()
	draining.close()
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

// headerTime is how long the headers of a request may take, or the handshake of a
// connection.
const headerTime = 10 * time.Second

// streams is how many requests a connection of HTTP/2 may have in flight: those that are
// held stay for long, and others would wait for them.
const streams = 10_000

func newServer(h http.Handler, warn func(line string)) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:           h,
		Protocols:         protocols,
		HTTP2:             &http.HTTP2Config{MaxConcurrentStreams: streams},
		ReadHeaderTimeout: headerTime,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    headerLimit,
		ErrorLog:          logTo(warn),
		// OPTIONS * is the upstream's to answer, and each request begins a handler:
		// a guard counts them.
		DisableGeneralOptionsHandler: true,
	}
}
