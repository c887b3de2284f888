package readbackpgx

import (
	"database/sql"
	"errors"
	"net/http"
	"reflect"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/readback-go/readback/consistency"
)

// Answer is a Policy.Answer for errors of pgx, also when it is used through database/sql. The
// meaning of the server's code depends on the phase:
//
//	            a write                               a read
//	ERROR       refused: the statement, and the       unknown, for the server may be
//	            transaction it is in, leave nothing   able later; 400 if the text is wrong
//	40001 40P01 409; Resend.When may let them pass    unknown: a recovery conflict
//	23505 23P01 409                                   unknown
//	42501       403                                   403, for rights are replicated too
//	FATAL PANIC ambiguous                             unknown
//	no rows     nothing is known: it may have         404
//	            been carried out
//
// Codes of class 08 and 40003 prove nothing, whatever their severity, since a proxy may send
// them. For any other error, and for none, Answer returns false. It does not use
// pgconn.SafeToRetry, which before pgx 5.13 is true for statements that were carried out.
//
// A refusal speaks only for the last try: set [Tracer] if something may have sent the
// statement before.
func Answer(phase consistency.Phase, _ any, err error) (consistency.Answer, bool) {
	var a interface{ Answer() consistency.Answer }
	if errors.As(err, &a) {
		return a.Answer(), true
	}
	if noRows(err) {
		return consistency.Answer{Status: http.StatusNotFound}, phase != consistency.PhaseWrite
	}
	var told *pgconn.PgError
	if err == nil || !errors.As(err, &told) {
		return consistency.Answer{}, false
	}
	status := http.StatusServiceUnavailable
	if answered(told) && phase == consistency.PhaseWrite {
		status = statusOfWrite(told.Code)
	} else if answered(told) {
		status = statusOfRead(told.Code)
	}
	return consistency.Answer{Status: status, Code: told.Code}, true
}

func noRows(err error) bool { return errors.Is(err, pgx.ErrNoRows) || errors.Is(err, sql.ErrNoRows) }

// answered reports whether an error proves that its transaction was rolled back.
func answered(e *pgconn.PgError) bool {
	severity := e.SeverityUnlocalized
	if severity == "" {
		severity = e.Severity
	}
	return severity == "ERROR" && e.Code != "40003" && !strings.HasPrefix(e.Code, "08")
}

func statusOfWrite(code string) int {
	switch code {
	case "40001", "40P01", "23505", "23P01":
		return http.StatusConflict
	case "42501":
		return http.StatusForbidden
	}
	return http.StatusBadRequest
}

func statusOfRead(code string) int {
	switch {
	case code == "42501":
		return http.StatusForbidden
	case strings.HasPrefix(code, "42"), strings.HasPrefix(code, "22"):
		return http.StatusBadRequest
	}
	return http.StatusServiceUnavailable
}

// answeredError is an error with the answer that it stands for.
type answeredError struct {
	err    error
	answer consistency.Answer
}

func (t *answeredError) Error() string              { return t.err.Error() }
func (t *answeredError) Unwrap() error              { return t.err }
func (t *answeredError) Answer() consistency.Answer { return t.answer }

// withAnswer returns err with its Answer in that phase. It returns err unchanged if the
// caller has given it a class or a status, or if Answer knows nothing of it.
func withAnswer(phase consistency.Phase, err error) error {
	if err == nil || stated(err) {
		return err
	}
	if a, ok := Answer(phase, nil, err); ok {
		return &answeredError{err, a}
	}
	return err
}

// stated reports whether the caller has given err a class or a status.
func stated(err error) bool {
	for e := err; e != nil; e = errors.Unwrap(e) {
		if t := reflect.TypeOf(e); t.Kind() == reflect.Pointer && t.Elem().PkgPath() == wordsOf {
			return true
		}
	}
	return false
}

var wordsOf = reflect.TypeFor[consistency.Error]().PkgPath()
