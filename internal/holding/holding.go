// Package holding has what those share who hold reads until a write is shown.
package holding

// Key is the key under which the context of a request says how the request is held. Its value
// is a pointer to a Hold of package readbackhttp.
type Key struct{}
