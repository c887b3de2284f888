package pgstore

import (
	"context"
	"math/rand/v2"
	"time"

	"go.uber.org/zap"

	"github.com/readback-go/readback/internal/pause"
)

const (
	// sweepEvery is the time between two looks for records whose time is over.
	sweepEvery = time.Minute

	// sweepPiece is how many records one statement deletes: so few that nothing has to
	// wait for it.
	sweepPiece = 500

	// sweepPause is the time between two pieces, so that other work goes on.
	sweepPause = 20 * time.Millisecond
)

// sweeping deletes the records whose time is over, until the store is closed. Several
// processes share the work.
func (s *Store) sweeping() {
	for pause.For(s.ctx, sweepEvery/2+rand.N(sweepEvery)) {
		if _, err := s.sweep(s.ctx); err != nil && s.ctx.Err() == nil {
			s.options.Logger.Warn("pgstore: outcomes whose time is over could not be deleted", zap.Error(err))
		}
	}
}

// sweep deletes the records whose time is over, and returns how many.
func (s *Store) sweep(ctx context.Context) (deleted int64, err error) {
	for {
		bounded, cancel := context.WithTimeout(ctx, callTimeout)
		tag, err := s.pool.Exec(bounded, s.sql.sweep, sweepPiece)
		cancel()
		if err != nil {
			return deleted, err
		}
		deleted += tag.RowsAffected()
		if tag.RowsAffected() < sweepPiece || !pause.For(ctx, sweepPause) {
			return deleted, nil
		}
	}
}
