package redact

// Guard returns an error with the text of [Error], in which errors.Is and errors.As find err.
// Guard of nil is nil.
func Guard(err error) error {
	if err == nil {
		return nil
	}
	return guarded{err}
}

type guarded struct{ err error }

func (g guarded) Error() string { return Error(g.err) }
func (g guarded) Unwrap() error { return g.err }
