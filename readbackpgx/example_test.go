package readbackpgx_test

import (
	"context"
	"errors"
	"fmt"
	"log"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackpgx"
)

type order struct {
	ID    int64
	Token string
}

// An order is written to the primary, and confirmed by a standby.
func ExampleCreate() {
	ctx := context.Background()
	primary, err := pgxpool.New(ctx, "postgres://primary/shop")
	if err != nil {
		log.Fatal(err)
	}
	defer primary.Close()
	standby, err := pgxpool.New(ctx, "postgres://standby1,standby2/shop")
	if err != nil {
		log.Fatal(err)
	}
	defer standby.Close()

	const token = "cart-17"
	place := func(ctx context.Context, tx pgx.Tx) (id int64, err error) {
		err = tx.QueryRow(ctx, "INSERT INTO orders (token) VALUES ($1) RETURNING id", token).Scan(&id)
		return id, err
	}
	get := func(ctx context.Context, tx pgx.Tx, id int64) (*order, error) {
		o := order{ID: id}
		err := tx.QueryRow(ctx, "SELECT token FROM orders WHERE id = $1", id).Scan(&o.Token)
		return &o, err
	}

	// All that is about consistency:
	flow := readbackpgx.Create("place order", primary, standby, place, get)
	flow.MineValue = func(w readbackpgx.Written[int64], o *order) bool { return o.Token == token }
	res, err := consistency.Do(ctx, consistency.Policy{}, flow)
	switch {
	case err == nil:
		fmt.Println("placed", res.Value.ID)
	case errors.Is(err, consistency.ErrFailed):
		fmt.Println("not placed, and never will be:", err)
	default:
		fmt.Println("perhaps placed; keep res.Pending and resume:", err)
	}
}
