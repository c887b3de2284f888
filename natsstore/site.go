package natsstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/zap"

	"github.com/readback-go/readback/internal/redact"
)

// site is one connection to a server, with the server itself if it runs in this
// process.
type site struct {
	server *server.Server // nil with a cluster
	log    serverLog
	conn   *nats.Conn
	js     jetstream.JetStream
	stream jetstream.Stream
	hub    *hub
	index  *index
	ctx    context.Context // ends when close begins
	end    context.CancelFunc
	tasks  sync.WaitGroup
}

// start starts the server if it runs in this process, and connects to it.
func (s *Store) start(ctx context.Context) (_ *site, err error) {
	at := &site{hub: newHub(), index: &index{}, log: serverLog{log: s.options.Logger}}
	at.ctx, at.end = context.WithCancel(context.Background())
	defer func() {
		// A server that reads damaged files may panic. (A panic in a goroutine of the
		// server cannot be recovered here.)
		if p := recover(); p != nil {
			err = fmt.Errorf("natsstore: %s: a panic: %v\n%s", s.options.where(), p, debug.Stack())
		}
		if err != nil {
			at.close()
		}
	}()
	if s.folder != nil {
		if err := s.folder.checkBefore(s.names); err != nil {
			return nil, err
		}
		if err := at.serve(s.options); err != nil {
			return nil, err
		}
	}
	ctx, cancel := context.WithTimeout(ctx, s.options.Timeout)
	defer cancel()
	if err := at.connect(s.options); err != nil {
		return nil, err
	}
	if at.js, err = jetstream.New(at.conn); err != nil {
		return nil, err
	}
	if s.folder != nil {
		if err := s.folder.checkBucket(ctx, at.js, s.names); err != nil {
			return nil, err
		}
	}
	if at.stream, err = s.names.open(ctx, at.js, s.options); err != nil {
		err = fmt.Errorf("%s: %w%s", s.options.where(), err, at.complaint())
		return nil, failure(err, ctx.Err() != nil || transient(err))
	}
	if s.folder != nil {
		last := at.stream.CachedInfo().State.LastSeq
		if at.index, err = s.folder.checkAfter(ctx, at.conn, s.names, last, s.options.NoSync); err != nil {
			return nil, err
		}
	}
	at.tasks.Go(func() { at.hub.listen(at.ctx, at.js, s.names) })
	return at, nil
}

// transient reports whether an error is of a cluster that may be ready soon.
func transient(err error) bool {
	var refused *jetstream.APIError
	return errors.Is(err, nats.ErrNoResponders) || errors.Is(err, nats.ErrTimeout) ||
		errors.As(err, &refused) && refused.Code == 503
}

// where names the server in errors.
func (o Options) where() string {
	if o.URL == "" {
		return "the server in " + o.Dir
	}
	var shown []string
	for url := range strings.SplitSeq(o.URL, ",") {
		url = strings.TrimSpace(url)
		if !strings.Contains(url, "://") {
			url = "nats://" + url
		}
		shown = append(shown, redact.URLString(url))
	}
	return strings.Join(shown, ",")
}

func (at *site) connect(o Options) (err error) {
	options := []nats.Option{
		nats.Name("readback natsstore"),
		// A server that does not answer must leave time to try the others.
		nats.Timeout(o.Timeout / time.Duration(2+strings.Count(o.URL, ","))),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(),
		nats.ReconnectWait(250 * time.Millisecond),
		// Pings notice a server that is paused, or a broken network.
		nats.PingInterval(time.Second),
		nats.MaxPingsOutstanding(2),
		// Changes are not kept while there is no connection: they would be written
		// long after their callers have given up.
		nats.ReconnectBufSize(-1),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil { // or it is this store that disconnects
				o.Logger.Warn("disconnected", zap.Error(err))
			}
		}),
		nats.ReconnectHandler(func(c *nats.Conn) { o.Logger.Info("connected again", zap.String("server", c.ConnectedServerName())) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { o.Logger.Warn("client", zap.Error(err)) }),
	}
	if at.server != nil {
		options = append(options, nats.InProcessServer(at.server))
	}
	if at.conn, err = nats.Connect(o.URL, append(options, o.Connect...)...); err == nil {
		return nil
	}
	return failure(fmt.Errorf("%s: %w", o.where(), redact.Guard(err)), unreachable(err))
}

// failure returns err as one of this package.
func failure(err error, unavailable bool) error {
	if unavailable {
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return fmt.Errorf("natsstore: %w", err)
}

// unreachable reports whether no server answered, rather than one refused.
func unreachable(err error) bool {
	var broken *net.OpError
	return errors.Is(err, nats.ErrNoServers) || errors.Is(err, nats.ErrTimeout) || errors.Is(err, io.EOF) || errors.As(err, &broken)
}

// last returns the sequence of the last change.
func (at *site) last(timeout time.Duration) (uint64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	info, err := at.stream.Info(ctx)
	if err != nil {
		return 0, err
	}
	return info.State.LastSeq, nil
}

// close disconnects, and stops the server if it runs in this process.
func (at *site) close() {
	at.end()
	at.tasks.Wait()
	if at.conn != nil {
		at.conn.Close()
	}
	if at.server != nil {
		at.server.Shutdown()
		at.server.WaitForShutdown()
	}
}

// complaint returns the last warning or error of the server in this process, to be appended
// to the text of an error.
func (at *site) complaint() string {
	if text, _ := at.log.last(); text != "" {
		return ": " + text
	}
	return ""
}
