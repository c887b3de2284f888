package things

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	statuspb "google.golang.org/genproto/googleapis/rpc/status"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/anypb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/readback-go/readback/internal/pause"
)

// Service keeps things, and shows them late. Set its fields before it serves. Its
// zero value shows all at once.
type Service struct {
	UnimplementedThingsServer
	UnimplementedPartsServer

	Lag       time.Duration // from a write until reads show it
	Forbidden time.Duration // from then on, until they may be read
	Work      time.Duration // from the start of an operation to its end
	WorkFails *statuspb.Status
	Slow      time.Duration // how long each read takes

	mu     sync.Mutex
	n      int
	things map[string]*record
	ops    map[string]*operation
	parts  map[int64]time.Time // when each is shown
	calls  map[string]int      // by method, without its service
	made   int
	faults map[string][]Fault
}

// Fault is what one call meets.
type Fault struct {
	Code     codes.Code // OK carries it out as usual
	Details  []protoadapt.MessageV1
	Message  string
	Executed bool          // it is carried out before it is answered with the code
	Hang     time.Duration // it is answered that late
}

type record struct {
	before, after *Thing    // nil if it is not there
	at            time.Time // when reads begin to show after
}

type operation struct {
	name  string
	thing *Thing
	done  time.Time
}

// Register adds the service to a server.
func (s *Service) Register(to grpc.ServiceRegistrar) {
	RegisterThingsServer(to, s)
	RegisterPartsServer(to, s)
}

// Next has the next calls of a method, such as "CreateThing", meet these faults, one
// each.
func (s *Service) Next(method string, faults ...Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.faults == nil {
		s.faults = make(map[string][]Fault)
	}
	s.faults[method] = append(s.faults[method], faults...)
}

// Calls returns how often a method was called.
func (s *Service) Calls(method string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls[method]
}

// Made returns how many writes of things were carried out.
func (s *Service) Made() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.made
}

// Show ends the lag of all that was written until now.
func (s *Service) Show() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.things {
		r.at = time.Now()
	}
}

// meet counts a call and returns its fault, which it may have to wait for.
func (s *Service) meet(ctx context.Context, method string) Fault {
	s.mu.Lock()
	if s.calls == nil {
		s.calls = make(map[string]int)
	}
	s.calls[method]++
	var f Fault
	if list := s.faults[method]; len(list) > 0 {
		f, s.faults[method] = list[0], list[1:]
	}
	s.mu.Unlock()
	if f.Hang > 0 {
		pause.For(ctx, f.Hang)
	}
	return f
}

func (f *Fault) err() error {
	text := f.Message
	if text == "" {
		text = "as the test asked for"
	}
	st := status.New(f.Code, text)
	if len(f.Details) > 0 {
		detailed, err := st.WithDetails(f.Details...)
		if err != nil {
			return err
		}
		st = detailed
	}
	return st.Err()
}

// write carries out a write, unless its fault says otherwise.
func (s *Service) write(ctx context.Context, method string, do func() (*Thing, error)) (*Thing, error) {
	f := s.meet(ctx, method)
	s.mu.Lock()
	defer s.mu.Unlock()
	if f.Code != codes.OK && !f.Executed {
		return nil, f.err()
	}
	made, err := do()
	if err == nil {
		s.made++
	}
	if f.Code != codes.OK {
		return nil, f.err()
	}
	return made, err
}

func (s *Service) CreateThing(ctx context.Context, req *CreateThingRequest) (*Thing, error) {
	return s.write(ctx, "CreateThing", func() (*Thing, error) { return s.create(req) })
}

func (s *Service) create(req *CreateThingRequest) (*Thing, error) {
	s.n++
	id := req.GetThingId()
	if id == "" {
		id = fmt.Sprint(s.n)
	}
	name := req.GetParent() + "/things/" + id
	if r := s.things[name]; r != nil && r.after != nil {
		return nil, status.Errorf(codes.AlreadyExists, "%s is there", name)
	}
	made := &Thing{Name: name, Title: req.GetThing().GetTitle(), Version: 1, Etag: "v1"}
	s.change(name, made)
	return made, nil
}

// change notes what reads show of a name after the lag.
func (s *Service) change(name string, after *Thing) {
	if s.things == nil {
		s.things = make(map[string]*record)
	}
	r := &record{after: after, at: time.Now().Add(s.Lag)}
	if old := s.things[name]; old != nil {
		if r.before = old.before; !time.Now().Before(old.at) {
			r.before = old.after
		}
	}
	s.things[name] = r
}

func (s *Service) UpdateThing(ctx context.Context, req *UpdateThingRequest) (*Thing, error) {
	return s.write(ctx, "UpdateThing", func() (*Thing, error) {
		name := req.GetThing().GetName()
		r := s.things[name]
		if r == nil || r.after == nil {
			return nil, status.Errorf(codes.NotFound, "no %s", name)
		}
		version := r.after.GetVersion() + 1
		made := &Thing{Name: name, Title: req.GetThing().GetTitle(), Version: version, Etag: fmt.Sprintf("v%d", version)}
		s.change(name, made)
		return made, nil
	})
}

