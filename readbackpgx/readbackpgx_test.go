package readbackpgx_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackpgx"
)

func server(severity, code string) error {
	return fmt.Errorf("query: %w", &pgconn.PgError{Severity: "ERREUR", SeverityUnlocalized: severity, Code: code, Message: "no"})
}

// safeToRetry says what pgx says of statements that were carried out.
type safeToRetry struct{ error }

func (safeToRetry) SafeToRetry() bool { return true }

func TestAnswer(t *testing.T) {
	t.Parallel()
	const none = -1
	for name, tt := range map[string]struct {
		err         error
		write, read int
	}{
		"serialization failure":          {server("ERROR", "40001"), 409, 503},
		"deadlock":                       {server("ERROR", "40P01"), 409, 503},
		"unique":                         {server("ERROR", "23505"), 409, 503},
		"exclusion":                      {server("ERROR", "23P01"), 409, 503},
		"foreign key":                    {server("ERROR", "23503"), 400, 503},
		"no right":                       {server("ERROR", "42501"), 403, 403},
		"no such table":                  {server("ERROR", "42P01"), 400, 400},
		"division by zero":               {server("ERROR", "22012"), 400, 400},
		"cancelled":                      {server("ERROR", "57014"), 400, 503},
		"terminated":                     {server("FATAL", "57P01"), 503, 503},
		"a crash":                        {server("PANIC", "XX000"), 503, 503},
		"it is not known whether":        {server("ERROR", "40003"), 503, 503},
		"the pooler has lost the server": {server("ERROR", "08P01"), 503, 503},
		"an old server":                  {&pgconn.PgError{Severity: "ERROR", Code: "23505"}, 409, 503},
		"no rows":                        {fmt.Errorf("get: %w", pgx.ErrNoRows), none, 404},
		"no rows of database/sql":        {sql.ErrNoRows, none, 404},
		"lost":                           {io.ErrUnexpectedEOF, none, none},
		"lost, but safe to retry":        {safeToRetry{errors.New("conn closed")}, none, none},
		"no error":                       {nil, none, none},
	} {
		for phase, want := range map[consistency.Phase]int{consistency.PhaseWrite: tt.write, consistency.PhaseRead: tt.read} {
			a, ok := readbackpgx.Answer(phase, nil, tt.err)
			assert.Equal(t, want != none, ok, "%s, %s", name, phase)
			if ok {
				assert.Equal(t, want, a.Status, "%s, %s", name, phase)
			}
			var e *pgconn.PgError
			if errors.As(tt.err, &e) {
				assert.Equal(t, e.Code, a.Code)
			}
		}
	}
}

// class returns what a flow makes of the error of its write.
func class(err error) (class consistency.Class, code string) {
	f := consistency.Create("write", func(ctx context.Context) (string, error) { return "", err },
		func(context.Context, string) (string, error) { return "x", nil })
	_, _ = consistency.Do(context.Background(), consistency.Policy{Observer: func(e consistency.Event) {
		if e.Phase == consistency.PhaseWrite {
			class, code = e.Class, e.Code
		}
	}}, f)
	return class, code
}

func TestWrite_phases(t *testing.T) {
	t.Parallel()
	own := errors.New("no funds")
	for name, tt := range map[string]struct {
		err                        error
		alive                      bool
		before, after              consistency.Class
		wantCodeBefore, afterProof string
	}{
		"the server says no":        {server("ERROR", "23505"), true, consistency.Refused, consistency.Refused, "23505", "23505"},
		"it is terminated":          {server("FATAL", "57P01"), false, consistency.NotExecuted, consistency.Ambiguous, "", ""},
		"the connection is lost":    {safeToRetry{io.EOF}, false, consistency.NotExecuted, consistency.Ambiguous, "", ""},
		"the pooler says no":        {server("ERROR", "08P01"), true, consistency.Refused, consistency.Ambiguous, "", ""},
		"the function says no":      {own, true, consistency.Refused, consistency.Ambiguous, "", ""},
		"the caller's word":         {consistency.Status(own, 422), true, consistency.Refused, consistency.Ambiguous, "", ""},
		"it was rolled back by all": {pgx.ErrTxCommitRollback, true, consistency.Refused, consistency.Refused, "", ""},
	} {
		got, code := class(readbackpgx.BeforeCommit(tt.err, tt.alive))
		assert.Equal(t, tt.before, got, "before: %s", name)
		if tt.wantCodeBefore != "" {
			assert.Equal(t, tt.wantCodeBefore, code)
		}
		err, refused := readbackpgx.AfterCommit(tt.err)
		got, _ = class(err)
		assert.Equal(t, tt.after, got, "after: %s", name)
		assert.Equal(t, tt.after == consistency.Refused, refused, name)
		assert.ErrorIs(t, err, tt.err)
	}
}

