package pgstore

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Migration is one step from an empty schema to the table of today.
type Migration struct {
	// Version is 1 for the first step, and grows by one with each.
	Version int

	// SQL are the statements, with semicolons between them. They are to be run in
	// one transaction, in order, each version once. The last one notes the version
	// in the comment of the table.
	SQL string
}

//go:embed migrations/*.sql
var migrations embed.FS

// versionComment begins the comment of a table; the version follows.
const versionComment = "readback pgstore, version "

// Migrations returns all steps, for a team that runs them by a tool of its own. The
// schema must be there. Only Schema and Table of the options matter.
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

// Migrate brings the table to the version of today, and makes it, and its schema,
// if there is none. It does nothing if nothing is to be done, and many processes may
// call it at once. All is done in one transaction. It needs the right to create in
// the schema, and to create the schema only if that is missing; a superuser is not
// needed.
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
	// What another process made while this one waits for the lock must be seen. SHOW
	// takes no snapshot, after which it would be too late.
	var isolation string
	if err := tx.QueryRow(ctx, "SHOW transaction_isolation").Scan(&isolation); err != nil {
		return err
	}
	if isolation != "read committed" {
		if _, err := tx.Exec(ctx, "SET TRANSACTION ISOLATION LEVEL READ COMMITTED"); err != nil {
			return err
		}
	}
	// One process at a time; the others find all done.
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
		return 0, errors.New("a table of that name is something else")
	}
	_, err = fmt.Sscanf(strings.TrimPrefix(*comment, versionComment), "%d", &version)
	return version, err
}
