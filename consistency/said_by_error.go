package consistency

import (
	"reflect"

	"github.com/readback-go/readback/internal/wire"
	"github.com/readback-go/readback/poll"
)

// failures calls yield for each failure that err tells of: for err itself, unless
// it joins several. An error that joins others and has a status or a class of its
// own is one.
func failures(err, others error, yield func(error)) {
	for inner := err; inner != nil; {
		if others != nil && wire.Same(inner, others) {
			yield(err)
			return
		}
		switch inner.(type) {
		case *classed, *stated, *Error, *heardError, *notCarriedOut, *poll.NotReadyError, answerer, statusCode, httpStatus:
			yield(err)
			return
		}
		if several := joined(inner); several != nil {
			one := false
			for _, e := range several {
				if e != nil && !(wire.Annotates(inner, e) && silent(e)) {
					failures(e, others, yield)
					one = true
				}
			}
			if !one {
				yield(err)
			}
			return
		}
		wrapper, ok := inner.(interface{ Unwrap() error })
		if !ok {
			yield(err)
			return
		}
		inner = wrapper.Unwrap()
	}
}

// joined returns the errors that err itself joins, as errors.Join does, or as the
// packages did that came before it: some of their errors unwrap to one after the
// other, and stand for the first of them meanwhile.
func joined(err error) []error {
	switch e := err.(type) {
	case interface{ Unwrap() []error }:
		return e.Unwrap()
	case interface{ WrappedErrors() []error }:
		return e.WrappedErrors()
	case interface{ Errors() []error }:
		return e.Errors()
	}
	if v := reflect.ValueOf(err); v.Kind() == reflect.Slice && v.CanConvert(reflect.TypeFor[[]error]()) {
		return v.Convert(reflect.TypeFor[[]error]()).Interface().([]error)
	}
	return nil
}

// silent reports whether err tells neither a status nor a class.
func silent(err error) bool {
	s := hearOne(err, nil)
	return !s.known()
}

// hearOne finds what a single failure tells, as far as it is not what others tell.
func hearOne(err, others error) said {
	s := said{err: err}
	for e := err; e != nil; {
		if others != nil && wire.Same(e, others) {
			return s
		}
		switch one := e.(type) {
		case *classed:
			s.class, s.word = one.class, true
			s.answer = hearOne(one.err, others).answer
			return s
		case *stated:
			s.answer = hearOne(one.err, others).answer
			s.answer.Status, s.code = one.code, true
			return s
		case *Error: // of a flow inside, whose reads' status is not this call's
			if s.class = Ambiguous; one.Outcome == Failed {
				s.class = Refused
			}
			return s
		case *poll.NotReadyError:
			s.class = Ambiguous
			return s
		case *heardError:
			return one.said
		}
		if a, ok := answerOfError(e); ok {
			s.answer = a
			return s
		}
		wrapper, ok := e.(interface{ Unwrap() error })
		if !ok {
			return s
		}
		e = wrapper.Unwrap()
	}
	return s
}

type (
	answerer   interface{ Answer() Answer }
	statusCode interface{ StatusCode() int }
	httpStatus interface{ HTTPStatusCode() int }
	bodied     interface{ Body() []byte }
)

// answerOfError returns what err itself tells, and whether it tells anything: not
// what it wraps, unless it is of a kind that only its method As gives out.
func answerOfError(err error) (a Answer, ok bool) {
	if v := reflect.ValueOf(err); v.Kind() == reflect.Pointer && v.IsNil() {
		return a, false
	}
	whole, ok := as[answerer](err)
	if ok {
		return whole.Answer(), true
	}
	if code, found := as[statusCode](err); found {
		a.Status = statusOrNone(code.StatusCode())
	} else if code, found := as[httpStatus](err); found {
		a.Status = statusOrNone(code.HTTPStatusCode())
	}
	ok = a.Status != 0
	if body, found := as[bodied](err); found {
		a.Body = body.Body()
	}
	return a, ok
}

// statusOrNone returns status if HTTP may have it, and otherwise 0: models and clients have
// other codes behind methods of those names.
func statusOrNone(status int) int {
	if status < 100 || status > 999 {
		return 0
	}
	return status
}

func as[T any](err error) (found T, ok bool) {
	if found, ok = err.(T); ok {
		return found, true
	}
	if as, can := err.(interface{ As(any) bool }); can && as.As(&found) {
		return found, true
	}
	return found, false
}
