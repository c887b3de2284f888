package readbackgrpc

import (
	"context"
	"errors"
	"fmt"

	"google.golang.org/grpc/status"

	"github.com/readback-go/readback/consistency"
)

var (
	errNoName   = errors.New("the operation has ended, and its response names no resource")
	errNoAnswer = errors.New("readbackgrpc: the look at the operation returned nothing")
)

// Monitor returns a Flow.Monitor that follows a google.longrunning.Operation by
// get, which is mostly the method GetOperation of a generated client:
//
//	flow.Monitor = readbackgrpc.Monitor(func(ctx context.Context, name string) (*longrunningpb.Operation, error) {
//		return operations.GetOperation(ctx, &longrunningpb.GetOperationRequest{Name: name})
//	})
//	flow.Follows, flow.Lacks = readbackgrpc.Ref.Follows, readbackgrpc.Ref.Lacks
//
// An operation that is done with an error ends the flow as Failed with
// consistency.ErrOperation; the error has its code, message and details. Done
// without one, the name in its response, if it has one, is what is read from then
// on.
func Monitor[O Operation](get func(ctx context.Context, name string) (O, error)) func(context.Context, *Ref) (bool, error) {
	return func(ctx context.Context, ref *Ref) (bool, error) {
		op, err := get(ctx, ref.Operation)
		switch {
		case err != nil:
			return false, err
		case any(op) == nil || !op.ProtoReflect().IsValid():
			return false, errNoAnswer
		case !op.GetDone():
			return false, nil
		case op.GetError() != nil:
			return false, operationError(op)
		}
		if name := nameIn(op.GetResponse(), aip122); name != "" {
			ref.Name = name
		}
		return true, nil
	}
}

func operationError(op Operation) error {
	err := status.FromProto(op.GetError()).Err()
	if err == nil { // it is set all the same
		err = errors.New("its error has no code")
	}
	return fmt.Errorf("%w: %w", consistency.ErrOperation, err)
}
