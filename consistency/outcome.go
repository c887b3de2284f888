package consistency

import "errors"

// Outcome is what is known of a write in the end. Its zero value is invalid.
type Outcome uint8

const (
	// Confirmed means that the read model shows what was asked, as often in a
	// row as asked.
	Confirmed Outcome = iota + 1

	// Unconfirmed means that neither of the other two could be shown in time.
	Unconfirmed

	// Failed means that there is proof that the write was not carried out as
	// asked, and will not be.
	Failed
)

// String returns the outcome in lower case.
func (o Outcome) String() string {
	switch o {
	case Confirmed:
		return "confirmed"
	case Unconfirmed:
		return "unconfirmed"
	case Failed:
		return "failed"
	}
	return "invalid outcome"
}

// OutcomeOf returns the outcome that err reports: Confirmed for nil, that of the
// outermost [*Error] otherwise, and the zero Outcome if there is none. It is the
// one to ask where flows are nested, since errors.Is would find the sentinels of
// the inner flow too.
func OutcomeOf(err error) Outcome {
	if err == nil {
		return Confirmed
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Outcome
	}
	return 0
}
