package consistency

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"

	"github.com/readback-go/readback/internal/cause"
	"github.com/readback-go/readback/internal/redact"
	"github.com/readback-go/readback/internal/wire"
	"github.com/readback-go/readback/poll"
)

// As returns err with a class that goes before every rule: for a client whose
// errors say more than a status does. It keeps err's text and chain. As of a nil
// error is nil.
//
// Of a write, NotExecuted means that nothing was sent. The word is for this answer:
// it does not outweigh a try before it whose answer was seen to be no refusal, or
// that was counted by [CountTry].
//
// A read may use it too: Refused ends the run, which is then Unconfirmed with
// err as its cause, and any other class makes the read unknown.
//
// What is none of the five classes says nothing, as Ambiguous does.
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

// statusError stands for an answer whose error was nil but whose status was not
// a success, as generated clients return it.
type statusError int

func (s statusError) Error() string   { return fmt.Sprintf("answered with status %d", int(s)) }
func (s statusError) StatusCode() int { return int(s) }

// said is what one call told: a class that was stated, or an answer.
type said struct {
	class  Class // 0 if none was stated
	word   bool  // class is the caller's or an adapter's, by As
	code   bool  // the status is the caller's, by Status or Policy.Answer
	err    error // of several, the one that counts
	answer Answer

	mixed  bool // the requests of one read were answered differently, and nothing else tells
	silent bool // no status was found
	own    bool // a rule of the policy decided, and not the table
}

// known reports whether there is anything to go by.
func (s *said) known() bool { return s.class != 0 || s.answer.Status != 0 || s.answer.NotSent }

// judge is what hearing needs of a run, whatever its types are.
type judge interface {
	// outweighs reports whether a, rather than b, is what an error means that
	// joins both.
	outweighs(phase Phase, a, b *said) bool
}

// hear finds what a call told: by the caller's word, by Policy.Answer, in the
// error, in the value, and on the wire, in this order. What one of them does not
// know of the answer is taken from the wire, if the status is the same. Of says
// which of two counts if the error joins several.
func hear[T any](p *Policy, phase Phase, value *T, err error, call *wire.Call, of judge) said {
	s := said{err: err}
	others := causeOfOthers(call, err)
	several := false
	if err != nil {
		var ask func(error) (Answer, bool)
		if p.Answer != nil && others == nil {
			ask = func(one error) (Answer, bool) { return p.Answer(phase, *value, one) }
		}
		s, several = hearError(err, others, phase, of, ask)
	}
	if s.class == 0 && !s.code && others == nil && !several && p.Answer != nil {
		if a, ok := p.Answer(phase, *value, err); ok {
			s = said{code: true, err: err, answer: a}
		}
	}
	switch {
	case s.known() || s.answer.Code != "" || others != nil || several:
	case err == nil:
		s.answer = answerOfValue(carrier(value))
	case !lost(err):
		// A good status would say more than the error allows, and be no answer
		// perhaps: what a client returns beside an error is mostly zero.
		if a := answerOfValue(carrier(value)); a.Status >= 300 {
			s.answer = a
		}
	}
	if s.answer.Note != "" { // mostly the service's own words, which go where errors go
		s.answer.Note = redact.Error(errors.New(s.answer.Note))
	}
	overheard(&s, phase, call)
	s.answer.Phase, s.answer.RetryAfter = phase, max(s.answer.RetryAfter, 0)
	return s
}

// causeOfOthers returns why others have ended the call's context, if err wraps that
// and it says more than that the context has ended. Clients return it as their own
// error, net/http's too, and in a group it is what became of another write: nothing
// in it tells of this one.
func causeOfOthers(call *wire.Call, err error) error {
	if err == nil || call == nil || call.Err() == nil {
		return nil
	}
	why := context.Cause(call)
	if why == context.Canceled || why == context.DeadlineExceeded || why == poll.ErrReadTimeout || !cause.Is(err, why) {
		return nil
	}
	return why
}

// hearError finds what err tells, but for what others tell in it, and nothing if
// that panics.
func hearError(err, others error, phase Phase, of judge, ask func(error) (Answer, bool)) (s said, several bool) {
	defer func() {
		if recover() != nil {
			s = said{err: err}
		}
	}()
	n := 0
	failures(err, others, func(error) { n++ })
	several = n > 1
	first := true
	failures(err, others, func(one error) {
		found := hearOne(one, others)
		// Policy.Answer would find the first of several, and not the one that counts.
		if several && ask != nil && found.class == 0 && !found.code {
			if a, ok := ask(one); ok {
				found = said{code: true, err: one, answer: a}
			}
		}
		if first || of.outweighs(phase, &found, &s) {
			s, first = found, false
		}
	})
	if first {
		s.err = err
	}
	return s, several
}

// lost reports whether err is that of an answer that was lost. Then a value that
// came beside it may be of an earlier one.
func lost(err error) (is bool) {
	defer func() {
		if recover() != nil { // a method of the caller's error
			is = true
		}
	}()
	return wire.Tells(err)
}

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