// What the caller says of an error goes before what the server says.
func TestTell_callersWord(t *testing.T) {
	t.Parallel()
	err := consistency.As(consistency.Ambiguous, server("ERROR", "23505"))
	assert.Equal(t, err, readbackpgx.Tell(consistency.PhaseRead, err))
	err = fmt.Errorf("get: %w", consistency.Status(pgx.ErrNoRows, 410))
	assert.Equal(t, err, readbackpgx.Tell(consistency.PhaseRead, err))
	assert.NoError(t, readbackpgx.Tell(consistency.PhaseRead, nil))
}

func TestWritten_throughJSON(t *testing.T) {
	t.Parallel()
	type key struct {
		Tenant string
		ID     int64
	}
	want := readbackpgx.WrittenOf(key{"a", 1<<62 + 1}, "its id is too old to be known")
	data, err := json.Marshal(want)
	require.NoError(t, err)
	var got readbackpgx.Written[key]
	require.NoError(t, json.Unmarshal(data, &got))
	assert.Equal(t, want, got)
	assert.Equal(t, "its id is too old to be known", got.Doubt())
	assert.Error(t, json.Unmarshal([]byte(`{"key":7}`), &got))
	assert.Equal(t, want, got)
}

func TestTracer_tries(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		sql        string
		idle, inTx bool
	}{
		{"INSERT INTO t VALUES (1)", true, false},
		{"  /* a /* b */ c */ -- d\n with x as (delete from t returning *) select * from x", true, false},
		{"SELECT create_order($1)", true, false},
		{"(SELECT create_order($1)) UNION ALL SELECT 1", true, false},
		{"_name_of_a_prepared_statement", true, false},
		{"copy", true, false},
		{"begin isolation level serializable", false, false},
		{"START TRANSACTION", false, false},
		{"begin; insert into t values (1); commit", true, true},
		{"commit", true, true},
		{"-- now\nCOMMIT;", true, true},
		{"END", true, true},
		{"PREPARE TRANSACTION 'x'", true, true},
		{"rollback", false, false},
		{"rollback to savepoint a", false, false},
		{"release savepoint a", true, false},
		{"set search_path = a", false, false},
		{"-- ping", false, false},
		{"/* open", false, false},
		{";", false, false},
		{"", false, false},
	} {
		assert.Equal(t, tt.idle, readbackpgx.IsTry('I', tt.sql), tt.sql)
		assert.Equal(t, tt.inTx, readbackpgx.IsTry('T', tt.sql), tt.sql)
	}
	assert.True(t, readbackpgx.Ends("abort"))
	assert.False(t, readbackpgx.Ends("insert into t values ('commit')"))
	assert.False(t, readbackpgx.Ends("SET LOCAL synchronous_commit = off; UPDATE t SET a = 1"))
	assert.False(t, readbackpgx.Ends("DO $$ BEGIN UPDATE t SET a = 1; END $$; SELECT 1"))
	assert.False(t, readbackpgx.Ends("SELECT 1; ROLLBACK TO a"))
	for _, text := range []string{"SELECT 1; -- now\nCommit", "SELECT 1; ABORT", "; END", "/* a */ ROLLBACK; BEGIN", "SELECT 1; rollback and chain"} {
		assert.True(t, readbackpgx.Ends(text), text)
	}
}

