package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/examples/workspaces"
)

func keyOf(n int) string { return fmt.Sprintf("job %06d", n) }

// client speaks to the service.
type client struct {
	url   string
	delay time.Duration // before each write
	buggy bool          // the program has bugs
}

func (c client) do(ctx context.Context, method, path string, header http.Header, body, into any) error {
	var data []byte
	if body != nil {
		var err error
		if data, err = json.Marshal(body); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, c.url+"/v1"+path, bytes.NewReader(data))
	if err != nil {
		return err
	}
	for name, values := range header {
		req.Header[name] = values
	}
	req.Header.Set("Authorization", "ApiKey alice-key")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		return statusError(resp.StatusCode)
	}
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	return json.Unmarshal(answer, into)
}

// statusError is the status of an answer that is not a success.
type statusError int

func (e statusError) Error() string   { return fmt.Sprintf("status %d", int(e)) }
func (e statusError) StatusCode() int { return int(e) }

func (c client) create(ctx context.Context, key string, o order) (string, error) {
	select { // time for the parent to pause the worker before the write
	case <-time.After(c.delay):
	case <-ctx.Done():
		return "", ctx.Err()
	}
	c.bug(key, "before a write")
	var made workspaces.Workspace
	err := c.do(ctx, http.MethodPost, "/workspaces", http.Header{"X-Fault": {o.Fault}},
		map[string]string{"workspaceName": o.Workspace, "reference": key}, &made)
	c.bug(key, "after a write")
	return made.ID, err
}

func (c client) find(ctx context.Context, key string) ([]string, error) {
	var list []workspaces.Workspace
	if err := c.do(ctx, http.MethodGet, "/workspaces?reference="+url.QueryEscape(key), nil, nil, &list); err != nil {
		return nil, err
	}
	var ids []string
	for _, w := range list {
		ids = append(ids, w.ID)
	}
	return ids, nil
}

func (c client) get(ctx context.Context, id string) (*workspaces.Workspace, error) {
	var w workspaces.Workspace
	err := c.do(ctx, http.MethodGet, "/workspaces/"+url.PathEscape(id), nil, nil, &w)
	return &w, err
}

// within is how long a worker reads back: long enough for all writes that the service carries
// out late, also if the machine stands still for a while.
const within = 10 * time.Second

// flow returns the flow of a job, which creates a workspace.
func (c client) flow(key string, job order) consistency.Flow[string, *workspaces.Workspace] {
	c.bug(key, "a flow")
	flow := consistency.Create("create workspace",
		func(ctx context.Context) (string, error) { return c.create(ctx, key, job) },
		func(ctx context.Context, id string) (*workspaces.Workspace, error) {
			c.bug(key, "a read")
			return c.get(ctx, id)
		})
	flow.Find = func(ctx context.Context) ([]string, error) {
		c.bug(key, "a search")
		return c.find(ctx, key)
	}
	flow.Mine = func(string) bool { return true } // references are the keys of jobs
	return flow
}
