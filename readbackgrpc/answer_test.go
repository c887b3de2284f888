package readbackgrpc_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/readbackgrpc"
)

const (
	write   = consistency.PhaseWrite
	read    = consistency.PhaseRead
	monitor = consistency.PhaseMonitor
)

// Each code has the status of the official mapping, but where the phase says
// otherwise.
func TestAnswer_codes(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		code        codes.Code
		name        string
		write, read int
	}{
		{codes.Canceled, "CANCELLED", 499, 499},
		{codes.Unknown, "UNKNOWN", 500, 500},
		{codes.InvalidArgument, "INVALID_ARGUMENT", 400, 400},
		{codes.DeadlineExceeded, "DEADLINE_EXCEEDED", 504, 504},
		{codes.NotFound, "NOT_FOUND", 404, 404},
		{codes.AlreadyExists, "ALREADY_EXISTS", 409, 409},
		{codes.PermissionDenied, "PERMISSION_DENIED", 403, 403},
		{codes.ResourceExhausted, "RESOURCE_EXHAUSTED", 429, 429},
		{codes.FailedPrecondition, "FAILED_PRECONDITION", 400, 400},
		{codes.Aborted, "ABORTED", 409, 503},
		{codes.OutOfRange, "OUT_OF_RANGE", 400, 400},
		{codes.Unimplemented, "UNIMPLEMENTED", 501, 501},
		{codes.Internal, "INTERNAL", 500, 500},
		{codes.Unavailable, "UNAVAILABLE", 503, 503},
		{codes.DataLoss, "DATA_LOSS", 500, 500},
		{codes.Unauthenticated, "UNAUTHENTICATED", 401, 401},
		{codes.Code(17), "CODE(17)", 500, 500},
	} {
		for phase, want := range map[consistency.Phase]int{write: tt.write, read: tt.read, monitor: tt.read} {
			a, ok := readbackgrpc.Answer(phase, nil, status.Error(tt.code, "text"))
			assert.True(t, ok)
			assert.Equal(t, consistency.Answer{Phase: phase, Status: want, Code: tt.name}, a)
		}
	}
}

// What clients and proxies say in the name of a service refuses nothing.
func TestAnswer_notTheServicesWord(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		code        codes.Code
		text        string
		write, read int
	}{
		{codes.ResourceExhausted, "grpc: received message larger than max (5000000 vs. 4194304)", 500, 413},
		{codes.ResourceExhausted, "grpc: message after decompression larger than max (9 vs. 4)", 500, 413},
		{codes.ResourceExhausted, "grpc: message too large (9 bytes)", 500, 413},
		{codes.ResourceExhausted, "trying to send message larger than max (9 vs. 4)", 500, 413},
		{codes.ResourceExhausted, "Sending message exceeds the maximum configured message size.", 500, 413},
		{codes.ResourceExhausted, "gRPC message exceeds maximum size 4: 9", 500, 413},
		{codes.ResourceExhausted, "stream terminated by RST_STREAM with error code: ENHANCE_YOUR_CALM", 503, 503},
		{codes.PermissionDenied, "stream terminated by RST_STREAM with error code: INADEQUATE_SECURITY", 503, 503},
	} {
		for phase, want := range map[consistency.Phase]int{write: tt.write, read: tt.read} {
			a, ok := readbackgrpc.Answer(phase, nil, status.Error(tt.code, tt.text))
			assert.True(t, ok)
			assert.Equal(t, want, a.Status, "%s to a %s", tt.text, phase)
		}
	}
}

// The details of a status are told.
func TestAnswer_details(t *testing.T) {
	t.Parallel()
	st, err := status.New(codes.InvalidArgument, "bad").WithDetails(
		&errdetails.RetryInfo{RetryDelay: durationpb.New(7 * time.Second)},
		&errdetails.ErrorInfo{Reason: "NAME_TAKEN", Domain: "things.example", Metadata: map[string]string{"user": "x"}},
		&errdetails.BadRequest{FieldViolations: []*errdetails.BadRequest_FieldViolation{
			{Field: "thing.title", Description: "is empty"}, {Field: "parent"},
		}},
		&errdetails.DebugInfo{Detail: "not for people"},
	)
	require.NoError(t, err)
	a, ok := readbackgrpc.Answer(write, nil, fmt.Errorf("create: %w", st.Err()))
	require.True(t, ok)
	assert.Equal(t, 7*time.Second, a.RetryAfter)
	assert.Equal(t, "NAME_TAKEN of things.example; thing.title: is empty; parent", a.Note)

	flow := consistency.Create("create thing", func(context.Context) (string, error) { return "", st.Err() },
		func(context.Context, string) (string, error) { return "", nil })
	_, err = consistency.Do(t.Context(), consistency.Policy{Answer: readbackgrpc.Answer}, flow)
	assert.ErrorIs(t, err, consistency.ErrFailed)
	assert.ErrorContains(t, err, "last status 400 INVALID_ARGUMENT to the write")
	assert.ErrorContains(t, err, "NAME_TAKEN of things.example; thing.title: is empty")

	st.Proto().Details[0].Value = []byte{0xff}
	st.Proto().Details[1].TypeUrl = "type.example/of.nobody"
	_, ok = readbackgrpc.Answer(write, nil, st.Err())
	assert.True(t, ok, "details that cannot be read")
}

type odd struct{ st *status.Status }

func (o odd) Error() string              { return "odd" }
func (o odd) GRPCStatus() *status.Status { return o.st }

var errAPI = errors.New("the API")

// Errors of several calls, and of none.
func TestAnswer_errors(t *testing.T) {
	t.Parallel()
	exists, lost := status.Error(codes.AlreadyExists, "a"), status.Error(codes.Unavailable, "b")
	for _, tt := range []struct {
		name string
		err  error
		want string // empty if it is not known
	}{
		{"none", nil, ""},
		{"another's", io.EOF, ""},
		{"a context's own", context.DeadlineExceeded, ""},
		{"wrapped", fmt.Errorf("a: %w", fmt.Errorf("b: %w", exists)), "ALREADY_EXISTS"},
		{"joined", errors.Join(exists, lost), "UNAVAILABLE"},
		{"joined the other way round", errors.Join(lost, exists), "UNAVAILABLE"},
		{"joined alone", errors.Join(exists), "ALREADY_EXISTS"},
		{"with one that is none", errors.Join(exists, io.ErrUnexpectedEOF), ""},
		{"annotated", fmt.Errorf("%w: %w", errAPI, exists), "ALREADY_EXISTS"},
		{"annotated by a lost connection", fmt.Errorf("%w: %w", io.EOF, exists), ""},
		{"two in one message", fmt.Errorf("%w, then %w", lost, exists), "UNAVAILABLE"},
		{"an error that says OK", odd{status.New(codes.OK, "")}, "UNKNOWN"},
		{"an error that says nothing", odd{}, ""},
	} {
		a, ok := readbackgrpc.Answer(write, nil, tt.err)
		assert.Equal(t, tt.want != "", ok, tt.name)
		if ok {
			assert.Equal(t, tt.want, a.Code, tt.name)
		}
	}
}
