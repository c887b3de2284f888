package interop_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/go-resty/resty/v2"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback"
	"github.com/readback-go/readback/consistency"
	"github.com/readback-go/readback/examples/workspaces"
	"github.com/readback-go/readback/readbackhttp"
)

func restyClient(client *http.Client, url string) *resty.Client {
	return resty.NewWithClient(client).SetBaseURL(url).
		SetRetryCount(2).SetRetryWaitTime(time.Millisecond).SetRetryMaxWaitTime(time.Millisecond).
		AddRetryCondition(func(r *resty.Response, _ error) bool { return r.StatusCode() >= 500 })
}

func restful(t *testing.T, s *server, client *http.Client) vendor {
	c := restyClient(client, s.URL)
	return vendor{
		write: func(name string) int {
			resp, err := c.R().SetContext(t.Context()).SetQueryParam("name", name).SetBody("I am " + name).Post("/things")
			require.NoError(t, err)
			return resp.StatusCode()
		},
		read: func(name string) answer {
			resp, err := c.R().SetContext(t.Context()).Get("/things/" + name)
			require.NoError(t, err)
			return answer{resp.StatusCode(), resp.Header(), resp.String()}
		},
		attempts: 3,
	}
}

func TestResty(t *testing.T) {
	readsItsWrites(t, restful)

	t.Run("a 404 that stays is no timeout", func(t *testing.T) {
		s := serve(t, time.Hour)
		inTime := s.over(t, defaults)
		inTime.Timeout = 500 * time.Millisecond
		bare, over := restful(t, s, s.bare(t)), restful(t, s, inTime)
		over.write("alpha")
		got := over.read("alpha")
		assert.Equal(t, http.StatusNotFound, got.Status)
		assert.Equal(t, bare.read("alpha"), got)
		assert.Len(t, s.seen("POST"), 1)
	})
}

// A new workspace is not found at first, then forbidden, and then there.
func TestResty_workspaces(t *testing.T) {
	service, err := workspaces.Open(workspaces.Options{
		NoSync: true, WorkspacesLag: lag, MembershipsLag: 3 * lag,
	})
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, service.Close()) })
	s := new(server)
	s.start(t, service)
	var location string
	var found workspaces.Workspace
	create := func(c *resty.Client, name string) {
		c.SetHeader("Authorization", "ApiKey alice-key")
		resp, err := c.R().SetBody(map[string]string{"workspaceName": name}).Post("/v1/workspaces")
		require.NoError(t, err)
		require.Equal(t, http.StatusCreated, resp.StatusCode(), resp)
		location = resp.Header().Get("Location")
	}

	bare := restyClient(s.bare(t), s.URL)
	create(bare, "alpha")
	resp, err := bare.R().Get(location)
	require.NoError(t, err)
	assert.Contains(t, []int{http.StatusNotFound, http.StatusForbidden}, resp.StatusCode())

	often := readbackhttp.TransportOptions{Policy: consistency.Policy{ // to see each step
		Schedule: readback.Backoff{Initial: lag / 10, Max: lag / 10},
	}}
	over := restyClient(s.over(t, often), s.URL)
	create(over, "beta")
	var report readbackhttp.Report
	ctx := readbackhttp.WithHold(t.Context(), readbackhttp.Hold{Report: &report})
	resp, err = over.R().SetContext(ctx).SetResult(&found).Get(location)
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, resp.StatusCode())
	assert.Equal(t, "beta", found.Name)
	assert.Equal(t, consistency.Confirmed, report.Outcome)
	assert.Equal(t, []int{404, 403, 200}, road(&report))

	assert.Equal(t, 2, service.Requests()["POST /v1/workspaces"])
	assert.Equal(t, 2, s.opened(), "one connection each")
}

// road returns the statuses that the reads of a report went through.
func road(r *readbackhttp.Report) []int {
	var statuses []int
	for read := range r.History.All() {
		if len(statuses) == 0 || statuses[len(statuses)-1] != read.Status {
			statuses = append(statuses, read.Status)
		}
	}
	return statuses
}
