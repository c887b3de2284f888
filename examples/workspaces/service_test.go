package workspaces_test

import (
	"bytes"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/readback-go/readback/examples/workspaces"
)

func TestOpen_restart(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		options := workspaces.Options{
			Path:          filepath.Join(t.TempDir(), "workspaces.db"),
			WorkspacesLag: time.Minute,
			AllowFaults:   true,
		}
		service := open(t, options)
		path := alice(t, service).create(`{"workspaceName":"alpha"}`, "Idempotency-Key", "one")
		assert.Equal(t, http.StatusGatewayTimeout,
			alice(t, service).do("PATCH", path, `{"workspaceName":"beta"}`, "X-Fault", "504 later 1h").Code)
		time.Sleep(time.Minute)
		assert.Equal(t, []string{"alpha"}, alice(t, service).list(""))
		require.NoError(t, service.Close())

		time.Sleep(time.Minute) // nobody serves meanwhile
		service = open(t, options)
		assert.Equal(t, []workspaces.Kind{workspaces.Created, workspaces.MemberAdded}, kinds(t, service))
		assert.Equal(t, []string{"alpha"}, alice(t, service).list(""), "the lag has passed: caught up at once")
		assert.Equal(t, path, alice(t, service).create(`{"workspaceName":"alpha"}`, "Idempotency-Key", "one"))

		time.Sleep(58*time.Minute - tick)
		assert.Len(t, kinds(t, service), 2)
		time.Sleep(tick)
		synctest.Wait()
		assert.Equal(t, workspaces.Changed, kinds(t, service)[2], "the queue went on")
		require.NoError(t, service.Close())

		time.Sleep(30 * time.Second) // half of the change's lag
		service = open(t, options)
		assert.Equal(t, []string{"alpha"}, alice(t, service).list(""))
		time.Sleep(30 * time.Second)
		assert.Equal(t, []string{"beta"}, alice(t, service).list(""))
		require.NoError(t, service.Close())
	})
}

// A command that was due while nobody served is executed when the file is
// opened, and once only.
func TestOpen_overdueCommand(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		options := workspaces.Options{Path: filepath.Join(t.TempDir(), "workspaces.db"), AllowFaults: true}
		service := open(t, options)
		alice(t, service).do("POST", "/v1/workspaces", `{"workspaceName":"alpha"}`, "X-Fault", "503 later 1s")
		require.NoError(t, service.Close())
		time.Sleep(time.Hour)
		for range 2 {
			service = open(t, options)
			synctest.Wait()
			assert.Len(t, kinds(t, service), 2)
			require.NoError(t, service.Close())
		}
	})
}

// Close cuts every wait short: of projectors with a lag, of a queued command,
// of an idle queue.
func TestService_Close(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		service := open(t, workspaces.Options{
			WorkspacesLag: time.Hour, MembershipsLag: time.Hour, Replicas: 4, AllowFaults: true,
		})
		path := alice(t, service).create(`{"workspaceName":"alpha"}`)
		alice(t, service).do("DELETE", path, "", "X-Fault", "504 later 1h")
		start := time.Now()
		require.NoError(t, service.Close())
		require.NoError(t, service.Close(), "again")
		assert.Zero(t, time.Since(start))

		assert.Equal(t, http.StatusServiceUnavailable, alice(t, service).get(path).Code)
		assert.Equal(t, http.StatusServiceUnavailable, alice(t, service).do("DELETE", path, "").Code)
		for _, err := range service.Events() {
			assert.Error(t, err)
		}
	})
}

func TestService_Close_removesTheTemporaryFile(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("TMPDIR", dir)
	t.Setenv("TMP", dir)
	service := open(t, workspaces.Options{})
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	assert.Len(t, entries, 1)
	require.NoError(t, service.Close())
	entries, err = os.ReadDir(dir)
	require.NoError(t, err)
	assert.Empty(t, entries)
}

func TestOpen_refuses(t *testing.T) {
	t.Parallel()
	for name, options := range map[string]workspaces.Options{
		"Options.WorkspacesLag is negative":  {WorkspacesLag: -1},
		"Options.MembershipsLag is negative": {MembershipsLag: -1},
		"Options.Jitter is negative":         {Jitter: -1},
		"Options.ReplicaSpread is negative":  {ReplicaSpread: -1},
		"Options.AsyncDelay is negative":     {AsyncDelay: -1},
		"Options.Replicas is negative":       {Replicas: -1},
		"a key without a user":               {Keys: map[string]workspaces.Key{"k": {}}},
		"a zero byte":                        {Keys: map[string]workspaces.Key{"k": {User: "a\x00b"}}},
		"unknown role":                       {Keys: map[string]workspaces.Key{"k": {User: "a", Role: "king"}}},
	} {
		_, err := workspaces.Open(options)
		assert.ErrorContains(t, err, name)
	}
	_, err := workspaces.Open(workspaces.Options{Path: filepath.Join(t.TempDir(), "none", "x.db")})
	assert.ErrorIs(t, err, fs.ErrNotExist)
}

func TestOpen_fileInUse(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) { // the second waits a second for the first
		options := workspaces.Options{Path: filepath.Join(t.TempDir(), "workspaces.db")}
		service := open(t, options)
		_, err := workspaces.Open(options)
		assert.ErrorContains(t, err, "timeout")
		require.NoError(t, service.Close())
	})
}

