package testhelper_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/examples/testhelper"
	"github.com/readback-go/readback/readbacktest"
)

// The same over a real socket, in real time: where what is tested is more than a
// client, such as a program of its own.
func TestSocket(t *testing.T) {
	t.Parallel()
	srv := readbacktest.NewServer(t, readbacktest.Script{Lag: 20 * time.Millisecond, Forbidden: 10 * time.Millisecond})
	c := &testhelper.Client{URL: srv.URL, HTTP: srv.Client()}
	quick := consistency.Policy{Schedule: readback.Backoff{Initial: 5 * time.Millisecond}}

	ws := readbacktest.Confirm(t, quick, c.CreateFlow("alpha", "ref-1"))
	assert.Equal(t, "alpha", ws.Name)
	srv.AssertCount(t, "POST /workspaces", 1)
	readbacktest.Confirm(t, quick, c.DeleteFlow(ws.ID))
}
