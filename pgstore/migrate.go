package pgstore

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Migration is one step from an empty schema to the table that this package needs.
type Migration struct {
	// Version is 1 for the first step, and grows by one with each.
	Version int

	// SQL has the statements, with semicolons between them. Run them in one
	// transaction, in the order of versions, each version once. The last statement
	// notes the version in the comment of the table.
	SQL string
}

//go:embed migrations/*.sql
var migrations embed.FS

// versionComment begins the comment of a table; the version follows.
const versionComment = "readback pgstore, version "

// Migrations returns all steps, for a team that runs them with its own tool instead of
// [Migrate]. The schema must exist. Only Schema and Table of the options matter.
func Migrations(o Options) ([]Migration, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	o = o.withDefaults()
	files, err := migrations.ReadDir("migrations")
	if err != nil {
		return nil, err
	}
	var all []Migration
	for i, file := range files { // in the order of their names
		text, err := migrations.ReadFile("migrations/" + file.Name())
		if err != nil {
			return nil, err
		}
		version := i + 1
		all = append(all, Migration{version, o.sql(string(text)) +
			fmt.Sprintf("\nCOMMENT ON TABLE %s IS '%s%d';\n", o.table(), versionComment, version)})
	}
	return all, nil
}

// Beginner begins transactions: a pool or a connection of pgx.
type Beginner interface {
	Begin(ctx context.Context) (pgx.Tx, error)
}

// Migrate brings the table to the version that this package needs, in one transaction. It
// creates the table, and its schema, if they are missing, and does nothing if there is
// nothing to do. Many processes may call it at once. The role needs the right to create in
// the schema, and to create a schema only if that is missing.
func Migrate(ctx context.Context, db Beginner, o Options) error {
	steps, err := Migrations(o)
	if err != nil {
		return err
	}
	o = o.withDefaults()
	tx, err := db.Begin(ctx)
	if err != nil {
		return fmt.Errorf("pgstore: migrate: %w", err)
	}
	defer tx.Rollback(ctx)
	if err := migrate(ctx, tx, o, steps); err != nil {
		return fmt.Errorf("pgstore: migrate %s: %w", o.table(), err)
	}
	if err := tx.Commit(ctx); err != nil {
		return fmt.Errorf("pgstore: migrate %s: %w", o.table(), err)
	}
	return nil
}

func migrate(ctx context.Context, tx pgx.Tx, o Options, steps []Migration) error {
	// With READ COMMITTED, statements after the lock see what another process has made
	// meanwhile. The level cannot be set after a snapshot was taken; SHOW takes none.
	var isolation string
	if err := tx.QueryRow(ctx, "SHOW transaction_isolation").Scan(&isolation); err != nil {
		return err
	}
	if isolation != "read committed" {
		if _, err := tx.Exec(ctx, "SET TRANSACTION ISOLATION LEVEL READ COMMITTED"); err != nil {
			return err
		}
	}
	// One process at a time; the others find that everything is done.
	if _, err := tx.Exec(ctx, "SELECT pg_advisory_xact_lock(hashtextextended($1, 0))", o.channel()); err != nil {
		return err
	}
	var there bool
	if err := tx.QueryRow(ctx, "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)", o.Schema).Scan(&there); err != nil {
		return err
	}
	if !there {
		if _, err := tx.Exec(ctx, "CREATE SCHEMA "+pgx.Identifier{o.Schema}.Sanitize()); err != nil {
			return err
		}
	}
	version, err := versionOf(ctx, tx, o)
	if err != nil && !errors.Is(err, errNoTable) {
		return err
	}
	for _, step := range steps {
		if step.Version <= version {
			continue
		}
		if _, err := tx.Exec(ctx, step.SQL); err != nil {
			return fmt.Errorf("version %d: %w", step.Version, err)
		}
	}
	return nil
}

var errNoTable = errors.New("there is no such table: call Migrate, or run Migrations by your own tool")

type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// versionOf returns the version of the table.
func versionOf(ctx context.Context, db querier, o Options) (version int, err error) {
	var comment *string
	err = db.QueryRow(ctx, "SELECT obj_description(c.oid, 'pg_class') FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "+
		"WHERE n.nspname = $1 AND c.relname = $2", o.Schema, o.Table).Scan(&comment)
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return 0, errNoTable
	case err != nil:
		return 0, err
	case comment == nil || !strings.HasPrefix(*comment, versionComment):
		return 0, errors.New("there is another table of that name, which this package has not made: choose another name in Options.Table")
	}
	_, err = fmt.Sscanf(strings.TrimPrefix(*comment, versionComment), "%d", &version)
	return version, err
}
