// Package api is a client of package workspaces, as any program has one. The examples whose
// processes are killed share it.
package api

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

// Client is a client of the service at a URL, as user alice.
type Client struct{ URL string }

// Create makes a workspace whose reference is the key, and returns its id. The service has the
// fault.
func (c Client) Create(ctx context.Context, key, name, fault string) (string, error) {
	var made workspaces.Workspace
	err := c.call(ctx, http.MethodPost, "/workspaces", key, fault, map[string]string{"workspaceName": name, "reference": key}, &made)
	return made.ID, err
}

// Get returns the workspace with that id.
func (c Client) Get(ctx context.Context, id string) (*workspaces.Workspace, error) {
	var found workspaces.Workspace
	err := c.call(ctx, http.MethodGet, "/workspaces/"+url.PathEscape(id), "", "", nil, &found)
	return &found, err
}

// Find returns the ids of the workspaces whose reference is the key.
func (c Client) Find(ctx context.Context, key string) ([]string, error) {
	var found []workspaces.Workspace
	if err := c.call(ctx, http.MethodGet, "/workspaces?reference="+url.QueryEscape(key), "", "", nil, &found); err != nil {
		return nil, err
	}
	var ids []string
	for _, w := range found {
		ids = append(ids, w.ID)
	}
	return ids, nil
}

func (c Client) call(ctx context.Context, method, path, key, fault string, body, into any) error {
	var data bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&data).Encode(body); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, c.URL+"/v1"+path, &data)
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

// FaultOf returns the fault of the nth write: three of ten are answered with an error that
// says nothing of what the service does.
func FaultOf(n int) string {
	switch n % 10 {
	case 3:
		return "503 at-once"
	case 5:
		return "504 later 400ms"
	case 8:
		return "503 never"
	}
	return ""
}
