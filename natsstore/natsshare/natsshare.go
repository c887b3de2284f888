// Package natsshare carries notes between readbackhttp.Transports over NATS: after a write
// through one of them, the others hold early reads of the same thing too.
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
// It uses plain publish and subscribe, without JetStream; nothing is stored. While the server
// cannot be reached, notes are lost; so are notes that come faster than they are handled.
// Nothing else fails because of that, and nobody waits. The connection comes back by itself.
//
// With one server, a read never overtakes the note of its write: the end of the write's
// answer waits until the server has the note, and a read that finds nothing waits until all
// notes that the server had by then have arrived. Each wait is one round trip to the server.
// Between the servers of a cluster a read may overtake a note. If a server does not answer,
// only one call waits for it.
package natsshare

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/readback-go/readback/internal/redact"
)

// Options say where the notes go. Only URL is required.
type Options struct {
	// URL is the URL of a server, or several of one cluster with commas between them.
	URL string

	// Subject is the subject of the notes, the same for all Transports that share. If
	// several services or teams use one server, give each its own subject, with
	// permission to publish only to that. Empty means "readback.share".
	Subject string

	// Timeout bounds an attempt to connect. Zero means 2 s.
	Timeout time.Duration

	// Connect has options of the connection: credentials, TLS, a name. A password may
	// be in the URL too; no error shows it.
	Connect []nats.Option

	// Logger gets an entry when there is no connection at first, and when it is lost, comes
	// back or fails. Nil means silence.
	Logger *zap.Logger
}

const (
	defaultSubject = "readback.share"
	defaultTimeout = 2 * time.Second

	// mostWaiting and mostWaitingBytes bound the notes that wait to be handled.
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

// Connect returns a carrier. If no server answers, there is no error: Connect is tried again
// in the background, and notes are lost until then. If a server refuses the credentials,
// or an option is invalid, Connect returns an error.
func Connect(o Options) (*Carrier, error) {
	o = o.withDefaults()
	if err := o.validate(); err != nil {
		return nil, err
	}
	c := &Carrier{subject: o.Subject}
	var err error
	if c.conn, err = nats.Connect(o.URL, o.connection()...); err != nil && unreachable(err) {
		o.Logger.Warn("not connected", zap.Error(redact.Guard(err)))
		// Not at the first try: with this option, a refusal would be retried in silence.
		c.conn, err = nats.Connect(o.URL, o.connection(nats.RetryOnFailedConnect(true), nats.ConnectHandler(o.connected))...)
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
		err = c.conn.FlushTimeout(o.Timeout) // from now on it receives the notes of others
	}
	if err != nil {
		c.conn.Close()
		return nil, fmt.Errorf("natsshare: %w", redact.Guard(err))
	}
	return c, nil
}

func (o Options) withDefaults() Options {
	o.Subject = cmp.Or(o.Subject, defaultSubject)
	o.Timeout = cmp.Or(o.Timeout, defaultTimeout)
	if o.Logger == nil {
		o.Logger = zap.NewNop()
	}
	return o
}

func (o *Options) validate() error {
	switch {
	case o.URL == "":
		return errors.New("natsshare: Options.URL is missing")
	case strings.ContainsAny(o.Subject, " \t\r\n*>") || strings.Contains("."+o.Subject+".", ".."):
		return fmt.Errorf("natsshare: Options.Subject is not a subject to publish to: %q (no spaces, wildcards or empty parts)", o.Subject)
	case o.Timeout < 0:
		return fmt.Errorf("natsshare: Options.Timeout is negative: %v", o.Timeout)
	}
	return nil
}

// connection returns the options of the connection, those of the caller last.
func (o *Options) connection(more ...nats.Option) []nats.Option {
	// Who floods the subject causes an error whenever notes are dropped.
	seldom := o.Logger.WithOptions(zap.WrapCore(func(core zapcore.Core) zapcore.Core {
		return zapcore.NewSamplerWithOptions(core, time.Second, 1, 0)
	}))
	own := []nats.Option{
		nats.Name("readback share"),
		nats.Timeout(o.Timeout),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(),
		nats.ReconnectWait(250 * time.Millisecond),
		nats.PingInterval(5 * time.Second),
		nats.MaxPingsOutstanding(2),
		// A note that is sent late would tell of an old write as if it were new.
		nats.ReconnectBufSize(-1),
		nats.NoEcho(),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil { // not by Close
				o.Logger.Warn("disconnected", zap.Error(redact.Guard(err)))
			}
		}),
		nats.ReconnectHandler(o.connected),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			seldom.Warn("client", zap.Error(redact.Guard(err)))
		}),
	}
	return slices.Concat(own, more, o.Connect)
}

func (o *Options) connected(n *nats.Conn) {
	o.Logger.Info("connected", zap.String("server", n.ConnectedServerName()))
}

// unreachable reports whether no server answered, rather than one refused.
func unreachable(err error) bool {
	var broken *net.OpError
	return errors.Is(err, nats.ErrNoServers) || errors.Is(err, nats.ErrTimeout) || errors.Is(err, io.EOF) || errors.As(err, &broken)
}

// Send sends a note to the server, and does not wait for it. It returns an error if the
// server cannot be reached; the note is then lost.
func (c *Carrier) Send(note []byte) error { return c.conn.Publish(c.subject, note) }

// Receive calls take with each note of others from now on, one at a time. A later call
// replaces take.
func (c *Carrier) Receive(take func(note []byte)) { c.take.Store(&take) }

// Sync waits until the server has all notes that were sent before the call, and until all
// notes that it had from others by then have been handled. It returns an error if ctx ends
// first, and at once if the server cannot be reached.
func (c *Carrier) Sync(ctx context.Context) error {
	if !c.conn.IsConnected() || c.stuck.Load() {
		return errAway
	}
	ctx, cancel := context.WithTimeout(ctx, probing) // FlushWithContext requires a deadline
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

// Close ends the connection. Notes that were sent before are still delivered if the server
// can be reached; later ones are lost.
func (c *Carrier) Close() {
	if c.conn.IsConnected() {
		_ = c.conn.FlushTimeout(time.Second)
	}
	c.conn.Close()
}
