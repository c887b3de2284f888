package readbackgrpc

import (
	"fmt"
	"net/http"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/readback-go/readback/consistency"
)

// official is the mapping of codes to HTTP statuses that google/rpc/code.proto
// gives, by code.
var official = [...]struct {
	name   string
	status int
}{
	codes.OK:                 {"OK", 200},
	codes.Canceled:           {"CANCELLED", 499},
	codes.Unknown:            {"UNKNOWN", 500},
	codes.InvalidArgument:    {"INVALID_ARGUMENT", 400},
	codes.DeadlineExceeded:   {"DEADLINE_EXCEEDED", 504},
	codes.NotFound:           {"NOT_FOUND", 404},
	codes.AlreadyExists:      {"ALREADY_EXISTS", 409},
	codes.PermissionDenied:   {"PERMISSION_DENIED", 403},
	codes.ResourceExhausted:  {"RESOURCE_EXHAUSTED", 429},
	codes.FailedPrecondition: {"FAILED_PRECONDITION", 400},
	codes.Aborted:            {"ABORTED", 409},
	codes.OutOfRange:         {"OUT_OF_RANGE", 400},
	codes.Unimplemented:      {"UNIMPLEMENTED", 501},
	codes.Internal:           {"INTERNAL", 500},
	codes.Unavailable:        {"UNAVAILABLE", 503},
	codes.DataLoss:           {"DATA_LOSS", 500},
	codes.Unauthenticated:    {"UNAUTHENTICATED", 401},
}

func nameOf(code codes.Code) string {
	if int(code) < len(official) {
		return official[code].name
	}
	return fmt.Sprintf("CODE(%d)", code)
}

// statusOf returns the HTTP status for st in that phase.
func statusOf(phase consistency.Phase, st *status.Status, how mark) int {
	code := st.Code()
	switch {
	case int(code) >= len(official):
		return http.StatusInternalServerError
	case strings.Contains(st.Message(), "stream terminated by RST_STREAM"):
		// The client's own word, whatever the code: the stream was cut, and what
		// was asked for may go on.
		return http.StatusServiceUnavailable
	case code == codes.ResourceExhausted:
		return exhausted(phase, st, how)
	case code == codes.Aborted && phase != consistency.PhaseWrite:
		return http.StatusServiceUnavailable // the read lost a race; it says nothing of what is there
	}
	return official[code].status
}

// exhausted tells a rate limit from a message that is too long: gRPC uses the code
// RESOURCE_EXHAUSTED for both, and its clients and servers use the same texts.
func exhausted(phase consistency.Phase, st *status.Status, how mark) int {
	switch text := st.Message(); {
	case !tooLong(text):
		return http.StatusTooManyRequests
	case phase == consistency.PhaseWrite && !(how == ownWord && strings.Contains(text, "trying to send")):
		// Mostly it is the answer that was too long: then the write was carried out.
		return http.StatusInternalServerError
	}
	return http.StatusRequestEntityTooLarge // it will be as long the next time
}

// tooLong reports whether text is what Go, C++ and Java, or .NET, say of a message
// that is longer than somebody allows.
func tooLong(text string) bool {
	for _, words := range [...]string{"larger than max", "message too large", "message exceeds"} {
		if strings.Contains(text, words) {
			return true
		}
	}
	return false
}
