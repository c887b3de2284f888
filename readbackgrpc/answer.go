package readbackgrpc

import (
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/internal/wire"
)

// Answer says what a call of gRPC told: it is for Policy.Answer. False means that
// err is no error of gRPC, or joins one with an error that is none; what called
// without an error is left to its value.
//
// The status is that of the official mapping of codes, and Code the code's own
// name, such as ALREADY_EXISTS. It differs in these, since a call's code is given
// by clients and proxies too:
//
//   - ABORTED refuses a write (409), and says nothing of a read (503);
//   - RESOURCE_EXHAUSTED that comes of a message too long is no rate limit. To a
//     write it is ambiguous (500), for the answer may be what was too long, unless
//     the interceptors of [Counting] saw that the client did not send the request
//     (413); to a read it is a 413;
//   - a stream that was reset is ambiguous (503), whatever its code.
//
// RetryAfter is what a RetryInfo in the status asks for. Note names the reason and
// the domain of an ErrorInfo, and the fields that a BadRequest finds fault with.
// NotSent is set if the call went through the interceptors of [Counting], which
// saw that none of its attempts wrote a header.
//
// Of several errors that are joined, the one counts that proves the least.
func Answer(phase consistency.Phase, _ any, err error) (consistency.Answer, bool) {
	var least consistency.Answer
	found, strange := false, false
	failures(err, func(st *status.Status, how mark) {
		if st == nil {
			strange = true
			return
		}
		a := answerOf(phase, st, how)
		if !found || proof(&a) < proof(&least) {
			least, found = a, true
		}
	})
	return least, found && !strange
}

func answerOf(phase consistency.Phase, st *status.Status, how mark) consistency.Answer {
	a := consistency.Answer{Phase: phase, Status: statusOf(phase, st, how), Code: nameOf(st.Code()), NotSent: how == never}
	readDetails(&a, st)
	return a
}

// proof ranks answers by how much they prove: an ambiguous one proves nothing.
func proof(a *consistency.Answer) int {
	switch (consistency.Rules{}).ClassOf(consistency.ToPresent, *a) {
	case consistency.Ambiguous:
		if a.NotSent {
			return 2
		}
		return 0
	case consistency.Refused:
		return 1
	}
	return 2
}

// failures calls yield for each failure that err tells of, with its status, or with
// nil if it has none, and with what is proven of its call.
func failures(err error, yield func(st *status.Status, how mark)) {
	for e := err; e != nil; {
		switch one := e.(type) {
		case *marked:
			yield(status.Convert(one.err), one.how)
			return
		case interface{ GRPCStatus() *status.Status }:
			if st := one.GRPCStatus(); st != nil {
				if st.Code() == codes.OK { // an error that says that all is well
					st = status.New(codes.Unknown, e.Error())
				}
				yield(st, 0)
				return
			}
		case interface{ Unwrap() []error }:
			several := false
			for _, inner := range one.Unwrap() {
				if inner != nil && !(wire.Annotates(e, inner) && silent(inner)) {
					failures(inner, yield)
					several = true
				}
			}
			if !several {
				yield(nil, 0)
			}
			return
		}
		wrapper, ok := e.(interface{ Unwrap() error })
		if !ok {
			yield(nil, 0)
			return
		}
		e = wrapper.Unwrap()
	}
}

// silent reports whether err, beside others in one message, has no status.
func silent(err error) bool {
	_, ok := status.FromError(err)
	return !ok
}
