// Package readback says when to read back what was written.
//
// Many APIs answer a write before their read models know of it. A GET right
// after a POST gets 404 or 403, after a PATCH the old value, and after a DELETE
// the thing is still there; a write answered with 503 or 504 may even be carried
// out later. The packages of this module write once, read until the read model
// shows the write, and report one of three truths: confirmed, unconfirmed or
// failed. Never confirmed for what reads do not show, never failed for a write
// that was, or still may be, carried out, and never unconfirmed for one that reads
// showed in time.
//
//	flow := consistency.Create("create workspace", create, get)
//	res, err := consistency.Do(ctx, consistency.Policy{}, flow)
//
// # Where to begin
//
//   - Package consistency runs one write and its reads, for any client:
//     [github.com/readback-go/readback/consistency.Do].
//   - Package readbackhttp does the same for a plain HTTP exchange, and has a
//     Transport that lets a client, as it is, read what it wrote.
//   - Package submit sends jobs once, whatever happens to the process; natsstore, a
//     module of its own, keeps them in NATS JetStream.
//   - Package readbacktest is for tests: a server that lags, and assertions.
//   - Package poll is the loop beneath all: read, judge, wait, until a verdict.
//
// This package holds what they share: the [Schedule], which says when the reads
// begin; [Backoff], which is used unless another is given; and [Learned], which
// learns from the lags of its flows when reading pays.
package readback
