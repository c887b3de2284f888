package testhelper

import (
	"context"

	"github.com/readback-go/readback/consistency"
)

// Flow is a write to a workspace, referred to by its id, and how to read it back.
type Flow = consistency.Flow[string, *Workspace]

// CreateFlow is the creation of a workspace. The reference is the caller's own and
// used once: should the answer be lost, it finds what was created, and proves
// whose it is.
func (c *Client) CreateFlow(name, reference string) Flow {
	flow := consistency.Create("create workspace", func(ctx context.Context) (string, error) {
		return c.Create(ctx, Workspace{Name: name, Reference: reference})
	}, c.Get)
	flow.Find = func(ctx context.Context) (ids []string, err error) {
		found, err := c.List(ctx, reference)
		for _, w := range found {
			ids = append(ids, w.ID)
		}
		return ids, err
	}
	flow.Mine = func(string) bool { return true } // nobody else has the reference
	return flow
}

// RenameFlow is the renaming of a workspace.
func (c *Client) RenameFlow(id, name string) Flow {
	flow := consistency.Update("rename workspace", func(ctx context.Context) (string, error) {
		return id, c.Rename(ctx, id, name)
	}, c.Get, func(_ string, w *Workspace) bool { return w.Name == name })
	flow.Find = consistency.Known(id)
	return flow
}

// DeleteFlow is the deletion of a workspace.
func (c *Client) DeleteFlow(id string) Flow {
	return consistency.Delete("delete workspace", id, c.Delete, c.Get)
}
