// Package submitui shows the jobs of a [submit.Submitter] as a page.
//
// An operator sees how many jobs there are and how late they are, which jobs need attention
// and why, and the steps of each job, and can cancel, retry and forget a job.
//
//	mux.Handle("/jobs", submitui.New(jobs, submitui.Options[Order]{
//		Authorize: func(r *http.Request, action submitui.Action, key string) bool {
//			return operators[userOf(r)]
//		},
//	}))
//
// The page works at any path, since it reads everything from the query. It has no script, and
// loads nothing from elsewhere.
//
// # Who sees what
//
// Whoever reaches the handler sees keys, states, times, references and statuses: put
// it behind the authentication of the program. Payloads are hidden unless Options.Payload
// shows them. Texts of the service, of the client and of panics are hidden unless
// Options.Text shows them, since they may quote anything.
//
// # Who does what
//
// Without Options.Authorize nothing can be done. A form of another origin is refused, see
// [http.CrossOriginProtection]. An action names the revision at which the job was shown: if
// the job has changed since, nothing is done and the page says so. So a second click on the
// same button does nothing.
package submitui
