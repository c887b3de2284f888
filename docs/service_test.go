package docs_test

import (
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/readback-go/readback/readbacktest"
)

// Workspace is what the service of the guides keeps.
type Workspace struct{ ID, Name, Reference string }

// failure is an error of the client of the guides. Its status is found by the method.
type failure int

func (f failure) Error() string   { return http.StatusText(int(f)) }
func (f failure) StatusCode() int { return int(f) }

// client is a client as one writes or generates it. It knows nothing of readback.
type client struct{ HTTP *http.Client }

// newClient returns a client of a service whose reads lag as the script says.
func newClient(script readbacktest.Script) (client, *readbacktest.Handler) {
	service := readbacktest.NewHandler(script)
	return client{&http.Client{Transport: service}}, service
}

func (c client) call(ctx context.Context, method, path string, body, into any) error {
	encoded, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://api.test/workspaces"+path, strings.NewReader(string(encoded)))
	if err != nil {
		return err
	}
	if body == nil {
		req.Body, req.ContentLength = nil, 0
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode > 299 {
		return failure(resp.StatusCode)
	}
	if into == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(into)
}

func (c client) Create(ctx context.Context, name, reference string) (string, error) {
	var w Workspace
	err := c.call(ctx, http.MethodPost, "", map[string]string{"name": name, "reference": reference}, &w)
	return w.ID, err
}

func (c client) Get(ctx context.Context, id string) (*Workspace, error) {
	var w Workspace
	if err := c.call(ctx, http.MethodGet, "/"+id, nil, &w); err != nil {
		return nil, err
	}
	return &w, nil
}

func (c client) Rename(ctx context.Context, id, name string) error {
	return c.call(ctx, http.MethodPatch, "/"+id, map[string]string{"name": name}, nil)
}

func (c client) Delete(ctx context.Context, id string) error {
	return c.call(ctx, http.MethodDelete, "/"+id, nil, nil)
}

func (c client) List(ctx context.Context, reference string) (all []Workspace, err error) {
	query := ""
	if reference != "" {
		query = "?reference=" + reference
	}
	err = c.call(ctx, http.MethodGet, query, nil, &all)
	return all, err
}

func (c client) Find(ctx context.Context, reference string) (ids []string, err error) {
	all, err := c.List(ctx, reference)
	for _, w := range all {
		ids = append(ids, w.ID)
	}
	return ids, err
}
