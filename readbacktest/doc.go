// Package readbacktest tests code that writes to an API whose reads lag behind.
//
// A server keeps resources in memory, and shows them as late and with as many faults as a
// script says:
//
//	srv := readbacktest.NewServer(t, readbacktest.Script{Lag: 80 * time.Millisecond, Forbidden: 40 * time.Millisecond})
//	client := NewClient(srv.URL, srv.Client())              // the code under test
//	...
//	srv.AssertCount(t, "POST /workspaces", 1)               // sent once, whatever the answer
//
// [Confirm], [Unconfirmed] and [Failed] run a flow. If it has another outcome, they end the
// test and show the timeline of its reads. [Eventually] and [Never] do the same for any read
// and any check. [TestSchedule], [TestToken] and [TestStore] test your implementation of an
// interface of this module.
//
// # The server
//
// With a zero [Script], the server is a store of JSON objects under any path, and consistent
// at once. A POST to a collection creates an object and answers 201 with a Location, and
// with an id in the body. PUT creates or replaces, PATCH merges, and DELETE deletes one
// object and nothing below it. GET and HEAD read an object, or a collection: a path that
// something was posted to, or that has objects directly below it. A collection lists its
// objects in order of creation; members in the query select objects. Each version has an
// ETag, and If-Match and If-None-Match are honoured.
//
// A script has two kinds of fields. Most describe the read model: how late reads show a
// write, on which replica, and what they show until then. The rules are faults, by method,
// path, count and time: see [Rule]. In a rule, the execution of a write and its answer are
// independent: it can answer 503 and be carried out two seconds later:
//
//	Rules: []readbacktest.Rule{{On: "POST /workspaces", Times: 1, Status: 503, Execute: readbacktest.Later(2 * time.Second)}}
//
// # The truth
//
// The server remembers all requests and all executions. [Handler.AssertCount],
// [Handler.AssertAt] and [Handler.AssertExecuted] check them; [Handler.Requests] and
// [Handler.Executed] return them.
//
// # Virtual time
//
// In a bubble of [testing/synctest], sockets would block for ever. Use a [Handler] as the
// transport of the client there:
//
//	synctest.Test(t, func(t *testing.T) {
//		h := readbacktest.NewHandler(readbacktest.Script{Lag: time.Minute})
//		client := &http.Client{Transport: h}
//
// Its behaviour depends only on the clock, and times are exact. It starts no goroutine, and
// only a request that waits has a timer. Make it inside the bubble.
package readbacktest
