package main

import (
	"io"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/examples/internal/api"
	"github.com/readback-go/readback/submit"
)

// The page is there while a worker is, and shows what was enqueued.
func TestServePage(t *testing.T) {
	t.Parallel()
	jobs, err := submitter(submit.NewMemory(), api.Client{})
	require.NoError(t, err)
	require.NoError(t, jobs.Enqueue(t.Context(), keyOf(3), orderOf(3)))
	address, stop, err := servePage(jobs)
	require.NoError(t, err)
	assert.Regexp(t, `^http://127\.0\.0\.1:\d+/$`, address)
	resp, err := http.Get(address + "?job=" + keyOf(3))
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, resp.StatusCode)
	assert.Contains(t, string(body), "space0003 503 at-once")
	assert.NotContains(t, string(body), "<button", "nothing to retry")
	require.NoError(t, stop())
	_, err = http.Get(address)
	require.Error(t, err)
}
