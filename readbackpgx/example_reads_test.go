package readbackpgx_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackpgx"
)

// A confirmed order is also to be seen on a second standby, which a report reads.
func ExampleAtLSN() {
	var (
		ctx     = context.Background()
		policy  consistency.Policy
		second  *pgxpool.Pool
		written readbackpgx.Written[int64] // of the result of the flow that placed the order
	)
	get := func(ctx context.Context, tx pgx.Tx, id int64) (*order, error) {
		o := order{ID: id}
		return &o, tx.QueryRow(ctx, "SELECT token FROM orders WHERE id = $1", id).Scan(&o.Token)
	}
	flow := consistency.Update("order on the second standby",
		func(context.Context) (readbackpgx.Written[int64], error) { return written, nil }, // it is written already
		readbackpgx.AtLSN(second, get),
		func(w readbackpgx.Written[int64], o *order) bool { return o.ID == w.Key })
	flow.Behind = readbackpgx.Behind
	if _, err := consistency.Do(ctx, policy, flow); err != nil {
		log.Fatal(err)
	}
}

// After a failover the database may not know what became of a transaction. Then only
// what was read tells whether it is this write's.
func ExampleWritten_Doubt() {
	var primary, standby *pgxpool.Pool
	const token = "cart-17"
	flow := readbackpgx.Create("place order", primary, standby,
		func(ctx context.Context, tx pgx.Tx) (id int64, err error) {
			err = tx.QueryRow(ctx, "INSERT INTO orders (token) VALUES ($1) RETURNING id", token).Scan(&id)
			return id, err
		},
		func(ctx context.Context, tx pgx.Tx, id int64) (*order, error) {
			o := order{ID: id}
			return &o, tx.QueryRow(ctx, "SELECT token FROM orders WHERE id = $1", id).Scan(&o.Token)
		})
	flow.MineValue = func(w readbackpgx.Written[int64], o *order) bool {
		if why := w.Doubt(); why != "" {
			log.Println("order", w.Key, "is looked at:", why)
		}
		return o.Token == token
	}
	_, err := consistency.Do(context.Background(), consistency.Policy{}, flow)
	fmt.Println(err)
}

// An update, and then a deletion, by a pool of pgx.
func ExampleUpdate() {
	var primary, standby *pgxpool.Pool
	ctx, id := context.Background(), int64(17)
	get := func(ctx context.Context, tx pgx.Tx, id int64) (*order, error) {
		o := order{ID: id}
		return &o, tx.QueryRow(ctx, "SELECT token FROM orders WHERE id = $1", id).Scan(&o.Token)
	}
	update := readbackpgx.Update("rename order", primary, standby,
		func(ctx context.Context, tx pgx.Tx) (int64, error) {
			_, err := tx.Exec(ctx, "UPDATE orders SET token = 'cart-18' WHERE id = $1", id)
			return id, err
		},
		get,
		func(id int64, o *order) bool { return o.Token == "cart-18" })
	if _, err := consistency.Do(ctx, consistency.Policy{}, update); err != nil {
		log.Fatal(err)
	}

	remove := readbackpgx.Delete("delete order", primary, standby, id,
		func(ctx context.Context, tx pgx.Tx, id int64) error {
			_, err := tx.Exec(ctx, "DELETE FROM orders WHERE id = $1", id)
			return err
		},
		get) // pgx.ErrNoRows says that it is gone
	if _, err := consistency.Do(ctx, consistency.Policy{}, remove); err != nil {
		log.Fatal(err)
	}
}

// The same by database/sql, whose driver is github.com/jackc/pgx/v5/stdlib.
func ExampleCreateSQL() {
	var primary, standby *sql.DB
	ctx := context.Background()
	get := func(ctx context.Context, tx readbackpgx.SQLTx, id int64) (*order, error) {
		o := order{ID: id}
		return &o, tx.QueryRowContext(ctx, "SELECT token FROM orders WHERE id = $1", id).Scan(&o.Token)
	}
	create := readbackpgx.CreateSQL("place order", primary, standby,
		func(ctx context.Context, tx readbackpgx.SQLTx) (id int64, err error) {
			err = tx.QueryRowContext(ctx, "INSERT INTO orders (token) VALUES ('cart-17') RETURNING id").Scan(&id)
			return id, err
		}, get)
	res, err := consistency.Do(ctx, consistency.Policy{}, create)
	if err != nil {
		log.Fatal(err)
	}

	update := readbackpgx.UpdateSQL("rename order", primary, standby,
		func(ctx context.Context, tx readbackpgx.SQLTx) (int64, error) {
			_, err := tx.ExecContext(ctx, "UPDATE orders SET token = 'cart-18' WHERE id = $1", res.Written.Key)
			return res.Written.Key, err
		}, get, nil) // whatever a standby at the position of the update shows is new enough
	if _, err := consistency.Do(ctx, consistency.Policy{}, update); err != nil {
		log.Fatal(err)
	}

	remove := readbackpgx.DeleteSQL("delete order", primary, standby, res.Written.Key,
		func(ctx context.Context, tx readbackpgx.SQLTx, id int64) error {
			_, err := tx.ExecContext(ctx, "DELETE FROM orders WHERE id = $1", id)
			return err
		}, get)
	if _, err := consistency.Do(ctx, consistency.Policy{}, remove); err != nil {
		log.Fatal(err)
	}
}

// A statement of one's own: Answer says what its errors mean, and the Tracer counts
// how often it was sent.
func ExampleTracer() {
	config, err := pgxpool.ParseConfig("postgres://primary/shop")
	if err != nil {
		log.Fatal(err)
	}
	config.ConnConfig.Tracer = readbackpgx.Tracer{}
	pool, err := pgxpool.NewWithConfig(context.Background(), config)
	if err != nil {
		log.Fatal(err)
	}
	defer pool.Close()

	flow := consistency.Create("place order",
		func(ctx context.Context) (id int64, err error) {
			err = pool.QueryRow(ctx, "INSERT INTO orders (token) VALUES ('cart-17') RETURNING id").Scan(&id)
			return id, err
		},
		func(ctx context.Context, id int64) (token string, err error) {
			err = pool.QueryRow(ctx, "SELECT token FROM orders WHERE id = $1", id).Scan(&token)
			return token, err
		})
	_, err = consistency.Do(context.Background(), consistency.Policy{Answer: readbackpgx.Answer}, flow)
	fmt.Println(err)
}

// What an error of the server proves. A serialization failure is a refusal, which
// Resend.When may let pass.
func ExampleAnswer() {
	policy := consistency.Policy{
		Answer: readbackpgx.Answer,
		Resend: consistency.Resend{When: func(a consistency.Answer) bool { return a.Code == "40001" }},
	}
	codes := []string{"40001", "23505"} // of the first and the second try
	flow := consistency.Create("place order",
		func(context.Context) (int64, error) { // in place of a transaction
			code := codes[0]
			codes = codes[1:]
			return 0, &pgconn.PgError{Severity: "ERROR", Code: code, Message: "no"}
		},
		func(context.Context, int64) (*order, error) { return nil, pgx.ErrNoRows })
	res, err := consistency.Do(context.Background(), policy, flow)
	var why *consistency.Error
	if errors.As(err, &why) {
		fmt.Println(res.Outcome, why.Code, why.Status)
	}
	// Output: failed 23505 409
}
