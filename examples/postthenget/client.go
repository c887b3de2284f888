package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// client is a typed client as one would write or generate it. It knows nothing
// of readback: its errors have a StatusCode, and that is all.
type client struct {
	base string
	http *http.Client
}

type workspace struct {
	ID        string `json:"id,omitempty"`
	Name      string `json:"workspaceName"`
	Reference string `json:"reference,omitempty"`
}

type apiError struct {
	status int
	body   []byte
}

func (e *apiError) Error() string   { return fmt.Sprintf("the API answered %d", e.status) }
func (e *apiError) StatusCode() int { return e.status }
func (e *apiError) Body() []byte    { return e.body }

// create asks for a workspace. Fault tells the service to misbehave.
func (c *client) create(ctx context.Context, w workspace, fault string) (created workspace, err error) {
	header := http.Header{}
	if fault != "" {
		header.Set("X-Fault", fault)
	}
	err = c.do(ctx, http.MethodPost, "/v1/workspaces", header, w, &created)
	return created, err
}

func (c *client) get(ctx context.Context, id string) (*workspace, error) {
	var w workspace
	if err := c.do(ctx, http.MethodGet, "/v1/workspaces/"+url.PathEscape(id), nil, nil, &w); err != nil {
		return nil, err
	}
	return &w, nil
}

func (c *client) find(ctx context.Context, name string) (found []workspace, err error) {
	err = c.do(ctx, http.MethodGet, "/v1/workspaces?workspaceName="+url.QueryEscape(name), nil, nil, &found)
	return found, err
}

func (c *client) do(ctx context.Context, method, path string, header http.Header, body, into any) error {
	var payload io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return err
		}
		payload = bytes.NewReader(encoded)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base+path, payload)
	if err != nil {
		return err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("Authorization", "ApiKey "+apiKey)
	req.Header.Set("Content-Type", "application/json")
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	switch {
	case resp.StatusCode >= 300:
		return &apiError{status: resp.StatusCode, body: answer}
	case err != nil:
		return err
	}
	return json.Unmarshal(answer, into)
}
