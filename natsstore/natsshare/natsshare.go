// Package natsshare carries the notes of readbackhttp.Transports by NATS: what was
// written through one, others hold the early reads of.
//
//	carrier, err := natsshare.Connect(natsshare.Options{URL: "nats://bus.example"})
//	if err != nil {
//		return err
//	}
//	defer carrier.Close()
//	transport := readbackhttp.NewTransport(nil, readbackhttp.TransportOptions{
//		Share: readbackhttp.Share{Carrier: carrier, Secret: secret},
//	})
//
// Plain publishing and subscribing are all that is used: no JetStream, and nothing
// is kept anywhere. While the server is out of reach notes are lost, as is one that
// comes faster than it can be taken; nothing else is the worse for it, and nobody
// waits. The connection comes back by itself.
//
// On one server no read comes before its note: the end of a write's answer waits until
// the server has the note, and a read that finds nothing, until all that the server had
// by then has arrived. Each is a round trip to the server. Between the servers of a
// cluster a note may be overtaken. A server that does not answer is waited for once.
package natsshare

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"

	"github.com/readback-go/readback/internal/redact"
)

// Options say where the notes go. Only URL is required.
type Options struct {
	// URL is that of a server, or several of one cluster with commas between them.
	URL string

	// Subject is where the notes are published, the same for all who share. Who
	// serves several services or teams gives each its own, and lets each publish
	// to its own alone. Empty means "readback.share".
	Subject string

	// Timeout bounds an attempt to connect. Zero means 2 s.
	Timeout time.Duration

	// Connect is for the connection: credentials, TLS, a name. A password may be in
	// the URL too; it shows in no error.
	Connect []nats.Option

	// Logger gets what happens to the connection. Nil means silence.
	Logger *zap.Logger
}

const (
	defaultSubject = "readback.share"
	defaultTimeout = 2 * time.Second

	// mostWaiting is how many notes, and of how many bytes, may wait to be taken.
	mostWaiting      = 10_000
	mostWaitingBytes = 1 << 20

	// probing is longer than it takes to notice that a connection is dead.
	probing = 20 * time.Second
)

// Carrier carries notes. It is safe for concurrent use. Make it with [Connect].
type Carrier struct {
	conn    *nats.Conn
	subject string
	take    atomic.Pointer[func([]byte)]
	stuck   atomic.Bool // the server does not answer
}

// Connect returns a carrier. A server that does not answer now is no error: it is
// tried again and again, and nothing is carried meanwhile. One that refuses the
// credentials is.
func Connect(o Options) (*Carrier, error) {
	if o.Subject == "" {
		o.Subject = defaultSubject
	}
	if o.Timeout == 0 {
		o.Timeout = defaultTimeout
	}
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	switch {
	case o.URL == "":
		return nil, errors.New("natsshare: no URL")
	case strings.ContainsAny(o.Subject, " \t\r\n*>") || strings.Contains("."+o.Subject+".", ".."):
		return nil, fmt.Errorf("natsshare: %q is no subject to publish to", o.Subject)
	case o.Timeout < 0:
		return nil, fmt.Errorf("natsshare: the timeout is negative: %v", o.Timeout)
	}
	c := &Carrier{subject: o.Subject}
	options := []nats.Option{
		nats.Name("readback share"),
		nats.Timeout(o.Timeout),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(),
		nats.ReconnectWait(250 * time.Millisecond),
		nats.PingInterval(5 * time.Second),
		nats.MaxPingsOutstanding(2),
		// A note that waits for the server would tell of a write as new that is not.
		nats.ReconnectBufSize(-1),
		nats.NoEcho(),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) { o.Logger.Warn("disconnected", zap.Error(redact.Guard(err))) }),
		nats.ReconnectHandler(func(n *nats.Conn) { o.Logger.Info("connected", zap.String("server", n.ConnectedServerName())) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			o.Logger.Warn("client", zap.Error(redact.Guard(err)))
		}),
	}
	var err error
	options = append(options, o.Connect...)
	if c.conn, err = nats.Connect(o.URL, options...); err != nil && unreachable(err) {
		// Not from the first: with this, a refusal would be tried again in silence.
		c.conn, err = nats.Connect(o.URL, append(options, nats.RetryOnFailedConnect(true))...)
	}
	if err != nil {
		return nil, fmt.Errorf("natsshare: %w", redact.Guard(err))
	}
	sub, err := c.conn.Subscribe(o.Subject, func(m *nats.Msg) {
		if take := c.take.Load(); take != nil {
			(*take)(m.Data)
		}
	})
	if err == nil {
		err = sub.SetPendingLimits(mostWaiting, mostWaitingBytes)
	}
	if err == nil && c.conn.IsConnected() {
		err = c.conn.FlushTimeout(o.Timeout) // from here on it hears the others
	}
	if err != nil {
		c.conn.Close()
		return nil, fmt.Errorf("natsshare: %w", redact.Guard(err))
	}
	return c, nil
}

// unreachable reports whether no server answered, rather than one refused.
func unreachable(err error) bool {
	var broken *net.OpError
	return errors.Is(err, nats.ErrNoServers) || errors.Is(err, nats.ErrTimeout) || errors.Is(err, io.EOF) || errors.As(err, &broken)
}

// Send hands a note to the server. The error says that it was not, as while the
// server is out of reach.
func (c *Carrier) Send(note []byte) error { return c.conn.Publish(c.subject, note) }

// Receive calls take with each note of others from now on, one at a time.
func (c *Carrier) Receive(take func(note []byte)) { c.take.Store(&take) }

// Sync returns when the server has all that was sent until now, and what it had from
// others by then was taken. The error says that it did not come to that before ctx
// ended, or that there is no hope for it just now.
func (c *Carrier) Sync(ctx context.Context) error {
	if !c.conn.IsConnected() || c.stuck.Load() {
		return errAway
	}
	ctx, cancel := context.WithTimeout(ctx, probing) // it wants a deadline
	defer cancel()
	if err := c.conn.FlushWithContext(ctx); err != nil {
		if errors.Is(err, context.DeadlineExceeded) && c.stuck.CompareAndSwap(false, true) {
			go c.probe()
		}
		return err
	}
	taken := make(chan struct{})
	if err := c.conn.Barrier(func() { close(taken) }); err != nil {
		return err
	}
	select {
	case <-taken:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

var errAway = errors.New("natsshare: the server does not answer")

// probe ends when the server answers again, or the connection to it is lost.
func (c *Carrier) probe() {
	_ = c.conn.FlushTimeout(probing)
	c.stuck.Store(false)
}

// Close ends the connection. What was sent until now is on its way; what comes
// later is lost.
func (c *Carrier) Close() {
	if c.conn.IsConnected() {
		_ = c.conn.FlushTimeout(time.Second)
	}
	c.conn.Close()
}
