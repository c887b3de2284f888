package consistency

// As returns err with a class that goes before every rule: for a client whose
// errors say more than a status does. It keeps err's text and chain. As of a nil
// error is nil.
//
// For a write, NotExecuted means that nothing was sent. The class is that of this answer
// alone: it proves nothing of an earlier try that [CountTry] counted, or whose answer was
// seen and was no refusal.
//
// A read may use it too: Refused ends the run, which is then Unconfirmed with
// err as its cause, and any other class makes the read unknown.
//
// A class that does not exist counts as Ambiguous.
func As(class Class, err error) error {
	if err == nil {
		return nil
	}
	if class < Applied || class > Ambiguous {
		class = Ambiguous
	}
	return &classed{class: class, err: err}
}

type classed struct {
	class Class
	err   error
}

func (c *classed) Error() string { return c.err.Error() }
func (c *classed) Unwrap() error { return c.err }

// Status returns err with an HTTP status that goes before what is found in err
// itself: for errors that have none, such as
//
//	if errors.Is(err, sql.ErrNoRows) {
//		err = consistency.Status(err, http.StatusNotFound)
//	}
//
// It keeps err's text and chain. Status of a nil error is nil.
func Status(err error, code int) error {
	if err == nil {
		return nil
	}
	return &stated{code: code, err: err}
}

type stated struct {
	code int
	err  error
}

func (s *stated) Error() string   { return s.err.Error() }
func (s *stated) Unwrap() error   { return s.err }
func (s *stated) StatusCode() int { return s.code }
