// Package holding has the key under which the context of a request says how the request
// is held, for contexts that say it themselves.
package holding

// Key is the key. Its value is a pointer to a Hold of package readbackhttp.
type Key struct{}
