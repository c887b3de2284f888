package testhelper

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// Client is a typed client of the API. It knows nothing of readback: its errors
// have a StatusCode, and that is all.
type Client struct {
	URL  string
	HTTP *http.Client
}

// Workspace is what the API holds. Reference is the caller's own.
type Workspace struct {
	ID        string `json:"id,omitempty"`
	Name      string `json:"name,omitempty"`
	Reference string `json:"reference,omitempty"`
}

// Error is an answer that is not a success.
type Error struct{ Status int }

func (e *Error) Error() string   { return fmt.Sprintf("the API answered %d", e.Status) }
func (e *Error) StatusCode() int { return e.Status }

// Create creates a workspace and returns its id.
func (c *Client) Create(ctx context.Context, w Workspace) (id string, err error) {
	var created Workspace
	err = c.do(ctx, http.MethodPost, "/workspaces", w, &created)
	return created.ID, err
}

// Get returns a workspace.
func (c *Client) Get(ctx context.Context, id string) (*Workspace, error) {
	var w Workspace
	if err := c.do(ctx, http.MethodGet, "/workspaces/"+url.PathEscape(id), nil, &w); err != nil {
		return nil, err
	}
	return &w, nil
}

// List returns the workspaces with a reference, or all if it is empty.
func (c *Client) List(ctx context.Context, reference string) (found []Workspace, err error) {
	query := ""
	if reference != "" {
		query = "?reference=" + url.QueryEscape(reference)
	}
	err = c.do(ctx, http.MethodGet, "/workspaces"+query, nil, &found)
	return found, err
}

// Rename changes the name of a workspace.
func (c *Client) Rename(ctx context.Context, id, name string) error {
	return c.do(ctx, http.MethodPatch, "/workspaces/"+url.PathEscape(id), Workspace{Name: name}, nil)
}

// Delete deletes a workspace.
func (c *Client) Delete(ctx context.Context, id string) error {
	return c.do(ctx, http.MethodDelete, "/workspaces/"+url.PathEscape(id), nil, nil)
}

func (c *Client) do(ctx context.Context, method, path string, body, into any) error {
	var payload io.Reader
	if body != nil {
		encoded, err := json.Marshal(body)
		if err != nil {
			return err
		}
		payload = bytes.NewReader(encoded)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.URL+path, payload)
	if err != nil {
		return err
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	switch {
	case resp.StatusCode > 299:
		return &Error{resp.StatusCode}
	case err != nil:
		return err
	case into == nil:
		return nil
	}
	return json.Unmarshal(answer, into)
}