// statusOrNone returns what a method tells that is called as those for a status of HTTP, and
// 0 if it cannot be one: models and clients have other codes by that name.
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

func answerOfValue(value any) (a Answer) {
	defer func() {
		if recover() != nil {
			a = Answer{}
		}
	}()
	switch v := value.(type) {
	case nil:
	case *http.Response:
		return AnswerOf(v)
	case answerer:
		return v.Answer()
	case statusCode:
		return answerInFields(value, v.StatusCode())
	case httpStatus:
		return answerInFields(value, v.HTTPStatusCode())
	}
	return Answer{}
}

// answerInFields returns what a value with a status tells besides: generated clients
// return structs with the response and the body that they have read of it, others
// have a method for the body.
func answerInFields(value any, status int) (a Answer) {
	a.Status = statusOrNone(status)
	defer func() {
		if a.Body == nil {
			a.Body, a.Whole = bodyByMethod(value)
		}
	}()
	v := reflect.ValueOf(value)
	if v.Kind() == reflect.Pointer {
		v = v.Elem()
	}
	if v.Kind() != reflect.Struct {
		return a
	}
	var resp *http.Response
	var body []byte
	responses, bodies := 0, 0
	for i := range v.NumField() {
		f := v.Field(i)
		if !f.CanInterface() {
			continue
		}
		switch f.Type() { // a field's name costs an allocation
		case reflect.TypeFor[*http.Response]():
			resp = f.Interface().(*http.Response)
			responses++
		case reflect.TypeFor[[]byte]():
			body = f.Bytes()
			bodies++
		}
	}
	if responses != 1 || resp == nil || resp.StatusCode != status {
		return a
	}
	a = AnswerOf(resp)
	if bodies == 1 && body != nil {
		a.Body, a.Whole = body[:min(len(body), bodyLimit)], len(body) <= bodyLimit
	}
	return a
}

// bodyByMethod returns the body that a value gives out by a method, if it has one.
func bodyByMethod(value any) (body []byte, whole bool) {
	defer func() {
		if recover() != nil { // it has not been read
			body, whole = nil, false
		}
	}()
	switch v := value.(type) {
	case bodied:
		body = v.Body()
	case interface{ Bytes() []byte }:
		body = v.Bytes()
	}
	return body[:min(len(body), bodyLimit)], body != nil && len(body) <= bodyLimit
}

// overheard completes s by what the wire shows of the call's answer: that of the
// last try of a write, and that of the only request of anything else.
func overheard(s *said, phase Phase, call *wire.Call) {
	ex, ok := lastAnswer(phase, call)
	if !ok || s.answer.Status != 0 && s.answer.Status != ex.Status {
		return
	}
	seen := answerOfExchange(&ex)
	a := &s.answer
	a.Status, a.Method = seen.Status, seen.Method
	if a.Header == nil {
		a.Header, a.Note = seen.Header, seen.Note
	}
	a.RetryAfter = max(a.RetryAfter, seen.RetryAfter)
	if a.Body == nil {
		a.Body, a.Whole = seen.Body, seen.Whole
	}
}

func answerOfExchange(ex *wire.Exchange) Answer {
	a := answerOf(ex.Status, ex.Header)
	a.Method, a.Body, a.Whole = ex.Method, ex.Body, ex.Whole
	return a
}

// lastAnswer returns the exchange that the wire shows to be the call's. Mixed
// answers to a read have none, see mixed.
func lastAnswer(phase Phase, call *wire.Call) (last wire.Exchange, ok bool) {
	if phase == PhaseWrite {
		tries := call.Tries()
		if n := len(tries.Seen); n > 0 && tries.Traced == 0 && tries.Counted == 0 {
			last = tries.Seen[n-1]
		}
		return last, last.Status != 0
	}
	for _, ex := range call.Exchanges() {
		if ex.Followed {
			continue
		}
		if ok && ex.Status != last.Status {
			return last, false
		}
		last, ok = ex, true
	}
	return last, last.Status != 0
}

// mixed reports whether the requests of one read were answered differently, so
// that the wire does not tell what the read was answered.
func mixed(call *wire.Call) bool {
	first := -1
	for _, ex := range call.Exchanges() {
		switch {
		case ex.Followed:
		case first >= 0 && ex.Status != first:
			return true
		default:
			first = ex.Status
		}
	}
	return false
}

// carrier returns value's methods without copying a struct to the heap: a
// pointer to T has the methods of T, unless T is a pointer or an interface
// itself. A nil pointer carries nothing, nor does one in an interface.
func carrier[T any](value *T) any {
	switch v := content(value); {
	case !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil():
		return nil
	case v.Kind() == reflect.Pointer || reflect.TypeFor[T]().Kind() == reflect.Interface:
		return *value
	}
	return value
}

// content returns what value points to, or what is in it if that is an
// interface: the zero Value if nothing is.
func content[T any](value *T) reflect.Value {
	v := reflect.ValueOf(value).Elem()
	if v.Kind() == reflect.Interface {
		return v.Elem()
	}
	return v
}