func TestBehind(t *testing.T) {
	t.Parallel()
	const one, two = "00000001", "00000002"
	for name, tt := range map[string]struct {
		recovering, reached, receives        bool
		system, own, receiving, noted, wants string
	}{
		"a standby that is there":             {true, true, true, "s", "", one, "", ""},
		"one that is not":                     {true, false, true, "s", "", one, "", "has not reached the position yet"},
		"one of another timeline":             {true, true, true, "s", "", two, "", "another timeline"},
		"one of another, after it was there":  {true, true, true, "s", "", two, one, ""},
		"one that noted another":              {true, true, false, "s", "", "", two, "receives nothing"},
		"one that hides it":                   {true, true, true, "s", "", "", "", "GRANT pg_read_all_stats"},
		"one without a primary":               {true, true, false, "s", "", "", "", "receives nothing"},
		"one without a primary, but noted":    {true, true, false, "s", "", "", one, ""},
		"the primary":                         {false, true, false, "s", one, "", "", ""},
		"the primary, which has lost it":      {false, false, false, "s", one, "", "", "has not reached the position yet"},
		"a promoted standby":                  {false, true, false, "s", two, "", "", "primary of another timeline"},
		"another cluster":                     {true, true, true, "x", "", one, one, "another cluster"},
		"a promoted standby that noted it":    {false, true, false, "s", two, "", one, "primary of another timeline"},
		"one that noted it, and is not there": {true, false, true, "s", "", one, one, "has not reached the position yet"},
	} {
		got := readbackpgx.BehindOf(tt.recovering, tt.reached, tt.receives, tt.system, tt.own, tt.receiving, tt.noted)
		if tt.wants == "" {
			assert.Empty(t, got, name)
		} else {
			assert.Contains(t, got, tt.wants, name)
		}
	}
	assert.False(t, readbackpgx.Behind(consistency.Answer{Status: 412}))
}

// A missing argument is refused before anything is sent.
func TestFlows_invalid(t *testing.T) {
	t.Parallel()
	pool, err := pgxpool.New(t.Context(), "host=127.0.0.1 port=1 user=x")
	require.NoError(t, err)
	t.Cleanup(pool.Close)
	write := func(context.Context, pgx.Tx) (int, error) { return 1, nil }
	read := func(context.Context, pgx.Tx, int) (string, error) { return "x", nil }
	remove := func(context.Context, pgx.Tx, int) error { return nil }
	for name, f := range map[string]consistency.Flow[readbackpgx.Written[int], string]{
		"no primary": readbackpgx.Create("x", nil, pool, write, read),
		"no standby": readbackpgx.Create("x", pool, nil, write, read),
		"no write":   readbackpgx.Create("x", pool, pool, nil, read),
		"no read":    readbackpgx.Create[int, string]("x", pool, pool, write, nil),
		"no delete":  readbackpgx.Delete("x", pool, pool, 1, nil, read),
		"no server":  readbackpgx.Delete("x", nil, pool, 1, remove, read),
		"no db":      readbackpgx.CreateSQL[int, string]("x", nil, nil, nil, nil),
	} {
		res, err := consistency.Do(t.Context(), consistency.Policy{}, f)
		assert.ErrorIs(t, err, consistency.ErrInvalid, name)
		assert.Equal(t, consistency.Failed, res.Outcome, name)
	}
	res, err := consistency.Do(t.Context(), consistency.Policy{}, readbackpgx.Create("x", pool, pool, write, read))
	assert.Equal(t, consistency.Failed, res.Outcome, "%v", err) // nobody is there
	_, err = readbackpgx.AtLSN(pool, read)(t.Context(), readbackpgx.Written[int]{})
	assert.ErrorContains(t, err, "position")
}

// other is a driver that is not pgx's.
type other struct{ driver.Conn }

func (other) Connect(context.Context) (driver.Conn, error) { return other{}, nil }
func (other) Driver() driver.Driver                        { return nil }
func (other) Close() error                                 { return nil }

func TestCreateSQL_otherDriver(t *testing.T) {
	t.Parallel()
	db := sql.OpenDB(other{})
	t.Cleanup(func() { db.Close() })
	res, err := consistency.Do(t.Context(), consistency.Policy{}, readbackpgx.CreateSQL("x", db, db,
		func(context.Context, readbackpgx.SQLTx) (int, error) { return 1, nil },
		func(context.Context, readbackpgx.SQLTx, int) (string, error) { return "x", nil }))
	assert.Equal(t, consistency.Failed, res.Outcome)
	assert.ErrorContains(t, err, "not pgx's stdlib")
}
