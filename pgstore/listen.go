package pgstore

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"

	"github.com/readback-go/readback/internal/pause"
)

const (
	// listenAgain is the time between two tries to listen.
	listenAgain = time.Second

	// stillThere is how long the connection that listens may be silent before it is
	// pinged.
	stillThere = 15 * time.Second
)

// listening receives the notices of the table's channel, by one connection, and connects
// again when it is lost.
func (s *Store) listening() {
	trouble := false
	for {
		err := s.listen(func() {
			if trouble {
				s.options.Logger.Info("pgstore: notices of changes are received again")
			}
			trouble = false
		})
		s.hub.setListening(false)
		if s.ctx.Err() != nil {
			return
		}
		if !trouble {
			s.options.Logger.Warn("pgstore: no notices of changes are received; polling instead", zap.Error(err))
		}
		trouble = true
		if !pause.For(s.ctx, listenAgain) {
			return
		}
	}
}

// listen calls begun once it listens, and returns when that fails.
func (s *Store) listen(begun func()) error {
	// Taken out of the pool: it has the pool's settings, but does not count in it.
	taken, err := s.pool.Acquire(s.ctx)
	if err != nil {
		return err
	}
	conn := taken.Hijack()
	defer func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		conn.Close(ctx)
	}()
	if _, err := conn.Exec(s.ctx, "LISTEN "+pgx.Identifier{s.options.channel()}.Sanitize()); err != nil {
		return err
	}
	s.hub.setListening(true)
	begun()
	for {
		quiet, cancel := context.WithTimeout(s.ctx, stillThere)
		n, err := conn.WaitForNotification(quiet)
		over := quiet.Err() != nil
		cancel()
		switch {
		case err == nil:
			s.hub.notified(n.Payload)
		case s.ctx.Err() != nil || !over || conn.IsClosed():
			return err
		default:
			asked, cancel := context.WithTimeout(s.ctx, callTimeout)
			err := conn.Ping(asked)
			cancel()
			if err != nil {
				return err
			}
		}
	}
}