func TestOpen_ownKeys(t *testing.T) {
	t.Parallel()
	keys := map[string]workspaces.Key{"secret": {User: "carol"}}
	bubble(t, workspaces.Options{Keys: keys}, func(t *testing.T, service *workspaces.Service) {
		carol := user{t, service, "secret"}
		carol.create(`{"workspaceName":"alpha"}`)
		assert.Equal(t, http.StatusUnauthorized, alice(t, service).get("/v1/workspaces").Code)
		assert.Equal(t, map[string]workspaces.Key{"secret": {User: "carol"}}, keys, "the caller's map is left alone")
	})
}

func TestService_Requests(t *testing.T) {
	t.Parallel()
	bubble(t, workspaces.Options{}, func(t *testing.T, service *workspaces.Service) {
		assert.Empty(t, service.Requests())
		path := alice(t, service).create(`{"workspaceName":"alpha"}`)
		alice(t, service).get(path)
		alice(t, service).get(path + "x")
		alice(t, service).do("POST", "/v1/workspaces", `{}`)
		alice(t, service).get("/elsewhere")
		assert.Equal(t, map[string]int{
			"POST /v1/workspaces":     2,
			"GET /v1/workspaces/{id}": 2,
			"GET /":                   1,
		}, service.Requests())
	})
}

func TestService_Events(t *testing.T) {
	t.Parallel()
	bubble(t, workspaces.Options{WorkspacesLag: time.Hour}, func(t *testing.T, service *workspaces.Service) {
		const many = 300 // more than a page
		for i := range many {
			alice(t, service).create(`{"workspaceName":"` + strings.Repeat("x", i%150+1) + strings.Repeat("y", i/150) + `","reference":"r"}`)
		}
		var first *workspaces.Event
		created := 0
		for e, err := range service.Events() {
			require.NoError(t, err)
			if first == nil {
				first = &e
				// A command from within: no transaction is held open.
				alice(t, service).create(`{"workspaceName":"from within"}`)
			}
			if e.Kind == workspaces.Created && e.Workspace.Reference == "r" {
				created++
			}
		}
		assert.Equal(t, many, created)
		assert.Len(t, kinds(t, service), 2*(many+1))
		assert.Equal(t, "alice", first.By)
		assert.True(t, time.Now().Equal(first.At))
		for range service.Events() {
			break // stopping early is fine
		}
	})
}

// Of many who send the same at once, one wins.
func TestService_concurrentCommands(t *testing.T) {
	t.Parallel()
	bubble(t, workspaces.Options{Replicas: 2}, func(t *testing.T, service *workspaces.Service) {
		var codes sync.Map
		var senders sync.WaitGroup
		for i := range 16 {
			senders.Go(func() {
				code := alice(t, service).do("POST", "/v1/workspaces", `{"workspaceName":"alpha"}`).Code
				codes.Store(i, code)
				alice(t, service).get("/v1/workspaces")
			})
		}
		senders.Wait()
		counts := map[int]int{}
		codes.Range(func(_, code any) bool { counts[code.(int)]++; return true })
		assert.Equal(t, map[int]int{http.StatusCreated: 1, http.StatusConflict: 15}, counts)
		assert.Equal(t, []string{"alpha"}, alice(t, service).list(""))
	})
}

func TestOptions_Logger(t *testing.T) {
	t.Parallel()
	var logged bytes.Buffer
	bubble(t, workspaces.Options{
		AllowFaults: true,
		Logger:      slog.New(slog.NewTextHandler(&logged, nil)),
	}, func(t *testing.T, service *workspaces.Service) {
		alice(t, service).do("POST", "/v1/workspaces", `{"workspaceName":"alpha"}`, "X-Fault", "503 later")
		synctest.Wait()
	})
	assert.Contains(t, logged.String(), `msg="executed from the queue" action=create`)
	assert.Contains(t, logged.String(), "status=201")
	assert.NotContains(t, logged.String(), "alice-key")
}

// Over real sockets and in real time the road is the same: 404, 403, 200, and
// never back.
func TestService_overSockets(t *testing.T) {
	t.Parallel()
	service := open(t, workspaces.Options{WorkspacesLag: 5 * time.Millisecond, MembershipsLag: 10 * time.Millisecond})
	server := httptest.NewServer(service)
	t.Cleanup(func() {
		server.Close()
		assert.NoError(t, service.Close())
	})
	send := func(method, path, body string) *http.Response {
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, strings.NewReader(body))
		require.NoError(t, err)
		r.Header.Set("Authorization", "ApiKey alice-key")
		response, err := server.Client().Do(r)
		require.NoError(t, err)
		_, err = io.Copy(io.Discard, response.Body)
		require.NoError(t, err)
		require.NoError(t, response.Body.Close())
		return response
	}
	posted := send("POST", "/v1/workspaces", `{"workspaceName":"alpha"}`)
	require.Equal(t, http.StatusCreated, posted.StatusCode)
	road := []int{http.StatusNotFound, http.StatusForbidden, http.StatusOK}
	for len(road) > 1 {
		status := send("GET", posted.Header.Get("Location"), "").StatusCode
		for len(road) > 0 && road[0] != status { // a stage can be too short to be seen
			road = road[1:]
		}
		require.NotEmpty(t, road, "back to %d", status)
	}
	assert.Equal(t, 1, service.Requests()["POST /v1/workspaces"])
}
