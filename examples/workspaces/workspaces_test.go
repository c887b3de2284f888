package workspaces_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/examples/workspaces"
)

// bubble runs test against a service of its own, on a fake clock. That the
// bubble ends proves that Close leaves no goroutine behind.
func bubble(t *testing.T, options workspaces.Options, test func(*testing.T, *workspaces.Service)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		service := open(t, options)
		test(t, service)
		require.NoError(t, service.Close())
	})
}

func open(t *testing.T, options workspaces.Options) *workspaces.Service {
	t.Helper()
	options.NoSync = true
	service, err := workspaces.Open(options)
	require.NoError(t, err)
	return service
}

// user sends requests with one key.
type user struct {
	t       *testing.T
	service http.Handler
	key     string
}

func alice(t *testing.T, service http.Handler) user { return user{t, service, "alice-key"} }
func bob(t *testing.T, service http.Handler) user   { return user{t, service, "bob-key"} }

// do sends a request; header holds names and values in turn.
func (u user) do(method, path, body string, header ...string) *httptest.ResponseRecorder {
	u.t.Helper()
	r := httptest.NewRequestWithContext(u.t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "ApiKey "+u.key)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	u.service.ServeHTTP(w, r)
	return w
}

func (u user) get(path string) *httptest.ResponseRecorder {
	u.t.Helper()
	return u.do(http.MethodGet, path, "")
}

// status waits until the service is idle, then reads.
func (u user) status(path string) int {
	u.t.Helper()
	synctest.Wait()
	return u.get(path).Code
}

// create makes a workspace and returns its path.
func (u user) create(body string, header ...string) string {
	u.t.Helper()
	w := u.do(http.MethodPost, "/v1/workspaces", body, header...)
	require.Equal(u.t, http.StatusCreated, w.Code, w.Body)
	return w.Header().Get("Location")
}

// list returns the names of the workspaces that a list shows.
func (u user) list(query string) []string {
	u.t.Helper()
	synctest.Wait()
	w := u.get("/v1/workspaces" + query)
	require.Equal(u.t, http.StatusOK, w.Code)
	names := []string{}
	for _, workspace := range decode[[]workspaces.Workspace](u.t, w) {
		names = append(names, workspace.Name)
	}
	return names
}

func decode[T any](t *testing.T, w *httptest.ResponseRecorder) T {
	t.Helper()
	var v T
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &v), w.Body)
	return v
}

// kinds returns the kinds of all events of the log.
func kinds(t *testing.T, service *workspaces.Service) []workspaces.Kind {
	t.Helper()
	found := []workspaces.Kind{}
	for e, err := range service.Events() {
		require.NoError(t, err)
		assert.EqualValues(t, len(found)+1, e.Seq)
		found = append(found, e.Kind)
	}
	return found
}
