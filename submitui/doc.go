// Package submitui shows the jobs of a [submit.Submitter] as a page.
//
// An operator sees how many jobs there are and how late they are, which of them need
// a look and why, and the course of each, and can cancel, retry and forget one.
//
//	mux.Handle("/jobs", submitui.New(jobs, submitui.Options[Order]{
//		Authorize: func(r *http.Request, action submitui.Action, key string) bool {
//			return operators[userOf(r)]
//		},
//	}))
//
// The page works at any path, since all that it is asked stands in the query. It has
// no script, and takes nothing from anywhere.
//
// # Who sees what
//
// Whoever reaches the handler sees keys, states, times, references and statuses: put
// it behind the authentication of the program. Payloads are hidden until
// Options.Payload shows them. What the service, the client or a panic said may quote
// anything, so that it is hidden until Options.Text shows it.
//
// # Who does what
//
// Without Options.Authorize nothing can be done. A form of another origin is refused,
// see [http.CrossOriginProtection]. An action names the revision at which the job was
// shown: if the job has changed since, nothing is done and the page says so, and so it
// is for the second click of two.
package submitui
