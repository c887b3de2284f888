// Package readbacktest tests code that writes to an API whose reads lag behind.
//
// A server holds resources in memory and answers about them as late, and as
// badly, as a script says:
//
//	srv := readbacktest.NewServer(t, readbacktest.Script{Lag: 80 * time.Millisecond, Forbidden: 40 * time.Millisecond})
//	client := NewClient(srv.URL, srv.Client())              // the code under test
//	...
//	srv.AssertCount(t, "POST /workspaces", 1)               // whatever became of the answer
//
// [Confirm], [Unconfirmed] and [Failed] run a flow and end the test, with the
// timeline of its reads, if the outcome is another. [Eventually] and [Never] do
// the same for any read and any check. [TestSchedule], [TestToken] and [TestStore]
// are for those who implement an interface of this module.
//
// # The server
//
// Its zero [Script] makes an honest store of JSON objects under any path,
// consistent at once. A POST to a collection creates and answers 201 with a
// Location and an id in the body; PUT creates or replaces, PATCH merges, DELETE
// deletes one object and none below it. GET and HEAD read an object, or a
// collection: a path that something was posted to, or put right below. That lists
// its objects in order of creation, less those that do not have the members that
// the query asks for. Each version has an ETag, and If-Match and If-None-Match
// are honoured.
//
// The script makes it worse in two ways. Its own fields are the read model: how
// late reads show what was written, on which replica, and what they show until
// then. Its rules are the faults, by method, path, count and time: see [Rule]. A
// write's execution and its answer are independent there, so it can answer 503
// and be carried out two seconds later:
//
//	Rules: []readbacktest.Rule{{On: "POST /workspaces", Times: 1, Status: 503, Execute: readbacktest.Later(2 * time.Second)}}
//
// # The truth
//
// The server remembers all requests and all executions. [Handler.AssertCount],
// [Handler.AssertAt] and [Handler.AssertExecuted] hold the code under test
// against them; [Handler.Requests] and [Handler.Executed] return them.
//
// # Virtual time
//
// In a bubble of [testing/synctest] sockets would block for ever. There a
// [Handler] is the transport of the client, as it is:
//
//	synctest.Test(t, func(t *testing.T) {
//		h := readbacktest.NewHandler(readbacktest.Script{Lag: time.Minute})
//		client := &http.Client{Transport: h}
//
// Everything it does is a function of the clock: it has no goroutine and no
// timer but that of a request that waits, and times are exact. Make it inside
// the bubble.
package readbacktest
