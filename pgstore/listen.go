package pgstore

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"go.uber.org/zap"
)

const (
	// listenAgain is the time between two tries to listen.
	listenAgain = time.Second

	// stillThere is after how long a silence the connection that listens is asked
	// whether it is still there.
	stillThere = 15 * time.Second
)

// listening hears what is told on the channel of the table, by one connection.
func (s *Store) listening() {
	trouble := false
	for {
		err := s.listen(func() {
			if trouble {
				s.options.Logger.Info("pgstore: changes are heard of again")
			}
			trouble = false
		})
		s.hub.hearing(false)
		if s.ctx.Err() != nil {
			return
		}
		if !trouble {
			s.options.Logger.Warn("pgstore: changes are not heard of, and looked for instead", zap.Error(err))
		}
		trouble = true
		if !sleep(s.ctx, listenAgain) {
			return
		}
	}
}

// listen listens until that fails, and calls begun once it does.
func (s *Store) listen(begun func()) error {
	// Out of the pool: it has the pool's settings, and takes no place in it.
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
	s.hub.hearing(true)
	begun()
	for {
		quiet, cancel := context.WithTimeout(s.ctx, stillThere)
		n, err := conn.WaitForNotification(quiet)
		over := quiet.Err() != nil
		cancel()
		switch {
		case err == nil:
			s.hub.heard(n.Payload)
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