func (s *Service) DeleteThing(ctx context.Context, req *DeleteThingRequest) (*emptypb.Empty, error) {
	_, err := s.write(ctx, "DeleteThing", func() (*Thing, error) {
		name := req.GetName()
		if r := s.things[name]; r == nil || r.after == nil {
			return nil, status.Errorf(codes.NotFound, "no %s", name)
		}
		for other := range s.things {
			if other == name || strings.HasPrefix(other, name+"/") {
				s.change(other, nil)
			}
		}
		return nil, nil
	})
	if err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, nil
}

func (s *Service) GetThing(ctx context.Context, req *GetThingRequest) (*Thing, error) {
	if f := s.meet(ctx, "GetThing"); f.Code != codes.OK {
		return nil, f.err()
	}
	if s.Slow > 0 {
		pause.For(ctx, s.Slow)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.show(req.GetName())
}

func (s *Service) show(name string) (*Thing, error) {
	r := s.things[name]
	if r == nil {
		return nil, status.Errorf(codes.NotFound, "no %s", name)
	}
	shown := r.before
	late := time.Since(r.at)
	if late >= 0 {
		shown = r.after
	}
	switch {
	case shown == nil:
		return nil, status.Errorf(codes.NotFound, "no %s", name)
	case late < s.Forbidden && r.before == nil:
		return nil, status.Errorf(codes.PermissionDenied, "not yours: %s", name)
	}
	return shown, nil
}

func (s *Service) ListThings(ctx context.Context, req *ListThingsRequest) (*ListThingsResponse, error) {
	if f := s.meet(ctx, "ListThings"); f.Code != codes.OK {
		return nil, f.err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	list := &ListThingsResponse{}
	for name := range s.things {
		if thing, err := s.show(name); err == nil && strings.HasPrefix(name, req.GetParent()+"/") {
			list.Things = append(list.Things, thing)
		}
	}
	return list, nil
}

func (s *Service) CreateHeavyThing(ctx context.Context, req *CreateThingRequest) (*Operation, error) {
	if f := s.meet(ctx, "CreateHeavyThing"); f.Code != codes.OK {
		return nil, f.err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.n++
	op := &operation{name: fmt.Sprintf("operations/%d", s.n), done: time.Now().Add(s.Work)}
	if s.WorkFails == nil {
		op.thing = &Thing{Name: fmt.Sprintf("%s/things/%d", req.GetParent(), s.n), Title: req.GetThing().GetTitle(), Version: 1}
	}
	if s.ops == nil {
		s.ops = make(map[string]*operation)
	}
	s.ops[op.name] = op
	return s.look(op)
}

func (s *Service) GetOperation(ctx context.Context, req *GetOperationRequest) (*Operation, error) {
	if f := s.meet(ctx, "GetOperation"); f.Code != codes.OK {
		return nil, f.err()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	op := s.ops[req.GetName()]
	if op == nil {
		return nil, status.Errorf(codes.NotFound, "no %s", req.GetName())
	}
	return s.look(op)
}

func (s *Service) look(op *operation) (*Operation, error) {
	shown := &Operation{Name: op.name, Done: !time.Now().Before(op.done)}
	if !shown.Done {
		return shown, nil
	}
	if op.thing == nil {
		shown.Result = &Operation_Error{Error: s.WorkFails}
		return shown, nil
	}
	if s.things[op.thing.GetName()] == nil {
		s.made++
		s.change(op.thing.GetName(), op.thing)
	}
	packed, err := anypb.New(op.thing)
	shown.Result = &Operation_Response{Response: packed}
	return shown, err
}

func (s *Service) PourThings(stream grpc.ClientStreamingServer[CreateThingRequest, ListThingsResponse]) error {
	f := s.meet(stream.Context(), "PourThings")
	list := &ListThingsResponse{}
	for {
		req, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		s.mu.Lock()
		made, err := s.create(req)
		s.made++
		s.mu.Unlock()
		if err != nil {
			return err
		}
		list.Things = append(list.Things, made)
	}
	if f.Code != codes.OK {
		return f.err()
	}
	return stream.SendAndClose(list)
}

func (s *Service) CreatePart(ctx context.Context, req *CreatePartRequest) (*Part, error) {
	s.meet(ctx, "CreatePart")
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.parts == nil {
		s.parts = make(map[int64]time.Time)
	}
	s.n++
	s.parts[int64(s.n)] = time.Now().Add(s.Lag)
	return &Part{PartNumber: int64(s.n), Title: req.GetTitle()}, nil
}

func (s *Service) GetPart(ctx context.Context, req *GetPartRequest) (*Part, error) {
	s.meet(ctx, "GetPart")
	s.mu.Lock()
	defer s.mu.Unlock()
	at, ok := s.parts[req.GetPartNumber()]
	if !ok || time.Now().Before(at) {
		return nil, status.Errorf(codes.NotFound, "no part %d", req.GetPartNumber())
	}
	return &Part{PartNumber: req.GetPartNumber()}, nil
}
