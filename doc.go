// Package readback says when to read back a write.
//
// Many APIs answer a write before their read models know of it. A GET right
// after a POST gets 404 or 403, after a PATCH the old value, and after a DELETE
// the thing is still there; a write answered with 503 or 504 may even be carried
// out later. The packages of this module write once, read until the read model
// shows the write, and report one of three outcomes: confirmed, unconfirmed or
// failed. They never report confirmed for a write that reads do not show, never
// failed for a write that was, or still may be, carried out, and never unconfirmed
// for a write that reads showed in time.
//
//	flow := consistency.Create("create workspace", create, get)
//	res, err := consistency.Do(ctx, consistency.Policy{}, flow)
//
// # Where to begin
//
//   - Package consistency runs one write and its reads, for any client:
//     [github.com/readback-go/readback/consistency.Do].
//   - Package readbackhttp does the same for a plain HTTP exchange. Its Transport lets
//     an unchanged client read its own writes.
//   - Package submit sends jobs once, whatever happens to the process. The packages
//     natsstore and pgstore, each a module of its own, keep the jobs in NATS JetStream
//     or PostgreSQL.
//   - Package readbacktest is for tests: a server that lags, and assertions.
//   - Package poll is the loop below all of them: read, judge, wait, until a verdict.
//
// This package holds what they share: the [Schedule], which says when the reads
// begin; [Backoff], the default; and [Learned], which learns from the lags of its
// flows when to read.
package readback
