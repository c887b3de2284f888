package readbackpgx

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// For the tests of this package.
var (
	Ends         = ends
	IsTry        = isTry
	BeforeCommit = beforeCommit
	AfterCommit  = afterCommit
	Tell         = withAnswer
)

// WrittenOf returns a reference as a write makes it.
func WrittenOf[K any](key K, doubt string) Written[K] {
	return Written[K]{
		Key: key, doubt: doubt,
		tx: transaction{ID: 1<<63 + 1, System: "7713788651049915025", Timeline: "0000000A", Recovery: "1796006376799759", Checkpoint: "0/2000060", Loose: true},
		at: position{"7713788651049915025", "0000000A", "16/B374D848"},
	}
}

// BehindOf says why a standby that says these things of itself is not at the position.
func BehindOf(recovering, reached, receives bool, system, own, receiving, noted string) string {
	r := replica{recovering: recovering, reached: reached, receives: receives, system: system, timeline: own, noted: noted, notedReached: noted != ""}
	if receiving != "" {
		r.receiving = &receiving
	}
	return r.behind(position{"s", "00000001", "0/1"})
}

// DoubtOf says why asked does not know the fate of a transaction that began on began,
// with that id if it is not 0.
func DoubtOf(ctx context.Context, began, asked *pgxpool.Pool, id uint64) (string, error) {
	var tx transaction
	err := inTransaction(ctx, onPool(began), func(ctx context.Context, s session[pgx.Tx]) (err error) {
		tx, err = identify(ctx, s)
		return err
	})
	if err != nil {
		return "", err
	}
	if id != 0 {
		tx.ID = id
	}
	var f fate
	err = inTransaction(ctx, onPool(asked), func(ctx context.Context, s session[pgx.Tx]) (err error) {
		f, err = fateOf(ctx, s, tx)
		return err
	})
	return f.doubt, err
}
