package readbackpgx

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/readback-go/readback/consistency"
)

// Tracer counts the tries of a flow's Write in pgx: each statement that can commit by itself,
// and each COMMIT. Set it if the Write is your own, since something below it may send a
// statement twice, as database/sql did before pgx 5.13:
//
//	config.ConnConfig.Tracer = readbackpgx.Tracer{}
//
// To use it beside another tracer, combine both by pgx's package multitracer. The flows of
// this package do not need it. The zero value is ready for use, also concurrently.
type Tracer struct{}

// TraceQueryStart implements [pgx.QueryTracer].
func (Tracer) TraceQueryStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	if !isOwn(ctx) && isTry(conn.PgConn().TxStatus(), data.SQL) {
		consistency.CountTry(ctx)
	}
	return ctx
}

// TraceQueryEnd implements [pgx.QueryTracer].
func (Tracer) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TraceBatchStart implements [pgx.BatchTracer].
func (Tracer) TraceBatchStart(ctx context.Context, conn *pgx.Conn, data pgx.TraceBatchStartData) context.Context {
	status := conn.PgConn().TxStatus()
	for _, query := range data.Batch.QueuedQueries {
		if isTry(status, query.SQL) {
			consistency.CountTry(ctx) // the batch is sent and carried out as one
			break
		}
	}
	return ctx
}

// TraceBatchQuery implements [pgx.BatchTracer].
func (Tracer) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd implements [pgx.BatchTracer].
func (Tracer) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// TraceCopyFromStart implements [pgx.CopyFromTracer].
func (Tracer) TraceCopyFromStart(ctx context.Context, conn *pgx.Conn, _ pgx.TraceCopyFromStartData) context.Context {
	if isTry(conn.PgConn().TxStatus(), "copy") {
		consistency.CountTry(ctx)
	}
	return ctx
}

// TraceCopyFromEnd implements [pgx.CopyFromTracer].
func (Tracer) TraceCopyFromEnd(context.Context, *pgx.Conn, pgx.TraceCopyFromEndData) {}

// isTry reports whether a text of SQL can commit something on a connection of that status. A
// SELECT can, since functions may write.
func isTry(status byte, sql string) bool {
	word, several := verb(sql)
	switch {
	case word == "":
		return false
	case status == 'T' || status == 'E':
		return word != "rollback" && word != "abort" && ends(sql) || word == "rollback" && several
	case several:
		return true
	}
	switch word {
	case "begin", "start", "rollback", "set", "show":
		return false
	}
	return true
}
