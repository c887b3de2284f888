package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"github.com/readback-go/readback/examples/workspaces"
	"github.com/readback-go/readback/submit"
)

// order is a row of the shop, and a job. Fault is what the service is to do to its
// write.
type order struct {
	ID       string
	Name     string
	Fault    string
	Declined bool
}

// orderOf makes the n-th order.
func orderOf(n int) order {
	o := order{ID: fmt.Sprintf("order-%04d", n), Name: fmt.Sprintf("space%04d", n)}
	switch n % 10 {
	case 3:
		o.Fault = "503 at-once"
	case 5:
		o.Fault = "504 later 400ms"
	case 8:
		o.Fault = "503 never"
	case 9:
		o.Declined = true
	}
	return o
}

// api is the client of a service: what any program has.
type api struct{ url string }

func (a api) create(ctx context.Context, key string, o order) (string, error) {
	var made workspaces.Workspace
	err := a.call(ctx, http.MethodPost, "/workspaces", key, o.Fault, map[string]string{"workspaceName": o.Name, "reference": key}, &made)
	return made.ID, err
}

func (a api) get(ctx context.Context, id string) (*workspaces.Workspace, error) {
	var found workspaces.Workspace
	err := a.call(ctx, http.MethodGet, "/workspaces/"+url.PathEscape(id), "", "", nil, &found)
	return &found, err
}

func (a api) find(ctx context.Context, key string) ([]string, error) {
	var found []workspaces.Workspace
	if err := a.call(ctx, http.MethodGet, "/workspaces?reference="+url.QueryEscape(key), "", "", nil, &found); err != nil {
		return nil, err
	}
	var ids []string
	for _, w := range found {
		ids = append(ids, w.ID)
	}
	return ids, nil
}

func (a api) call(ctx context.Context, method, path, key, fault string, body, into any) error {
	var data bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&data).Encode(body); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, a.url+"/v1"+path, &data)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "ApiKey alice-key")
	if key != "" {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("X-Fault", fault)
		submit.SetKey(req, key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		return statusError(resp.StatusCode)
	}
	return json.Unmarshal(answer, into)
}

// statusError is an answer that is not one of success. Package consistency finds
// the status by its method.
type statusError int

func (e statusError) Error() string   { return fmt.Sprintf("status %d", int(e)) }
func (e statusError) StatusCode() int { return int(e) }
