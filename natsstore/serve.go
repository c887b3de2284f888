package natsstore

import (
	"fmt"
	"strings"
	"sync"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/zap"
)

// serve starts a server in this process. The server first reads the whole folder.
func (at *site) serve(o Options) error {
	srv, err := server.NewServer(&server.Options{
		ServerName: "readback",
		DontListen: true,
		NoSigs:     true,
		JetStream:  true,
		StoreDir:   o.Dir,
		SyncAlways: !o.NoSync,
	})
	if err != nil {
		return fmt.Errorf("natsstore: %w", err)
	}
	srv.SetLoggerV2(&at.log, false, false, false)
	at.server = srv
	srv.Start()
	if _, fatal := at.log.last(); fatal || !srv.ReadyForConnections(o.Timeout) {
		return fmt.Errorf("%w: %s did not start%s", ErrUnavailable, o.where(), at.complaint())
	}
	return nil
}

// serverLog passes the messages of a server to a zap logger, and keeps the last warning or
// error for the errors of this package.
type serverLog struct {
	log *zap.Logger

	mu        sync.Mutex
	complaint string
	fatal     bool
}

// last returns the last complaint, and whether any was fatal: a server of its own process
// would exit then.
func (l *serverLog) last() (text string, fatal bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.complaint, l.fatal
}

func (l *serverLog) complain(fatal bool, format string, v []any) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.complaint = fmt.Sprintf(format, v...)
	l.fatal = l.fatal || fatal
	return l.complaint
}

func (l *serverLog) Noticef(format string, v ...any) { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l *serverLog) Debugf(format string, v ...any)  { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l *serverLog) Tracef(format string, v ...any)  { l.log.Debug(fmt.Sprintf(format, v...)) }
func (l *serverLog) Errorf(format string, v ...any)  { l.log.Error(l.complain(false, format, v)) }
func (l *serverLog) Fatalf(format string, v ...any)  { l.log.Error(l.complain(true, format, v)) }

func (l *serverLog) Warnf(format string, v ...any) {
	if strings.Contains(fmt.Sprintf(format, v...), "TTL state is outdated") { // since checkBefore has removed it
		l.Debugf(format, v...)
		return
	}
	l.log.Warn(l.complain(false, format, v))
}
