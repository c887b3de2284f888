// Package workspaces is a small event-sourced HTTP service whose read models
// lag behind its writes, as those of real services do.
//
// It speaks the contract of an existing API, error bodies included, and is
// there to be written to and read back from: by the programs beside it, by
// tests, or by hand through its main in the folder serve.
//
//	service, err := workspaces.Open(workspaces.Options{
//		WorkspacesLag:  300 * time.Millisecond,
//		MembershipsLag: 600 * time.Millisecond,
//	})
//	...
//	defer service.Close()
//	http.ListenAndServe("127.0.0.1:8080", service)
//
// # The road of a write
//
// A POST, PATCH or DELETE is a command. Its handler validates it against the
// command side's own state, appends events to the log and answers, all in one
// transaction of a bbolt file. The answer knows nothing of the read side.
//
// Two projectors tail the log, each in a goroutine of its own, and write the
// tables that a GET is answered from: one knows the workspaces, the other who
// is a member of which. An event reaches a projector when its lag has passed.
// So a GET after a POST gets 404 until the first projector has caught up, then
// 403 until the second has, and then 200. Nothing of this is scripted: it is
// what two tables make that are filled one after the other.
//
// With [Options.Replicas], several such pairs of projectors answer reads in
// turn, each later than the one before: 200 and 404 flip until the last has
// caught up. The header X-Replica of an answer says which one gave it.
//
// # Answers that prove nothing
//
// A [Fault] answers a command with 503 or 504 and has it carried out anyway: at
// once, later, or never. A command for later waits in a queue in the same file
// until the asynchronous handler executes it; it survives a restart. [Service.Events]
// tells what was really done, and [Service.Requests] what was really asked for.
//
// # Paths
//
// All under /v1, with the header "Authorization: ApiKey <key>":
//
//	GET    /auth/me
//	GET    /workspaces                     ?workspaceName= and ?reference= filter
//	POST   /workspaces                     workspaceName, displayName, reference, status
//	GET    /workspaces/{id}
//	PATCH  /workspaces/{id}                workspaceName, displayName, status
//	DELETE /workspaces/{id}
//	GET    /workspaces/{id}/members
//	POST   /workspaces/{id}/members        userName
//	GET    /workspaces/{id}/members/{user}
//	GET    /operations/{id}
//
// POST /workspaces honours an Idempotency-Key, and answers 202 with an
// operation to follow if asked to by "Prefer: respond-async".
//
// The read models live in memory and are rebuilt from the log when the service
// opens. Time is the process's own: in a testing/synctest bubble every lag is
// exact.
package workspaces
