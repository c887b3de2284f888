package workspacesgrpc

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/readback-go/readback/examples/workspaces"
)

// Register adds the door to a server. Every call is a request to service, mostly a
// *workspaces.Service.
func Register(to grpc.ServiceRegistrar, service http.Handler) {
	RegisterWorkspacesServer(to, &door{service: service})
}

type door struct {
	UnimplementedWorkspacesServer
	service http.Handler
}

func (d *door) CreateWorkspace(ctx context.Context, req *CreateWorkspaceRequest) (*Workspace, error) {
	w := req.GetWorkspace()
	body := map[string]string{"workspaceName": w.GetWorkspaceName()}
	if w.GetDisplayName() != "" {
		body["displayName"] = w.GetDisplayName()
	}
	if w.GetReference() != "" {
		body["reference"] = w.GetReference()
	}
	return d.one(ctx, http.MethodPost, "/v1/workspaces", body)
}

func (d *door) GetWorkspace(ctx context.Context, req *GetWorkspaceRequest) (*Workspace, error) {
	return d.named(ctx, http.MethodGet, req.GetName(), nil)
}

func (d *door) UpdateWorkspace(ctx context.Context, req *UpdateWorkspaceRequest) (*Workspace, error) {
	return d.named(ctx, http.MethodPatch, req.GetWorkspace().GetName(), map[string]string{"displayName": req.GetWorkspace().GetDisplayName()})
}

func (d *door) DeleteWorkspace(ctx context.Context, req *DeleteWorkspaceRequest) (*emptypb.Empty, error) {
	if _, err := d.named(ctx, http.MethodDelete, req.GetName(), nil); err != nil {
		return nil, err
	}
	return &emptypb.Empty{}, nil
}

func (d *door) ListWorkspaces(ctx context.Context, req *ListWorkspacesRequest) (*ListWorkspacesResponse, error) {
	path := "/v1/workspaces"
	if req.GetReference() != "" {
		path += "?reference=" + url.QueryEscape(req.GetReference())
	}
	var found []workspaces.Workspace
	if err := d.ask(ctx, http.MethodGet, path, nil, &found); err != nil {
		return nil, err
	}
	list := &ListWorkspacesResponse{}
	for _, w := range found {
		list.Workspaces = append(list.Workspaces, message(w))
	}
	return list, nil
}

func (d *door) named(ctx context.Context, method, name string, body any) (*Workspace, error) {
	id, ok := strings.CutPrefix(name, "workspaces/")
	if !ok || id == "" {
		return nil, status.Errorf(codes.InvalidArgument, "%q is no name of a workspace", name)
	}
	return d.one(ctx, method, "/v1/workspaces/"+url.PathEscape(id), body)
}

func (d *door) one(ctx context.Context, method, path string, body any) (*Workspace, error) {
	var w workspaces.Workspace
	if err := d.ask(ctx, method, path, body, &w); err != nil {
		return nil, err
	}
	return message(w), nil
}

func message(w workspaces.Workspace) *Workspace {
	return &Workspace{
		Name: "workspaces/" + w.ID, WorkspaceName: w.Name, DisplayName: w.DisplayName,
		Reference: w.Reference, Owner: w.Owner, Version: int64(w.Version),
	}
}

// ask sends a request to the service, and decodes its answer into answer, if that
// is a good one with a body.
func (d *door) ask(ctx context.Context, method, path string, body, answer any) error {
	var sent bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&sent).Encode(body); err != nil {
			return status.Error(codes.Internal, err.Error())
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, path, &sent)
	if err != nil {
		return status.Error(codes.InvalidArgument, err.Error())
	}
	req.Header.Set("Content-Type", "application/json")
	md, _ := metadata.FromIncomingContext(ctx)
	for _, name := range [...]string{"authorization", "x-fault"} {
		for _, value := range md.Get(name) {
			req.Header.Add(name, value)
		}
	}
	given := recorder{header: make(http.Header), status: http.StatusOK}
	d.service.ServeHTTP(&given, req)
	if given.status/100 != 2 {
		return status.Error(code(given.status), strings.TrimSpace(given.body.String()))
	}
	if given.body.Len() == 0 {
		return nil
	}
	if err := json.Unmarshal(given.body.Bytes(), answer); err != nil {
		return status.Error(codes.Internal, err.Error())
	}
	return nil
}

// code returns the code of gRPC that stands for a status of HTTP.
func code(status int) codes.Code {
	switch status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity:
		return codes.InvalidArgument
	case http.StatusUnauthorized:
		return codes.Unauthenticated
	case http.StatusForbidden:
		return codes.PermissionDenied
	case http.StatusNotFound:
		return codes.NotFound
	case http.StatusConflict:
		return codes.AlreadyExists
	case http.StatusServiceUnavailable:
		return codes.Unavailable
	case http.StatusGatewayTimeout:
		return codes.DeadlineExceeded
	}
	return codes.Internal
}

// recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (r *recorder) Header() http.Header         { return r.header }
func (r *recorder) WriteHeader(status int)      { r.status = status }
func (r *recorder) Write(p []byte) (int, error) { return r.body.Write(p) }
